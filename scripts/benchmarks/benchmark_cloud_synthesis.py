"""CPU time of labelled clouds by part, and clouds a second with one and two processes.

Usage: humanrig synthesize DATASET --people 20 --passes clouds
       python scripts/benchmarks/benchmark_cloud_synthesis.py DATASET [--scenes 6] [--repeats 3] [--processes 2]
Times are the least of the repeats for each scene; clothes are those of the data set, made before.
Exits with 1 where a cloud takes longer than 20 ms of CPU.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from body.loading import load_body_model
from hps.synthesis.clouds import clouds_pass, measuring
from hps.synthesis.clouds.clouds_pass import CloudsPass
from hps.synthesis.production.dataset_file import read_dataset_file
from hps.synthesis.scenes.files import read_tables
from hps.synthesis.staging.stage import Stage

BUDGET_MS = 20.0
PARTS = ("staging", "room, sensors, binding", "drawing", "figure and room", "sensor", "points and truth", "the rest")


class Watch:
    """CPU seconds by part; a part within another counts for itself alone."""

    def __init__(self) -> None:
        """Nothing is measured yet."""
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose time is added to a part."""

        def run(*args: Any, **kwargs: Any) -> Any:
            begun = time.process_time()
            self._inner.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                took = time.process_time() - begun
                self.seconds[part] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return run


def opened(dataset: Path) -> tuple[Stage, CloudsPass, Any]:
    """What one process holds: the stage, the pass and the table."""
    config, model = read_dataset_file(dataset).config, load_body_model()
    return Stage.of(config, dataset, model, colors=False), CloudsPass(config), read_tables(dataset / "scenes")


def measured(dataset: Path, scenes: int, repeats: int) -> tuple[dict[str, float], int]:
    """CPU seconds of each part over the scenes, and how many clouds they gave."""
    stage, clouds, table = opened(dataset)
    specs = [spec for spec, _ in zip(table, range(scenes))]
    watch = Watch()
    measuring.figure_samples = watch.timed("figure and room", measuring.figure_samples)
    measuring.around_people = watch.timed("figure and room", measuring.around_people)
    measuring.CloudCamera._cloud = watch.timed("points and truth", measuring.CloudCamera._cloud)
    for name in ("Surroundings", "CloudScene"):
        kind = getattr(clouds_pass, name)
        kind.of = watch.timed("room, sensors, binding", kind.of)
    opener = clouds_pass.open_view

    def open_view(*given: Any) -> Any:
        view = opener(*given)
        view.sense = watch.timed("sensor", view.sense)
        return view

    clouds_pass.open_view = watch.timed("room, sensors, binding", open_view)
    total, count = dict.fromkeys(PARTS, 0.0), 0
    for spec in specs:
        least: dict[str, float] = {}
        for repeat in range(repeats + 1):  # the first compiles, and makes clothes
            watch.seconds.clear()
            staged = watch.timed("staging", stage.scene)(spec)
            rasterizer = staged.studio.rasterizer
            if repeat == 0 and not hasattr(rasterizer, "is_timed"):
                rasterizer.draw, rasterizer.is_timed = watch.timed("drawing", rasterizer.draw), True
            samples = watch.timed("the rest", lambda staged=staged: list(clouds.samples(staged)))()
            if repeat:
                least = {part: min(watch.seconds[part], least.get(part, 9e9)) for part in PARTS}
        count += len(samples)
        total = {part: total[part] + least[part] for part in PARTS}
    return total, count


def work(dataset: Path, scenes: int, ready: Any, go: Any, done: Any) -> None:
    """One process of several: the same scenes as the others."""
    stage, clouds, table = opened(dataset)
    specs = [spec for spec, _ in zip(table, range(scenes))]
    for spec in specs:
        list(clouds.samples(stage.scene(spec)))
    ready.put(None)
    go.wait()
    begun = time.perf_counter()
    count = sum(len(list(clouds.samples(stage.scene(spec)))) for spec in specs)
    done.put((count, time.perf_counter() - begun))


def together(dataset: Path, scenes: int, processes: int) -> float:
    """Clouds a second of so many processes."""
    context = multiprocessing.get_context("spawn")
    ready, go, done = context.Queue(), context.Event(), context.Queue()
    crew = [context.Process(target=work, args=(dataset, scenes, ready, go, done)) for _ in range(processes)]
    for process in crew:
        process.start()
    for _ in crew:
        ready.get()
    go.set()
    rate = sum(count / seconds for count, seconds in (done.get() for _ in crew))
    for process in crew:
        process.join()
    return rate


def main() -> int:
    """Prints a Markdown table and the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    total, count = measured(given.dataset, given.scenes, given.repeats)
    print(f"{count} clouds of {given.scenes} scenes\n\n| part | ms of CPU a cloud |\n|---|---|")
    for part in PARTS:
        print(f"| {part} | {1e3 * total[part] / count:.2f} |")
    whole = 1e3 * sum(total.values()) / count
    print(f"| all | {whole:.1f} |\n")
    rates = {n: together(given.dataset, given.scenes, n) for n in sorted({1, given.processes})}
    for n, rate in rates.items():
        print(f"{n} process{'es' if n > 1 else ''}: {rate:.0f} clouds a second ({rate / rates[1]:.2f}x)")
    return int(whole > BUDGET_MS)


if __name__ == "__main__":
    sys.exit(main())
