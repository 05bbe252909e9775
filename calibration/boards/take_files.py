"""The file of a board take: what the search for boards found, so that it need not be repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from calibration.board_view import BoardTake, BoardView
from calibration.errors import CalibrationError
from capture.board import Board
from capture.errors import CaptureError
from geometry.npz_files import DAMAGED, read_npz
from geometry.told_values import json_of

SCHEMA = 1


def write_take(path: Path, take: BoardTake) -> None:
    """Writes the take as a compressed .npz; the file appears whole or not at all."""
    views = take.views
    counts = np.array([len(view.ids) for view in views], np.int64)
    described = {
        "schema": SCHEMA,
        "board": take.board.values(),
        "cameras": list(dict.fromkeys([*take.image_sizes, *(view.camera for view in views)])),
        "image_sizes": {name: list(size) for name, size in take.image_sizes.items()},
        "notes": list(take.notes),
    }
    number = {name: n for n, name in enumerate(described["cameras"])}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file,
            described=np.array(json.dumps(described)),
            camera=np.array([number[view.camera] for view in views], np.int32),
            instant=np.array([view.instant for view in views], np.int64),
            sigma_px=np.array([view.sigma_px for view in views], np.float64),
            offset_us=np.array([view.offset_us for view in views], np.int64),
            moving=np.array([view.velocity is not None for view in views], bool),
            corners=counts,
            ids=_joined([view.ids for view in views], (), np.int64),
            q=_joined([view.q for view in views], (2,), np.float64),
            velocity=_joined(
                [np.full(view.q.shape, np.nan) if view.velocity is None else view.velocity for view in views],
                (2,),
                np.float64,
            ),
            time_instant=np.array(list(take.time_us), np.int64),
            time_us=np.array(list(take.time_us.values()), np.int64),
        )
    partial.replace(path)


def read_take(path: Path) -> BoardTake:
    """The take of a file. Raises CalibrationError when it is missing, damaged or of another kind."""
    path = Path(path)
    if not path.is_file():
        raise CalibrationError(f"there are no found boards at {path}; look for them with humanrig calibrate SESSION")
    try:
        arrays = read_npz(path)
        described = json_of(str(arrays["described"]))
        if described["schema"] != SCHEMA:
            raise CalibrationError(f"{path} has schema {described['schema']}, {SCHEMA} is read; look for boards again")
        return _take(described, arrays)
    except (ValidationError, CaptureError) as error:
        raise CalibrationError(f"{path} describes no board ({error}); remove it and calibrate again") from None
    except DAMAGED as error:
        raise CalibrationError(f"{path} is no file of found boards ({error}); remove it and calibrate again") from None


def _take(described: dict[str, Any], arrays: dict[str, np.ndarray]) -> BoardTake:
    ends = np.cumsum(arrays["corners"])
    views = []
    for n, (count, end) in enumerate(zip(arrays["corners"], ends)):
        part = slice(end - count, end)
        views.append(
            BoardView(
                camera=described["cameras"][arrays["camera"][n]],
                instant=int(arrays["instant"][n]),
                ids=arrays["ids"][part],
                q=arrays["q"][part],
                velocity=arrays["velocity"][part] if arrays["moving"][n] else None,
                sigma_px=float(arrays["sigma_px"][n]),
                offset_us=int(arrays["offset_us"][n]),
            )
        )
    return BoardTake(
        board=TypeAdapter(Board).validate_python(described["board"]),
        views=tuple(views),
        image_sizes={name: (int(w), int(h)) for name, (w, h) in described["image_sizes"].items()},
        time_us={int(i): int(t) for i, t in zip(arrays["time_instant"], arrays["time_us"])},
        notes=tuple(described["notes"]),
    )


def _joined(parts: list[np.ndarray], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.concatenate([np.empty((0, *shape), dtype), *parts]).astype(dtype)
