"""Draw people again until each has a build that living people of the age have."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float
from open_body.anny_source import AnnySource

from body.model import BodyModel
from body_bank.drawing import Subjects, draw_subjects, mix, redraw
from body_bank.transfer import lopsided_surface, rest_skins

BMI_AGES: Final = (3.0, 5.0, 10.0, 15.0, 18.0, 19.0)
BMI_LOWEST: Final = (12.3, 12.0, 12.6, 14.6, 15.2, 16.0)
"""kg/m^2. About three deviations below the median of the WHO's growth reference (2007), boys and girls averaged; 16 is
where the WHO calls an adult's thinness severe."""
BMI_HIGHEST: Final = (21.0, 21.0, 29.0, 35.0, 40.0, 42.0)
"""About three deviations above the median (for 15 years and older: a bound of our own)."""
ROUNDS: Final = 12


def plausible_people(
    source: AnnySource, model: BodyModel, seed: int
) -> tuple[Subjects, Float[np.ndarray, "subjects vertices 3"]]:
    """Subjects and their rest skins; whose mass for the height is out of bounds is drawn again."""
    skin_joints, surface = lopsided_surface(source, model)
    subjects = draw_subjects(source, seed)
    skins = rest_skins(source, subjects, model, skin_joints, surface)
    for extra in range(ROUNDS):
        bad = ~_plausible(subjects, skins, model)
        if not bad.any():
            return subjects, skins
        subjects = mix(subjects, redraw(source, subjects, seed + 100 + extra), bad)
        skins[bad] = rest_skins(source, some(subjects, bad), model, skin_joints, surface)
    raise SystemExit(f"{ROUNDS} rounds gave no plausible build for some subject; widen the bounds of the BMI")


def some(subjects: Subjects, which: np.ndarray) -> Subjects:
    """Those subjects only."""
    return Subjects(
        female=subjects.female[which],
        age_years=subjects.age_years[which],
        phenotypes={k: v[which] for k, v in subjects.phenotypes.items()},
        local_changes=subjects.local_changes[which],
        split=subjects.split[which],
    )


def _plausible(subjects: Subjects, skins: np.ndarray, model: BodyModel) -> np.ndarray:
    litres_per_m2 = np.array([1000 * model.mesh(s).volume() / np.ptp(s[:, 1]) ** 2 for s in skins])
    lowest, highest = (np.interp(subjects.age_years, BMI_AGES, bound) for bound in (BMI_LOWEST, BMI_HIGHEST))
    return (lowest <= litres_per_m2) & (litres_per_m2 <= highest)
