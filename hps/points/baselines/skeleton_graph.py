"""Features that pass along the skeleton: a small graph network over the joints and six limbs."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from body.joints import JOINT_COUNT, JOINT_INDEX, PARENTS

LIMBS: Final[tuple[tuple[str, ...], ...]] = (
    ("pelvis", "spine1", "spine2", "spine3"),
    ("neck", "head"),
    ("left_collar", "left_shoulder", "left_elbow", "left_wrist", "left_hand"),
    ("right_collar", "right_shoulder", "right_elbow", "right_wrist", "right_hand"),
    ("left_hip", "left_knee", "left_ankle", "left_foot"),
    ("right_hip", "right_knee", "right_ankle", "right_foot"),
)
"""One virtual node each, the trunk's first."""
NODE_COUNT: Final = JOINT_COUNT + len(LIMBS)


def skeleton_edges() -> Bool[Tensor, "nodes nodes"]:
    """Which nodes hear each other: themselves; a joint its parent, children and limb; a limb the trunk."""
    edges = torch.eye(NODE_COUNT, dtype=torch.bool)
    pairs = [(joint, parent) for joint, parent in enumerate(PARENTS) if parent >= 0]
    pairs += [(JOINT_INDEX[name], JOINT_COUNT + limb) for limb, names in enumerate(LIMBS) for name in names]
    pairs += [(JOINT_COUNT, JOINT_COUNT + limb) for limb in range(1, len(LIMBS))]
    for a, b in pairs:
        edges[a, b] = edges[b, a] = True
    return edges


class SkeletonLayer(nn.Module):
    """Each node adds what it makes of its neighbours, each edge with its learned weight.

    A graph convolution (Kipf and Welling, ICLR 2017) with semantic edge weights (Zhao et al., CVPR 2019).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.own = nn.Linear(width, width)
        self.heard = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.strength = nn.Parameter(torch.zeros(NODE_COUNT, NODE_COUNT))
        self.register_buffer("edges", skeleton_edges(), persistent=False)

    def forward(self, nodes: Float[Tensor, "batch nodes width"]) -> Float[Tensor, "batch nodes width"]:
        """The nodes after one step along the edges."""
        edges = self.get_buffer("edges")
        share = self.strength.masked_fill(~edges, -torch.inf).softmax(1)
        seen = self.norm(nodes)
        mixed = self.own(seen) + share.to(seen.dtype) @ self.heard(seen)
        return nodes + self.out(torch.relu(mixed))
