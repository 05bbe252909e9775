"""How much wider the network's deviations must be to hold as many errors as they say: measured on validation data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hps.rgb.lifted import LiftedBodies
from hps.rgb.lifter.person_view import onto_z
from hps.rgb.lifting_batch import LiftingBatch


@dataclass(frozen=True, kw_only=True, slots=True)
class Widening:
    """Factors of standard deviations; 1 leaves them as the network says them."""

    across: float = 1.0
    along: float = 1.0
    root_across: float = 1.0
    root_along: float = 1.0

    def applied(self, bodies: LiftedBodies) -> LiftedBodies:
        """The same bodies with these deviations."""
        sigma = bodies.sigma.new_tensor([self.across, self.along])
        root = bodies.sigma.new_tensor([self.root_across, self.root_along])
        return replace(bodies, sigma=bodies.sigma * sigma, root_sigma=bodies.root_sigma * root)

    @classmethod
    def of(cls, described: dict[str, Any]) -> Widening:
        """As a file of weights tells it; without a word of it there is none."""
        return cls(**described.get("widening", {}))


def measured_widening(bodies: LiftedBodies, truth: LiftingBatch) -> Widening:
    """The factors with which 68 % intervals along each axis hold 68 % of the errors of these people.

    bodies: as a lifter without widening says them.
    """
    relative = truth.landmarks - truth.landmarks[:, :1]
    error = split_errors(bodies.relative - relative, bodies.root)[:, 1:]
    root = split_errors((bodies.root - truth.landmarks[:, 0])[:, None], bodies.root)[:, 0]
    return Widening(
        across=_factor(error[..., :2], bodies.sigma[:, 1:, :1]),
        along=_factor(error[..., 2], bodies.sigma[:, 1:, 1]),
        root_across=_factor(root[:, :2], bodies.root_sigma[:, :1]),
        root_along=_factor(root[:, 2], bodies.root_sigma[:, 1]),
    )


def split_errors(
    error: Float[Tensor, "batch points 3"], root: Float[Tensor, "batch 3"]
) -> Float[Tensor, "batch points 3"]:
    """Errors along two axes across the ray of the root, and along it."""
    return error @ onto_z(torch.nn.functional.normalize(root, dim=-1)).transpose(1, 2)


def _factor(error: Tensor, sigma: Tensor) -> float:
    """The 68.27 % quantile of errors over deviations: of at most a million of them, at even steps."""
    ratio = (error.abs() / sigma.clamp_min(1e-9)).flatten()
    return float(ratio[:: max(1, len(ratio) // 1_000_000)].quantile(0.6827))
