"""A session from a folder of the iPhone application Stray Scanner.

The folder has `rgb.mp4`, `camera_matrix.csv` (K of the last frame), `odometry.csv` (a row a frame), `imu.csv`,
`depth/NNNNNN.png` (16-bit millimetres) and `confidence/NNNNNN.png`. Rows of odometry.csv: timestamp (s), frame, x, y,
z, qx, qy, qz, qw (and, of newer versions, fx, fy, cx, cy, and the lens's centre of distortion, which may be blank)
under a header; of old versions x, y, z, qx, qy, qz, qw without one. Its poses have OpenCV's camera axes in a world with
y up (`OdometryEncoder.swift` turns ARKit's camera by half a turn about x); they are turned back here, once. No folder
of the application was at hand.

The video is never re-encoded (`stray_video.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64
from scipy.spatial.transform import Rotation

from capture.errors import CaptureError
from capture.importers.layout import Layout
from capture.importers.phone_session import (
    NAME,
    PhoneFrame,
    PhoneRecording,
    read_bytes,
    read_confidence_png,
    read_depth_png,
    write_phone_session,
)
from capture.importers.stray_video import keep_video
from capture.session import Session
from geometry.rigid import rigid

ORIGIN = "stray-scanner"
VIDEO, ODOMETRY, MATRIX, IMU = "rgb.mp4", "odometry.csv", "camera_matrix.csv", "imu.csv"
POSE_COLUMNS = ("x", "y", "z", "qx", "qy", "qz", "qw")
K_COLUMNS = ("fx", "fy", "cx", "cy")
NEEDED = {"timestamp", "frame", *POSE_COLUMNS, *K_COLUMNS}
"""Columns that must have a number where the header has them; others, such as distortion_center_x, may be blank."""
CV_TO_ARKIT = np.diag([1.0, -1.0, -1.0, 1.0])
"""OpenCV's camera axes (x right, y down, z forward) and ARKit's (x right, y up, z backward), either way."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Odometry:
    """odometry.csv."""

    times_s: Float[np.ndarray, "frames"] | None
    """Of the phone's clock; None of old versions, which did not write it."""
    numbers: Int64[np.ndarray, "frames"]
    """Of the depth image of each row."""
    Ts_arkit_camera: Float[np.ndarray, "frames 4 4"]
    Ks: Float[np.ndarray, "frames 3 3"] | None
    """None where the version did not write them."""


def is_stray_folder(source: Path) -> bool:
    """Whether a folder is Stray Scanner's."""
    return source.is_dir() and all((source / name).is_file() for name in (VIDEO, ODOMETRY, MATRIX))


