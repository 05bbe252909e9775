"""How strongly joints accelerate in the validation motions: the numbers of hps/points/sequence/motion_noise.py.

Usage: python scripts/point_trials/measure_accelerations.py [DRAWS]
"""

from __future__ import annotations

import sys

import numpy as np

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from body.joints import JOINT_NAMES, without_side
from body.motion.resample import resample
from humanrig.motions import motion_library
from registration.fit.rotations import exponential, logarithm

RATE_HZ = 30.0
GAUSSIAN_95 = 1.96


def main(draws: int) -> None:
    """Prints, for each kind of joint and the pelvis' place, the root mean square and the 95th percentile over 1.96."""
    library, rng = motion_library(), np.random.default_rng(0)
    clips = [resample(library.clip(name), RATE_HZ) for name in library.names("validation")]
    clips += [library.draw(rng, "validation", 3.0, RATE_HZ) for _ in range(draws)]
    found: dict[str, list[np.ndarray]] = {}
    for clip in clips:
        R = exponential(np.asarray(clip.rotations, np.float64))
        speed = logarithm(R[1:] @ R[:-1].swapaxes(-1, -2)) * RATE_HZ
        acceleration = np.diff(speed, axis=0) * RATE_HZ
        for joint, name in enumerate(JOINT_NAMES):
            found.setdefault(without_side(name), []).append(acceleration[:, joint].ravel())
        found.setdefault("pelvis, m/s²", []).append(np.diff(clip.root_positions, 2, axis=0).ravel() * RATE_HZ**2)
    for name, values in found.items():
        a = np.concatenate(values)
        rms, high = np.sqrt((a**2).mean()), np.percentile(np.abs(a), 95) / GAUSSIAN_95
        print(f"{name:14} rms {rms:6.1f}   95th percentile / 1.96 {high:6.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
