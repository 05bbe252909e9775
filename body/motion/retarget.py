"""Put a motion clip on a body of any shape, in the z-up world, on the floor and inside the capture volume."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joints import JOINT_INDEX
from body.model import BodyModel
from body.motion.clip import MotionClip
from body.motion.floor import floor_correction
from body.parameters import BodyParameters

_LEFT = [JOINT_INDEX[f"left_{name}"] for name in ("hip", "knee", "ankle")]
_RIGHT = [JOINT_INDEX[f"right_{name}"] for name in ("hip", "knee", "ankle")]


def to_parameters(
    clip: MotionClip,
    model: BodyModel,
    betas: Float[np.ndarray, "shapes"] | None = None,
    child: float = 0.0,
    *,
    heading_rad: float = -np.pi / 2,
    origin_xy: tuple[float, float] = (0.0, 0.0),
    place: Literal["start", "centre", "in_place"] = "centre",
    floor: Literal["contact", "clip", "none"] = "contact",
) -> BodyParameters:
    """Parameters of the body doing the clip, at the clip's rate.

    heading_rad: where the clip's forward axis points, from +x towards +y; -pi/2 looks along -y, which is SMPL's own
    front turned up. place: "start" puts the first frame's pelvis over `origin_xy`; "centre" the middle of the range
    that the pelvis covers; "in_place" also takes out the mean travel, so a walker walks on the spot. floor: "contact"
    corrects the height of each frame so that the body stands on z = 0 (floor.py); "clip" moves the whole clip, so
    that the 10 % lowest frames are at or below z = 0; "none" keeps the source's height. Positions scale with the
    leg length. Raises BodyError for betas or a child factor that the model lacks.
    """
    joints = model.rest_joints(betas, child)
    scale = leg_length(joints) / clip.leg_length_m
    root = Rotation.from_rotvec(clip.rotations[:, 0])
    hips = scale * (clip.root_positions + root.apply(clip.root_to_hips))
    pelvis = hips - root.apply(hip_middle(joints) - joints[0])
    R_world_clip = Rotation.from_rotvec([0, 0, heading_rad + np.pi / 2]) * Rotation.from_rotvec([np.pi / 2, 0, 0])
    pelvis = R_world_clip.apply(pelvis)
    pelvis[:, :2] += np.asarray(origin_xy) - _middle(pelvis[:, :2], place)
    parameters = BodyParameters(
        betas=np.zeros(0) if betas is None else np.asarray(betas, np.float64),
        child=child,
        global_orient=(R_world_clip * root).as_rotvec(),
        body_pose=clip.rotations[:, 1:].reshape(len(clip), 69),
        transl=pelvis - joints[0],
    )
    if floor == "none":
        return parameters
    vertices = model.pose(parameters).vertices
    if floor == "contact":
        lift = floor_correction(vertices, clip.rate_hz)
    else:
        lift = np.full(len(clip), -np.quantile(vertices[..., 2].min(1), 0.1))
    return replace(parameters, transl=parameters.transl + lift[:, None] * np.array([0.0, 0.0, 1.0]))


def from_parameters(
    parameters: BodyParameters, model: BodyModel, rate_hz: float, name: str, licence: str = ""
) -> MotionClip:
    """The clip of a body in the z-up world: `to_parameters` the other way round, for the front along -y."""
    joints = model.rest_joints(parameters.betas, parameters.child)
    upright = Rotation.from_rotvec([-np.pi / 2, 0, 0])
    root = (upright * Rotation.from_rotvec(parameters.global_orient)).as_rotvec()
    return MotionClip(
        name=name,
        rate_hz=rate_hz,
        rotations=np.concatenate([root, parameters.body_pose], 1).reshape(len(parameters), 24, 3),
        root_positions=upright.apply(parameters.transl + joints[0]),
        leg_length_m=leg_length(joints),
        root_to_hips=hip_middle(joints) - joints[0],
        licence=licence,
    )


def leg_length(joints: Float[np.ndarray, "24 3"]) -> float:
    """Hip to knee to ankle, mean of both legs, metres."""
    return float(np.mean([np.linalg.norm(np.diff(joints[leg], axis=0), axis=1).sum() for leg in (_LEFT, _RIGHT)]))


def hip_middle(joints: Float[np.ndarray, "24 3"]) -> Float[np.ndarray, "3"]:
    """The point between the hips."""
    return (joints[_LEFT[0]] + joints[_RIGHT[0]]) / 2


def _middle(xy: np.ndarray, place: str) -> np.ndarray:
    """What to subtract from the pelvis' path: a point, or a point that travels."""
    if place == "start":
        return xy[0]
    if place == "centre" or len(xy) == 1:
        return (xy.min(0) + xy.max(0)) / 2
    travel = np.linspace(0, 1, len(xy))[:, None] * (xy[-1] - xy[0])
    still = xy - travel
    return travel + (still.min(0) + still.max(0)) / 2
