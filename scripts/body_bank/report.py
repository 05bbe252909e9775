"""The tables of docs/body_bank.md."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from body.bank import SPLITS, BankSubject, BodyBank

AGES = (3, 6, 9, 12, 15, 18, 40, 60, 80)
BETAS = (10, 16)


def report(bank: BodyBank, skins: Float[np.ndarray, "subjects vertices 3"]) -> Iterator[str]:
    """Lines: sizes by age, gaps by split, and how far the file is from what was built."""
    yield "| age, years | female | male | height of women and girls, m | of men and boys, m | BMI, all |"
    yield "|---|---|---|---|---|---|"
    for low, high in itertools.pairwise(AGES):
        people = [s for s in bank.subjects if low <= s.age_years < high]
        women, men = ([s for s in people if s.sex == sex] for sex in ("female", "male"))
        heights = " | ".join(_range([s.height_m for s in group], 2) for group in (women, men))
        masses = _range([s.mass_kg / s.height_m**2 for s in people], 1)
        yield f"| {low}-{high} | {len(women)} | {len(men)} | {heights} | {masses} |"
    yield ""
    yield "| split | adults | children | " + " | ".join(
        f"gap of {who}, {count} betas" for who in ("adults", "children") for count in BETAS
    ) + " |"  # fmt: skip
    yield "|---" * 7 + "|"
    for split in SPLITS:
        groups = [[s for s in bank.subjects if s.split == split and s.is_child == child] for child in (False, True)]
        gaps = [_gap(bank, group, count) for group in groups for count in BETAS]
        yield f"| {split} | {len(groups[0])} | {len(groups[1])} | " + " | ".join(gaps) + " |"
    yield ""
    kept = np.stack([bank.rest_vertices(s.name) for s in bank.subjects])
    error = np.linalg.norm(kept - skins, axis=-1) * 1e3
    yield f"file against build: RMS {np.sqrt((error**2).mean()):.4f} mm, largest {error.max():.4f} mm"
    flip, mirror = np.array([-1.0, 1.0, 1.0]), bank.body_model.mirror
    lopsided = np.sqrt(((kept - flip * kept[:, mirror]) ** 2).sum(-1).mean(1)) * 500
    yield f"from its own symmetric part: {_range(lopsided, 1)} mm"


def _range(values: list[float] | np.ndarray, digits: int) -> str:
    """Median (smallest to largest)."""
    return f"{np.median(values):.{digits}f} ({np.min(values):.{digits}f} to {np.max(values):.{digits}f})"


def _gap(bank: BodyBank, people: list[BankSubject], count: int) -> str:
    return _range([bank.nearest_betas(s.name, count).rms_mm for s in people], 1)
