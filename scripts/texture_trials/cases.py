"""The takes on which surfaces and textures are tuned (validation) and measured (test), fixed before anything was tuned.

Most are those of the registration's trials; in further ones people stand with crossed arms, one leg before the other,
so that limbs hide each other from most cameras.
"""

from __future__ import annotations

from typing import Final, Literal

from registration_trials.cases import CASES as REGISTRATION_CASES
from registration_trials.cases import Case

Split = Literal["validation", "test"]

CROSSED: Final = (
    Case(split="validation", row="crossed", clip="arms_crossed", subjects=("b0113",), rig=0, instants=6),
    Case(split="test", row="crossed", clip="arms_crossed", subjects=("b0047",), rig=0, instants=6),
    Case(split="test", row="crossed", clip="arms_crossed", subjects=("b0131",), rig=1, wardrobe="sport", instants=6),
    Case(split="test", row="crossed", clip="arms_crossed", subjects=("b0064",), rig=2, instants=6),
)
_SHARED: Final = {
    "validation_tight_b0031_kick_0",
    "validation_tight_b0130_jump_2",
    "validation_sport_b0087_punch_2",
    "validation_loose_b0083_kick_0",
    "validation_loose_b0191_jump_1",
    "validation_still_b0205_stand_1",
    "test_tight_b0007_walk_0",
    "test_tight_b0102_spinkick_1",
    "test_tight_b0154_dance_a_2",
    "test_sport_b0022_dance_a_0",
    "test_sport_b0063_walk_1",
    "test_loose_b0012_walk_2",
    "test_loose_b0131_walk_0",
    "test_children_b0310_walk_0",
    "test_still_b0167_stand_0",
}

CASES: Final = (*CROSSED, *(case for case in REGISTRATION_CASES if case.name in _SHARED))
"""In the order in which they are made."""
HELD_OUT: Final = ("kinect_003", "kinect_008")
"""Devices whose colour no texture uses; their pictures judge it. Their depth is used, as on any rig."""
