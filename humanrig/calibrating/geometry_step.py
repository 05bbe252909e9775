"""The solved rig checked, and refined, by the surfaces that its depth cameras see together."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from calibration.errors import CalibrationError
from calibration.geometric.depth_clouds import depth_clouds
from calibration.geometric.refine import refine_by_geometry
from calibration.rig import Verdict
from calibration.rig_solve.result import RigSolve
from capture.session import Session
from humanrig.calibrating.corrections_step import Corrected

INSTANTS = 8
"""Moments, evenly over the take: each adds another pose of the person, and more cost a second each."""


def with_geometry(session: Session, solve: RigSolve, other: Path | None) -> Corrected:
    """With places that also fit the depth of things and people, as far as these know better than the board.

    `other` is the session.toml of another take of the same rig whose depth is used. A rig whose depth cameras share no
    surface stays as it is, and a verdict says so. Raises CaptureError before the stage `sync`.
    """
    seen = session if other is None else Session.open(other.parent)
    numbers = [instant.instant for instant in seen.instants()]
    chosen = [numbers[k] for k in sorted({*np.linspace(0, len(numbers) - 1, INSTANTS).astype(int).tolist()})]
    try:
        found = refine_by_geometry(depth_clouds(seen, solve.calibration, chosen), solve.calibration)
    except CalibrationError as error:
        refused = Verdict(subject="rig", good=False, text=f"not checked by depth: {error}")
        return Corrected(solve=solve, verdicts=(refused,), figures={})
    verdicts = tuple(replace(v, text=f"surfaces: {v.text}") for v in found.verdicts)
    calibration = replace(found.calibration, verdicts=())
    figures = {name: asdict(disagreement) for name, disagreement in found.disagreement.items()}
    return Corrected(solve=replace(solve, calibration=calibration), verdicts=verdicts, figures=figures)
