"""PVE of the torso, the limbs, the hands and the head apart."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from body.model import BodyModel
from registration.fit.parts import PART_NAMES, part_of_vertex

REGION_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "torso": ("trunk",),
    "limbs": ("left_arm", "right_arm", "left_leg", "right_leg", "left_foot", "right_foot"),
    "hands": ("left_hand", "right_hand"),
    "head": ("head",),
}
"""Region → the parts of `registration.fit.parts`; a vertex belongs to the joint that moves it most."""


def region_vertices(model: BodyModel) -> dict[str, Bool[np.ndarray, "vertices"]]:
    """Which vertices each region has."""
    part = part_of_vertex(model)
    return {region: np.isin(part, [PART_NAMES.index(name) for name in parts]) for region, parts in REGION_PARTS.items()}


def pve_by_region_mm(
    distances_mm: Float[np.ndarray, "frames vertices"], regions: dict[str, Bool[np.ndarray, "vertices"]]
) -> dict[str, Float[np.ndarray, "frames"]]:
    """Mean vertex distance of each region, one number for each frame; NaN for a region without vertices."""
    return {
        name: distances_mm[:, which].mean(-1) if which.any() else np.full(len(distances_mm), np.nan)
        for name, which in regions.items()
    }
