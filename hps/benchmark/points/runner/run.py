"""Puts every method through the same clouds: reads each cloud once, asks each method, and scores the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int64

from hps.benchmark.points.runner.answering import answers
from hps.benchmark.points.runner.clips import Named, packs_of, sequences_of
from hps.benchmark.points.runner.cloud_facts import CloudFacts
from hps.benchmark.points.runner.entrant import Entrant
from hps.benchmark.points.runner.error_table import ErrorTable
from hps.benchmark.points.runner.frame_runs import (
    acceleration_m_s2_of_runs,
    acceleration_of_runs,
    frame_runs_of,
    rate_of,
)
from hps.benchmark.points.runner.held_out_cameras import HeldOutCameras
from hps.benchmark.points.runner.prediction_table import PredictionTable
from hps.benchmark.points.runner.scoring import Truth, score
from hps.benchmark.points.runner.substitute import substitute
from hps.benchmark.prediction import Prediction
from hps.datasets.cloud_sample import CloudSample
from hps.errors import HpsError

CHUNK: Final = 32
"""Clouds of one call and of one file of answers; of methods that want clips, at least so many, in whole sequences."""
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
    acceleration_m_s2: tuple[np.ndarray, ...]
    """The same in m/s² where the rate is known too; NaN for one more cloud at either end of a run."""
    rate_hz: Float[np.ndarray, "clouds"]
    """Of the run that a cloud is in; NaN where there is none, and where its rate is not known."""
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

    limit: so many clouds, spread evenly over the samples; where an entrant wants clips, whole sequences, not more
    clouds than that. All entrants see the same ones. Raises HpsError without samples or entrants.
    """
    if not entrants:
        raise HpsError("no method takes part; name at least one")
    named = names_of(samples) if any(entrant.wants_clips for entrant in entrants) else None
    chosen = spread(len(samples), limit) if named is None else whole_sequences(named, limit)
    if not len(chosen):
        raise HpsError("the benchmark has no clouds; make the set, or name other parts of it")
    clips, before = {}, 0
    if named is not None:
        before = len(chosen)
        clips = _clip_answers(samples, named, chosen, entrants, folder, lambda done: on_progress(done, 2 * before))
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
            if place in clips:
                rows = [clips[place][int(index)] for index in chosen[first : first + CHUNK]]
                given[place].append(PredictionTable.of([sample.key for sample in part], rows))
            else:
                given[place].append(answers(entrant, part, _file(folder, entrant, first // CHUNK)))
            tables[place].append(score(given[place][-1], truth))
        keys = [sample.key for sample in part]
        substitutes.append(score(PredictionTable.of(keys, [substitute(sample.cloud) for sample in part]), truth))
        held.offer(part)
        on_progress(before + first + len(part), before + len(chosen))
    held.finish()
    told = CloudFacts.joined(facts)
    runs = frame_runs_of(told.sequences, told.frames)
    rates = [rate_of(told.time_s[frames]) for frames in runs]
    rate_hz = np.full(len(told), np.nan)
    for frames, rate in zip(runs, rates):
        rate_hz[frames] = rate
    joined = tuple(ErrorTable.joined(parts) for parts in tables)
    return BenchmarkRun(
        facts=told,
        entrants=tuple(entrants),
        tables=joined,
        answers=tuple(tuple(parts) for parts in given),
        places=chosen,
        substitute=ErrorTable.joined(substitutes),
        acceleration=tuple(acceleration_of_runs(table.joints, table.true_joints, runs) for table in joined),
        acceleration_m_s2=tuple(acceleration_m_s2_of_runs(t.joints, t.true_joints, runs, rates) for t in joined),
        rate_hz=rate_hz,
        held_out=held.medians_mm,
        held_out_facts=held.facts,
    )


def names_of(samples: Samples) -> Sequence[Named]:
    """Sequence and number of each sample: without reading clouds where the reader can tell."""
    known = getattr(samples, "entries", None)
    return known if known is not None else [samples[index] for index in range(len(samples))]


def _clip_answers(
    samples: Samples,
    named: Sequence[Named],
    chosen: Int64[np.ndarray, "clouds"],
    entrants: Sequence[Entrant],
    folder: Path,
    on_done: Callable[[int], None],
) -> Mapping[int, Mapping[int, Prediction]]:
    """By the place of each entrant that wants clips, its answers by the place of the cloud."""
    found: dict[int, dict[int, Prediction]] = {n: {} for n, entrant in enumerate(entrants) if entrant.wants_clips}
    done = 0
    for number, pack in enumerate(packs_of([named[int(index)] for index in chosen], CHUNK)):
        places = chosen[pack]
        part = [samples[int(index)] for index in places]
        for n, own in found.items():
            table = answers(entrants[n], part, _file(folder, entrants[n], number))
            own |= {int(index): table[row] for row, index in enumerate(places)}
        done += len(part)
        on_done(done)
    return found


def _file(folder: Path, entrant: Entrant, number: int) -> Path:
    return folder / PREDICTIONS / entrant.folder_name / f"{number:06d}.npz"


def whole_sequences(named: Sequence[Named], limit: int | None) -> Int64[np.ndarray, "chosen"]:
    """Places of whole sequences, evenly spread, of not more than `limit` clouds; of a longer one, its first clouds."""
    count = len(named)
    if limit is None or limit >= count:
        return np.arange(count)
    sequences = sequences_of(named)
    lengths = np.array([len(places) for places in sequences])
    for some in range(min(limit, len(sequences)), 0, -1):
        taken = spread(len(sequences), some)
        if lengths[taken].sum() <= limit:
            return np.sort(np.concatenate([sequences[int(n)] for n in taken]))
    return np.sort(sequences[0][: len(spread(count, limit))])


def spread(count: int, limit: int | None) -> Int64[np.ndarray, "chosen"]:
    """Places of `limit` of `count` things, evenly spread; all without a limit."""
    if limit is None or limit >= count:
        return np.arange(count)
    if limit < 1:
        raise HpsError(f"a limit of {limit} clouds leaves nothing to do; give 1 or more")
    return np.unique(np.linspace(0, count - 1, limit).round().astype(np.int64))
