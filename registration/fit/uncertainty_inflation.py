"""From what the equations believe to what errors really are: constants measured on people whose true body is known.

The equations count only noise. What is left out, errors that points share (a sensor's bias, a calibration), a person
whom no shape coefficient describes, skin that does not bend as the model's, clothes, is added here:

    covariance = scale² · (of the equations) + (floor² + (residual · part residual)²) · identity
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int64

from body.joints import JOINT_NAMES
from registration.fit.parts import PART_NAMES, part_of_joint

MM = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Inflation:
    """One set of constants."""

    scale: float
    """Factor on the equations' own standard deviations."""
    joint_floor_mm: dict[str, float]
    """By joint without its side, mm along an axis."""
    skin_floor_mm: dict[str, float]
    """By part without its side."""
    residual: float
    """Share of the part's mean distance between points and body that is error of the body: of clothes, mostly."""


WITH_CLOUD: Final = Inflation(
    scale=1.0,
    joint_floor_mm=dict.fromkeys((name.removeprefix("left_").removeprefix("right_") for name in JOINT_NAMES), 4.0),
    skin_floor_mm=dict.fromkeys((name.removeprefix("left_").removeprefix("right_") for name in PART_NAMES), 4.0),
    residual=0.0,
)
WITHOUT_CLOUD: Final = Inflation(
    scale=1.0,
    joint_floor_mm=dict.fromkeys((name.removeprefix("left_").removeprefix("right_") for name in JOINT_NAMES), 10.0),
    skin_floor_mm=dict.fromkeys((name.removeprefix("left_").removeprefix("right_") for name in PART_NAMES), 10.0),
    residual=0.0,
)


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
    joint_floor, skin_floor = _floors(clouded)
    share = np.where(clouded, WITH_CLOUD.residual, WITHOUT_CLOUD.residual)[:, None]
    off = share * np.nan_to_num(residual_mm) * MM
    scale = np.where(clouded, WITH_CLOUD.scale, WITHOUT_CLOUD.scale)[:, None, None, None] ** 2
    of_joints = joint_floor**2 + off[:, part_of_joint()] ** 2
    of_skin = skin_floor[:, part_of_chosen] ** 2 + off[:, part_of_chosen] ** 2
    eye = np.eye(3)
    return scale * joints + of_joints[..., None, None] * eye, scale * vertices + of_skin[..., None, None] * eye


def _floors(clouded: np.ndarray) -> tuple[Float[np.ndarray, "frames 24"], Float[np.ndarray, "frames parts"]]:
    """Metres, by frame."""
    floors = []
    for names, key in ((JOINT_NAMES, "joint_floor_mm"), (PART_NAMES, "skin_floor_mm")):
        rows = [np.array([getattr(c, key)[_kind(n)] for n in names]) * MM for c in (WITHOUT_CLOUD, WITH_CLOUD)]
        floors.append(np.stack(rows)[clouded.astype(int)])
    return floors[0], floors[1]


def _kind(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")
