"""People turned about the way they are looked at: what a camera sees that lies on its side, or of somebody who lies."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from geometry.rigid import rigid
from hps.points.person_cloud import PersonCloud

LYING: Final = np.pi / 2
UPSIDE_DOWN: Final = np.pi
VARIED: Final = 0.3
"""Radians more or less."""


def turn_about_view(cloud: PersonCloud, angle: float, rng: np.random.Generator) -> Float[np.ndarray, "4 4"]:
    """T_turned_cloud of a cloud in its camera's frame: about the axis from the camera to the cloud's middle, to either
    side. The camera stays where it is."""
    middle = np.median(cloud.points, axis=0)
    axis = middle / np.linalg.norm(middle) * rng.choice([-1, 1])
    turn = Rotation.from_rotvec((angle + rng.uniform(-VARIED, VARIED)) * axis).as_matrix()
    return rigid(turn, middle - turn @ middle)
