"""Where a lifter is good: by lens, distance, side and how much of the person is in the picture."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from hps.benchmark.rgb.lifting_scenes import LiftingScenes
from hps.rgb.detector_error.table import SIDE_ON
from hps.rgb.keypoint_names import LIFTED_COUNT


def strata(scenes: LiftingScenes) -> dict[str, dict[str, Bool[np.ndarray, "people"]]]:
    """What is told apart → name of the part → who belongs to it; each of them has everybody in one part."""
    fov = 2 * np.degrees(np.arctan(scenes.size[:, 1] / 2 / scenes.camera[:, 1]))
    away = np.linalg.norm(scenes.pelvis, axis=-1)
    inside = (scenes.arms["exact"].confidence > 0).sum(1)
    return {
        "vertical field of view": {
            "20° to 45°": fov < 45,
            "45° to 70°": (fov >= 45) & (fov < 70),
            "70° to 100°": fov >= 70,
        },
        "distance": {
            "to 2 m": away < 2,
            "2 to 4 m": (away >= 2) & (away < 4),
            "beyond 4 m": away >= 4,
        },
        "seen from": {
            "the front": scenes.facing > SIDE_ON,
            "a side": np.abs(scenes.facing) <= SIDE_ON,
            "behind": scenes.facing < -SIDE_ON,
        },
        "in the picture": {
            "all keypoints": inside == LIFTED_COUNT,
            "not all": inside < LIFTED_COUNT,
        },
    }
