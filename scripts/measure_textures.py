"""How good the textures are on the takes of texture_trials/cases.py, as Markdown tables.

Usage: python scripts/measure_textures.py FOLDER [--split validation] [--takes crossed loose]
           [--trials pictures tests seams flicker files] [--instants 4] [--size 2048]
           [--variants reference "true cameras" "own calibration" disturbed "disturbed, polished"]

FOLDER holds the takes with every stage up to `register` done. Two cameras paint no texture, and their pictures judge
it. Everything is made in copies beside FOLDER with one set of parameters; what is measured is kept, so that an
interrupted run goes on.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Literal

import tyro
from measure_surfaces import wanted_cases
from texture_trials.cases import Case
from texture_trials.files import files_table, measure_files
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
    """
    assert set(variants) <= set(VARIANTS)
    work = work or folder.absolute().with_name(f"{folder.absolute().name}_trials")
    cases, begin = wanted_cases(folder, split, takes), time.perf_counter()

    def told(measured: Measured) -> Measured:
        said = measured.error or "done"
        print(f"{time.perf_counter() - begin:6.0f} s  {measured.kind} {measured.case} {measured.variant}: {said}",
              file=sys.stderr, flush=True)  # fmt: skip
        return measured

    tables: dict[str, str] = {}
    if "pictures" in trials:
        found = [told(measure_again(c, folder, work, v, instants, size, again=again)) for c in cases for v in variants]
        tables["pictures"], tables["pictures of takes"] = again_means(found), again_table(found)
    if "tests" in trials:
        few, crossed = max(instants // 2, 1), of_row(cases, "crossed", takes)
        found = [told(measure_tests(c, folder, work, s, few, size, again=again)) for c in crossed for s in SETTINGS]
        tables["tests"] = tests_table(found)
    if "seams" in trials:
        found = [told(measure_seams(c, folder, work, size, again=again)) for c in of_row(cases, "tight", takes)]
        tables["seams"] = seams_table(found)
    if "flicker" in trials:
        found = [told(measure_flicker(c, folder, work, size, again=again)) for c in of_row(cases, "still", takes)]
        tables["flicker"] = flicker_table(found)
    if "files" in trials:
        tables["files"] = files_table([told(measure_files(c, folder, work, size, again=again)) for c in cases])
    for name, text in tables.items():
        print(f"## {name.capitalize()}\n{text}\n", flush=True)
        if into is not None:
            replaced(into, name, text)


def of_row(cases: list[Case], row: str, takes: tuple[str, ...]) -> list[Case]:
    """The cases of a row; all of them where takes were named."""
    return [case for case in cases if takes or case.row == row]


if __name__ == "__main__":
    tyro.cli(main)
