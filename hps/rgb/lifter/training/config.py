"""How the lifting network is trained."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hps.rgb.lifter.config import LifterConfig

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Supervision = Literal["full", "ordinal"]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LifterTraining:
    """One training. People are simulated as they are needed, so that none is seen twice from the same side."""

    network: LifterConfig = LifterConfig()
    steps: Count = 14_500
    batch: Count = 512
    rate: Annotated[float, Field(gt=0)] = 1.5e-3
    """Of learning: rises over `warm` steps, stays, and falls to 0 over the last `falling` share of the steps."""
    warm: Count = 300
    falling: Share = 0.5
    decay: Annotated[float, Field(ge=0)] = 0.01
    """Of weights (Loshchilov and Hutter, AdamW)."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Of the weights' running mean, which is what is judged and kept."""
    distance_alone: Share = 0.1
    """Of the steps, at the beginning, in which deviations are not learnt."""
    detected: Share = 0.7
    """Of the people: their keypoints err as the detector's do. Those of the others are exact."""
    hidden: Share = 0.3
    """Of the people: limbs, or what is beyond a line across the picture, are not known."""
    focal_unsure: Share = 0.15
    """Of the people: the focal length is off, and said to be supposed."""
    supervision: Supervision = "full"
    """full: all that is true. ordinal: x and y of the landmarks, and of depth only which joint of two is nearer."""
    bfloat16: bool = True
    seed: Annotated[int, Field(ge=0)] = 0

    def rate_at(self, step: int) -> float:
        """Of learning, at a step counted from 0."""
        falling = max(1, round(self.falling * self.steps))
        return self.rate * min(1.0, (step + 1) / self.warm, max(0.0, (self.steps - step) / falling))


BLOCK: Final = 100
"""Steps between two lines of the log."""
