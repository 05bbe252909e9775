"""How far estimated feet slide while the true ones stand, as WHAM and GVHMR measure it."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from hps.errors import HpsError
from hps.metrics.alignment import same_shape

STANDING_M: Final = 0.01
"""A true foot point that moves less than this from a frame to the next is in contact."""
SMPL_FEET: Final = (3216, 3387, 6617, 6787)
"""Vertices of SMPL's 6,890 that WHAM takes: two of each foot, left first."""
FOOT_KEYPOINTS: Final = ("LBigToe", "LHeel", "RBigToe", "RHeel")
"""The same places of another body model, by its `keypoint_vertices`."""


def foot_contact(
    truth: Float[np.ndarray, "frames feet 3"], standing_m: float = STANDING_M
) -> Bool[np.ndarray, "steps feet"]:
    """Which true foot points stand between each frame and the next."""
    return np.linalg.norm(np.diff(np.asarray(truth, np.float64), axis=0), axis=-1) < standing_m


def foot_sliding_mm(
    estimate: Float[np.ndarray, "frames feet 3"],
    truth: Float[np.ndarray, "frames feet 3"],
    standing_m: float = STANDING_M,
) -> Float[np.ndarray, "contacts"]:
    """Movement of the estimate's foot points from a frame to the next where the true ones stand, millimetres.

    Both in a world that stands still. One number for each contact, by frame and then by point: their mean is the
    figure that is published. Empty where no true foot stands. The step depends on the frame rate; at 30 Hz the
    threshold is 0.3 m/s. Raises HpsError with fewer than two frames, or when the shapes differ.
    """
    same_shape("feet", estimate, truth)
    if len(truth) < 2:
        raise HpsError(f"foot sliding needs at least 2 frames, there are {len(truth)}; take a longer clip")
    moved = np.linalg.norm(np.diff(np.asarray(estimate, np.float64), axis=0), axis=-1)
    return 1000.0 * moved[foot_contact(truth, standing_m)]
