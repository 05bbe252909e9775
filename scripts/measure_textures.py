"""How good the textures are on the takes of texture_trials/cases.py, as Markdown tables.

Usage: python scripts/measure_textures.py FOLDER [--split validation] [--takes crossed loose]
           [--trials pictures tests seams flicker files] [--instants 4] [--size 2048]
           [--variants reference "true cameras" "own calibration" disturbed "disturbed, polished"]

FOLDER holds the takes with every stage up to `register` done. Two cameras paint no texture, and their pictures judge
it. Everything is made in copies beside FOLDER with one set of parameters; what is measured is kept, so that an
interrupted run goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import tyro
from measure_surfaces import wanted_cases
from texture_trials.cases import Case
from texture_trials.files import files_table, measure_files
from texture_trials.jobs import run_all
from texture_trials.kept import Measured, replaced
from texture_trials.pictures_again import VARIANTS, again_means, again_table, measure_again
from texture_trials.steadiness import flicker_table, measure_flicker, measure_seams, seams_table
from texture_trials.visibility import SETTINGS, measure_tests, tests_table

Trial = Literal["pictures", "tests", "seams", "flicker", "files"]
Name = Literal[
    "reference", "true cameras", "own calibration", "free, own calibration", "own, not polished", "disturbed",
    "disturbed, polished", "exposures",
]  # fmt: skip


def main(
    folder: tyro.conf.Positional[Path],
    split: Literal["validation", "test"] = "validation",
    takes: tuple[str, ...] = (),
    trials: tuple[Trial, ...] = ("pictures", "tests", "seams", "flicker", "files"),
    variants: tuple[Name, ...] = ("reference", "true cameras", "own calibration", "disturbed", "disturbed, polished"),
    instants: int = 4,
    size: int = 2048,
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
        trials: pictures: all takes, drawn again; tests: the row `crossed`, with tests of visibility left out; seams:
            the row `tight`, with other exposures; flicker: the row `still`; files: what others open, of every take.
        variants: Of the trial `pictures`: what is altered before the stage texture.
        instants: Of each take that are looked at, evenly spread.
        size: Rows and columns of the textures.
        work: Where the copies are: a sibling of FOLDER.
        again: Run the stage texture again, and measure again.
        into: A Markdown page; each table replaces what is between its own marks there, such as <!-- pictures -->.
        jobs: Takes at the same time, each in a process of one thread.
    """
    assert set(variants) <= set(VARIANTS)
    work = work or folder.absolute().with_name(f"{folder.absolute().name}_trials")
    cases = wanted_cases(folder, split, takes)
    few = max(instants // 2, 1)

    def over(row: str | None, *tasks: Callable[[Case], Measured]) -> list[Measured]:
        some = [case for case in cases if takes or row is None or case.row == row]
        return run_all([[partial(task, case) for task in tasks] for case in some], jobs)

    def task(measure: Callable[..., Measured], *values: object) -> Callable[[Case], Measured]:
        return partial(_measure, measure, folder, work, values, again)

    tables: dict[str, str] = {}
    if "pictures" in trials:
        found = over(None, *(task(measure_again, variant, instants, size) for variant in variants))
        tables["pictures"], tables["pictures of takes"] = again_means(found), again_table(found)
    if "tests" in trials:
        tables["tests"] = tests_table(over("crossed", *(task(measure_tests, s, few, size) for s in SETTINGS)))
    if "seams" in trials:
        tables["seams"] = seams_table(over("tight", task(measure_seams, size)))
    if "flicker" in trials:
        tables["flicker"] = flicker_table(over("still", task(measure_flicker, size)))
    if "files" in trials:
        tables["files"] = files_table(over(None, task(measure_files, size)))
    for name, text in tables.items():
        print(f"## {name.capitalize()}\n{text}\n", flush=True)
        if into is not None:
            replaced(into, name, text)


def _measure(
    measure: Callable[..., Measured], folder: Path, work: Path, values: tuple[object, ...], again: bool, case: Case
) -> Measured:
    return measure(case, folder, work, *values, again=again)


if __name__ == "__main__":
    tyro.cli(main)
