"""Time of the fit itself, from keypoints and clouds that are there to a body with its uncertainty.

python scripts/benchmarks/benchmark_registration.py TAKE ... [--threads 1 2]

TAKE is a session with its keypoints and clouds done. Reading files counts for nobody; the first fit of a process, which
loads the compiled kernels, is not counted either. BLAS has one thread, as where instants are fitted side by side.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import time  # noqa: E402
from pathlib import Path  # noqa: E402

import tyro  # noqa: E402

from body.loading import load_body_model  # noqa: E402
from capture.session import Session  # noqa: E402
from humanrig.registering.inputs import person_keypoints  # noqa: E402
from humanrig.registering.person_clouds import PersonClouds  # noqa: E402
from humanrig.stage import StageContext  # noqa: E402
from registration.fit.clip import fit_clip  # noqa: E402
from registration.fit.config import FitConfig  # noqa: E402


def main(takes: tyro.conf.Positional[tuple[Path, ...]], threads: tuple[int, ...] = (1, 2), repeats: int = 3) -> None:
    """Prints one Markdown row for each take and number of threads: the least of the repeats."""
    model = load_body_model()
    print("| take | instants | threads | CPU ms an instant | wall ms an instant | instants a second |")
    print("|---|---|---|---|---|---|")
    for folder in takes:
        session = Session.open(folder)
        numbers = [instant.instant for instant in session.instants()]
        context = StageContext(
            session=session, output=folder, config=None, instants=numbers, without=frozenset(), progress=lambda *_: None
        )
        keypoints = person_keypoints(context, "person00")
        clouds = list(PersonClouds(session.path("clouds"), numbers))
        fit_clip(model, keypoints, clouds, FitConfig(threads=1))
        for count in threads:
            cpu, wall = float("inf"), float("inf")
            for _ in range(repeats):
                started, used = time.perf_counter(), time.process_time()
                fit_clip(model, keypoints, clouds, FitConfig(threads=count))
                cpu, wall = min(cpu, time.process_time() - used), min(wall, time.perf_counter() - started)
            each = len(numbers)
            print(
                f"| {folder.name} | {each} | {count} | {1e3 * cpu / each:.0f} | {1e3 * wall / each:.0f} "
                f"| {each / wall:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    tyro.cli(main)
