"""How good clouds and bodies are on the takes of registration_trials/cases.py, as Markdown tables.

Usage: python scripts/measure_registration.py FOLDER [--split validation] [--rows tight loose]
           [--variants base cameras4 camera1 dropped30 camera_off10mm keypoints_only betas10 shape_from] [--jobs 2]

FOLDER is what make_registration_takes.py made. Bodies are fitted in copies beside it, each with its session's own
calibration and one set of parameters; what is done is kept, so that an interrupted run goes on.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Annotated, Literal

import tyro
from registration_trials import tables
from registration_trials.cases import CASES, Case, Row
from registration_trials.measuring import Measured, measure

from humanrig.commands.reconstruct import read_configs

Name = Literal["base", "cameras4", "camera1", "dropped30", "camera_off10mm", "keypoints_only", "betas10", "shape_from"]
TITLES = {
    "Bodies": tables.bodies_by_row,
    "Parts of the body, vertex error in mm": tables.parts,
    "Movement and certainty": tables.movement_and_certainty,
    "Clouds": tables.clouds,
    "Takes": tables.takes,
}


def main(
    folder: tyro.conf.Positional[Path],
    split: Literal["validation", "test"] = "validation",
    rows: tuple[Row, ...] = (),
    takes: tuple[str, ...] = (),
    variants: tuple[Name, ...] = ("base",),
    option: Annotated[tuple[str, ...], tyro.conf.arg(metavar="STAGE.KEY=VALUE ...")] = (),
    work: Path | None = None,
    jobs: int = 1,
    into: Path | None = None,
) -> None:
    """Prints the tables.

    Args:
        folder: Of the takes; nothing is written into it.
        split: Whose people and clips.
        rows: Only these rows of the table of cases.
        takes: Only takes whose name holds one of these words.
        variants: What is done to the takes before.
        option: Options of the stages, for trials.
        work: Where the copies are; by default beside FOLDER, where they keep what was done in it.
        jobs: Takes at the same time, each in a process of one thread.
        into: A Markdown page whose text between <!-- tables --> and <!-- end of tables --> they replace.
    """
    work = work or folder.absolute().with_name(f"{folder.absolute().name}_measured")
    wanted = [c for c in CASES if c.split == split and (not rows or c.row in rows)]
    wanted = [c for c in wanted if not takes or any(word in c.name for word in takes)]
    missing = [c.name for c in wanted if not (folder / c.name).exists()]
    for name in missing:
        print(f"{name} is not in {folder}; make_registration_takes.py makes it", file=sys.stderr)
    work_list = [(case, name) for name in variants for case in wanted if case.name not in missing]
    found: dict[tuple[str, str], Measured] = {}
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        configs = read_configs(None, option)
        begin = time.perf_counter()
        running = {pool.submit(measure, folder, work, c, name, configs): (c, name) for c, name in work_list}
        for done in as_completed(running):
            case, name = running[done]
            found[case.name, name] = done.result()
            print(_said(case, name, found[case.name, name], time.perf_counter() - begin), file=sys.stderr, flush=True)
    measured = [found[case.name, name] for case, name in work_list]
    text = "\n".join(f"## {title}\n{table(measured)}\n" for title, table in TITLES.items())
    print(text, flush=True)
    if into is not None:
        tables.replace(into, text)


def _said(case: Case, variant: str, measured: Measured, seconds: float) -> str:
    people = tables.people_of(measured)
    errors = ", ".join(f"{p['pve_mm']['mean']:.1f}" for p in people) or measured.error or "nobody of the truth"
    return f"{seconds:6.0f} s  {case.name} {variant}: {errors}"


if __name__ == "__main__":
    tyro.cli(main)
