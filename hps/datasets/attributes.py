"""What results are told apart by, as far as cloud and truth say it: distance, heading, number of points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from hps.points.person_cloud import PersonCloud

FRONT_DEG: Final = 45.0
BACK_DEG: Final = 135.0
BODY_FORWARD: Final = (0.0, 0.0, 1.0)
"""SMPL's: the body faces +z before `global_orient`."""


def cloud_attributes(cloud: PersonCloud, sensors: Sequence[str]) -> dict[str, float | str]:
    """`views`, `sensor` (joined by + where several kinds), `points`, and `distance_m` where a camera is known.

    `distance_m` is that of the cloud's median to the nearest camera; NaN for a cloud without points.
    """
    found: dict[str, float | str] = {
        "views": float(max(len(sensors), 1)),
        "sensor": "+".join(dict.fromkeys(sensors)),
        "points": float(len(cloud)),
    }
    if len(cloud.origins):
        middle = np.median(cloud.points, axis=0) if len(cloud) else np.full(3, np.nan)
        found["distance_m"] = float(np.linalg.norm(np.asarray(cloud.origins) - middle, axis=1).min())
    return found


def heading_attributes(
    global_orient: Float[np.ndarray, "3"], to_camera: Float[np.ndarray, "3"], up: Float[np.ndarray, "3"]
) -> dict[str, float | str]:
    """`yaw_deg` and `yaw_sector` of a body as a camera sees it; none where the body or the camera is vertical.

    `yaw_deg` is the angle about `up` from the way to the camera to the way the pelvis faces, in -180..180: 0 faces the
    camera. `yaw_sector` is front within 45 degrees, back beyond 135, else side. All in one frame.
    """
    up = np.asarray(up, np.float64) / np.linalg.norm(up)
    forward = Rotation.from_rotvec(np.asarray(global_orient, np.float64)).apply(BODY_FORWARD)
    a, b = (v - (v @ up) * up for v in (np.asarray(to_camera, np.float64), forward))
    if np.linalg.norm(a) < 1e-6 * max(float(np.linalg.norm(to_camera)), 1e-9) or np.linalg.norm(b) < 1e-6:
        return {}
    yaw = float(np.degrees(np.arctan2(np.cross(a, b) @ up, a @ b)))
    sector = "front" if abs(yaw) <= FRONT_DEG else "back" if abs(yaw) >= BACK_DEG else "side"
    return {"yaw_deg": yaw, "yaw_sector": sector}


def heading_of(
    global_orient: Float[np.ndarray, "3"], pelvis: Float[np.ndarray, "3"], cloud: PersonCloud
) -> dict[str, float | str]:
    """`heading_attributes` against the first camera; none where camera or vertical is not known."""
    if cloud.up is None or not len(cloud.origins):
        return {}
    return heading_attributes(global_orient, np.asarray(cloud.origins, np.float64)[0] - pelvis, cloud.up)
