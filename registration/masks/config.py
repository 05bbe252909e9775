"""How a person is told from the room in depth: every tuned number of the depth masks."""

from __future__ import annotations

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MaskConfig:
    """Who counts as a person, and which pixels are whose."""

    people: int = Field(default=1, ge=0, le=15)
    """How many people there are; 0 takes everybody who is found."""
    voxel_m: float = Field(default=0.04, ge=0.005, le=0.2)
    """Two surfaces closer than about this are connected. Flying pixels between a limb and the body, and the gaps that
    a missing view leaves, are smaller; the distance to furniture should be larger."""
    min_points: int = Field(default=3, ge=1)
    """Pixels that a voxel needs, over all cameras; single flying pixels connect nothing."""
    floor_m: float = 0.03
    """Pixels below this may be the floor. The floor's noise at a grazing angle reaches 17 mm, calibration adds some."""
    feet_m: float = 0.012
    """Near a person's feet, pixels from this height on are kept: twice the sensor's noise on the floor at 2.5 m."""
    feet_reach_m: float = 0.08
    """How far from the part of a foot above `floor_m` its toes and sides can be."""
    foot_height_m: float = 0.12
    """Parts of a person below this are taken for feet (hands on the floor count too)."""
    background_m: float = 0.02
    """With a background take, a pixel must be this much nearer than the empty room."""
    piece_m: float = 0.25
    """A separate piece this near to somebody is a part of them: a hand whose arm no camera saw."""
    max_speed: float = 6.0
    """Metres a second that a person's middle may move between instants; a sprint is 10, a kick leaves the middle."""
    max_lost_s: float = 1.0
    """Somebody who is gone for longer comes back as somebody new."""
