"""The people of a data set: whose body, in which split, in which clothes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from body.bank import BankSubject, load_body_bank
from body.model import BodyModel
from geometry.mesh import TriangleMesh
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.sampling.clothes import draw_clothes
from hps.synthesis.sampling.seeds import Purpose, split_seed, stream
from hps.synthesis.scenes.rows import SPLITS, PersonRow, Split
from hps.synthesis.staging.stage import body_of

GOLDEN: Final = (np.sqrt(5) - 1) / 2
AGE_UNKNOWN: Final = 0.0
"""Of bodies of the model, which have no age."""


def draw_people(config: SynthesisConfig, model: BodyModel) -> tuple[PersonRow, ...]:
    """Everybody, split after split."""
    people: list[PersonRow] = []
    for split, count in people_of_splits(config).items():
        rng = stream(config.seed, Purpose.PEOPLE, SPLITS.index(split))
        subjects = subjects_of(rng, config, model, split)
        for _ in range(count):
            name = f"p{len(people):06d}"
            if config.bodies == "bank":
                people.append(_of_the_bank(rng, name, split, next(subjects)))
            else:
                people.append(_of_the_model(rng, name, split, model))
    return tuple(people)


def people_of_splits(config: SynthesisConfig) -> dict[Split, int]:
    """How many people each split has: the shares, rounded so that nobody is lost."""
    exact = config.people * np.array(config.shares)
    counts = np.floor(exact + 1e-9).astype(int)
    for index in np.argsort(counts - exact, kind="stable")[: config.people - counts.sum()]:
        counts[index] += 1
    return {split: int(count) for split, count in zip(SPLITS, counts)}


def subjects_of(
    rng: np.random.Generator, config: SynthesisConfig, model: BodyModel, split: Split
) -> Iterator[BankSubject]:
    """People of the bank without end: none again before all of that age and sex were there, sexes in turn, ages
    spread, and the wished share of children."""
    bank = load_body_bank(model)
    everybody = [bank.subject(name) for name in bank.names(split)]
    groups = {
        child: itertools.cycle(
            [
                _spread(rng, [s for s in everybody if s.is_child == child and s.sex == sex])
                for sex in rng.permutation(["female", "male"])
            ]
        )
        for child in (True, False)
    }
    offset = float(rng.uniform())
    for number in itertools.count():
        child = int((number + 1) * config.children + offset) > int(number * config.children + offset)
        yield next(next(groups[child]))


def _spread(rng: np.random.Generator, subjects: Sequence[BankSubject]) -> Iterator[BankSubject]:
    """All of them by turns; the first few are already of all ages: steps of the golden ratio through the sorted."""
    by_age = sorted(subjects, key=lambda s: (s.age_years, s.name))
    while True:
        order = np.argsort(np.argsort((np.arange(len(by_age)) * GOLDEN + rng.uniform()) % 1))
        yield from (by_age[index] for index in order)


def _of_the_bank(rng: np.random.Generator, name: str, split: Split, subject: BankSubject) -> PersonRow:
    wardrobe, attire_seed = draw_clothes(rng, split, subject.sex, subject.age_years)
    return PersonRow(
        person=name,
        split=split,
        subject=subject.name,
        body_seed=split_seed(rng, split),
        sex=subject.sex,
        age_years=subject.age_years,
        height_m=round(subject.height_m, 4),
        mass_kg=round(subject.mass_kg, 3),
        wardrobe=wardrobe,
        attire_seed=attire_seed,
    )


def _of_the_model(rng: np.random.Generator, name: str, split: Split, model: BodyModel) -> PersonRow:
    body_seed = split_seed(rng, split)
    wardrobe, attire_seed = draw_clothes(rng, split, "", None)
    values = dict(person=name, split=split, subject="", body_seed=body_seed, sex="", age_years=AGE_UNKNOWN)
    person = PersonRow(**values, height_m=0.0, mass_kg=0.0, wardrobe=wardrobe, attire_seed=attire_seed)  # type: ignore[arg-type]
    skin = body_of(person, model).model.v_template
    return PersonRow(
        **values,  # type: ignore[arg-type]
        height_m=round(float(np.ptp(skin[:, 1])), 4),
        mass_kg=round(1e3 * TriangleMesh(vertices=skin, faces=model.faces).volume(), 3),
        wardrobe=wardrobe,
        attire_seed=attire_seed,
    )
