"""A phone of a session as a folder of the application Stray Scanner; its layout is in `importers/stray_scanner.py`.

The columns of odometry.csv are those of the newer versions, with fx, fy, cx, cy of each frame. Poses have OpenCV's
camera axes in ARKit's world (y up), as the application writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from capture.importers.stray_scanner import CV_TO_ARKIT, IMU, K_COLUMNS, MATRIX, ODOMETRY, POSE_COLUMNS, VIDEO
from capture.iphone.message import PhoneMessage
from capture.native.phone_plan import PhonePlan, png
from capture.native.phone_video import PhoneVideo
from capture.native.whole import whole_folder


def write_stray(plan: PhonePlan, folder: Path, on_frame: Callable[[], None] | None = None) -> list[str]:
    """Writes the folder; returns sentences about what the format changes.

    Depth and confidence are copied without loss, pictures are encoded as a video. Inertial samples are written where
    the recording has the application's own, and nowhere else. Raises CaptureError for a damaged frame or a folder that
    is there already, CannotWrite when the disk refuses.
    """
    name = plan.device.name
    stream = plan.session.stream(f"{name}/color")
    notes, rows = [], [", ".join(("timestamp", "frame", *POSE_COLUMNS, *K_COLUMNS))]
    with whole_folder(folder) as partial:
        for part in ("depth", "confidence"):
            (partial / part).mkdir()
        start_us, message = plan.instants[0].time_us, None
        with PhoneVideo(partial / VIDEO, stream.width or 0, stream.height or 0, stream.rate_hz or 60.0) as video:
            for number, instant in enumerate(plan.instants):
                message, depth_mm = plan.message(instant), plan.depth_mm(instant)
                video.add(plan.picture(instant), instant.time_us - start_us)
                rows.append(_row(instant.time_us, number, message))
                if depth_mm is not None:
                    (partial / "depth" / f"{number:06d}.png").write_bytes(png(depth_mm))
                    if message.confidence.shape == depth_mm.shape:
                        (partial / "confidence" / f"{number:06d}.png").write_bytes(png(message.confidence))
                if on_frame:
                    on_frame()
        assert message is not None  # a plan has an instant
        notes.append(f"{name}: pictures were {stream.encoding} and are encoded anew by {video.codec}, with loss")
        (partial / ODOMETRY).write_text("\n".join(rows) + "\n", "utf-8")
        (partial / MATRIX).write_text("\n".join(", ".join(map(repr, row)) for row in message.K.tolist()), "utf-8")
        own = _attached_imu(plan)
        if own is None:
            notes.append(f"{name}: there is no {IMU}; the recording has no accelerations and turning rates")
        else:
            (partial / IMU).write_bytes(own)
    return notes


def _row(time_us: int, number: int, message: PhoneMessage) -> str:
    T, K = message.T_arkit_camera @ CV_TO_ARKIT, message.K
    pose = [*T[:3, 3], *Rotation.from_matrix(T[:3, :3]).as_quat()]
    lens = [K[0, 0], K[1, 1], K[0, 2], K[1, 2]]
    return f"{time_us // 1_000_000}.{time_us % 1_000_000:06d}, {number:06d}, " + ", ".join(
        repr(float(value)) for value in (*pose, *np.array(lens))
    )


def _attached_imu(plan: PhonePlan) -> bytes | None:
    """The application's own imu.csv, where the session was imported from its folder."""
    name = plan.device.name
    for stream in (s for s in plan.session.streams.values() if s.device == name and s.topic is not None):
        found = plan.session.recording(stream.file).attachments.get(f"{name}/{IMU}")
        if found is not None:
            return found
    return None
