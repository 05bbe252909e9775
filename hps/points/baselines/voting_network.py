"""Points that vote for joints, joints that complete each other, and a body from them: VoteHMR, written anew.

From the description of Liu, Rong and Sheng, "VoteHMR: Occlusion-Aware Voting Network for Robust 3D Human Mesh Recovery
from Partial Point Clouds" (ACM MM 2021, arXiv 2110.08729), without its code. What the description leaves open is
stated at its place. Rays come in beside the points, as they do for every other network here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import torch
from jaxtyping import Float
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as config_dataclass
from torch import Tensor, nn

from body.joints import JOINT_COUNT
from body.skinning import Skinning
from hps.points.baselines.body_output import BodyOutput
from hps.points.baselines.set_abstraction import SetAbstraction, shared_layers, spread_back
from hps.points.baselines.skeleton_graph import LIMBS, SkeletonLayer
from hps.points.canonical import STANDING
from hps.points.cloud_batch import CloudBatch
from hps.points.network.neighbourhoods import farthest_points, taken
from hps.points.part_labels import NOT_BODY
from hps.points.unknowns import SHAPES

Count = Annotated[int, Field(ge=1)]
PARTS: Final = NOT_BODY + 1
SEEN: Final = 4.0
"""Points of a part with which its joint counts as half seen."""


@config_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class VotingConfig:
    """One network. What a file of weights needs to be read again."""

    points: Count = 1024
    """Points of a cloud that it sees."""
    centers: Count = 128
    """Of the first level; the second keeps a quarter of them."""
    neighbours: Count = 16
    width: Count = 128
    """Of the features of the first level, of a point and of a joint; those of the second are twice as wide."""
    hidden: Count = 512
    """Features of the whole cloud."""
    steps: Count = 4
    """Along the skeleton, to complete the joints; half as many again for their rotations."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VotingOutput:
    """Votes, joints and bodies, metres, in the frame of the input."""

    part_logits: Float[Tensor, "batch points 25"]
    votes: Float[Tensor, "batch points 3"]
    """Where each point takes the joint of its part to be."""
    joints: Float[Tensor, "batch 24 3"]
    """After they completed each other; no body has been posed yet."""
    matrices: Float[Tensor, "batch 24 3 3"]
    """Rotations as they are regressed: nine numbers, nearly orthonormal at most."""
    betas: Float[Tensor, "batch 10"]
    child: Float[Tensor, "batch"]
    transl: Float[Tensor, "batch 3"]

    @property
    def rotations(self) -> Float[Tensor, "batch 24 3 3"]:
        """The matrices as they are: what training poses bodies with."""
        return self.matrices

    def as_regressed(self) -> BodyOutput:
        """The body that training poses, with matrices that may stretch."""
        return BodyOutput(rotations=self.matrices, betas=self.betas, child=self.child, transl=self.transl)

    def body(self) -> BodyOutput:
        """The body with the nearest rotations."""
        u, _, v = torch.linalg.svd(self.matrices.detach().double())
        sign = torch.ones(*u.shape[:-2], 3, dtype=u.dtype, device=u.device)
        sign[..., 2] = torch.linalg.det(u @ v)
        rotations = ((u * sign[..., None, :]) @ v).to(self.matrices.dtype)
        return BodyOutput(rotations=rotations, betas=self.betas, child=self.child, transl=self.transl)


