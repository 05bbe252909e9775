"""How strongly people's joints accelerate: the process noise of the smoother."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_NAMES, without_side

ACCELERATION: Final[dict[str, float]] = {
    "pelvis": 12.0, "hip": 20.0, "spine1": 8.0, "spine2": 8.0, "spine3": 10.0, "knee": 17.0, "ankle": 22.0,
    "foot": 6.0, "neck": 8.0, "head": 6.0, "collar": 17.0, "shoulder": 29.0, "elbow": 12.0, "wrist": 6.0, "hand": 6.0,
}  # fmt: skip
"""Standard deviation of each joint's angular acceleration in its parent's frame, rad/s², at 30 Hz: the 95th percentile
of the validation motions over 1.96 (scripts/point_trials/measure_accelerations.py). Their tails are far longer: half of
the time a joint accelerates by less than a fifth of it, in a kick by five times as much. Joints that no clip moves
(toes, fingers) have the least of the others."""
ROOT_ACCELERATION: Final = 2.4
"""Of the pelvis, m/s², found in the same way."""
MEASURED_HZ: Final = 30.0


SPREAD_S: Final = 0.1
"""Seconds over which a joint's own accelerations are pooled: a kick's are over in a quarter of a second."""
DOUBT: Final = 0.02
"""Of a frame, that says that accelerations are as usual."""
LEAST, MOST = 0.2, 5.0
"""Of the usual standard deviation, what a joint's own may be: somebody who stands, and a kick."""


def own_density(
    turns: Float[np.ndarray, "steps n"],
    time_s: Float[np.ndarray, "frames"],
    usual: Float[np.ndarray, "n"],
    weight: Float[np.ndarray, "frames groups"],
) -> Float[np.ndarray, "steps n"]:
    """The density that a motion's own accelerations show, step by step, pooled over a joint's axes and SPREAD_S.

    turns: of every unknown from each frame to the next, of an estimate that followed its frames freely. weight: how
    far each three unknowns of each frame are believed; what is not believed shows nothing, and counts as usual.
    """
    steps = np.diff(time_s)
    if len(steps) < 2:
        return np.tile(usual, (len(steps), 1))
    acceleration = np.diff(turns / steps[:, None], axis=0) / ((steps[1:] + steps[:-1]) / 2)[:, None]
    power = (acceleration**2).reshape(len(acceleration), -1, 3).mean(2)
    away = (time_s[:-1] + steps / 2)[:, None] - time_s[1:-1]
    # no wider than the frames are dense: at 5 Hz a step pools what is next to it
    near = np.exp(-0.5 * (away / np.maximum(SPREAD_S, steps[:, None])) ** 2)
    believed = np.minimum(np.minimum(weight[2:], weight[1:-1]), weight[:-2]) ** 2
    some = near @ believed + DOUBT
    pooled = (1.5 / MEASURED_HZ * (near @ (believed * power)) / some).repeat(3, 1)
    return np.clip(pooled + (DOUBT / some).repeat(3, 1) * usual, LEAST**2 * usual, MOST**2 * usual)


def process_density(scale: float = 1.0) -> Float[np.ndarray, "75"]:
    """Spectral density of white accelerations that have those standard deviations at 30 Hz: rad²/s³, m²/s³.

    A body with white acceleration of density q has, over second differences of its places at steps dt, the variance
    2/3 q dt³ (Bar-Shalom et al. 2001, 6.2.2), that of accelerations 2/3 q / dt.
    """
    joints = [ACCELERATION[without_side(name)] for name in JOINT_NAMES]
    sigma = scale * np.r_[np.repeat(joints, 3), np.full(3, ROOT_ACCELERATION)]
    return 1.5 * sigma**2 / MEASURED_HZ
