"""What a bundle adjustment is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from calibration.pose_covariance import PoseCovariance
from calibration.timing.exposure_timing import ExposureTiming
from geometry.camera import Camera

INTRINSICS = ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
"""Order of a lens's twelve numbers."""


def intrinsics_of(camera: Camera) -> Float[np.ndarray, "12"]:
    """A camera's lens as numbers, in the order of INTRINSICS."""
    K = camera.K
    return np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2], *camera.distortion])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IntrinsicsPrior:
    """What is known of a lens beforehand."""

    mean: Float[np.ndarray, "12"]
    sigma: Float[np.ndarray, "12"]
    """Standard deviations; 0 holds a number at its mean, infinity leaves it to the views alone."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CameraStart:
    """Where the adjustment of a camera begins."""

    camera: Camera
    """Lens and `T_world_camera` to begin with."""
    prior: IntrinsicsPrior


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DevicePair:
    """Two cameras in one housing."""

    a: str
    b: str
    T_a_b: Float[np.ndarray, "4 4"]
    """As the factory measured it."""
    sigma_rad: float
    """Standard deviation of that, about each axis of b; 0 with sigma_m 0 is exact."""
    sigma_m: float
    """Along each axis."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimingPrior:
    """What is known beforehand of when a camera exposes its rows. Sigma 0 holds a number."""

    offset_s: float = 0.0
    """Middle row of the image after the instant."""
    readout_s: float = 0.0
    """Last row after the first; 0: all at once."""
    offset_sigma_s: float = 5e-3
    readout_sigma_s: float = 30e-3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BundleProblem:
    """Views of a board by cameras."""

    corners: Float[np.ndarray, "corners 3"]
    """Of the board, in its own frame."""
    views: tuple[BoardView, ...]
    cameras: Mapping[str, CameraStart]
    T_world_board: Mapping[int, Float[np.ndarray, "4 4"]]
    """By instant, to begin with."""
    pairs: tuple[DevicePair, ...] = ()
    held: str = ""
    """The camera whose pose stays, so that the world is fixed; by default the one with the most views."""
    timings: Mapping[str, TimingPrior] = field(default_factory=dict)
    """Cameras whose timing is solved for, from the velocities of their views; the others expose at the instant."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BundleSolution:
    """The minimum, and how sharp it is."""

    cameras: dict[str, Camera]
    T_world_board: dict[int, Float[np.ndarray, "4 4"]]
    covariance: PoseCovariance
    """Held at `BundleProblem.held`."""
    intrinsics_covariance: dict[str, Float[np.ndarray, "12 12"]]
    """Zero where a number was held."""
    residuals: tuple[Float[np.ndarray, "_ 2"], ...]
    """Of each view, found less predicted, pixels."""
    weights: tuple[Float[np.ndarray, "_"], ...]
    """Of each corner, 0 … 1: what the robust loss left of it."""
    rms_px: float
    """Of all residuals, along an axis."""
    cost: float
    """Half of the sum of robust squared, whitened residuals and priors."""
    sigma_scale: float
    """How much larger the residuals are than `BoardView.sigma_px` told; the covariance is multiplied by its square."""
    iterations: int
    converged: bool
    shift_px: float = 0.0
    """Standard deviation, along an axis, of a shift that all corners of a view share; the covariance contains it."""
    stretch_px: float = 0.0
    """Of each of the four linear errors that they share: scale and turn of the view, pixels over its corners."""
    joint_covariance: Float[np.ndarray, "eighteen_cameras eighteen_cameras"] | None = None
    """Of places and lenses together: of each camera in the order of `covariance` its six numbers, then its twelve."""
    timings: dict[str, ExposureTiming] = field(default_factory=dict)
    """Of the cameras of `BundleProblem.timings`. An offset that all cameras share shows in nothing but the boards'
    places: only the priors determine it."""
