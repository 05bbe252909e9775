"""One person through a clip: keypoints are hidden behind heat-maps, weights and turns change smoothly (EM).

After Zhou et al. 2016, "Sparseness meets deepness": the E-step takes the average place of each keypoint under its
heat-map times a Gaussian about the body's picture; the M-step moves place, turns and weights towards those.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from hps.errors import HpsError
from hps.rgb.convex.heat_maps import HeatMaps
from hps.rgb.convex.lifter import ConvexLifter
from hps.rgb.convex.line_of_sight import LineOfSight
from hps.rgb.convex.refinement import TurnedShape, greatest_curvature, turned
from hps.rgb.convex.seen_shape import NEAREST, SeenShape
from hps.rgb.convex.sparse_weights import sparse_weights
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipConfig:
    """Penalties are in the unit of the squared misfit of keypoints of unit spread, at 25 frames a second."""

    smooth_weights: float = 8.0
    smooth_turns: float = 4.0
    misfit: float = 0.1
    """Standard deviation of keypoints about the model's picture, in units of the person's spread."""
    rounds: int = 20
    weight_steps: int = 10
    perspective: bool = True


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClipState:
    """The unknowns of a clip."""

    R: Float[Tensor, "frames 3 3"]
    """Along each frame's line of sight."""
    c: Float[Tensor, "frames shapes"]
    middle: Float[Tensor, "frames 2"]
    """Where the shapes' origin is seen, in units of the spread."""


