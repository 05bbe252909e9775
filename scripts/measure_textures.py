"""How good the textures are on the takes of texture_trials/cases.py, as Markdown tables.

Usage: python scripts/measure_textures.py FOLDER [--split validation] [--takes crossed loose]
           [--variants reference "true cameras" "own calibration" disturbed "disturbed, polished"] [--instants 4]

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
from texture_trials.pictures_again import VARIANTS, again_means, again_table, measure_again

Name = Literal[
    "reference", "true cameras", "own calibration", "free, own calibration", "own, not polished", "disturbed",
    "disturbed, polished", "exposures",
]  # fmt: skip


def main(
    folder: tyro.conf.Positional[Path],
    split: Literal["validation", "test"] = "validation",
    takes: tuple[str, ...] = (),
    variants: tuple[Name, ...] = ("reference", "true cameras", "own calibration", "disturbed", "disturbed, polished"),
    instants: int = 4,
    size: int = 2048,
    work: Path | None = None,
    again: bool = False,
) -> None:
    """Prints the tables.

    Args:
        folder: Of the takes; nothing is written into it.
        split: Whose people and clips.
        takes: Only takes whose name holds one of these words.
        variants: What is altered before the stage texture.
        instants: Of each take that are looked at, evenly spread.
        size: Rows and columns of the textures.
        work: Where the copies are: a sibling of FOLDER.
        again: Run the stage texture again, and measure again.
    """
    assert set(variants) <= set(VARIANTS)
    work = work or folder.absolute().with_name(f"{folder.absolute().name}_trials")
    cases, begin = wanted_cases(folder, split, takes), time.perf_counter()
    found = []
    for case in cases:
        for variant in variants:
            found.append(measure_again(case, folder, work, variant, instants, size, again=again))
            said = found[-1].error or f"{found[-1].figures['instant']['psnr_db']:.2f} dB"
            print(f"{time.perf_counter() - begin:6.0f} s  {case.name} {variant}: {said}", file=sys.stderr, flush=True)
    print(f"## Pictures drawn again\n{again_means(found)}\n\n## Pictures of each take\n{again_table(found)}\n")


if __name__ == "__main__":
    tyro.cli(main)