def import_stray(
    source: Path,
    folder: Path,
    *,
    calibration: Path | None = None,
    session_id: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Makes a session in an empty folder: the video with the odometry's times, depth and a message a frame.

    Raises CaptureError when a table or an image is damaged, or rows and pictures cannot be told to belong together.
    """
    odometry = read_odometry(source / ODOMETRY)
    K = _read_matrix(source / MATRIX)
    video = keep_video(source / VIDEO, folder / "recording" / f"{NAME}.mp4", odometry.times_s, len(odometry.numbers))
    notes = ["lens without distortion", *video.notes]
    if odometry.Ks is None:
        notes.append("K of the last frame (camera_matrix.csv) taken for all")
    if odometry.times_s is None:
        notes.append("an old version without times: those of the video taken, from 0; the phone's clock is not known")
    lost = sum(not (source / "depth" / f"{number:06d}.png").exists() for number in odometry.numbers[: video.frames])
    if lost == video.frames and next((source / "depth").glob("*.npy"), None) is not None:
        raise CaptureError(
            f"{source} has its depth as .npy, of an old version; convert it to .png with the app's tools"
        )
    if lost:
        notes.append(f"{lost} of {video.frames} frames have no depth image")
    attachments = {name: read_bytes(source / name) for name in (ODOMETRY, MATRIX, IMU) if (source / name).is_file()}
    if IMU in attachments:
        notes.append("imu.csv is attached to the recording as it is")
    recording = PhoneRecording(
        origin=ORIGIN,
        model="iPhone, Stray Scanner",
        frames=_frames(source, odometry, K, video.times_us),
        count=video.frames,
        notes=notes,
        attachments=attachments,
        video=video.stream(f"{NAME}/color", folder),
        start_offset_us=int(video.times_us[0]),
    )
    return write_phone_session(
        folder, recording, calibration=calibration, session_id=session_id, on_progress=on_progress
    )


def read_odometry(path: Path) -> Odometry:
    """The table, of old and new versions. Raises CaptureError when a column is missing or a row is damaged."""
    lines = [line for line in read_bytes(path).decode("utf-8", "replace").splitlines() if line.strip()]
    head = [word.strip() for word in lines[0].split(",")] if lines else []
    has_header = "x" in head
    names = head if has_header else list(POSE_COLUMNS)
    if missing := [name for name in POSE_COLUMNS if name not in names]:
        raise CaptureError(f"{path} has no column {missing[0]}; is it Stray Scanner's?")
    rows = []
    for number, line in enumerate(lines[has_header:], 1 + has_header):
        try:
            row = [float(word) if word.strip() or name in NEEDED else np.nan for name, word in _pairs(names, line)]
        except ValueError:
            row = []
        needed = [value for name, value in zip(names, row) if name in NEEDED]
        if not needed or not np.isfinite(needed).all():
            raise CaptureError(f"{path}: line {number} is damaged ('{line[:60]}'); copy the recording again")
        rows.append(row)
    if not rows:
        raise CaptureError(f"{path} has no row; record it again")
    table = dict(zip(names, np.array(rows).T))
    quaternions = np.stack([table[name] for name in ("qx", "qy", "qz", "qw")], -1)
    if (np.abs(np.linalg.norm(quaternions, axis=1) - 1) > 0.01).any():
        raise CaptureError(f"{path}: a quaternion has not length 1; is it Stray Scanner's?")
    places = np.stack([table[name] for name in "xyz"], -1)
    Ks = None
    if all(name in table for name in K_COLUMNS):
        Ks = np.zeros((len(rows), 3, 3))
        Ks[:, 0, 0], Ks[:, 1, 1], Ks[:, 0, 2], Ks[:, 1, 2] = (table[name] for name in K_COLUMNS)
        Ks[:, 2, 2] = 1
    return Odometry(
        times_s=table.get("timestamp"),
        numbers=table["frame"].astype(np.int64) if "frame" in table else np.arange(len(rows)),
        Ts_arkit_camera=rigid(Rotation.from_quat(quaternions).as_matrix(), places) @ CV_TO_ARKIT,
        Ks=Ks,
    )


def _pairs(names: Sequence[str], line: str) -> list[tuple[str, str]]:
    """Columns and words of a row. Raises ValueError when there are more or fewer words."""
    return list(zip(names, line.split(","), strict=True))


def _read_matrix(path: Path) -> np.ndarray:
    try:
        words = read_bytes(path).decode().replace("\n", ",").split(",")
        return np.array([float(word) for word in words if word.strip()]).reshape(3, 3)
    except ValueError as error:
        raise CaptureError(f"{path} is no 3x3 matrix ({error}); copy the recording again") from None


def _frames(source: Path, odometry: Odometry, K: np.ndarray, times_us: np.ndarray) -> Iterator[PhoneFrame]:
    for index, time_us in enumerate(times_us):
        name = f"{odometry.numbers[index]:06d}.png"
        depth, confidence = source / "depth" / name, source / "confidence" / name
        has_depth = depth.exists()
        yield PhoneFrame(
            where=f"{source}: frame {name.removesuffix('.png')}",
            timestamp_s=float(time_us) / 1e6,
            K=K if odometry.Ks is None else odometry.Ks[index],
            T_arkit_camera=odometry.Ts_arkit_camera[index],
            depth_mm=read_depth_png(depth) if has_depth else None,
            confidence=read_confidence_png(confidence) if has_depth and confidence.exists() else None,
        )


LAYOUT = Layout(
    name=ORIGIN,
    description="folder: Stray Scanner (rgb.mp4, odometry.csv, camera_matrix.csv, depth/, confidence/)",
    recognises=is_stray_folder,
    write=import_stray,
)
