"""Views of a board as flat arrays, as a file keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from calibration.board_view import BoardView


def pack_views(views: Sequence[BoardView], prefix: str) -> dict[str, np.ndarray]:
    """Arrays whose names begin with `prefix`: one row a view, and all corners one after another."""
    cameras = sorted({view.camera for view in views})
    nothing = np.zeros((0, 2))
    unknown = [np.full_like(v.q, np.nan) if v.velocity is None else v.velocity for v in views]
    return {
        f"{prefix}_cameras": np.array(cameras, dtype=str),
        f"{prefix}_camera": np.array([cameras.index(view.camera) for view in views], np.int32),
        f"{prefix}_instant": np.array([view.instant for view in views], np.int64),
        f"{prefix}_count": np.array([len(view.ids) for view in views], np.int32),
        f"{prefix}_sigma_px": np.array([view.sigma_px for view in views], np.float64),
        f"{prefix}_ids": np.concatenate([np.zeros(0, int), *(view.ids for view in views)]).astype(np.int32),
        f"{prefix}_q": np.concatenate([nothing, *(view.q for view in views)]),
        f"{prefix}_velocity": np.concatenate([nothing, *unknown]),
    }


def unpack_views(arrays: Mapping[str, np.ndarray], prefix: str) -> tuple[BoardView, ...]:
    """The views. Raises KeyError on a missing array, ValueError on arrays that do not belong together."""
    count = arrays[f"{prefix}_count"]
    ids, q, velocity = (split(arrays[f"{prefix}_{name}"], count) for name in ("ids", "q", "velocity"))
    cameras = arrays[f"{prefix}_cameras"]
    rows = zip(arrays[f"{prefix}_camera"], arrays[f"{prefix}_instant"], arrays[f"{prefix}_sigma_px"], strict=True)
    return tuple(
        BoardView(
            camera=str(cameras[camera]),
            instant=int(instant),
            ids=ids[n].astype(int),
            q=q[n],
            velocity=None if np.isnan(velocity[n]).all() else velocity[n],
            sigma_px=float(sigma_px),
        )
        for n, (camera, instant, sigma_px) in enumerate(rows)
    )


def split(rows: np.ndarray, count: np.ndarray) -> list[np.ndarray]:
    """Rows by view. Raises ValueError when the counts do not add up to them."""
    if count.sum() != len(rows):
        raise ValueError(f"{len(rows)} rows for {int(count.sum())} corners")
    return np.split(rows, np.cumsum(count)[:-1]) if len(count) else []
