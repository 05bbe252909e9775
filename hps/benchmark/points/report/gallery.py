"""Pictures of a method's best, median and worst clouds, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from hps.benchmark.points.report.drawing import draw_case
from hps.benchmark.points.report.summary import cases_of
from hps.benchmark.points.runner.posed_rows import benchmark_model, posed_rows, whole_rows
from hps.benchmark.points.runner.run import BenchmarkRun, Samples

EACH: Final = 2
"""Pictures of each kind."""
FOLDER: Final = "gallery"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GalleryCase:
    """One picture with its words."""

    label: str
    kind: str
    """best, median, worst, worst of all."""
    key: str
    words: str
    picture: UInt8[np.ndarray, "rows columns 3"]
    """sRGB: two views side by side, see `draw_case`."""


def gallery(run: BenchmarkRun, samples: Samples) -> list[GalleryCase]:
    """The pictures of the first run of each label; `samples` are those that were run.

    Best, median and worst of the first case of the set, then the worst of all clouds; by PVE, or by MPJPE of a method
    that gives joints alone. A cloud without an answer is among the worst.
    """
    model = benchmark_model()
    everything = {"all clouds": np.ones(len(run.facts), bool)}
    first_case, which = next(iter((cases_of(run.facts) or everything).items()))
    found: list[GalleryCase] = []
    labels: set[str] = set()
    for n, entrant in enumerate(run.entrants):
        if entrant.spec.label in labels:
            continue
        labels.add(entrant.spec.label)
        table, counted = run.tables[n], run.tables[n].counted(run.substitute)
        measure = "pve_abs" if np.isfinite(counted["pve_abs"]).any() else "mpjpe_abs"
        values = np.where(table.answered, counted[measure], np.inf)
        values = np.where(np.isfinite(counted[measure]), values, np.nan)
        for kind, row in chosen(values, which, first_case):
            sample = samples[int(run.places[row])]
            truth = posed_rows([sample.truth if sample.model == model.name else None])
            answer = run.answer(n, row).parameters
            vertices = None if answer is None else posed_rows([answer]).vertices[0].astype(np.float64)
            joints = table.joints[row] if table.answered[row] else None
            picture = draw_case(
                sample.cloud,
                np.asarray(model.faces),
                vertices=vertices,
                joints=joints,
                true_vertices=truth.vertices[0].astype(np.float64) if whole_rows(truth.vertices)[0] else None,
            )
            said = f"{values[row]:.0f} mm" if np.isfinite(values[row]) else table.refused[row] or "no answer"
            found.append(GalleryCase(label=entrant.spec.label, kind=kind, key=sample.key, words=said, picture=picture))
    return found


def chosen(values: Float[np.ndarray, "clouds"], which: Bool[np.ndarray, "clouds"], case: str) -> list[tuple[str, int]]:
    """Kind and place of the clouds to show; none twice."""
    found: dict[int, str] = {}
    inside = np.flatnonzero(which & ~np.isnan(values))
    order = inside[np.argsort(values[inside], kind="stable")]
    middle = max((len(order) - EACH) // 2, 0)
    picks = (("best", order[:EACH]), ("median", order[middle : middle + EACH]), ("worst", order[::-1][:EACH]))
    for kind, places in picks:
        for place in places:
            found.setdefault(int(place), f"{kind} of {case}")
    everywhere = np.flatnonzero(~np.isnan(values))
    for place in everywhere[np.argsort(-values[everywhere], kind="stable")][: 2 * EACH]:
        if len([kind for kind in found.values() if kind == "worst of all"]) < EACH:
            found.setdefault(int(place), "worst of all")
    return [(kind, place) for place, kind in found.items()]


def write_gallery(cases: Sequence[GalleryCase], folder: Path) -> None:
    """Writes `folder`/gallery/LABEL_NN_KIND_KEY.png; what was there before of these names is replaced."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for case in cases:
        number = counts[case.label] = counts.get(case.label, -1) + 1
        name = f"{case.label}_{number:02d}_{case.kind}_{case.key}".replace(" ", "-").replace("/", "-").replace(",", "")
        done, encoded = cv2.imencode(".png", cv2.cvtColor(case.picture, cv2.COLOR_RGB2BGR))
        if done:
            (folder / FOLDER / f"{name}.png").write_bytes(encoded.tobytes())
