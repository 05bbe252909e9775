"""What the geometric stage found: the refined rig, and how far surfaces and calibration disagree."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.geometric.alignment import Alignment
from calibration.rig import RigCalibration, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """Of one depth camera: where surfaces alone place it, against the calibration that was given."""

    center_m: float
    """How far apart its centres are."""
    rotation_rad: float
    body_m: float
    """How far apart it places a point in the middle of what was seen."""
    body_sigma_m: float
    """Standard deviation of that to be expected from both."""
    excess: float
    """How improbable the disagreement is, as deviations of a normal number."""
    left: bool
    """Whether the given place was given up for that of the surfaces."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GeometricResult:
    """The rig after surfaces were taken into account."""

    calibration: RigCalibration
    """Cameras, their covariance (gauge `aligned`) and verdicts; corrections and floor as they were."""
    alignment: Alignment
    """What surfaces say alone."""
    disagreement: dict[str, Disagreement]
    """By depth camera."""
    unsolved: dict[str, str]
    """Depth cameras that share no surface with another, and what to do; they stay where they were."""
    verdicts: tuple[Verdict, ...]
    """One for each depth camera, and one for the rig."""
