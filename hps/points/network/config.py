"""Sizes of the landmark network."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

Count = Annotated[int, Field(ge=1)]
Size = Literal["S", "M", "L"]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class NetworkConfig:
    """One network. What a file of weights needs to be read again."""

    points: Count = 1024
    """Points of a cloud that it sees."""
    tokens: Count = 64
    """Neighbourhoods that the cloud is gathered into."""
    neighbours: Count = 24
    """Points of a neighbourhood."""
    width: Count = 128
    """Of tokens and queries."""
    heads: Count = 4
    layers: Count = 3
    """Blocks of self-attention over tokens."""
    rounds: Count = 2
    """Times that the landmarks look at the tokens; after each they are placed anew."""


SIZES: Final[dict[Size, NetworkConfig]] = {
    "S": NetworkConfig(),
    "M": NetworkConfig(tokens=96, width=192, heads=6, layers=5, rounds=3),
    "L": NetworkConfig(points=2048, tokens=128, neighbours=32, width=256, heads=8, layers=7, rounds=4),
}
