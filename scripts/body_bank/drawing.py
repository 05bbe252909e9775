"""Random subjects of the bank: Anny's phenotypes by sex and age, and local changes that differ left and right."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from anny.shape_distribution import SimpleShapeDistribution
from jaxtyping import Float
from open_body.anny_source import AnnySource

ADULTS: Final = 270
CHILDREN: Final = 130
ADULT_AGES: Final = (18.0, 80.0)
CHILD_AGES: Final = (3.0, 18.0)
"""In years, the last not reached."""
SEX_MARGIN: Final = 0.3
"""Anny's gender goes from 0 (male) to 1 (female); subjects lie within this distance of one end."""
LOCAL_CHANGE_STD: Final = 0.2
"""Of the 254 local changes. Assumed; the open body's betas were made with 0.15, so bodies vary more than betas know."""
SIDE_CHANGE_STD: Final = 0.06
"""What each side of a paired change adds of its own. Assumed: a limb's left and right differ by some millimetres."""
SIDEWAYS: Final = tuple(f"{part}-trans-out" for part in ("head", "hip", "mouth", "neck", "nose", "torso")) + (
    "head-angle-out",
)
"""Changes that bend the middle of the body to one side; they vary as sides do."""
LOCAL_CHANGE_LIMIT: Final = 0.6
"""Larger changes deform a body beyond belief."""
SHARES: Final = (("train", 0.7), ("validation", 0.15), ("test", 0.15))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Subjects:
    """The bank's people in the order of their names: adults first, each table in a random order of ages."""

    female: np.ndarray
    """(subjects,) bool."""
    age_years: Float[np.ndarray, "subjects"]
    phenotypes: dict[str, Float[np.ndarray, "subjects"]]
    """Anny's parameters by name, 0 to 1 (age from -1/3)."""
    local_changes: Float[np.ndarray, "subjects changes"]
    split: np.ndarray
    """(subjects,) words: train, validation or test."""


def draw_subjects(source: AnnySource, seed: int) -> Subjects:
    """The same subjects for the same seed: as many women as men, ages even over each range, WHO's heights for them."""
    rng = np.random.default_rng(seed)
    ages = np.concatenate([_even(ADULTS, ADULT_AGES, rng), _even(CHILDREN, CHILD_AGES, rng)])
    female = np.concatenate([_halves(ADULTS, rng), _halves(CHILDREN, rng)])
    split = np.concatenate([_splits(ADULTS, rng), _splits(CHILDREN, rng)])
    sexes_and_ages = Subjects(
        female=female, age_years=ages, phenotypes={}, local_changes=np.zeros((len(ages), 0)), split=split
    )
    return redraw(source, sexes_and_ages, seed + 1)


def mix(first: Subjects, second: Subjects, take_second: np.ndarray) -> Subjects:
    """The first subjects, some (bool) with the second's phenotypes and changes; sex, age and split stay."""
    return dataclasses.replace(
        first,
        phenotypes={k: np.where(take_second, second.phenotypes[k], v) for k, v in first.phenotypes.items()},
        local_changes=np.where(take_second[:, None], second.local_changes, first.local_changes),
    )


def redraw(source: AnnySource, subjects: Subjects, seed: int) -> Subjects:
    """Other phenotypes and changes for the same sexes, ages and splits."""
    rng = np.random.default_rng(seed)
    count = len(subjects.age_years)
    ends = SEX_MARGIN * rng.random(count)
    gender = np.where(subjects.female, 1 - ends, ends)
    return dataclasses.replace(
        subjects,
        phenotypes=_phenotypes(source, subjects.age_years, gender, seed),
        local_changes=_local_changes(list(source.model.local_change_labels), count, rng),
    )


def _even(count: int, ages: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """One age in each of `count` equal parts of the range, shuffled."""
    return rng.permutation(ages[0] + (ages[1] - ages[0]) * (np.arange(count) + rng.random(count)) / count)


def _halves(count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(np.arange(count) % 2 == 0)


def _splits(count: int, rng: np.random.Generator) -> np.ndarray:
    """A word for each subject, in the shares above."""
    ends = np.round(np.cumsum([share for _, share in SHARES]) * count).astype(int)
    words = np.array([name for name, _ in SHARES])
    return rng.permutation(words[np.searchsorted(ends, np.arange(count), side="right")])


def _phenotypes(source: AnnySource, ages: np.ndarray, gender: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Height, weight, muscle and proportions given sex and age (Anny's fit to the growth statistics of the WHO)."""
    torch.manual_seed(seed)
    distribution = SimpleShapeDistribution(source.model)
    dtype = distribution.boys_conditional_height_distribution.age_anchors.dtype
    age = distribution.morphological_age_mapping.morphological_to_anny_age(torch.as_tensor(ages, dtype=dtype))
    drawn = {"age": age.numpy().clip(-1 / 3, 1), "gender": gender}
    for key in ("height", "weight", "muscle", "proportions"):
        either = [
            getattr(distribution, f"{sex}_conditional_{key}_distribution").get_torch_distribution(age).sample().numpy()
            for sex in ("boys", "girls")
        ]
        drawn[key] = np.where(gender <= 0.5, *either).clip(0, 1)
    return drawn


def _local_changes(labels: list[str], count: int, rng: np.random.Generator) -> np.ndarray:
    changes = LOCAL_CHANGE_STD * rng.normal(size=(count, len(labels)))
    for index, label in enumerate(labels):
        if label.startswith("l-") and "r-" + label[2:] in labels:
            other = labels.index("r-" + label[2:])
            changes[:, other] = changes[:, index]
            changes[:, [index, other]] += SIDE_CHANGE_STD * rng.normal(size=(count, 2))
        elif label in SIDEWAYS:
            changes[:, index] *= SIDE_CHANGE_STD / LOCAL_CHANGE_STD
    return changes.clip(-LOCAL_CHANGE_LIMIT, LOCAL_CHANGE_LIMIT)
