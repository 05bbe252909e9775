"""How good the surfaces of the stage mesh are on the takes of texture_trials/cases.py, as Markdown tables.

Usage: python scripts/measure_surfaces.py FOLDER [--split validation] [--takes crossed loose]
           [--surfaces tracked "free tsdf" "free poisson" body] [--instants 6]

FOLDER holds the takes with every stage up to `register` done. Surfaces are made in copies beside it with one set of
parameters; what is measured is kept, so that an interrupted run goes on.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Literal

import tyro
from texture_trials.cases import CASES, Case
from texture_trials.jobs import run_all
from texture_trials.kept import replaced
from texture_trials.surfaces import measure_surface, surface_means, surfaces_table

Name = Literal["tracked", "free tsdf", "free poisson", "body"]


def main(
    folder: tyro.conf.Positional[Path],
    split: Literal["validation", "test"] = "validation",
    takes: tuple[str, ...] = (),
    surfaces: tuple[Name, ...] = ("tracked", "free tsdf", "free poisson"),
    instants: int = 6,
    work: Path | None = None,
    again: bool = False,
    into: Path | None = None,
    jobs: int = 1,
) -> None:
    """Prints the tables.

    Args:
        folder: Of the takes; nothing is written into it.
        split: Whose people and clips.
        takes: Only takes whose name holds one of these words.
        surfaces: What the stage mesh makes.
        instants: Of each take that are compared with the truth, evenly spread.
        work: Where the copies are: a sibling of FOLDER.
        again: Run the stage again, and measure again.
        into: A Markdown page; each table replaces what is between its own marks there, such as <!-- surfaces -->.
        jobs: Takes at the same time, each in a process of one thread.
    """
    work = work or folder.absolute().with_name(f"{folder.absolute().name}_trials")
    cases = wanted_cases(folder, split, takes)
    found = run_all(
        [[partial(measure_surface, c, folder, work, v, instants, again=again) for v in surfaces] for c in cases], jobs
    )
    for name, text in {"surfaces": surface_means(found), "surfaces of takes": surfaces_table(found)}.items():
        print(f"## {name.capitalize()}\n{text}\n", flush=True)
        if into is not None:
            replaced(into, name, text)


def wanted_cases(folder: Path, split: str, takes: tuple[str, ...]) -> list[Case]:
    """The cases of a split whose takes are there; those that are not are named."""
    cases = [c for c in CASES if c.split == split and (not takes or any(word in c.name for word in takes))]
    for case in cases:
        if not (folder / case.name).exists():
            print(f"{case.name} is not in {folder}", file=sys.stderr)
    return [case for case in cases if (folder / case.name).exists()]


if __name__ == "__main__":
    tyro.cli(main)
