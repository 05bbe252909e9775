"""Labels that a fitted body gives to a cloud's points, as a rig without a truth has them."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from body.model import BodyModel
from geometry.rays import RayScene
from hps.datasets.cloud_sample import PointLabels
from hps.points.part_labels import NOT_BODY

REACH_M: Final = 0.12
"""Points further from the naked body than this are no part of the person: loose clothes stand off by up to 0.1 m."""


def labels_of_body(
    points: Float[np.ndarray, "points 3"], vertices: Float[np.ndarray, "vertices 3"], model: BodyModel
) -> PointLabels:
    """Part and skin offset of points from the nearest skin of one body, all in one frame, metres."""
    closest = RayScene(vertices, np.asarray(model.faces, np.int32)).closest(points)
    corner = model.faces[closest.face, closest.bary.argmax(1)]
    near = closest.distance < REACH_M
    part = np.where(near, np.asarray(model.weights).argmax(1)[corner], NOT_BODY)
    offset = np.where(near[:, None], closest.points - points, np.nan)
    return PointLabels(part=part.astype(np.int64), skin_offset=offset)
