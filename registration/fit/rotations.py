"""Rotations of a fit in numpy: exponential, logarithm, and how the logarithm changes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def exponential(axis_angle: Float[np.ndarray, "*some 3"]) -> Float[np.ndarray, "*some 3 3"]:
    """Rotation matrices (Rodrigues)."""
    squared = (axis_angle**2).sum(-1)[..., None, None]
    small = squared < 1e-8
    angle = np.sqrt(np.where(small, 1.0, squared))
    sine = np.where(small, 1 - squared / 6, np.sin(angle) / angle)
    cosine = np.where(small, 0.5 - squared / 24, 2 * (np.sin(angle / 2) / angle) ** 2)
    K = skew(axis_angle)
    return np.eye(3) + sine * K + cosine * (K @ K)


def logarithm(R: Float[np.ndarray, "*some 3 3"]) -> Float[np.ndarray, "*some 3"]:
    """Axis-angle with an angle in [0, pi], through the quaternion's largest entry (Shepperd 1978)."""
    m = R.reshape(*R.shape[:-2], 9)
    xx, xy, xz, yx, yy, yz, zx, zy, zz = np.moveaxis(m, -1, 0)
    outer = np.stack(
        [
            1 + xx + yy + zz, zy - yz, xz - zx, yx - xy,
            zy - yz, 1 + xx - yy - zz, xy + yx, xz + zx,
            xz - zx, xy + yx, 1 - xx + yy - zz, yz + zy,
            yx - xy, xz + zx, yz + zy, 1 - xx - yy + zz,
        ],
        -1,
    ).reshape(*m.shape[:-1], 4, 4)  # fmt: skip
    largest = np.diagonal(outer, axis1=-2, axis2=-1).argmax(-1)
    q = np.take_along_axis(outer, largest[..., None, None], -2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    small = sine < 1e-8
    return np.where(small, 2.0, 2 * np.arctan2(sine, q[..., :1]) / np.where(small, 1.0, sine)) * q[..., 1:]


def skew(v: Float[np.ndarray, "*some 3"]) -> Float[np.ndarray, "*some 3 3"]:
    """Matrices with skew(v) @ p = v x p."""
    x, y, z = np.moveaxis(np.asarray(v, np.float64), -1, 0)
    o = np.zeros_like(x)
    return np.stack([o, -z, y, z, o, -x, -y, x, o], -1).reshape(*x.shape, 3, 3)


def inverse_left_jacobian(theta: Float[np.ndarray, "*some 3"]) -> Float[np.ndarray, "*some 3 3"]:
    """d log(exp(d) exp(theta)) / dd at d = 0 (Chirikjian 2012, 10.86)."""
    angle = np.clip(np.linalg.norm(theta, axis=-1), 1e-4, 3.1)[..., None, None]
    K = skew(theta)
    factor = 1 / angle**2 - (1 + np.cos(angle)) / (2 * angle * np.sin(angle))
    return np.eye(3) - 0.5 * K + factor * (K @ K)
