"""Runs the point-cloud benchmark: opens the clouds, lets the methods join, and writes everything that was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from body.loading import SETTING, load_body_model
from hps.benchmark.points.report.gallery import gallery
from hps.benchmark.points.report.summary import summarise
from hps.benchmark.points.report.write_results import write_results
from hps.benchmark.points.runner.entrant import Entrant, join
from hps.benchmark.points.runner.method_spec import MethodSpec
from hps.benchmark.points.runner.posed_rows import benchmark_model
from hps.benchmark.points.runner.run import BenchmarkRun, Progress, Samples, run_benchmark, spread
from hps.benchmark.points.runner.timing import processor, timings
from hps.benchmark.points.set.benchmark_set import BenchmarkSet
from hps.benchmark.points.set.part_table import read_parts
from hps.errors import HpsError
from hps.points.baselines.shipped import SHIPPED
from humanrig import __version__
from humanrig.benchmarking.page import write_benchmark_page

PAGE: Final = "index.html"
TIMED: Final = 16
"""Clouds that methods are timed on."""
Said = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PointClouds:
    """The clouds of a benchmark, and where they come from."""

    samples: Samples
    title: str
    source: str
    """For people: which set, split and parts."""
    digest: str


def open_clouds(folder: Path, split: str, parts: Sequence[str] | None, body: Path | None = None) -> PointClouds:
    """The split of a made set, or the clouds of any data set that `hps.datasets` reads.

    body: of a data set whose truth is of SMPL, that model's file or folder: joints are then those that it poses.

    Raises HpsError for a folder that is neither, and for parts of what has none.
    """
    if any((folder / row.name).is_dir() for row in read_parts()):
        made = BenchmarkSet.open(folder, split, parts or None)
        words = f"{', '.join(made.parts)} of {split}; set {made.digest[:12]}."
        return PointClouds(samples=made, title=f"Point-cloud benchmark, {split}", source=words, digest=made.digest)
    if parts:
        raise HpsError(f"{folder} is no benchmark set and has no parts; leave --parts out, or make the set with --make")
    from hps.datasets.opening import open_dataset
    from hps.datasets.posed_joints import WithPosedJoints

    reader = open_dataset(folder)
    taken = f"{split}."
    if split in (splits := {reader.split_of(entry) for entry in reader.entries}):
        reader = reader.split(split)
    else:
        taken = f"all clouds, for none of its people are of {split} (they are of {', '.join(sorted(splits))})."
    samples = reader if body is None else WithPosedJoints(reader=reader, place=body)
    return PointClouds(
        samples=samples, title=f"{folder.resolve().name}: bodies from clouds",
        source=f"{reader.dataset}, protocol {reader.protocol}, {taken}", digest="",
    )  # fmt: skip


def join_all(specs: Sequence[MethodSpec], on_said: Said) -> list[Entrant]:
    """The methods, ready; without any, all shipped ones that this installation can run. Raises HpsError as `join`."""
    shipped = SHIPPED
    if (model := load_body_model()).sha256 != benchmark_model().sha256:
        raise HpsError(
            f"the benchmark is of the open body, but the body model that is set is '{model.name}'; unset {SETTING}"
        )
    if specs:
        return [join(spec, shipped) for spec in specs]
    found: list[Entrant] = []
    for name in shipped:
        try:
            found.append(join(MethodSpec(label=name, target=name), shipped))
        except HpsError as error:
            on_said(f"{name} does not take part: {error}")
    return found


def run_point_benchmark(
    clouds: PointClouds,
    entrants: Sequence[Entrant],
    out: Path,
    *,
    limit: int | None = None,
    time: bool = True,
    on_progress: Progress = lambda done, total: None,
    on_said: Said = lambda text: None,
) -> dict[str, Any]:
    """Runs, times and reports; returns the content of results.json. Raises HpsError as `run_benchmark` does."""
    run = run_benchmark(clouds.samples, entrants, out, limit=limit, on_progress=on_progress)
    for entrant, table in zip(entrants, run.tables):
        if refused := sum(map(bool, table.refused)):
            first = next(words for words in table.refused if words)
            on_said(f"{entrant.name}: {refused} of {len(table)} clouds without an answer, such as: {first}")
    notes = _limited(run, len(clouds.samples)) if limit is not None else []
    notes += _foreign_bodies(run)
    results = summarise(
        run,
        {
            "title": clouds.title,
            "from": clouds.source,
            "notes": notes,
            "set_sha256": clouds.digest,
            "software": f"humanrig {__version__}",
            "torch": torch.__version__,
            "processor": processor(),
        },
    )
    for method in results["methods"]:
        method["timing"] = []
    if time:
        timed = [clouds.samples[int(index)].cloud for index in spread(len(clouds.samples), TIMED)]
        seen: set[str] = set()
        for entrant in entrants:
            if entrant.spec.label not in seen:
                seen.add(entrant.spec.label)
                on_said(f"timing {entrant.name}")
                told = next(m for m in results["methods"] if m["label"] == entrant.spec.label)
                told["timing"] = timings(entrant, timed)
    cases = gallery(run, clouds.samples)
    write_results(out, results, run, cases)
    write_benchmark_page(out / PAGE, results, cases)
    return results


def _limited(run: BenchmarkRun, there: int) -> list[str]:
    """Which clouds a limit has left."""
    said = f"{len(run.facts)} of {there} clouds"
    if clips := [entrant.name for entrant in run.entrants if entrant.wants_clips]:
        return [f"{said}: whole sequences, evenly spread, as {', '.join(dict.fromkeys(clips))} wants clips."]
    return [f"{said}, evenly spread."]


def _foreign_bodies(run: BenchmarkRun) -> list[str]:
    """What cannot be compared because the truth is of another body model."""
    known = Counter(str(name) for name in run.facts.attributes.get("body_model", ()) if name)
    known.pop(benchmark_model().name, None)
    return [
        f"The truth of {count} clouds is of the body model {name}: their skin and angles are not compared, and their "
        "joints, where they are known, are that model's, which the open body's are not exactly. --body PATH "
        "poses SMPL's."
        for name, count in sorted(known.items())
    ]


def sentences(results: dict[str, Any], out: Path) -> list[str]:
    """What was found, for people: one line a method, then where the page is."""
    found = []
    for method in results["methods"]:
        told = method["all"]
        words = [
            f"{results['measures'][name]['title']} {told[name]['value'] * results['measures'][name]['scale']:.1f} "
            f"{results['measures'][name]['unit']} ({results['measures'][name]['protocol']})"
            for name in ("mpjpe_abs", "pve_abs", "failure")
            if name in told
        ]
        count = len(method["runs"])
        runs = f" ({count} runs)" if count > 1 else ""
        found.append(f"{method['label']}{runs}: {', '.join(words) or 'no truth to compare with'}")
    return [*found, f"{out / PAGE}"]
