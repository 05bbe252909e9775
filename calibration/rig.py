"""The calibration of a rig as a value: its cameras, where they came from, and how far each can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from calibration.color_correction import ColorCorrection
from calibration.depth_correction import DepthCorrection
from calibration.pose_covariance import PoseCovariance
from geometry.camera import Camera


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One check of a calibration, in words."""

    subject: str
    """A camera's or a device's name, or `rig`."""
    good: bool
    """False: usable, but doubtful."""
    text: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RigCalibration:
    """Calibrated cameras that share one world: z up, floor at z = 0, metres."""

    cameras: dict[str, Camera]
    """By stream name."""
    source: str
    """Where the cameras came from, in words."""
    floor: Float[np.ndarray, "4"] = field(default_factory=lambda: np.array([0.0, 0.0, 1.0, 0.0]))
    """The plane n·p + d = 0 in the world, as (nx, ny, nz, d); n points up."""
    notes: dict[str, str] = field(default_factory=dict)
    """For each camera, what its numbers rest on."""
    verdicts: tuple[Verdict, ...] = ()
    covariance: PoseCovariance | None = None
    """Of the cameras that were solved together; None where nobody estimated it."""
    depth_corrections: dict[str, DepthCorrection] = field(default_factory=dict)
    """By the name of the depth camera."""
    color_corrections: dict[str, ColorCorrection] = field(default_factory=dict)
    """By the name of the colour camera."""

    @property
    def doubts(self) -> tuple[Verdict, ...]:
        """The checks that did not go well."""
        return tuple(verdict for verdict in self.verdicts if not verdict.good)


def device_of(stream: str) -> str:
    """`kinect_000` of `kinect_000/depth`."""
    return stream.partition("/")[0]
