"""The costs as this machine's own finished sessions show them: one factor for each stage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from capture.session import Session
from humanrig.costs.model import CostModel
from humanrig.costs.size import WHOLE, Size
from humanrig.errors import HumanrigError
from humanrig.manifest import Manifest
from humanrig.pipeline import completed, load_stage

LEAST_S = 1.0
"""Shorter runs tell of the start of a stage more than of its speed."""
DOUBT = 1.0
"""The table counts as much as so many sessions that are done."""
RELIEVED = 0.5
"""Of the speed of the session's other stages: a stage that took so little found work that was done ahead of it."""
FARTHEST = 10.0
"""No factor is farther from 1: a run that was held up (a sleeping laptop) tells nothing."""


def refined(model: CostModel, done: Iterable[Session]) -> CostModel:
    """The model with factors from the manifests of sessions that are done here, in part or whole.

    A run over several processes tells nothing about one core and is passed over; so are one that work ahead or an
    interrupted run had relieved, and a damaged manifest. The factor is the median over sessions, drawn
    towards 1 where there are few.
    """
    seen: dict[str, list[float]] = defaultdict(list)
    for session in done:
        for stage, log in _measured(model, session).items():
            seen[stage].append(log)
    farthest = float(np.log(FARTHEST))
    factors = {
        stage: float(np.exp(np.clip(np.median(logs), -farthest, farthest) * len(logs) / (len(logs) + DOUBT)))
        for stage, logs in seen.items()
    }
    return replace(model, factors=dict(model.factors) | factors)


def _measured(model: CostModel, session: Session) -> dict[str, float]:
    """Logarithms of measured over expected seconds of those stages of a session that tell something."""
    logs: dict[str, float] = {}
    for stage, manifest in _finished(session):
        if stage in model.weights and manifest.seconds >= LEAST_S and _by_one_process(manifest):
            expected = model.expected(stage, _size(session, stage, manifest)).seconds
            if expected > 0:
                logs[stage] = float(np.log(manifest.seconds / expected))
    helped = {stage for stage in logs if load_stage(stage).ahead is not None}
    usual = [log for stage, log in logs.items() if stage not in helped]
    least = (float(np.median(usual)) if usual else 0.0) + float(np.log(RELIEVED))
    return {stage: log for stage, log in logs.items() if stage not in helped or log >= least}


def _finished(session: Session) -> Iterable[tuple[str, Manifest]]:
    try:
        return completed(session)
    except HumanrigError:  # a damaged manifest: the stage is redone, and the session tells nothing
        return ()


def _by_one_process(manifest: Manifest) -> bool:
    return "workers" not in manifest.config or manifest.config["workers"] == 1


def _size(session: Session, stage: str, manifest: Manifest) -> Size:
    size = Size.of(session, without=frozenset(manifest.without))
    return size if stage in WHOLE else replace(size, instants=len(manifest.instants))
