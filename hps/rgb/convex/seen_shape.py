"""One row's keypoints as the sparse model needs them, with the perspective taken out as far as a shape tells."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from hps.rgb.convex.refinement import TurnedShape

NEAREST = -0.6
"""Depth of a point before the body's middle, as a share of the middle's distance, that is believed at most."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SeenShape:
    """Keypoints on the plane at distance 1, and in units of the person's spread in the picture."""

    p: Float[Tensor, "rows keypoints 2"]
    weight: Float[Tensor, "rows keypoints"]
    spread: Float[Tensor, "rows"]
    """Slope to one unit of W: root mean square of the keypoints' distances from their mean."""
    W: Float[Tensor, "rows 2 keypoints"]
    """What a camera without perspective would see."""

    @classmethod
    def of(cls, p: Float[Tensor, "rows keypoints 2"], weight: Float[Tensor, "rows keypoints"]) -> SeenShape:
        """As if all keypoints were at the same depth."""
        share = (weight / weight.sum(1, keepdim=True))[..., None]
        around = p - (share * p).sum(1, keepdim=True)
        spread = (share * around.square()).sum((1, 2)).sqrt().clamp_min(1e-9)
        return cls(p=p, weight=weight, spread=spread, W=(p / spread[:, None, None]).mT)

    def corrected(self, shapes: Float[Tensor, "shapes 3 keypoints"], found: TurnedShape) -> SeenShape:
        """Each keypoint moved to where it would be seen at the depth of the body's middle, by a shape's depths.

        A point X = Z (T + R S) has slopes p = (T + R S)_xy / (1 + depth); p (1 + depth) is what a sum of basis shapes
        explains. Distances are in units of the middle's, so that no size is needed (as in POSIT, DeMenthon 1995).
        """
        body = torch.einsum("rk,kcp->rcp", found.c, shapes)
        depth = (found.R[:, 2:] @ body)[:, 0] * self.spread[:, None]
        moved = self.p * (1 + depth.clamp(NEAREST, -2 * NEAREST))[..., None]
        return replace(self, W=(moved / self.spread[:, None, None]).mT)

    def middle(self, shapes: Float[Tensor, "shapes 3 keypoints"], found: TurnedShape) -> Float[Tensor, "rows 2"]:
        """Where the origin of the shapes is seen, as slopes."""
        body = torch.einsum("rk,kcp->rcp", found.c, shapes)
        away = self.W - found.R[:, :2] @ body
        share = self.weight / self.weight.sum(1, keepdim=True)
        return (away * share[:, None]).sum(2) * self.spread[:, None]
