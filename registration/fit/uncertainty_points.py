"""What the covariance of a fit's unknowns makes of the body's joints and skin in the world."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

from body.joints import JOINT_COUNT
from registration.fit.posing import PosedClip
from registration.fit.state import FRAME_SIZE
from registration.fit.uncertainty import Posterior

AT_ONCE = 8
"""Frames handled together: 8 of 400 points, 3 axes and 91 unknowns take 7 MB."""


def joint_covariance(body: PosedClip, posterior: Posterior) -> Float[np.ndarray, "frames 24 3 3"]:
    """Of each joint, m²."""
    return _covariance(body, posterior, np.arange(JOINT_COUNT), joints=True)


def vertex_covariance(
    body: PosedClip, posterior: Posterior, vertices: Integer[np.ndarray, "chosen"]
) -> Float[np.ndarray, "frames chosen 3 3"]:
    """Of some vertices, m². The change of the pose correctives with the pose is left out: millimetres a radian."""
    return _covariance(body, posterior, vertices, joints=False)


def _covariance(
    body: PosedClip, posterior: Posterior, points: np.ndarray, joints: bool
) -> Float[np.ndarray, "frames points 3 3"]:
    count, out = len(points), np.empty((len(body), len(points), 3, 3))
    for start in range(0, len(body), AT_ONCE):
        some = np.arange(start, min(start + AT_ONCE, len(body)))
        frame, point = np.repeat(some, 3 * count), np.tile(np.repeat(points, 3), len(some))
        axes = np.tile(np.eye(3), (len(some) * count, 1))
        J = (body.joint_rows if joints else body.vertex_rows)(frame, point, axes)
        J = J.reshape(len(some), 3 * count, -1)
        moved = J @ _whole(posterior, some, J.shape[2] - FRAME_SIZE)
        pairs = moved.reshape(-1, 3, J.shape[2]) @ np.swapaxes(J.reshape(-1, 3, J.shape[2]), 1, 2)
        out[some] = pairs.reshape(len(some), count, 3, 3)
    return out


def _whole(posterior: Posterior, some: np.ndarray, shapes: int) -> Float[np.ndarray, "frames unknowns unknowns"]:
    """Covariance of each frame's unknowns and the shape's coefficients, which come first among the shared ones."""
    F = posterior.frames.shape[1]
    whole = np.empty((len(some), F + shapes, F + shapes))
    whole[:, :F, :F] = posterior.frames[some]
    whole[:, :F, F:] = posterior.cross[some, :, :shapes]
    whole[:, F:, :F] = np.swapaxes(whole[:, :F, F:], 1, 2)
    whole[:, F:, F:] = posterior.shared[:shapes, :shapes]
    return whole
