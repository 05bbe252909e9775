"""A body as a network regresses it, and how far it is from the true one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from body.joints import JOINT_COUNT
from body.model import BodyModel
from body.skinning import Skinning
from hps.points.cloud_batch import CloudBatch
from hps.points.landmarks import MARKER_COUNT, landmarks_of
from hps.points.unknowns import SHAPES

VERTEX_COUNT: Final = 200
"""Vertices that losses look at: the markers first."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyOutput:
    """Bodies, in the frame of the clouds. Metres and radians."""

    rotations: Float[Tensor, "batch 24 3 3"]
    """Of each joint against its parent; the root's in the frame."""
    betas: Float[Tensor, "batch 10"]
    child: Float[Tensor, "batch"]
    transl: Float[Tensor, "batch 3"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyDistance:
    """Mean absolute differences between bodies and the true ones, each a number; metres where it is a length."""

    joints: Float[Tensor, ""]
    vertices: Float[Tensor, ""]
    rotations: Float[Tensor, ""]
    """Of the entries of the matrices."""
    betas: Float[Tensor, ""]
    child: Float[Tensor, ""]


@lru_cache(maxsize=4)
def loss_vertices(model: BodyModel) -> Int64[np.ndarray, "200"]:
    """The markers, then random vertices, the same ones every time."""
    markers = landmarks_of(model).markers
    others = np.setdiff1d(np.arange(model.vertex_count), markers)
    drawn = np.random.default_rng(0).choice(others, VERTEX_COUNT - len(markers), replace=False)
    return np.concatenate([markers, np.sort(drawn)]).astype(np.int64)


def loss_skinning(model: BodyModel, device: torch.device | str = "cpu") -> Skinning:
    """The body that losses are taken on: 24 joints and the vertices of `loss_vertices`."""
    return Skinning(model, torch.float32, device, loss_vertices(model))


def body_distance(output: BodyOutput, batch: CloudBatch, skinning: Skinning) -> BodyDistance:
    """How far bodies are from the true ones.

    Joints and markers are compared for every cloud; parameters and the other vertices only where the true parameters
    are exact. Matrices need not be rotations: they are applied as they are.
    """
    betas = batch.betas[:, :SHAPES]
    vertices, joints = skinning.pose(output.betas, output.rotations, output.transl, output.child)
    with torch.no_grad():
        true_vertices, _ = skinning.pose(batch.betas, batch.rotations, batch.transl, batch.child)
    true_joints, markers = batch.landmarks[:, :JOINT_COUNT], batch.landmarks[:, JOINT_COUNT:]
    exact = batch.exact.to(vertices.dtype)
    of_markers = (vertices[:, :MARKER_COUNT] - markers).abs().mean((1, 2))
    of_others = (vertices[:, MARKER_COUNT:] - true_vertices[:, MARKER_COUNT:]).abs().mean((1, 2))
    share = MARKER_COUNT / VERTEX_COUNT
    of_vertices = torch.where(batch.exact, share * of_markers + (1 - share) * of_others, of_markers)
    return BodyDistance(
        joints=(joints - true_joints).abs().mean(),
        vertices=of_vertices.mean(),
        rotations=_mean_of((output.rotations - batch.rotations).abs().mean((1, 2, 3)), exact),
        betas=_mean_of((output.betas - betas).abs().mean(1), exact),
        child=_mean_of((output.child - batch.child).abs(), exact),
    )


def _mean_of(values: Float[Tensor, "batch"], counted: Float[Tensor, "batch"]) -> Float[Tensor, ""]:
    """Zero where none counts."""
    return (values * counted).sum() / counted.sum().clamp_min(1)
