"""From what the equations believe to what errors really are: constants measured on people whose true body is known.

The equations count only noise. What is left out, errors that points share (a sensor's bias, a calibration), a person
whom no shape coefficient describes, skin that does not bend as the model's, clothes, is added here:

    covariance = scale² · (of the equations) + (floor² + (share · residual)²) · identity

with one scale for each kind of joint and each part of the skin; the residual is the mean distance between the part and
its points. `scripts/calibrate_uncertainty.py` measures the constants, docs/uncertainty.md says how well they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int64

from body.joints import JOINT_NAMES, without_side
from registration.fit.parts import PART_NAMES, part_of_joint

MM = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Inflation:
    """One set of constants; joints and parts by name without the side."""

    joints: dict[str, float]
    """Scale of the equations' own standard deviations."""
    skin: dict[str, float]
    floor_mm: float
    """Along an axis, of everything."""
    share: float
    """Share of the part's residual that is error of the body: of clothes, mostly."""


WITH_CLOUD: Final = Inflation(
    joints={
        "ankle": 1.0, "collar": 1.0, "elbow": 1.3, "foot": 2.6, "hand": 1.5, "head": 1.0, "hip": 1.5, "knee": 1.0,
        "neck": 1.0, "pelvis": 1.0, "shoulder": 2.9, "spine1": 3.7, "spine2": 3.2, "spine3": 1.0, "wrist": 1.9,
    },
    skin={"arm": 2.7, "foot": 2.2, "hand": 1.5, "head": 2.2, "leg": 3.5, "trunk": 3.1},
    floor_mm=2.0,
    share=0.25,
)  # fmt: skip
WITHOUT_CLOUD: Final = Inflation(
    joints={
        "ankle": 1.3, "collar": 1.3, "elbow": 1.4, "foot": 1.6, "hand": 1.0, "head": 1.1, "hip": 1.3, "knee": 1.2,
        "neck": 1.3, "pelvis": 1.6, "shoulder": 1.3, "spine1": 1.7, "spine2": 1.6, "spine3": 1.0, "wrist": 1.1,
    },
    skin={"arm": 1.4, "foot": 1.4, "hand": 1.0, "head": 1.4, "leg": 1.4, "trunk": 1.5},
    floor_mm=4.0,
    share=0.0,
)  # fmt: skip


def inflated(
    joints: Float[np.ndarray, "frames 24 3 3"],
    vertices: Float[np.ndarray, "frames chosen 3 3"],
    part_of_chosen: Int64[np.ndarray, "chosen"],
    residual_mm: Float[np.ndarray, "frames parts"],
    clouded: Bool[np.ndarray, "frames"],
) -> tuple[Float[np.ndarray, "frames 24 3 3"], Float[np.ndarray, "frames chosen 3 3"]]:
    """Covariances of joints and vertices, m², of frames with and without a cloud.

    residual_mm: of each part, NaN where it has no points.
    """
    both = (WITHOUT_CLOUD, WITH_CLOUD)
    row = clouded.astype(int)
    share, floor = (np.array([getattr(c, key) for c in both])[row, None] for key in ("share", "floor_mm"))
    added = MM**2 * (floor**2 + (share * np.nan_to_num(residual_mm)) ** 2)
    of_joint = np.array([[c.joints[without_side(name)] for name in JOINT_NAMES] for c in both])[row]
    of_part = np.array([[c.skin[without_side(name)] for name in PART_NAMES] for c in both])[row]
    eye = np.eye(3)
    return (
        of_joint[..., None, None] ** 2 * joints + added[:, part_of_joint(), None, None] * eye,
        of_part[:, part_of_chosen, None, None] ** 2 * vertices + added[:, part_of_chosen, None, None] * eye,
    )
