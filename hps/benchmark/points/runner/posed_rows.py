"""Bodies of many people at once, each with a shape of its own: joints, skin, and the skin in the T-pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32

from body.joints import JOINT_COUNT
from body.loading import OPEN_BODY, read_body_model
from body.model import BodyModel
from body.parameters import BodyParameters
from hps.metrics.posed_bodies import BodyPoser

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
def _poser() -> BodyPoser:
    return BodyPoser(benchmark_model(), torch.float32)


def whole_rows(values: np.ndarray) -> Bool[np.ndarray, "rows"]:
    """Rows of which every number is finite."""
    return np.asarray(np.isfinite(values).all(axis=tuple(range(1, values.ndim))))


def posed_rows(parameters: Sequence[BodyParameters | None]) -> PosedRows:
    """Poses the bodies of the benchmark's model, one frame each, in float32: exact to some micrometres.

    Raises BodyError for betas that the model lacks, HpsError for parameters of other than one frame.
    """
    poser, count, vertex_count = _poser(), len(parameters), benchmark_model().vertex_count
    joints = np.full((count, JOINT_COUNT, 3), np.nan)
    rotations = np.full((count, JOINT_COUNT, 3, 3), np.nan)
    vertices = np.full((count, vertex_count, 3), np.nan, np.float32)
    at_rest = vertices.copy()
    there = [(row, one) for row, one in enumerate(parameters) if one is not None]
    for first in range(0, len(there), ROWS_AT_ONCE):
        some = there[first : first + ROWS_AT_ONCE]
        rows, posed = [row for row, _ in some], poser.pose([one for _, one in some])
        vertices[rows], joints[rows], at_rest[rows] = posed.vertices, posed.joints, posed.rest
        rotations[rows] = posed.rotations
    return PosedRows(joints=joints, vertices=vertices, at_rest=at_rest, rotations=rotations)
