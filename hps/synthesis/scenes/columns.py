"""What each column of the scene tables may hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from body.garments.wardrobe import WARDROBES
from capture.virtual.furniture_pieces import DESIGNS
from capture.virtual.room import HALF_WIDTH_M
from hps.synthesis.scenes.rows import SENSORS, SPLITS

FAR_M: Final = 100.0
LARGEST_SEED: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Limit:
    """What is allowed, as a test and in words."""

    holds: Callable[[Any], bool]
    words: str


def _one_of(*names: str) -> Limit:
    shown = ", ".join(name or "nothing" for name in names)
    return Limit(lambda value: value in names, f"allowed are {shown}")


def _between(low: float | int, high: float | int) -> Limit:
    return Limit(lambda value: low <= value <= high, f"allowed is {low:g} to {high:g}")


def _named(pattern: str, example: str) -> Limit:
    return Limit(lambda value: re.fullmatch(pattern, value) is not None, f"allowed are names such as {example}")


_SEED = Limit(lambda value: 0 <= value <= LARGEST_SEED, "seeds are 0 or more")
_NUMBER = _between(0, 999)
_FLOOR = _between(-HALF_WIDTH_M, HALF_WIDTH_M)
_SIZE = _between(64, 4096)
_FOCAL = _between(1.0, 1e5)
_FAR = _between(-FAR_M, FAR_M)
_PERSON, _SCENE = _named(r"p\d{6,}", "p000012"), _named(r"s\d{6,}", "s000012")

LIMITS: Final[dict[str, dict[str, Limit]]] = {
    "people": {
        "person": _PERSON,
        "split": _one_of(*SPLITS),
        "body_seed": _SEED,
        "sex": _one_of("female", "male", ""),
        "age_years": _between(0, 120),
        "height_m": _between(0.4, 2.6),
        "mass_kg": _between(2, 400),
        "wardrobe": _one_of(*WARDROBES, ""),
        "attire_seed": _SEED,
    },
    "scenes": {
        "scene": _SCENE,
        "split": _one_of(*SPLITS),
        "kind": _one_of("single", "group", "crowd"),
        "room_seed": _SEED,
        "rig": Limit(lambda value: bool(value.strip()), "a rig has a name"),
        "frames": _between(1, 100_000),
        "rate_hz": Limit(lambda value: 0 < value <= 120, "allowed is above 0 to 120"),
        "noise_seed": _SEED,
    },
    "actors": {
        "actor": _NUMBER,
        "person": _PERSON,
        "motion": Limit(lambda value: bool(value.strip()), "a motion names its clips"),
        "motion_seed": _SEED,
        "motion_sha256": Limit(lambda value: re.fullmatch(r"[0-9a-f]{64}", value) is not None, "64 hex digits"),
        "x_m": _FLOOR,
        "y_m": _FLOOR,
        "heading_rad": _between(-7, 7),
    },
    "things": {
        "thing": _NUMBER,
        "kind": _one_of(*DESIGNS),
        "seed": _SEED,
        "x_m": _FLOOR,
        "y_m": _FLOOR,
        "heading_rad": _between(-7, 7),
    },
    "cameras": {
        "camera": _NUMBER,
        "sensor": _one_of(*SENSORS),
        "unit_seed": _SEED,
        "width": _SIZE,
        "height": _SIZE,
        "fx": _FOCAL,
        "fy": _FOCAL,
        "cx": _between(-4096, 8192),
        "cy": _between(-4096, 8192),
        "x_m": _FAR,
        "y_m": _FAR,
        "z_m": Limit(lambda value: 0 < value <= FAR_M, f"allowed is above the floor, 0, to {FAR_M:g}"),
    },
}
"""By table and column; columns that are not named here may hold any value of their type."""
