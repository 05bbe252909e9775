"""The other body that a picture could be of: the same, mirrored in depth, as near as a person can come to that."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from hps.rgb.convex.refinement import TurnedShape


def depth_twin(found: TurnedShape) -> TurnedShape:
    """A start for the twin: the front of the trunk where the back was, seen under the same outline.

    Mirroring a body in depth keeps its orthographic picture, and makes its left its right unless it is flat. A trunk is
    nearly flat from front to back, so that the nearest person turns as the mirrored trunk does. The basis shapes face
    along z. The weights are kept: the refinement that follows bends the limbs. The objective is not that of the twin.
    """
    back = found.R.new_tensor([1.0, 1.0, -1.0])
    return TurnedShape(R=back[:, None] * found.R * back, c=found.c, objective=found.objective)


def better(first: TurnedShape, second: TurnedShape) -> tuple[TurnedShape, TurnedShape, Float[Tensor, "rows"]]:
    """Row by row the one of the lower objective, the other one, and the other's objective over the first's."""
    swap = second.objective < first.objective
    chosen = TurnedShape(
        R=torch.where(swap[:, None, None], second.R, first.R),
        c=torch.where(swap[:, None], second.c, first.c),
        objective=torch.where(swap, second.objective, first.objective),
    )
    other = TurnedShape(
        R=torch.where(swap[:, None, None], first.R, second.R),
        c=torch.where(swap[:, None], first.c, second.c),
        objective=torch.where(swap, first.objective, second.objective),
    )
    return chosen, other, other.objective / chosen.objective.clamp_min(torch.finfo(chosen.R.dtype).tiny)
