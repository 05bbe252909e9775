"""How fast a phone's own poses may wander away, as a random walk, and its knots in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.phone.phone_path import PhonePath

KNOT_S, MOST_KNOTS = 0.2, 150


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftModel:
    """Standard deviations. The defaults are twice what a real board capture of 1 m of hand-held way shows, where the
    board's place in ARKit's world stays within 1.3 mm an axis; somebody who walks with the phone needs more: 0.02 m a
    second of walking is published for ARKit (Kim et al., Sensors 2022, 22, 9873)."""

    m_per_root_m: float = 0.003
    """Of each coordinate after one metre of way; grows with its root."""
    m_per_root_s: float = 0.0006
    """The same after one second."""
    heading_rad_per_root_s: float = np.deg2rad(0.05)
    tilt_rad_per_root_s: float = np.deg2rad(0.01)
    """Gravity is felt: the tilt hardly wanders."""
    jitter_m: float = 0.0008
    """Of each frame's place on its own."""
    jitter_rad: float = np.deg2rad(0.05)


def knot_times(path: PhonePath) -> Float[np.ndarray, "knots"]:
    """Seconds since the first frame, from it to the last."""
    last = float(path.seconds[-1])
    count = int(np.clip(np.ceil(last / KNOT_S) + 1, 2, MOST_KNOTS))
    return np.linspace(0.0, max(last, 1e-3), count)


def knot_parts(
    knots: Float[np.ndarray, "knots"], seconds: Float[np.ndarray, "frames"]
) -> Float[np.ndarray, "frames knots"]:
    """Linear interpolation between knots, as a matrix."""
    after = np.clip(np.searchsorted(knots, seconds), 1, len(knots) - 1)
    part = (seconds - knots[after - 1]) / (knots[after] - knots[after - 1])
    B = np.zeros((len(seconds), len(knots)))
    rows = np.arange(len(seconds))
    B[rows, after - 1], B[rows, after] = 1 - part, part
    return B


def walk_information(
    knots: Float[np.ndarray, "knots"], path: PhonePath, up_world: Float[np.ndarray, "3"], model: DriftModel
) -> Float[np.ndarray, "numbers numbers"]:
    """Information that the walk gives about six numbers (turn, shift; world axes) at each knot.

    `up_world` is the phone's vertical in the world. The first knot is free.
    """
    way = np.interp(knots, path.seconds, path.travel_m)
    H = np.zeros((6 * len(knots), 6 * len(knots)))
    vertical = np.outer(up_world, up_world)
    for k in range(len(knots) - 1):
        dt, ds = knots[k + 1] - knots[k], way[k + 1] - way[k]
        turn = vertical / (model.heading_rad_per_root_s**2 * dt)
        turn += (np.eye(3) - vertical) / (model.tilt_rad_per_root_s**2 * dt)
        shift = np.eye(3) / (model.m_per_root_m**2 * ds + model.m_per_root_s**2 * dt)
        block = np.zeros((6, 6))
        block[:3, :3], block[3:, 3:] = turn, shift
        a, b = slice(6 * k, 6 * k + 6), slice(6 * k + 6, 6 * k + 12)
        H[a, a] += block
        H[b, b] += block
        H[a, b] -= block
        H[b, a] -= block
    return H