class VotingNetwork(nn.Module):
    """PointNet++ → part and vote of each point → joints → completed along the skeleton → pose; the whole → shape.

    Left open by the description and chosen here: votes are gathered by the probability of their part, so that nothing
    is sorted or cut off; the body stands where its pelvis was found, which a small correction by the whole cloud
    turns into a translation (the published numbers were taken with the true one).
    """

    def __init__(self, config: VotingConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or VotingConfig()
        width, hidden, near = config.width, config.hidden, config.neighbours
        self.first = SetAbstraction(6, (64, 96, width), near)
        self.second = SetAbstraction(width + 3, (width, width, 2 * width), near)
        self.whole = shared_layers(2 * width + 3, 2 * width, hidden)
        self.back = shared_layers(3 * width, width, width)
        self.each_point = shared_layers(width + 6, width, width)
        self.part = nn.Linear(width, PARTS)
        self.offset = nn.Linear(width, 3)
        self.vote_feature = shared_layers(width + 3, width)
        self.unseen = nn.Parameter(0.02 * torch.randn(JOINT_COUNT, width))
        self.limbs = nn.Parameter(0.02 * torch.randn(len(LIMBS), width))
        self.of_place = nn.Linear(4, width)
        self.of_whole = nn.Linear(hidden, width)
        self.completing = nn.Sequential(*(SkeletonLayer(width) for _ in range(config.steps)))
        self.step = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3))
        self.placed = nn.Linear(3, width)
        self.turning = nn.Sequential(*(SkeletonLayer(width) for _ in range(max(1, config.steps // 2))))
        self.rotation = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 9))
        self.joint_rotation = nn.Parameter(torch.zeros(JOINT_COUNT, 3, 3))
        self.shape = nn.Sequential(shared_layers(hidden, hidden), nn.Linear(hidden, SHAPES + 1 + 3))
        self._start()

    def forward(self, points: Float[Tensor, "batch points 3"], rays: Float[Tensor, "batch points 3"]) -> VotingOutput:
        """What is seen in clouds of any number of points, at least as many as there are centres."""
        each, whole = self._backbone(points, rays)
        part_logits = self.part(each).float()
        votes = points + self.offset(each).float()
        seen, places, joints = self._gathered(each, part_logits, votes)
        nodes = self._joint_nodes(seen, places, joints, whole)
        nodes = self.completing(nodes)
        found = seen[..., None] * places + self.step(nodes[:, :JOINT_COUNT]).float()
        nodes = torch.cat([nodes[:, :JOINT_COUNT] + self.placed(found), nodes[:, JOINT_COUNT:]], 1)
        turned = self.rotation(self.turning(nodes)[:, :JOINT_COUNT]).float().unflatten(-1, (3, 3))
        betas, child, shift = self.shape(whole).float().split([SHAPES, 1, 3], 1)
        return VotingOutput(
            part_logits=part_logits,
            votes=votes,
            joints=found,
            matrices=self.joint_rotation + turned,
            betas=betas,
            child=child[:, 0],
            transl=found[:, 0] + shift,
        )

    def losses(self, output: VotingOutput, batch: CloudBatch, skinning: Skinning) -> dict[str, Tensor]:
        """Weighted; `skinning` is that of `loss_skinning`. See `hps.points.baselines.voting_losses`."""
        from hps.points.baselines.voting_losses import voting_losses

        return voting_losses(output, batch, skinning)

    def _backbone(self, points: Tensor, rays: Tensor) -> tuple[Float[Tensor, "batch points width"], Tensor]:
        """Features of each point, and of the whole cloud."""
        centers = farthest_points(points, self.config.centers)
        # The farthest points of the farthest points are the first of them.
        fewer = torch.arange(max(3, self.config.centers // 4), device=points.device).expand(len(points), -1)
        own = torch.cat([points, rays], -1)
        middle = taken(points, centers)
        found = self.first(points, own, centers)
        far = taken(middle, fewer)
        coarse = self.second(middle, torch.cat([middle.to(found.dtype), found], -1), fewer)
        whole = self.whole(torch.cat([far.to(coarse.dtype), coarse], -1)).amax(1)
        found = self.back(torch.cat([found, spread_back(middle, far, coarse)], -1))
        spread = spread_back(points, middle, found)
        return self.each_point(torch.cat([own.to(spread.dtype), spread], -1)), whole

    def _gathered(
        self, each: Tensor, part_logits: Tensor, votes: Tensor
    ) -> tuple[Float[Tensor, "batch 24"], Float[Tensor, "batch 24 3"], Float[Tensor, "batch 24 width"]]:
        """How far each joint is seen (0 to 1), where its points' votes meet, and the mean of what they know."""
        share = part_logits.softmax(-1)[..., :JOINT_COUNT].transpose(1, 2)
        mass = share.sum(-1)
        share = share / mass.clamp_min(1e-6)[..., None]
        places = share @ votes
        known = self.vote_feature(torch.cat([each, votes.to(each.dtype)], -1))
        return mass / (mass + SEEN), places, share.to(known.dtype) @ known

    def _joint_nodes(self, seen: Tensor, places: Tensor, joints: Tensor, whole: Tensor) -> Tensor:
        """Nodes of the graph before its first step; the limbs begin with what is known of the whole cloud."""
        much = seen[..., None].to(joints.dtype)
        place = self.of_place(torch.cat([much * places.to(joints.dtype), much], -1))
        nodes = much * joints + (1 - much) * self.unseen + place
        limbs = self.limbs + self.of_whole(whole)[:, None]
        return torch.cat([nodes, limbs.to(nodes.dtype)], 1)

    def _start(self) -> None:
        """The first answer is near a person who stands and looks at the camera; votes begin at the points."""
        for last in (self.rotation[-1], self.step[-1], self.shape[-1], self.offset):
            assert isinstance(last, nn.Linear)
            nn.init.normal_(last.weight, std=1e-3)
            nn.init.zeros_(last.bias)
        with torch.no_grad():
            self.joint_rotation += torch.eye(3)
            self.joint_rotation[0] = torch.tensor(STANDING)
