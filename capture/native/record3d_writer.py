"""A phone of a session as an .r3d file of the application Record3D; its layout is told in `importers/record3d.py`.

Pictures and depth lie as the phone's sensor has them (landscape), as the application stores what it recorded in that
position from its version 1.10.1 on. Nothing is turned: ARKit's camera axes are those of the format.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import liblzfse
import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from capture.native.phone_plan import PhonePlan
from capture.native.whole import whole_file
from geometry.rigid import inverse

EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of every entry: the same session gives the same bytes."""
LIDAR = 1
"""`cameraType` of recordings with the LiDAR, as files that others describe have it."""


def write_r3d(plan: PhonePlan, path: Path, on_frame: Callable[[], None] | None = None) -> list[str]:
    """Writes the archive; returns sentences about what the format changes.

    JPEGs are copied. Depth becomes float32 metres, NaN where missing, from which whole millimetres come back. Raises
    CaptureError for a damaged frame or a file that is there already, CannotWrite when the disk refuses.
    """
    poses, lenses, sizes = [], [], {}
    with whole_file(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
        for number, instant in enumerate(plan.instants):
            message, color = plan.message(instant), plan.jpeg(instant)
            depth_mm = plan.depth_mm(instant)
            poses.append(message.T_arkit_camera)
            lenses.append(message.K)
            _add(archive, f"rgbd/{number}.jpg", color)
            if depth_mm is not None:
                metres = np.where(depth_mm > 0, depth_mm / np.float32(1000), np.float32(np.nan)).astype("<f4")
                _add(archive, f"rgbd/{number}.depth", liblzfse.compress(metres.tobytes()))
                sizes["dh"], sizes["dw"] = depth_mm.shape
                if message.confidence.shape == depth_mm.shape:
                    _add(archive, f"rgbd/{number}.conf", liblzfse.compress(message.confidence.tobytes()))
            if on_frame:
                on_frame()
        _add(archive, "metadata", json.dumps(_metadata(plan, poses, lenses, sizes)).encode())
    notes = []
    stream = plan.session.stream(f"{plan.device.name}/color")
    if stream.encoding != "jpeg":
        notes.append(f"{plan.device.name}: pictures were {stream.encoding} and are encoded as JPEG anew")
    if len(poses) == 1 or all(np.allclose(T, poses[0]) for T in poses):
        notes.append(
            f"{plan.device.name}: the phone did not move; readers take equal poses for a phone without tracking"
        )
    return notes


def _metadata(
    plan: PhonePlan, poses: list[np.ndarray], lenses: list[np.ndarray], sizes: dict[str, int]
) -> dict[str, Any]:
    stream = plan.session.stream(f"{plan.device.name}/color")
    T_first_world = inverse(poses[0])
    return {
        "w": stream.width,
        "h": stream.height,
        **sizes,
        "fps": round(stream.rate_hz or 60.0),
        "cameraType": LIDAR,
        "K": lenses[0].T.ravel().tolist(),
        "perFrameIntrinsicCoeffs": [[K[0, 0], K[1, 1], K[0, 2], K[1, 2]] for K in lenses],
        "poses": [_row(T_first_world @ T) for T in poses],
        "initPose": _row(poses[0]),
        "frameTimestamps": [1e-6 * instant.time_us for instant in plan.instants],
    }


def _row(T: Float[np.ndarray, "4 4"]) -> list[float]:
    """qx, qy, qz, qw, x, y, z."""
    return [*Rotation.from_matrix(T[:3, :3]).as_quat().tolist(), *T[:3, 3].tolist()]


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, EPOCH), data)
