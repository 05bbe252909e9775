"""Keypoints to bodies by the convex relaxation and its refinement: nothing learned from pictures, nor from cameras."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from body.joints import PARENTS
from body.loading import load_body_model
from body.model import BodyModel
from hps.errors import HpsError
from hps.points.fitting.body import FitBody
from hps.points.fitting.start import closed_form
from hps.rgb.convex.admm import AdmmConfig, relaxed_lifting
from hps.rgb.convex.common_turn import common_turn
from hps.rgb.convex.depth_twin import better, depth_twin
from hps.rgb.convex.line_of_sight import LineOfSight, line_of_sight
from hps.rgb.convex.refinement import RefinementConfig, TurnedShape, refined
from hps.rgb.convex.seen_shape import SeenShape
from hps.rgb.convex.shape_basis import ShapeBasis, default_shape_basis
from hps.rgb.detector_error.one_view import ONE_VIEW_NOISE
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies

LEAST_KEYPOINTS: Final = 6
CHILDREN: Final = np.arange(1, len(PARENTS))


@dataclass(frozen=True, kw_only=True, slots=True)
class ConvexConfig:
    """The steps of one lifting; docs/convex_lifting.md has the measurements."""

    relaxation: AdmmConfig = field(default_factory=lambda: AdmmConfig(weight=0.3, tolerance=1e-3, iterations=200))
    refinement: RefinementConfig = field(default_factory=lambda: RefinementConfig())
    perspective_rounds: int = 3
    """How often the depths of the shape correct the picture; 0: weak perspective."""
    misfit: float = 0.06
    """What basis shapes leave over, in units of the person's spread: detections worse than this count less."""
    twin: bool = True
    """Whether the body mirrored in depth is tried too."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ConvexAnswer:
    """What was lifted, and how sure the choice between it and its twin is."""

    bodies: LiftedBodies
    twin_root: Float[Tensor, "batch 3"]
    twin_relative: Float[Tensor, "batch landmarks 3"]
    """The same of the body that is nearly mirrored in depth; as in `bodies` where no twin was asked for."""
    twin_ratio: Float[Tensor, "batch"]
    """Objective of the twin over that of the answer: near 1 the picture does not say which of the two it is."""
    shape: TurnedShape
    """Turn, along the line of sight, and weights."""
    sight: LineOfSight
    converged: Bool[Tensor, "batch"]
    """Whether the relaxation met its tolerance."""


class ConvexLifter:
    """A lifter (`hps.rgb.lifting.Lifter`) of people of average size."""

    def __init__(
        self, config: ConvexConfig | None = None, *, basis: ShapeBasis | None = None, body: BodyModel | None = None
    ) -> None:
        """The body is the one whose rotations and betas are told; the open body by default."""
        self.config = config or ConvexConfig()
        self.basis = basis or default_shape_basis()
        self._body = FitBody.of(body or load_body_model())
        spread = self.basis.keypoints - self.basis.keypoints.mean(2, keepdim=True)
        self.unit_m = float(spread.square().sum(1).mean().sqrt())
        """Metres to one unit of `shapes`."""
        self.shapes = self.basis.keypoints / self.unit_m

    def __call__(self, batch: KeypointBatch) -> LiftedBodies:
        """A row for each row of the batch. Raises HpsError as `answer` does."""
        return self.answer(batch).bodies

    @torch.no_grad()
    def answer(self, batch: KeypointBatch) -> ConvexAnswer:
        """The lifted bodies with their twins. Raises HpsError for people with fewer than 6 keypoints."""
        few = (batch.confidence > 0).sum(1) < LEAST_KEYPOINTS
        if few.any():
            row = int(few.nonzero()[0])
            raise HpsError(
                f"person {row} has {int((batch.confidence[row] > 0).sum())} keypoints of confidence above 0, at least "
                f"{LEAST_KEYPOINTS} are needed; leave such people out"
            )
        sight = line_of_sight(batch)
        seen = SeenShape.of(sight.p, self._weights(batch, sight.p, sight.slope_px))
        relaxed = relaxed_lifting(seen.W, seen.weight, self.shapes, self.config.relaxation)
        R, c = common_turn(relaxed.M)
        start = TurnedShape(R=R, c=c, objective=relaxed.objective)
        found, view = self._refined(seen, start)
        if self.config.twin:
            other, other_view = self._refined(seen, depth_twin(found))
        else:
            other, other_view = found, view
        chosen, rest, ratio = better(found, other)
        swap = (other.objective < found.objective)[:, None, None]
        W, W_rest = (torch.where(swap, *pair) for pair in ((other_view.W, view.W), (view.W, other_view.W)))
        relative, root = self.placed(replace(seen, W=W), chosen, sight.R_camera_sight)
        twin_relative, twin_root = self.placed(replace(seen, W=W_rest), rest, sight.R_camera_sight)
        return ConvexAnswer(
            bodies=self.bodies(relative, root),
            twin_root=twin_root.float(),
            twin_relative=twin_relative.float(),
            twin_ratio=ratio,
            converged=relaxed.converged,
            shape=chosen,
            sight=sight,
        )

    def _weights(self, batch: KeypointBatch, p: Tensor, slope_px: Tensor) -> Tensor:
        """1 for a keypoint whose error is small beside what basis shapes leave over, less for others, 0 for missing."""
        confidence = batch.confidence.double()
        told = (confidence > 0).double()
        sigma = torch.as_tensor(ONE_VIEW_NOISE.sigma_px(confidence.numpy(), batch.pixel_size.double().numpy()))
        spread = SeenShape.of(p, told).spread
        share = sigma / (slope_px * spread)[:, None] / self.config.misfit
        return told / (1 + share.square())

    def _refined(self, seen: SeenShape, start: TurnedShape) -> tuple[TurnedShape, SeenShape]:
        found = refined(seen.W, seen.weight, self.shapes, start, self.config.refinement)
        for _ in range(self.config.perspective_rounds):
            seen = seen.corrected(self.shapes, found)
            found = refined(seen.W, seen.weight, self.shapes, found, self.config.refinement)
        return found, seen

    def placed(self, seen: SeenShape, found: TurnedShape, R_camera_sight: Tensor) -> tuple[Tensor, Tensor]:
        """Landmarks from the pelvis and the pelvis, metres, in the camera's frame, of a person of average size."""
        shape = torch.einsum("rk,kcp->rcp", found.c, self.basis.landmarks / self.unit_m)
        shape = (found.R @ shape).mT * seen.spread[:, None, None]
        distance = self.basis.bones_m / bones(shape).clamp_min(1e-6)
        middle = torch.cat([seen.middle(self.shapes, found), torch.ones_like(distance)[:, None]], 1)
        landmarks = distance[:, None, None] * (middle[:, None] + shape) @ R_camera_sight.mT
        return landmarks - landmarks[:, :1], landmarks[:, 0]

    def bodies(self, relative: Tensor, root: Tensor) -> LiftedBodies:
        across = self.basis.sigma[:, 0]
        information = np.tile(1 / np.maximum(across.numpy(), 1e-3) ** 2, (len(relative), 1))
        states = closed_form(self._body, (root[:, None] + relative).numpy(), information)
        coefficients = torch.as_tensor(states.coefficients).float()
        shapes = self._body.shapes
        child = coefficients[:, shapes] if self._body.has_child else torch.zeros(len(root))
        return LiftedBodies(
            relative=relative.float(),
            sigma=self.basis.sigma.float().expand(len(relative), -1, -1).clone(),
            root=root.float(),
            root_sigma=(self.basis.root_sigma * root.norm(dim=1, keepdim=True)).float(),
            rotations=torch.as_tensor(states.rotations).float(),
            betas=coefficients[:, :shapes],
            child=child,
        )


def bones(landmarks: Float[Tensor, "*rows landmarks 3"]) -> Float[Tensor, "*rows"]:
    """Length of all bones together."""
    joints = landmarks[..., : len(PARENTS), :]
    parents = [PARENTS[joint] for joint in CHILDREN]
    return (joints[..., CHILDREN, :] - joints[..., parents, :]).norm(dim=-1).sum(-1)
