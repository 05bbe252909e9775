"""What a dressed body looks like, as a value, and the random choices that make one person differ from another."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Float, UInt8

Kind = Literal["minimal", "casual"]
"""minimal: tight clothes, at most 3 mm thick. casual: loose clothes, up to 20 mm off the skin."""
RGB = tuple[float, float, float]
"""Colour in 0..1, sRGB."""

SKIN_TONES: Final[tuple[RGB, ...]] = (
    *((0.93, 0.79, 0.70), (0.88, 0.71, 0.60), (0.80, 0.61, 0.48), (0.70, 0.51, 0.38)),
    *((0.57, 0.40, 0.29), (0.45, 0.31, 0.22), (0.34, 0.23, 0.17)),
)
HAIR_COLOURS: Final[tuple[RGB, ...]] = (
    *((0.08, 0.06, 0.05), (0.16, 0.10, 0.06), (0.30, 0.19, 0.11), (0.48, 0.34, 0.19), (0.62, 0.50, 0.33)),
    *((0.38, 0.16, 0.08), (0.55, 0.54, 0.53)),
)
IRIS_COLOURS: Final[tuple[RGB, ...]] = ((0.24, 0.14, 0.08), (0.30, 0.38, 0.45), (0.27, 0.34, 0.22))
CLOTH_COLOURS: Final[tuple[RGB, ...]] = (
    *((0.78, 0.78, 0.76), (0.16, 0.22, 0.38), (0.62, 0.14, 0.16), (0.18, 0.40, 0.28), (0.80, 0.62, 0.22)),
    *((0.30, 0.47, 0.66), (0.42, 0.24, 0.46), (0.20, 0.20, 0.21), (0.76, 0.46, 0.30), (0.52, 0.56, 0.50)),
)
TROUSER_COLOURS: Final[tuple[RGB, ...]] = (
    *((0.19, 0.25, 0.38), (0.13, 0.13, 0.15), (0.55, 0.47, 0.36), (0.35, 0.36, 0.38), (0.28, 0.32, 0.24)),
)
FABRICS: Final = ("plain", "stripes", "checks", "print")


@dataclass(frozen=True, kw_only=True, slots=True)
class Garment:
    """One piece of clothing."""

    cut: Literal["tank", "t-shirt", "long sleeves", "briefs", "tights", "shorts", "trousers", "socks"]
    fabric: Literal["plain", "stripes", "checks", "print"]
    colour: RGB
    second_colour: RGB
    """Of stripes, checks and prints."""
    thickness_m: float
    """Distance from the skin, away from the hems."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """All choices of one look; `appearance.paint` makes the outfit of it."""

    kind: Kind
    skin: RGB
    hair: RGB
    iris: RGB
    garments: tuple[Garment, ...]
    """Later ones lie over earlier ones."""
    seed: int
    """Of skin spots, folds and prints."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outfit:
    """The look of one person on one body model."""

    texture: UInt8[np.ndarray, "size size 3"]
    """RGB for the model's UVs; row 0 is the top (v = 1)."""
    offsets: Float[np.ndarray, "vertices"]
    """Thickness of the clothes along the surface normal, metres; 0 on bare skin."""
    description: dict[str, Any] = field(default_factory=dict)
    """The choices, fit for JSON."""


def choose_style(rng: np.random.Generator, kind: Kind) -> Style:
    """A random look of one kind."""

    def pick(options: tuple) -> Any:
        return options[int(rng.integers(len(options)))]

    def garment(cuts: tuple, colours: tuple, low_mm: float, high_mm: float, fabrics: tuple = FABRICS) -> Garment:
        colour = pick(colours)
        return Garment(
            cut=pick(cuts),
            fabric=pick(fabrics),
            colour=colour,
            second_colour=pick(tuple(c for c in CLOTH_COLOURS if c != colour)),
            thickness_m=float(rng.uniform(low_mm, high_mm)) / 1e3,
        )

    tone = int(rng.integers(len(SKIN_TONES)))
    dark = tone >= 4  # then black, brown or grey hair and brown eyes
    hair = pick((*HAIR_COLOURS[:2], HAIR_COLOURS[-1]) if dark else HAIR_COLOURS)
    iris = IRIS_COLOURS[0] if dark else pick(IRIS_COLOURS)
    if kind == "minimal":
        tops, bottoms = ("tank", "t-shirt"), ("briefs", "tights")
        worn = (
            garment(bottoms, TROUSER_COLOURS, 1.0, 3.0, ("plain",)),
            garment(tops, CLOTH_COLOURS, 1.0, 3.0),
        )
    else:
        worn = (
            garment(("socks",), TROUSER_COLOURS + CLOTH_COLOURS[:1], 2.0, 4.0, ("plain",)),
            garment(("trousers", "trousers", "shorts"), TROUSER_COLOURS, 8.0, 16.0, ("plain", "plain", "checks")),
            garment(("t-shirt", "long sleeves"), CLOTH_COLOURS, 10.0, 20.0),
        )
    return Style(kind=kind, skin=SKIN_TONES[tone], hair=hair, iris=iris, garments=worn, seed=int(rng.integers(2**31)))


def describe(style: Style) -> dict[str, Any]:
    """The choices as plain values, for JSON."""
    return asdict(style)
