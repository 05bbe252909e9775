"""Where the points of a body and of a detector stand among the 190 of HumanData's convention `human_data`.

After mmhuman3d, `conventions/keypoints_mapping/human_data.py`, `smpl.py` and `coco.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, UInt8

from body.joints import JOINT_NAMES
from geometry.camera import Camera
from geometry.rigid import transform

COUNT: Final = 190
CONVENTION: Final = "human_data"
OF_JOINTS: Final[dict[str, int]] = {
    **{name: n for n, name in enumerate(JOINT_NAMES[:22])}, "left_hand": 188, "right_hand": 189,
}  # fmt: skip
"""SMPL's joints: the first 22 in its own order, its hands at the end."""
OF_FACE: Final[dict[str, int]] = {"nose": 55, "right_eye": 56, "left_eye": 57, "right_ear": 58, "left_ear": 59}
"""Points that SMPL's 45 joints have too."""
OF_DETECTOR: Final[dict[str, int]] = {
    **OF_FACE,
    **{f"{side}_{name}": OF_JOINTS[f"{side}_{name}"]
       for name in ("shoulder", "elbow", "wrist", "knee", "ankle") for side in ("left", "right")},
    "right_hip": 144, "left_hip": 145,
    "left_foot_index": 60, "left_small_toe": 61, "left_heel": 62,
    "right_foot_index": 63, "right_small_toe": 64, "right_heel": 65,
}  # fmt: skip
"""Our names of keypoints. A detector's hips are `…_hip_extra`: they lie outside SMPL's, as COCO's do."""
INSIDE_PX: Final = 0.5
"""A picture reaches half a pixel beyond the centres of its outer pixels."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Points190:
    """Points of one person in the frames of one camera."""

    p_camera: Float[np.ndarray, "frames 190 4"]
    """x right, y down, z forward, metres, and confidence: 1, or four zeros where there is no point."""
    q: Float[np.ndarray, "frames 190 3"]
    """Column and row in the undistorted picture, and 1; three zeros outside of it."""
    mask: UInt8[np.ndarray, "190"]
    """1 for points that there can be."""


def points190(
    names: Sequence[str], p_world: Float[np.ndarray, "frames points 3"], places: Mapping[str, int], camera: Camera
) -> Points190:
    """Named points as a pinhole camera of the same K sees them; names without a place are left out, NaN is no point."""
    known = [(places[name], n) for n, name in enumerate(names) if name in places]
    world, mask = np.full((len(p_world), COUNT, 3), np.nan), np.zeros(COUNT, np.uint8)
    for place, n in known:
        world[:, place] = p_world[:, n]
        mask[place] = 1
    p_camera = transform(camera.T_camera_world, world)
    there = np.isfinite(p_camera[..., 2])
    with np.errstate(invalid="ignore", divide="ignore"):
        q = p_camera[..., :2] / p_camera[..., 2:] @ camera.K[:2, :2].T + camera.K[:2, 2]
        inside = (q > -INSIDE_PX) & (q < np.array([camera.width, camera.height]) - INSIDE_PX)
        seen = np.asarray(inside.all(-1)) & (p_camera[..., 2] > 0)
    return Points190(
        p_camera=np.concatenate([np.where(there[..., None], p_camera, 0.0), there[..., None]], -1),
        q=np.concatenate([np.where(seen[..., None], q, 0.0), seen[..., None]], -1),
        mask=mask,
    )
