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


def process_density(scale: float = 1.0) -> Float[np.ndarray, "75"]:
    """Spectral density of white accelerations that have those standard deviations at 30 Hz: rad²/s³, m²/s³.

    A body with white acceleration of density q has, over second differences of its places at steps dt, the variance
    2/3 q dt³ (Bar-Shalom et al. 2001, 6.2.2), that of accelerations 2/3 q / dt.
    """
    joints = [ACCELERATION[without_side(name)] for name in JOINT_NAMES]
    sigma = scale * np.r_[np.repeat(joints, 3), np.full(3, ROOT_ACCELERATION)]
    return 1.5 * sigma**2 / MEASURED_HZ
