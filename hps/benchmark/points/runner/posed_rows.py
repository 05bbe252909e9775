"""Bodies of many people at once, each with a shape of its own: joints, skin, and the skin in the T-pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT
from body.loading import OPEN_BODY, read_body_model
from body.model import BodyModel
from body.parameters import BodyParameters
from body.skinning import Skinning

ROWS_AT_ONCE: Final = 32
"""Bounds the memory of skinning: 32 bodies of 6,900 vertices in float32 take 11 MB."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PosedRows:
    """One row a body, metres; NaN rows where there is none."""

    joints: Float[np.ndarray, "rows 24 3"]
    vertices: Float32[np.ndarray, "rows vertices 3"]
    at_rest: Float32[np.ndarray, "rows vertices 3"]
    """In the T-pose, as the model places it."""
    rotations: Float[np.ndarray, "rows 24 3 3"]
    """Of each joint against its parent, the root's in the cloud's frame."""


@lru_cache(maxsize=1)
def benchmark_model() -> BodyModel:
    """The body that the benchmark is scored on: the open one, whatever model the user has set."""
    return read_body_model(OPEN_BODY)


@lru_cache(maxsize=1)
def _skinning() -> Skinning:
    return Skinning(benchmark_model(), dtype=torch.float32)


def whole_rows(values: np.ndarray) -> Bool[np.ndarray, "rows"]:
    """Rows of which every number is finite."""
    return np.asarray(np.isfinite(values).all(axis=tuple(range(1, values.ndim))))


def posed_rows(parameters: Sequence[BodyParameters | None]) -> PosedRows:
    """Poses the bodies of the benchmark's model, one frame each, in float32: exact to some micrometres.

    Raises BodyError for betas that the model lacks.
    """
    model, skinning = benchmark_model(), _skinning()
    count = len(parameters)
    joints = np.full((count, JOINT_COUNT, 3), np.nan)
    rotations = np.full((count, JOINT_COUNT, 3, 3), np.nan)
    vertices = np.full((count, model.vertex_count, 3), np.nan, np.float32)
    at_rest = vertices.copy()
    there = [row for row, one in enumerate(parameters) if one is not None]
    for first in range(0, len(there), ROWS_AT_ONCE):
        rows = there[first : first + ROWS_AT_ONCE]
        chosen = [one for row in rows if (one := parameters[row]) is not None]
        for one in chosen:
            model.check_shape(len(one.betas), one.child)
        betas = np.zeros((len(rows), model.shape_count), np.float32)
        for place, one in enumerate(chosen):
            betas[place, : len(one.betas)] = one.betas
        turns = np.stack([np.concatenate([one.global_orient[0], one.body_pose[0]]).reshape(-1, 3) for one in chosen])
        transl = np.stack([one.transl[0] for one in chosen]).astype(np.float32)
        child = torch.tensor([one.child for one in chosen], dtype=torch.float32)
        with torch.no_grad():
            moved = skinning.transforms(
                torch.from_numpy(betas), torch.from_numpy(turns.astype(np.float32)), torch.from_numpy(transl), child
            )
            vertices[rows] = skinning.skin(moved.rest, moved.Ts_world_rest).numpy()
            joints[rows], at_rest[rows] = moved.joints.numpy(), moved.shaped.numpy()
        rotations[rows] = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(-1, JOINT_COUNT, 3, 3)
    return PosedRows(joints=joints, vertices=vertices, at_rest=at_rest, rotations=rotations)
