"""Rigid transforms as 4x4 matrices; `T_a_b` takes b-coordinates to a-coordinates."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from geometry.errors import GeometryError


def rigid(R: Float[np.ndarray, "*batch 3 3"], t: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 4 4"]:
    """The transform p -> R p + t."""
    R, t = np.asarray(R, np.float64), np.asarray(t, np.float64)
    T = np.zeros((*np.broadcast_shapes(R.shape[:-2], t.shape[:-1]), 4, 4))
    T[..., :3, :3], T[..., :3, 3], T[..., 3, 3] = R, t, 1.0
    return T


def inverse(T: Float[np.ndarray, "*batch 4 4"]) -> Float[np.ndarray, "*batch 4 4"]:
    """The inverse of rigid transforms: T_b_a from T_a_b."""
    Rt = np.swapaxes(T[..., :3, :3], -1, -2)
    return rigid(Rt, -(Rt @ T[..., :3, 3:])[..., 0])


def transform(T_a_b: Float[np.ndarray, "4 4"], p_b: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 3"]:
    """Points in frame a."""
    return p_b @ T_a_b[:3, :3].T + T_a_b[:3, 3]


def rotate(T_a_b: Float[np.ndarray, "4 4"], v_b: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 3"]:
    """Directions in frame a: rotated, not moved."""
    return v_b @ T_a_b[:3, :3].T


def from_rotvec(rotvec: Float[np.ndarray, "3"], t: Float[np.ndarray, "3"]) -> Float[np.ndarray, "4 4"]:
    """The transform with an axis-angle rotation (radians) and a translation (metres)."""
    return rigid(Rotation.from_rotvec(rotvec).as_matrix(), np.asarray(t))


def rotation_angle(T: Float[np.ndarray, "*batch 4 4"]) -> Float[np.ndarray, "*batch"]:
    """Angle of the rotation part, radians."""
    flat = T[..., :3, :3].reshape(-1, 3, 3)
    return Rotation.from_matrix(flat).magnitude().reshape(T.shape[:-2])


def look_at(
    eye: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"], up: tuple[float, float, float] = (0.0, 0.0, 1.0)
) -> Float[np.ndarray, "4 4"]:
    """T_world_camera of an OpenCV camera (x right, y down, z forward) at `eye` that looks at `target`.

    Raises GeometryError when the viewing direction is zero or parallel to `up`.
    """
    z = np.asarray(target, np.float64) - eye
    x = np.cross(z, up)
    if np.linalg.norm(z) < 1e-12 or np.linalg.norm(x) < 1e-9 * np.linalg.norm(z):
        raise GeometryError(f"look_at from {eye} to {target}: no direction, or parallel to up {up}; move the eye")
    x, z = x / np.linalg.norm(x), z / np.linalg.norm(z)
    return rigid(np.stack([x, np.cross(z, x), z], -1), np.asarray(eye, np.float64))


def is_rigid(T: Float[np.ndarray, "4 4"], tolerance: float = 1e-6) -> bool:
    """Whether T is a proper rotation with a finite translation."""
    R = T[:3, :3]
    return bool(
        np.isfinite(T).all()
        and np.allclose(R @ R.T, np.eye(3), atol=tolerance)
        and np.linalg.det(R) > 0
        and np.allclose(T[3], [0, 0, 0, 1], atol=tolerance)
    )
