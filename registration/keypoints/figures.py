"""Figures that say how good a person's keypoints are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from geometry.camera import Camera
from registration.keypoints.projection import project_all
from registration.keypoints.track import KeypointTrack


def keypoint_figures(
    track: KeypointTrack, cameras: Sequence[Camera], flipped: Bool[np.ndarray, "instants cameras parts"]
) -> dict[str, Any]:
    """JSON-able figures; docs/keypoints.md says what each means."""
    seen = np.isfinite(track.q[..., 0])
    known = np.isfinite(track.p_world[..., 0])
    triangulated = track.used.any(1)
    bias = _bias(track, cameras)
    return {
        "reprojection_px": _spread(track.reprojection_px[track.used]),
        "reprojection_all_views_px": _spread(track.reprojection_px),
        "joints_seen": _fraction(triangulated),
        "joints_lifted": _fraction(track.lifted) if track.lifted is not None else 0.0,
        "joints_interpolated": _fraction(known & ~triangulated),
        "cameras_per_joint": round(float(track.used.sum(1)[triangulated].mean()), 2) if triangulated.any() else 0.0,
        "instants": len(track.instants),
        "instants_lost": int((~known.any(1)).sum()),
        "sigma_mm": {"median": _round(np.nanmedian(track.sigma) * 1e3) if known.any() else None},
        "cameras": {
            stream: {
                "instants_seen": int(seen[:, c].any(1).sum()),
                "instants_flipped": int(flipped[:, c].any(-1).sum()),
                "used": _fraction(track.used[:, c][seen[:, c]]),
                "reprojection_px": _spread(track.reprojection_px[:, c][track.used[:, c]]),
                "bias_px": bias[c],
            }
            for c, stream in enumerate(track.streams)
        },
    }


def _bias(track: KeypointTrack, cameras: Sequence[Camera]) -> list[list[float] | None]:
    """Median of (reprojected − detected) x and y in each camera; far from 0: its calibration does not fit."""
    offset = np.moveaxis(project_all(cameras, track.p_world), 2, 1) - track.q
    rows = [offset[:, c][track.used[:, c]] for c in range(len(cameras))]
    return [np.round(np.median(some, axis=0), 2).tolist() if len(some) else None for some in rows]


def _spread(values: Float[np.ndarray, "..."]) -> dict[str, float | None]:
    values = values[np.isfinite(values)]
    if not values.size:
        return {"median": None, "p95": None}
    return {"median": _round(np.median(values)), "p95": _round(np.quantile(values, 0.95))}


def _fraction(values: Any) -> float:
    return round(float(np.mean(values)), 4) if np.size(values) else 0.0


def _round(value: float | np.floating) -> float:
    return round(float(value), 3)
