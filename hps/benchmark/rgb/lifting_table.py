"""Scores of lifters as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from hps.benchmark.rgb.lifting_scenes import LiftingScenes
from hps.benchmark.rgb.scoring import MEASURES, LiftingScore
from hps.benchmark.rgb.strata import strata
from hps.metrics.subject_bootstrap import Interval

HEADERS = {
    "mpjpe": "MPJPE (smpl24_root)",
    "pa": "PA (smpl24_pa)",
    "pve": "PVE",
    "root": "root",
    "order": "depth order %",
}


def score_table(scores: Mapping[str, LiftingScore], scenes: LiftingScenes) -> str:
    """A row for each method: means over people, millimetres, with the 95 % interval over resampled subjects."""
    lines = [
        f"| method | {' | '.join(HEADERS[name] for name in MEASURES)} | refused |",
        "|---|" + "---|" * (len(MEASURES) + 1),
    ]
    for method, score in scores.items():
        cells = " | ".join(_told(score.interval(name, scenes.subject)) for name in MEASURES)
        lines.append(f"| {method} | {cells} | {len(score.refused)} |")
    return "\n".join(lines)


def strata_table(scores: Mapping[str, LiftingScore], scenes: LiftingScenes) -> str:
    """MPJPE and PA of each method in each stratum."""
    lines = [f"| where | people | {' | '.join(scores)} |", "|---|---:|" + "---|" * len(scores)]
    for what, parts in strata(scenes).items():
        for part, which in parts.items():
            cells = [_pair(score, scenes, which) for score in scores.values()]
            lines.append(f"| {what}: {part} | {which.sum()} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _pair(score: LiftingScore, scenes: LiftingScenes, which: Bool[np.ndarray, "people"]) -> str:
    mpjpe, pa = (score.interval(name, scenes.subject, which) for name in ("mpjpe", "pa"))
    return f"{mpjpe.value:.0f} / {pa.value:.0f}"


def _told(interval: Interval) -> str:
    if not interval.n:
        return "–"
    return f"{interval.value:.1f} ({interval.low:.1f}–{interval.high:.1f})"
