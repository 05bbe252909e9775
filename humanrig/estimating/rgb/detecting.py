"""The detector of people in photographs and videos: BlazePose, with the weights that every stage shares."""

from __future__ import annotations

from typing import Final

from humanrig.wheel_assets import blazepose_weights
from registration.keypoints.blazepose import BlazePose, BlazePoseOptions

MOST_PEOPLE: Final = 12
"""Looked for in one picture, where nobody says how many there are."""


def make_detector(people: int | None) -> BlazePose:
    """One for as many people, and some more, for those asked for are chosen at the end."""
    most = MOST_PEOPLE if people is None else max(people + 4, MOST_PEOPLE // 2)
    return BlazePose(*blazepose_weights(), BlazePoseOptions(max_people=most))
