"""One frame of a phone as Record3D's package holds it, and as it is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import simplejpeg
from jaxtyping import Float, Float32, UInt8, UInt16
from scipy.spatial.transform import Rotation

from capture import depth_codec
from capture.iphone.message import PhoneMessage
from geometry.rigid import rigid

JPEG_QUALITY, MAX_MM = 92, 65535


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """What the library held when it called back."""

    sequence: int
    """Counted here, from 1."""
    host_us: int
    """The host's monotonic clock in the callback."""
    color: UInt8[np.ndarray, "*image"]
    """Height, width, RGB."""
    depth_m: Float[np.ndarray, "*depth"]
    """Height, width; metres."""
    confidence: UInt8[np.ndarray, "*confidence"]
    """0, 1, 2 of each depth pixel; empty where the phone tells none."""
    K: Float[np.ndarray, "3 3"]
    """Of the colour image."""
    T_arkit_camera: Float[np.ndarray, "4 4"]


def take_snapshot(stream: Any, sequence: int, host_us: int) -> Snapshot:
    """A copy of what the library holds now. Raises ValueError for a pose that is none."""
    pose, lens = stream.get_camera_pose(), stream.get_intrinsic_mat()
    quaternion = np.array([pose.qx, pose.qy, pose.qz, pose.qw], np.float64)
    tracked = np.linalg.norm(quaternion) > 0.5  # the front camera has no pose and may give zeros
    R = Rotation.from_quat(quaternion).as_matrix() if tracked else np.eye(3)
    return Snapshot(
        sequence=sequence,
        host_us=host_us,
        color=np.array(stream.get_rgb_frame(), np.uint8),
        depth_m=np.array(stream.get_depth_frame(), np.float32),
        confidence=np.array(stream.get_confidence_frame(), np.uint8),
        K=np.array([[lens.fx, 0, lens.tx], [0, lens.fy, lens.ty], [0, 0, 1]], np.float64),
        T_arkit_camera=rigid(R, np.array([pose.tx, pose.ty, pose.tz], np.float64)),
    )


def encode_snapshot(taken: Snapshot) -> dict[str, bytes]:
    """Bytes by kind: JPEG, dzp in millimetres, `PhoneMessage`."""
    confident = taken.confidence.shape == taken.depth_m.shape
    message = PhoneMessage(
        timestamp_s=taken.host_us / 1e6,
        K=taken.K,
        T_arkit_camera=taken.T_arkit_camera,
        confidence=taken.confidence if confident else np.zeros((0, 0), np.uint8),
    )
    color = np.ascontiguousarray(taken.color[..., :3])
    return {
        "color": simplejpeg.encode_jpeg(color, quality=JPEG_QUALITY, colorspace="RGB", colorsubsampling="420"),
        "depth": depth_codec.encode(millimetres(taken.depth_m)),
        "imu": message.encode(),
    }


def millimetres(depth_m: Float32[np.ndarray, "height width"]) -> UInt16[np.ndarray, "height width"]:
    """Depth rounded; 0 where there is none, or where it is beyond 65 m."""
    with np.errstate(invalid="ignore"):
        mm = np.rint(depth_m.astype(np.float64) * 1000)
        return np.where((mm > 0) & (mm <= MAX_MM), mm, 0).astype(np.uint16)


def image_size(image: np.ndarray) -> tuple[int, int]:
    """Width and height."""
    return image.shape[1], image.shape[0]
