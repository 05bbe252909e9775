"""Pose a body over a clip with numpy arrays in and out; torch does the work in chunks of frames."""

from __future__ import annotations

import functools

import numpy as np
import torch

from body.joints import JOINT_COUNT
from body.model import BodyModel, PosedBody
from body.parameters import BodyParameters
from body.skinning import Skinning

FRAMES_PER_CHUNK = 32
"""Bounds the memory of the blended transforms: 32 frames of 6,900 vertices in float64 take 21 MB."""


def pose_body(model: BodyModel, parameters: BodyParameters) -> PosedBody:
    """Vertices and joints of every frame, in float64; raises BodyError as `BodyModel.check_shape` does."""
    skinning = _skinning(model)
    frames = len(parameters)
    vertices = np.empty((frames, model.vertex_count, 3))
    joints = np.empty((frames, JOINT_COUNT, 3))
    transforms = np.empty((frames, JOINT_COUNT, 4, 4))
    rotations = np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(frames, JOINT_COUNT, 3)
    betas = torch.as_tensor(np.asarray(parameters.betas, np.float64))
    with torch.no_grad():
        for start in range(0, frames, FRAMES_PER_CHUNK):
            chunk = slice(start, start + FRAMES_PER_CHUNK)
            moved = skinning.transforms(
                betas,
                torch.as_tensor(rotations[chunk].astype(np.float64)),
                torch.as_tensor(np.asarray(parameters.transl[chunk], np.float64)),
                child=parameters.child,
            )
            vertices[chunk] = skinning.skin(moved.rest, moved.Ts_world_rest).numpy()
            joints[chunk], transforms[chunk] = moved.joints.numpy(), moved.Ts_world_rest.numpy()
    return PosedBody(vertices=vertices, joints=joints, transforms=transforms)


@functools.lru_cache(maxsize=2)
def _skinning(model: BodyModel) -> Skinning:
    return Skinning(model, dtype=torch.float64)
