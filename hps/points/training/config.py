"""How a network is trained."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PackShare:
    """A pack and how much is taken of it."""

    folder: str
    share: Annotated[float, Field(gt=0)] = 1.0
    """Of the clouds of a step, against the shares of other packs."""
    clouds: Count | None = None
    """Only so many of its clouds, drawn with the training's seed; None: all."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class TrainConfig:
    """One training. The same values give the same weights on the same kind of machine, also after interruptions."""

    recipe: str
    packs: Annotated[tuple[PackShare, ...], Field(min_length=1)]
    steps: Count = 10_000
    batch: Count = 64
    points: Annotated[tuple[Count, ...], Field(min_length=1)] = (256, 512, 512, 1024)
    """Of a cloud; each step draws one of these numbers."""
    rate: Annotated[float, Field(gt=0)] = 1e-3
    """Of learning: rises over `warm` steps, stays, and falls to 0 over the last `falling` share of the steps."""
    warm: Count = 300
    falling: Share = 0.3
    decay: Annotated[float, Field(ge=0)] = 0.02
    """Of weights (Loshchilov and Hutter, AdamW)."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Most length of the gradient."""
    average: Annotated[float, Field(ge=0, lt=1)] = 0.998
    """Of the weights' running mean, which is what is judged and kept."""
    augmentation: str = "train_default"
    """A plan of hps.points.augmentation, by name or file."""
    bfloat16: bool = True
    """Products of matrices in bfloat16; losses and weights stay in float32."""
    seed: Annotated[int, Field(ge=0)] = 0
    begin: str = ""
    """A file of weights to begin with; empty: begin anew."""

    def rate_at(self, step: int) -> float:
        """Of learning, at a step counted from 0."""
        falling = max(1, round(self.falling * self.steps))
        return self.rate * min(1.0, (step + 1) / self.warm, max(0.0, (self.steps - step) / falling))


BLOCK: Final = 50
"""Steps between two lines of the log."""