class ConvexClipLifter:
    """Lifts all frames of a clip of one person together; they follow each other in time, evenly."""

    def __init__(self, lifter: ConvexLifter | None = None, config: ClipConfig | None = None) -> None:
        """lifter: gives the start, frame by frame, and the basis."""
        self.lifter = lifter or ConvexLifter()
        self.config = config or ClipConfig()
        self._steepest = greatest_curvature(self.lifter.shapes)

    @torch.no_grad()
    def __call__(self, batch: KeypointBatch, heat: HeatMaps | None = None) -> LiftedBodies:
        """A row a frame. heat: in pixels of the same pictures; by default peaks at the detections and their partners.

        Raises HpsError for heat-maps of another number of frames, and where the lifter does.
        """
        heat = HeatMaps.around(batch) if heat is None else heat
        if len(heat.at) != len(batch):
            raise HpsError(f"heat-maps of {len(heat.at)} frames for {len(batch)} frames of keypoints")
        answer = self.lifter.answer(batch)
        told = (batch.confidence > 0).double()
        spread = SeenShape.of(answer.sight.p, told).spread.median().expand(len(batch))
        peaks = on_sight(heat, batch, answer.sight, spread)
        start = self._start(answer.shape, answer.sight, told, spread)
        state, _ = self.solve(peaks, answer.sight, start, spread)
        found = TurnedShape(R=state.R, c=state.c, objective=answer.shape.objective)
        body = torch.einsum("rk,kcp->rcp", state.c, self.lifter.shapes)
        seen = SeenShape(
            p=answer.sight.p,
            weight=torch.ones_like(told),
            spread=spread,
            W=(state.R @ body)[:, :2] + state.middle[..., None],
        )
        return self.lifter.bodies(*self.lifter.placed(seen, found, answer.sight.R_camera_sight))

    def solve(
        self, peaks: HeatMaps, sight: LineOfSight, state: ClipState, spread: Float[Tensor, "frames"]
    ) -> tuple[ClipState, list[float]]:
        """EM from a start, and the penalised negative log-likelihood before each round.

        Without perspective it never rises; with it the depths that turn rays into places are those of the round before.
        """
        config, trace = self.config, []
        refinement = self.lifter.config.refinement
        shapes = self.lifter.shapes
        S = shapes - shapes.mean(2, keepdim=True)
        origin = shapes.mean(2)
        parity = torch.arange(len(state.c)) % 2 == 0
        for _ in range(config.rounds):
            stretch = self._stretch(state, spread)
            believed = self._picture(state) / stretch[..., None]
            places, likelihood = peaks.expected(believed, config.misfit)
            trace.append(float(-likelihood.sum()) + self._held(state, sight))
            W = (places * stretch[..., None]).mT
            target = W - W.mean(2, keepdim=True)
            body = torch.einsum("rk,kcp->rcp", state.c, S)
            R = state.R
            for now in (parity, ~parity):
                drawn = config.smooth_turns * _neighbours(R, sight.R_camera_sight)
                R = torch.where(now[:, None, None], turned(target, body, R, 1, drawn), R)
            seen = (R[:, None, :2] @ S).flatten(2)
            c = sparse_weights(
                seen @ seen.mT,
                (seen @ target.flatten(1)[..., None])[..., 0],
                lasso=refinement.lasso,
                ridge=refinement.ridge,
                steps=config.weight_steps,
                steepest=self._steepest,
                start=state.c,
                smooth=config.smooth_weights,
            )
            offset = W.mean(2) - (R[:, :2] @ (c @ origin)[..., None])[..., 0]
            state = ClipState(R=R, c=c, middle=offset)
        return state, trace

    def _start(self, found: TurnedShape, sight: LineOfSight, told: Tensor, spread: Tensor) -> ClipState:
        own = SeenShape.of(sight.p, told)
        c = found.c * (own.spread / spread)[:, None]
        seen = replace(own, spread=spread).corrected(self.lifter.shapes, replace(found, c=c))
        return ClipState(R=found.R, c=c, middle=seen.middle(self.lifter.shapes, replace(found, c=c)) / spread[:, None])

    def _picture(self, state: ClipState) -> Float[Tensor, "frames keypoints 2"]:
        body = torch.einsum("rk,kcp->rcp", state.c, self.lifter.shapes)
        return (state.R[:, :2] @ body + state.middle[..., None]).mT

    def _stretch(self, state: ClipState, spread: Tensor) -> Float[Tensor, "frames keypoints"]:
        """Depth of each keypoint over that of the shapes' origin."""
        if not self.config.perspective:
            return torch.ones(len(state.c), self.lifter.shapes.shape[2], dtype=state.c.dtype)
        body = torch.einsum("rk,kcp->rcp", state.c, self.lifter.shapes)
        return 1 + ((state.R[:, 2:] @ body)[:, 0] * spread[:, None]).clamp(NEAREST, -2 * NEAREST)

    def _held(self, state: ClipState, sight: LineOfSight) -> float:
        """The penalties over the variance of the misfit, as they stand beside a log-likelihood."""
        config, refinement = self.config, self.lifter.config.refinement
        R = sight.R_camera_sight @ state.R
        total = refinement.lasso * state.c.sum() + 0.5 * refinement.ridge * state.c.square().sum()
        total = total + 0.5 * config.smooth_weights * state.c.diff(dim=0).square().sum()
        total = total + 0.5 * config.smooth_turns * R.diff(dim=0).square().sum()
        return float(total) / config.misfit**2


def on_sight(heat: HeatMaps, batch: KeypointBatch, sight: LineOfSight, spread: Float[Tensor, "frames"]) -> HeatMaps:
    """Heat-maps of pixels as slopes along each frame's line of sight, in units of the spread."""
    rays = torch.cat([heat.at, torch.ones_like(heat.at[..., :1])], -1).flatten(1, 2)
    turn = sight.R_camera_sight.mT @ torch.linalg.inv(batch.K.double())
    seen = (rays @ turn.mT).view(*heat.at.shape[:-1], 3)
    slopes = seen[..., :2] / seen[..., 2:].clamp_min(0.17)
    return heat.in_units(slopes / spread[:, None, None, None], sight.slope_px * spread)


def _neighbours(R: Tensor, R_camera_sight: Tensor) -> Tensor:
    """Sum of the turns before and after, as each frame sees them."""
    inside = R_camera_sight @ R
    total = torch.zeros_like(R)
    total[1:] += inside[:-1]
    total[:-1] += inside[1:]
    return R_camera_sight.mT @ total
