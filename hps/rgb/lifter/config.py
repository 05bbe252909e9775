"""Sizes of the lifting network, and what it takes for the camera."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hps.rgb.lifter.person_view import CameraBelief

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LifterConfig:
    """One network. What a file of weights needs to be read again."""

    width: Count = 768
    blocks: Count = 3
    """Residual blocks of two layers."""
    shapes: Count = 10
    """Betas, beside the child factor."""
    belief: CameraBelief = "given"
