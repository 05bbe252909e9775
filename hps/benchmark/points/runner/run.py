"""Puts every method through the same clouds: reads each cloud once, asks each method, and scores the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

from hps.benchmark.points.runner.answering import answers
from hps.benchmark.points.runner.cloud_facts import CloudFacts
from hps.benchmark.points.runner.entrant import Entrant
from hps.benchmark.points.runner.error_table import ErrorTable
from hps.benchmark.points.runner.frame_runs import acceleration_of_runs, frame_runs_of
from hps.benchmark.points.runner.held_out_cameras import HeldOutCameras
from hps.benchmark.points.runner.prediction_table import PredictionTable
from hps.benchmark.points.runner.scoring import Truth, score
from hps.benchmark.points.runner.substitute import substitute
from hps.benchmark.prediction import Prediction
from hps.datasets.cloud_sample import CloudSample
from hps.errors import HpsError

CHUNK: Final = 32
"""Clouds of one call and of one file of answers."""
PREDICTIONS: Final = "predictions"
Progress = Callable[[int, int], None]


@runtime_checkable
class Samples(Protocol):
    """The clouds of a benchmark: any list of samples, or a reader of a data set."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> CloudSample: ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BenchmarkRun:
    """The errors of all entrants on the same clouds."""

    facts: CloudFacts
    entrants: tuple[Entrant, ...]
    tables: tuple[ErrorTable, ...]
    """One an entrant, rows as in `facts`."""
    answers: tuple[tuple[PredictionTable, ...], ...]
    """One an entrant, in pieces of CHUNK clouds."""
    places: Int64[np.ndarray, "clouds"]
    """Of the clouds in the samples that were given."""
    substitute: ErrorTable
    """Of the answer that stands in for refusals."""
    acceleration: tuple[np.ndarray, ...]
    """mm per frame², one array an entrant; NaN where a cloud has no neighbours in time."""
    held_out: tuple[np.ndarray, ...] = field(default=())
    """Median distances of held-out cameras' points from the bodies, mm, one array an entrant; NaN without a body."""
    held_out_facts: CloudFacts | None = None

    def answer(self, entrant: int, row: int) -> Prediction:
        """What an entrant answered to one cloud."""
        return self.answers[entrant][row // CHUNK][row % CHUNK]


def run_benchmark(
    samples: Samples,
    entrants: Sequence[Entrant],
    folder: Path,
    *,
    limit: int | None = None,
    on_progress: Progress = lambda done, total: None,
) -> BenchmarkRun:
    """Asks and scores all entrants; what was answered before is read from `folder`/predictions.

    limit: so many clouds, spread evenly over the samples. Raises HpsError without samples or entrants.
    """
    if not entrants:
        raise HpsError("no method takes part; name at least one")
    chosen = spread(len(samples), limit)
    if not len(chosen):
        raise HpsError("the benchmark has no clouds; make the set, or name other parts of it")
    facts: list[CloudFacts] = []
    tables: list[list[ErrorTable]] = [[] for _ in entrants]
    given: list[list[PredictionTable]] = [[] for _ in entrants]
    substitutes: list[ErrorTable] = []
    held = HeldOutCameras(entrants, folder / PREDICTIONS)
    for first in range(0, len(chosen), CHUNK):
        part = [samples[int(index)] for index in chosen[first : first + CHUNK]]
        truth = Truth.of(part)
        facts.append(CloudFacts.of(part))
        for place, entrant in enumerate(entrants):
            path = folder / PREDICTIONS / entrant.folder_name / f"{first // CHUNK:06d}.npz"
            given[place].append(answers(entrant, part, path))
            tables[place].append(score(given[place][-1], truth))
        keys = [sample.key for sample in part]
        substitutes.append(score(PredictionTable.of(keys, [substitute(sample.cloud) for sample in part]), truth))
        held.offer(part)
        on_progress(first + len(part), len(chosen))
    held.finish()
    told = CloudFacts.joined(facts)
    runs = frame_runs_of(told.sequences, told.frames)
    joined = tuple(ErrorTable.joined(parts) for parts in tables)
    return BenchmarkRun(
        facts=told,
        entrants=tuple(entrants),
        tables=joined,
        answers=tuple(tuple(parts) for parts in given),
        places=chosen,
        substitute=ErrorTable.joined(substitutes),
        acceleration=tuple(acceleration_of_runs(table.joints, table.true_joints, runs) for table in joined),
        held_out=held.medians_mm,
        held_out_facts=held.facts,
    )


def spread(count: int, limit: int | None) -> Int64[np.ndarray, "chosen"]:
    """Places of `limit` of `count` things, evenly spread; all without a limit."""
    if limit is None or limit >= count:
        return np.arange(count)
    if limit < 1:
        raise HpsError(f"a limit of {limit} clouds leaves nothing to do; give 1 or more")
    return np.unique(np.linspace(0, count - 1, limit).round().astype(np.int64))
