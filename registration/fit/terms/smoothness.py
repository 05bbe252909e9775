"""Accelerations are as small as the clip's own: a person who stands still is held still, one who kicks may kick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from body.joints import JOINT_COUNT
from registration.fit.posing import PosedClip
from registration.fit.rotations import logarithm
from registration.fit.state import FRAME_SIZE, FitState
from registration.fit.system import NormalEquations

LEAST_RAD_S2: Final = 1.5
"""Least standard deviation of a joint's angular acceleration: breath and balance of a person who stands. Assumed."""
LEAST_M_S2: Final = 0.2
"""Of the pelvis."""
NOISE_RAD: Final = 0.01
"""Most that a frame's own noise can be: the standard deviation of a joint's rotation fitted to one cloud."""
NOISE_M: Final = 0.003
SPREAD_S: Final = 0.07
"""Seconds over which accelerations are pooled: a kick's are over in a quarter of a second."""
_DOUBT: Final = 1.5
"""Motion must stand out of the noise by this factor: ten frames tell the noise's power to about 40 %."""
_FOURTH: Final = 70.0
"""Variance of the fourth difference of white noise of variance 1; that of the second is 6."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class OwnSmoothness:
    """Second differences of every joint's rotation and of the translation are Gaussian, each with its own spread."""

    sigma: Float[np.ndarray, "inner unknowns"]
    """Standard deviation of each inner frame's second difference: radians for the 72 turns, metres for the rest."""

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds the second differences of all inner frames."""
        if len(body) < 3:
            return
        e, w = second_differences(body.state), 1 / self.sigma**2
        last, diagonal = len(e), np.arange(FRAME_SIZE)
        for i, a in enumerate((1.0, -2.0, 1.0)):
            system.A[i : i + last, diagonal, diagonal] += a * a * w
            system.b[i : i + last] -= a * w * e
        system.A_next[:last, diagonal, diagonal] -= 2 * w
        system.A_next[1 : last + 1, diagonal, diagonal] -= 2 * w
        system.A_second[:last] += w
        system.cost += float(0.5 * (w * e**2).sum())


def second_differences(state: FitState) -> Float[np.ndarray, "inner unknowns"]:
    """Of the joints' rotations in their parents' frames (radians, over two steps) and of the translation (metres)."""
    R = state.rotations
    if len(R) < 3:
        return np.zeros((0, FRAME_SIZE))
    turn = logarithm(R[1:] @ np.swapaxes(R[:-1], -1, -2)).reshape(len(R) - 1, -1)
    move = state.transl[1:] - state.transl[:-1]
    steps = np.concatenate([turn, move], 1)
    return steps[1:] - steps[:-1]


def own_spread(state: FitState, step_s: float) -> Float[np.ndarray, "inner unknowns"]:
    """Standard deviations for OwnSmoothness from an estimate that was not, or hardly, smoothed.

    The power of the second differences, pooled over a joint's axes and over SPREAD_S, less what frame noise puts into
    it: the fourth differences tell noise from motion, as motion is smooth. The larger of neighbouring frames counts,
    so that an impact is not smoothed away.
    """
    e = second_differences(state)
    if not len(e):
        return np.zeros((0, FRAME_SIZE))
    groups = e.reshape(len(e), JOINT_COUNT + 1, 3)
    most = np.append(np.full(JOINT_COUNT, NOISE_RAD), NOISE_M) ** 2
    noise = np.zeros(JOINT_COUNT + 1)
    if len(groups) > 2:
        fourth = groups[2:] - 2 * groups[1:-1] + groups[:-2]
        noise = np.minimum((fourth**2).mean((0, 2)) / _FOURTH, most)
    power = gaussian_filter1d((groups**2).mean(2), SPREAD_S / step_s, axis=0, mode="nearest")
    least = np.append(np.full(JOINT_COUNT, LEAST_RAD_S2), LEAST_M_S2) * step_s**2
    spread = np.sqrt(np.maximum(power - 6 * _DOUBT * noise, least**2))
    return np.repeat(spread, 3, axis=1)
