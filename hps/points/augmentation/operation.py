"""What every operation on a batch of clouds is: a value that says what is done, and to which share of the clouds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Bool, Float
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hps.points.augmentation.body_facts import BodyFacts
from hps.points.cloud_batch import CloudBatch

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
"""A misspelt field of a plan is an error."""
Share = Annotated[float, Field(ge=0, le=1)]
Length = Annotated[float, Field(ge=0, le=2)]
"""Metres."""
Degrees = Annotated[float, Field(ge=0, le=180)]


@plain_dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Draw:
    """Where an operation's randomness and its knowledge of the body come from."""

    generator: torch.Generator
    facts: BodyFacts
    like: Tensor
    """Of whose dtype and device drawn numbers are."""

    def uniform(self, *shape: int) -> Float[Tensor, "*shape"]:
        """Between 0 and 1."""
        device = self.generator.device
        return torch.rand(*shape, generator=self.generator, device=device, dtype=torch.float32).to(self.like)

    def normal(self, *shape: int) -> Float[Tensor, "*shape"]:
        """Of variance 1."""
        device = self.generator.device
        return torch.randn(*shape, generator=self.generator, device=device, dtype=torch.float32).to(self.like)

    def between(self, low: float | int, high: float | int, *shape: int) -> Float[Tensor, "*shape"]:
        """Evenly from `low` to `high`."""
        return low + (high - low) * self.uniform(*shape)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Operation(ABC):
    """One step of a plan. Truth and labels stay those of the points, whatever is done to them."""

    shaping: ClassVar[bool] = False
    """Whether bodies change in such a way that their parameters no longer describe them."""
    share: Share = 1.0
    """Of the clouds that it is done to."""

    def chosen(self, batch: CloudBatch, draw: Draw) -> Bool[Tensor, "batch"]:
        """A random share of the clouds."""
        return draw.uniform(len(batch)) < self.share

    @abstractmethod
    def change(self, batch: CloudBatch, chosen: Bool[Tensor, "batch"], draw: Draw) -> CloudBatch:
        """The batch with the chosen clouds changed."""
