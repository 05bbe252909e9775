"""How the keypoint detector errs on pictures of `humanrig synthesize`, whose people are of the body bank.

Usage: python scripts/measure_detector.py DATASET [--write] [--real DATA/multicam_person_pose2sim/Demo_SinglePerson]
Prints errors by keypoint, by confidence and by view; what the error model draws for the same people stands beside what
was measured on people it was not fitted to. --write keeps the table that is fitted to all of them. --real prints the
errors on a real person in four cameras, against where the three others see the same instant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
import tyro
from detector_trials.compare import compared
from detector_trials.real_person import real_errors, told
from detector_trials.renders import seen_in_renders

from hps.rgb.detector_error.table import MEASURED, write_table
from hps.rgb.detector_error.table_fit import fit_table

EVERY: Final = 5
"""Frames of the real videos, 60 a second."""


def main(dataset: tyro.conf.Positional[Path], write: bool = False, real: Path | None = None, seed: int = 0) -> None:
    """Half of the people fit the table, the other half are drawn from it; then all of them fit the table kept."""
    found = seen_in_renders(dataset)
    print(
        f"{found.pictures} pictures, {found.people} people of whom four fifths are seen, {len(found.samples)} detected"
    )
    names = sorted(set(found.samples.person))
    first = np.isin(found.samples.person, names[::2])
    half = fit_table(found.samples.rows(first), {})
    print(compared(found, ~first, half, torch.Generator().manual_seed(seed)))
    if real is not None:
        print(told(real_errors(real, EVERY)))
    if write:
        about = {
            "detector": "BlazePose full, as in docs/keypoints.md",
            "pictures": found.pictures,
            "people_missed": round(1 - len(found.samples) / found.people, 4),
            "measured_by": "scripts/measure_detector.py on humanrig synthesize --people 25 --views 4 --appearances 2 "
            "--frames 2 --rate 5 --seed 1010 --shares 0.6 0.2 0.2 --groups 0.25 --crowds 0",
        }
        write_table(MEASURED, fit_table(found.samples, about))


if __name__ == "__main__":
    tyro.cli(main)
