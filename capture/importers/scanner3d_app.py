"""A session from the raw export of "3D Scanner App" for iPhones with LiDAR.

The folder has `frame_NNNNN.json` for every frame and, for all or some, `frame_NNNNN.jpg`, `depth_NNNNN.png` and
`conf_NNNNN.png`. In the JSON: `time` (seconds of the phone's clock), `intrinsics` (3x3, row by row, pixels of the
picture) and `cameraPoseARFrame` (4x4, row by row, camera to ARKit's world, camera x right, y up, looking along -z).
Those are ARKit's own axes, so that nothing is turned. Depth is 16-bit millimetres. The board of a real capture stays
where it is within 4 mm by these readings (`tests/capture/test_scanner3d_app.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from capture.errors import CaptureError
from capture.importers.layout import Layout
from capture.importers.phone_session import (
    PhoneFrame,
    PhoneRecording,
    read_bytes,
    read_confidence_png,
    read_depth_png,
    write_phone_session,
)
from capture.session import Session
from geometry.told_values import json_of

ORIGIN = "3d-scanner-app"
PATTERN = "frame_[0-9][0-9][0-9][0-9][0-9].json"
POSE_KEY = "cameraPoseARFrame"
ASSUMED = "lens without distortion, as ARKit gives none"


def is_scanner_export(source: Path) -> bool:
    """Whether a folder is a raw export of 3D Scanner App."""
    first = next(source.glob(PATTERN), None) if source.is_dir() else None
    try:
        return first is not None and POSE_KEY in first.read_text("utf-8", errors="replace")
    except OSError:
        return False


def import_scanner_export(
    source: Path,
    folder: Path,
    *,
    calibration: Path | None = None,
    session_id: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Makes a session in an empty folder. Colour is copied byte for byte, depth re-coded without loss.

    Raises CaptureError, naming the file, on JSON that is damaged or lacks a key and on images that are damaged.
    """
    metas = sorted(source.glob(PATTERN))
    numbers = {path.stem.removeprefix("frame_") for path in metas}
    notes = [ASSUMED]
    for kind, suffix in (("frame", "jpg"), ("depth", "png")):
        there = {path.stem.removeprefix(f"{kind}_") for path in source.glob(f"{kind}_*.{suffix}")}
        what = "pictures" if kind == "frame" else "depth images"
        if lost := sorted(there - numbers):
            notes.append(f"{len(lost)} {what} without a JSON were left out, the first {kind}_{lost[0]}.{suffix}")
        if there and (fewer := len(numbers - there)):
            notes.append(f"{fewer} of {len(metas)} frames have no {what[:-1]}")
    recording = PhoneRecording(
        origin=ORIGIN,
        model="iPhone, 3D Scanner App",
        frames=_frames(metas),
        count=len(metas),
        notes=notes,
    )
    return write_phone_session(
        folder, recording, calibration=calibration, session_id=session_id, on_progress=on_progress
    )


def _frames(metas: list[Path]) -> Iterator[PhoneFrame]:
    for path in metas:
        values = _read_meta(path)
        number = path.stem.removeprefix("frame_")
        color, depth, confidence = (
            path.with_name(name) for name in (f"frame_{number}.jpg", f"depth_{number}.png", f"conf_{number}.png")
        )
        has_depth = depth.exists()
        yield PhoneFrame(
            where=str(path),
            timestamp_s=values[0],
            K=values[1],
            T_arkit_camera=values[2],
            color=read_bytes(color) if color.exists() else None,
            depth_mm=read_depth_png(depth) if has_depth else None,
            confidence=read_confidence_png(confidence) if has_depth and confidence.exists() else None,
        )


def _read_meta(path: Path) -> tuple[float, np.ndarray, np.ndarray]:
    """Time, K and T_arkit_camera of a frame."""
    try:
        values = json_of(read_bytes(path))
        K = np.array(values["intrinsics"], np.float64).reshape(3, 3)
        T = np.array(values[POSE_KEY], np.float64).reshape(4, 4)
        T[3] = (0, 0, 0, 1)  # single precision leaves 0.9999999
        return float(values["time"]), K, T
    except KeyError as error:
        raise CaptureError(f"{path} has no {error}; is it a raw export of 3D Scanner App?") from None
    except (TypeError, ValueError) as error:
        raise CaptureError(f"{path} is damaged ({error}); copy the recording again") from None


LAYOUT = Layout(
    name=ORIGIN,
    description="folder: raw export of 3D Scanner App (frame_NNNNN.json, .jpg, depth_NNNNN.png, conf_NNNNN.png)",
    recognises=is_scanner_export,
    write=import_scanner_export,
)
