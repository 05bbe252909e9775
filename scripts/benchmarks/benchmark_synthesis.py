"""What a training picture costs, by part, and how it scales with processes.

Usage: python scripts/benchmarks/benchmark_synthesis.py DATASET [--scenes 8] [--workers 2]

DATASET is one whose scenes are sampled (`humanrig synthesize`, or `humanrig scenes sample`); nothing is written to it.
Times are of the CPU, of one process on one core, over the first scenes of the table, whose people's clothes are made
anew; divided by the scenes' pictures. Clothes are made once a person: in a whole data set that part is divided by the
number of scenes that each plays in. Then as many pictures and labels are made by one process and by several at once.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse  # noqa: E402
import multiprocessing  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections import defaultdict  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import AbstractContextManager, contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2  # noqa: E402

from body.loading import load_body_model  # noqa: E402
from hps.synthesis.labelling.labels_pass import LabelsPass  # noqa: E402
from hps.synthesis.pictures.images_pass import ImagesPass  # noqa: E402
from hps.synthesis.production.dataset_file import read_dataset_file  # noqa: E402
from hps.synthesis.scenes.files import read_tables  # noqa: E402
from hps.synthesis.scenes.rows import SceneSpec  # noqa: E402
from hps.synthesis.staging.stage import Stage, texture_rows  # noqa: E402

WARM_UP = 1
"""Scenes before the clock starts: compiled code is loaded, tables of noise are drawn."""


class Works:
    """The stages and passes of one process."""

    def __init__(self, dataset: Path, costumes: Path) -> None:
        """`costumes` is where clothes are shared."""
        config, model = read_dataset_file(dataset).config, load_body_model()
        cv2.setNumThreads(1)
        self.images, self.labels = ImagesPass(config), LabelsPass(config, model)
        self.colored, self.grey = (
            Stage(
                dataset / "bodies",
                model,
                renderer=config.renderer,
                colors=colors,
                texture_rows=texture_rows(config.width),
                costumes=costumes,
            )
            for colors in (True, False)
        )

    def make(self, spec: SceneSpec, clock: Callable[[str], AbstractContextManager[None]]) -> int:
        """Pictures and labels of a scene; says how many pictures."""
        with clock("clothes, once a person"):
            self.colored.dress(spec)
        with clock("staging for pictures"):
            staged = self.colored.scene(spec)
        with clock("painting the room"):
            self.images.prepare(staged)
        with clock("pictures (draw, effects, JPEG)"):
            count = sum(1 for _ in self.images.samples(staged))
        with clock("staging for labels"):
            staged = self.grey.scene(spec)
        with clock("labels (draw, rows, PNG)"):
            sum(1 for _ in self.labels.samples(staged))
        return count


def main() -> None:
    """Prints Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    table = read_tables(arguments.dataset / "scenes")
    specs = [table.scene(name) for name in table.names[: arguments.scenes]]
    with tempfile.TemporaryDirectory() as temporary:
        _parts(arguments.dataset, specs, Path(temporary) / "costumes")
        _scaling(arguments.dataset, specs, Path(temporary) / "costumes", arguments.workers)


def _parts(dataset: Path, specs: list[SceneSpec], costumes: Path) -> None:
    seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def clock(part: str) -> Iterator[None]:
        start = time.process_time()
        yield
        seconds[part] += time.process_time() - start

    for spec in specs[:WARM_UP]:
        Works(dataset, costumes.with_name("warm-up")).make(spec, clock)
    seconds.clear()
    works = Works(dataset, costumes)
    pictures = sum(works.make(spec, clock) for spec in specs)
    people = sum(len(spec.actors) for spec in specs)
    print(f"{len(specs)} scenes, {people / len(specs):.1f} people each, {pictures} pictures\n")
    print("| part | CPU ms a picture |\n|---|---:|")
    for part, spent in seconds.items():
        print(f"| {part} | {1e3 * spent / pictures:.1f} |")
    print(f"| all | {1e3 * sum(seconds.values()) / pictures:.1f} |\n")


def _scaling(dataset: Path, specs: list[SceneSpec], costumes: Path, workers: int) -> None:
    """Each process makes all the scenes, with clothes that are there."""
    print("| processes | pictures with labels a second |\n|---:|---:|")
    for count in sorted({1, workers}):
        context = multiprocessing.get_context("spawn")
        start, done = context.Barrier(count + 1), context.Barrier(count + 1)
        made = context.Value("i", 0)
        processes = [
            context.Process(target=_work, args=(dataset, specs, costumes, start, done, made)) for _ in range(count)
        ]
        for process in processes:
            process.start()
        start.wait()
        began = time.perf_counter()
        done.wait()
        rate = made.value / (time.perf_counter() - began)  # type: ignore[attr-defined]
        for process in processes:
            process.join()
        print(f"| {count} | {rate:.1f} |")


def _work(dataset: Path, specs: list[SceneSpec], costumes: Path, start, done, made) -> None:
    @contextmanager
    def clock(_part: str) -> Iterator[None]:
        yield

    works = Works(dataset, costumes)
    works.make(specs[0], clock)
    start.wait()
    count = sum(works.make(spec, clock) for spec in specs)
    with made.get_lock():
        made.value += count
    done.wait()


if __name__ == "__main__":
    main()
