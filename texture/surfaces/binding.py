"""How a surface hangs on the body's skeleton."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Integer

INFLUENCES = 4
"""Joints of one vertex that every viewer supports; the open body and SMPL have no more."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Binding:
    """A surface in the body's rest pose and the joints that move each vertex, as skins in glTF and USD know them."""

    rest: Float32[np.ndarray, "vertices 3"]
    """In the frame of `BodyModel.shaped` (y up), metres."""
    joints: Integer[np.ndarray, "vertices 4"]
    """Index of each joint; 0 where the weight is 0."""
    weights: Float32[np.ndarray, "vertices 4"]
    """Sum to 1."""

    def __len__(self) -> int:
        """Number of vertices."""
        return len(self.rest)


def strongest_influences(
    weights: Float[np.ndarray, "vertices joints"],
) -> tuple[Integer[np.ndarray, "vertices 4"], Float[np.ndarray, "vertices 4"]]:
    """The four strongest joints of each vertex and their weights, which sum to 1; joint 0 where a weight is 0."""
    joints = np.argsort(-weights, 1, kind="stable")[:, :INFLUENCES]
    strongest = np.take_along_axis(weights.astype(np.float64), joints, 1)
    strongest = strongest / strongest.sum(1, keepdims=True)
    return np.where(strongest > 0, joints, 0), strongest


def bind(rest: Float[np.ndarray, "vertices 3"], weights: Float[np.ndarray, "vertices joints"]) -> Binding:
    """A surface at rest with the skinning weights of its vertices, of which the four strongest stay."""
    joints, strongest = strongest_influences(weights)
    return Binding(rest=rest.astype(np.float32), joints=joints.astype(np.uint8), weights=strongest.astype(np.float32))
