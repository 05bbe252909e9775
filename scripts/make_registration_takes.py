"""Makes the simulated takes on which clouds and bodies are tuned and measured (registration_trials/cases.py).

Usage: python scripts/make_registration_takes.py FOLDER [--split validation test] [--rows tight loose] [--workers 2]
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import tyro
from registration_trials.cases import CASES, Row
from registration_trials.rendering import take


def main(
    folder: tyro.conf.Positional[Path],
    split: tuple[Literal["validation", "test"], ...] = ("validation", "test"),
    rows: tuple[Row, ...] = (),
    workers: int | None = None,
) -> None:
    """Makes what is missing, in the order of the table."""
    for case in CASES:
        if case.split in split and (not rows or case.row in rows):
            print(take(folder, case, workers), flush=True)


if __name__ == "__main__":
    tyro.cli(main)
