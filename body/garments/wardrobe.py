"""What a person wears, as a value, and the random choices of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from body.outfit import CLOTH_COLOURS, HAIR_COLOURS, IRIS_COLOURS, RGB, SKIN_TONES, TROUSER_COLOURS

Wardrobe = Literal["sport", "everyday", "summer", "skirt", "dress"]
WARDROBES: Final[tuple[Wardrobe, ...]] = ("sport", "everyday", "summer", "skirt", "dress")
SHOE_COLOURS: Final[tuple[RGB, ...]] = (
    *((0.12, 0.11, 0.11), (0.85, 0.85, 0.84), (0.30, 0.19, 0.12), (0.45, 0.46, 0.48), (0.60, 0.16, 0.16)),
)


_BEARDED: Final = 0.4
"""Share of men with stubble or a beard (assumed)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fabric:
    """The cloth of one garment."""

    pattern: Literal["plain", "stripes", "checks", "print", "logo", "hair"]
    colour: RGB
    second_colour: RGB
    period_m: float
    """Of stripes and checks; the size of a print's spots or of a logo."""
    infrared: float
    """Share of near infrared light (about 850 nm) that it reflects; assumed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Worn:
    """One garment."""

    cut: str
    loose: float
    """0 close to the body, 1 the loosest."""
    fabric: Fabric
    length: float = 0.0
    """Of skirts: 0 above the knee, 1 to the shins."""
    flare: float = 0.0
    """Of skirts: metres of radius per metre."""
    tucked: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Attire:
    """All choices of one person's look; `tailor` makes the costume of it."""

    wardrobe: Wardrobe
    skin: RGB
    iris: RGB
    hair_style: str
    hair: Fabric
    garments: tuple[Worn, ...]
    """From the inside to the outside."""
    seed: int
    """Of folds, skin and prints."""
    beard: float = 0.0
    """0 shaved, 1 full."""

    def describe(self) -> dict[str, Any]:
        """The choices as plain values, for JSON."""
        return asdict(self)


def choose_attire(
    rng: np.random.Generator,
    wardrobe: Wardrobe | None = None,
    sex: Literal["female", "male"] | None = None,
    age_years: float | None = None,
) -> Attire:
    """A random look. None: skirts and dresses for women and girls only, hair by sex and age."""

    def pick(options: tuple) -> Any:
        return options[int(rng.integers(len(options)))]

    sex = pick(("female", "male")) if sex is None else sex
    chosen: Wardrobe = pick(WARDROBES if sex == "female" else WARDROBES[:3]) if wardrobe is None else wardrobe
    tone = int(rng.integers(len(SKIN_TONES)))
    dark = tone >= 4
    colours = (*HAIR_COLOURS[:2], HAIR_COLOURS[-1]) if dark else HAIR_COLOURS
    if age_years is not None:
        colours = (
            (HAIR_COLOURS[-1], HAIR_COLOURS[0])
            if age_years > 55
            else tuple(c for c in colours if c != HAIR_COLOURS[-1])
        )
    hair = pick(colours)
    bearded = sex == "male" and (age_years is None or age_years > 20)
    styles = ("long", "bun", "full", "long", "short") if sex == "female" else ("short", "short", "full")
    return Attire(
        wardrobe=chosen,
        skin=SKIN_TONES[tone],
        iris=IRIS_COLOURS[0] if dark else pick(IRIS_COLOURS),
        hair_style=pick(styles),
        hair=Fabric(pattern="hair", colour=hair, second_colour=hair, period_m=0.002, infrared=_hair_infrared(hair)),
        garments=tuple(_garments(rng, chosen)),
        seed=int(rng.integers(2**31)),
        beard=float(rng.uniform(0.15, 0.75)) if bearded and rng.random() < _BEARDED else 0.0,
    )


def _garments(rng: np.random.Generator, wardrobe: Wardrobe) -> list[Worn]:
    def pick(options: tuple) -> Any:
        return options[int(rng.integers(len(options)))]

    def fabric(colours: tuple[RGB, ...], patterns: tuple[str, ...]) -> Fabric:
        colour, pattern = pick(colours), pick(patterns)
        low, high = {"print": (0.02, 0.04), "logo": (0.12, 0.20)}.get(pattern, (0.025, 0.08))
        dark = max(colour) < 0.25
        return Fabric(
            pattern=pattern,
            colour=colour,
            second_colour=pick(tuple(c for c in CLOTH_COLOURS if c != colour)),
            period_m=float(rng.uniform(low, high)),
            infrared=float(rng.uniform(0.15, 0.6) if dark else rng.uniform(0.45, 0.8)),
        )

    def worn(cut: str, cloth: Fabric, low: float = 0.0, high: float = 1.0, **more: Any) -> Worn:
        return Worn(cut=cut, loose=float(rng.uniform(low, high)), fabric=cloth, **more)

    any_pattern = ("plain", "stripes", "checks", "print", "logo")
    top, bottom = fabric(CLOTH_COLOURS, any_pattern), fabric(TROUSER_COLOURS, ("plain", "plain", "checks"))
    shoes = worn("shoes", fabric(SHOE_COLOURS, ("plain",)))
    if wardrobe == "sport":
        shirt = worn(pick(("tank", "t-shirt")), fabric(CLOTH_COLOURS, ("plain", "logo", "stripes")), 0.0, 0.6)
        return [shoes, worn(pick(("shorts", "tights")), fabric(TROUSER_COLOURS, ("plain",))), shirt]
    if wardrobe == "everyday":
        return [shoes, worn("trousers", bottom), worn(pick(("t-shirt", "long sleeves", "long sleeves")), top)]
    if wardrobe == "summer":
        return [shoes, worn(pick(("shorts", "shorts", "trousers")), bottom), worn(pick(("t-shirt", "tank")), top)]
    length, flare = float(rng.uniform(0, 1)), float(rng.uniform(0.02, 0.20))
    if wardrobe == "skirt":
        shirt = worn(pick(("tank", "t-shirt", "long sleeves")), top, 0.0, 0.4, tucked=True)
        cloth = fabric(CLOTH_COLOURS + TROUSER_COLOURS, ("plain", "checks", "print"))
        return [shoes, shirt, worn("skirt", cloth, length=length, flare=flare)]
    cloth = fabric(CLOTH_COLOURS, ("plain", "stripes", "print", "checks"))
    return [shoes, worn("bodice", cloth, 0.0, 0.3, tucked=True), worn("skirt", cloth, length=length, flare=flare)]


def _hair_infrared(colour: RGB) -> float:
    """Dark hair reflects little, light and grey hair more; assumed."""
    return 0.10 + 0.5 * float(np.mean(colour))
