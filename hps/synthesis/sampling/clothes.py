"""Clothes of the splits: no fabric of one is worn in another."""

from __future__ import annotations

import functools
import hashlib
from typing import Final, Literal, cast

import numpy as np

from body.garments.wardrobe import SHOE_COLOURS, WARDROBES, Attire, Fabric, Wardrobe, choose_attire
from body.outfit import CLOTH_COLOURS, RGB, TROUSER_COLOURS
from hps.errors import HpsError
from hps.synthesis.sampling.seeds import split_seed
from hps.synthesis.scenes.rows import PersonRow, Split

SHARE: Final[dict[Split, float]] = {"train": 0.6, "validation": 0.2, "test": 0.2}
"""Of the fabrics. Smaller shares would leave the small splits a single colour of shoes and of jeans in common."""
TRIES: Final = 20_000
"""Looks that are drawn before giving up; about 1 in 125 of a small split's is all of its own fabrics."""
FEMALE_ONLY: Final = 3
"""The wardrobes from this one on are drawn for women and girls only."""


def draw_clothes(rng: np.random.Generator, split: Split, sex: str, age_years: float | None) -> tuple[Wardrobe, int]:
    """A wardrobe and the seed of a look whose fabrics all belong to the split; `age_years` None where it is unknown.

    Raises HpsError when no look was found.
    """
    options = WARDROBES if sex == "female" else WARDROBES[:FEMALE_ONLY]
    wardrobe = options[int(rng.integers(len(options)))]
    for _ in range(TRIES):
        seed = split_seed(rng, split)
        if set(fabrics_of(_attire(seed, wardrobe, sex, age_years)).values()) == {split}:
            return wardrobe, seed
    raise HpsError(f"no clothes of the wardrobe '{wardrobe}' with fabrics of the split '{split}' in {TRIES} draws")


def attire_of(person: PersonRow) -> Attire:
    """What somebody wears, as the scenes show it."""
    age = person.age_years if person.subject else None
    return _attire(person.attire_seed, cast(Wardrobe, person.wardrobe) or None, person.sex, age)


def fabrics_of(attire: Attire) -> dict[str, Split]:
    """The fabrics of a look, each with its split."""
    return {fabric_name(worn.fabric): split_of_fabric(worn.fabric) for worn in attire.garments}


def fabric_name(fabric: Fabric) -> str:
    """Pattern and colours. Two fabrics of one name differ in the size of the pattern alone, and count as one."""
    colours = {fabric.colour} if fabric.pattern == "plain" else {fabric.colour, fabric.second_colour}
    return "/".join([fabric.pattern, *("-".join(f"{100 * c:.0f}" for c in colour) for colour in sorted(colours))])


def split_of_fabric(fabric: Fabric) -> Split:
    """Whose fabric it is: fixed for good, whatever a data set's shares and seed are."""
    if fabric.pattern == "plain":
        return _plain_colours()[fabric.colour]
    place = _hash(fabric_name(fabric))
    if place < SHARE["train"]:
        return "train"
    return "validation" if place < SHARE["train"] + SHARE["validation"] else "test"


@functools.cache
def _plain_colours() -> dict[RGB, Split]:
    """Of each palette the same shares, so that every split has plain shirts, trousers and shoes."""
    found: dict[RGB, Split] = {}
    for palette in (CLOTH_COLOURS, TROUSER_COLOURS, SHOE_COLOURS):
        order = sorted(palette, key=lambda colour: _hash(repr(colour)))
        for number, colour in enumerate(order):
            place = (number + 0.5) / len(order)
            small = "validation" if place < SHARE["train"] + SHARE["validation"] else "test"
            found[colour] = "train" if place < SHARE["train"] else small
    return found


def _hash(text: str) -> float:
    """0 to 1, the same for the same text on any machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def _attire(seed: int, wardrobe: Wardrobe | None, sex: str, age_years: float | None) -> Attire:
    known = cast(Literal["female", "male"], sex) or None
    return choose_attire(np.random.default_rng(seed), wardrobe, known, age_years)
