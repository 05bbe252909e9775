"""A solved rig as a value: its cameras, what they rest on, and what boards that stayed out of the solve say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardTake
from calibration.bundle.problem import BundleSolution
from calibration.rig import RigCalibration, Verdict
from calibration.rig_solve.pair_graph import PairGraph
from calibration.timing.exposure_timing import ExposureTiming


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """What boards that stayed out of the solve say, millimetres; NaN where none could be judged."""

    instants: tuple[int, ...] = ()
    """Those with corners that two cameras or more saw."""
    points: int = 0
    """Corners triangulated across cameras."""
    square_mm: float = float("nan")
    """Root mean square error of the distance between neighbouring corners."""
    scale: float = float("nan")
    """Mean of that distance over the true one: 1.001 is a rig a thousandth too large."""
    planarity_mm: float = float("nan")
    """Root mean square distance of the triangulated corners of a board from their plane."""
    fit_mm: float = float("nan")
    """Root mean square distance of the triangulated corners from the best placed board."""
    cross_mm: Mapping[str, float] = field(default_factory=dict)
    """By camera: root mean square, over boards, of how far across its line of sight it sees the board from where the
    other devices' cameras place it."""
    cross_boards: Mapping[str, int] = field(default_factory=dict)
    """By camera: how many boards that rests on."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CameraQuality:
    """How far one camera can be trusted."""

    views: int
    """In the solve; 0 for a camera that its device alone places."""
    corners: int
    rms_px: float
    """Of its residuals, along an axis; NaN without views."""
    sigma_mm: float
    """Standard deviation of its centre, root of the sum over the axes, after the best rigid alignment of all
    centres."""
    sigma_deg: float
    """Of its rotation, root of the sum over the axes, in the same gauge."""
    body_sigma_mm: float
    """Of where it sees a point in the middle of the volume, its place and its lens erring together; in the same
    gauge, root of the sum over the axes."""
    weakest: str = ""
    """The camera of another device to which a further board would tie it best; empty where there is none."""
    weakest_boards: int = 0
    """How many boards the two saw together."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MovedCamera:
    """A camera that was pushed while the board was carried."""

    camera: str
    instant: int
    """The first instant with a view of the camera at its later place."""
    time_us: int | None
    """Session time of that instant, where the take states it."""
    shift_mm: float
    turn_deg: float
    kept: str
    """`after` or `before`: which place the calibration holds; the views at the other place were left out."""
    T_world_camera_other: Float[np.ndarray, "4 4"]
    """The place that the calibration does not hold."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RigSolve:
    """A solved rig. Its world is the frame of the held camera until the rig is placed on a floor."""

    calibration: RigCalibration
    """All cameras that could be solved, with covariance in the gauge `aligned`."""
    solution: BundleSolution
    """The minimum: residuals and weights belong to `take_used.views`, in that order."""
    take_used: BoardTake
    """The views that entered the solve."""
    take_held: BoardTake
    """The views that stayed out of it to judge it."""
    held_out: HeldOut
    graph: PairGraph
    """Which cameras saw the board together, over the whole take."""
    quality: Mapping[str, CameraQuality]
    """By camera."""
    volume_middle: Float[np.ndarray, "3"]
    """Middle of the places where the board was, world, metres."""
    verdicts: tuple[Verdict, ...]
    unsolved: Mapping[str, str]
    """Cameras without a result, and why."""
    moved: tuple[MovedCamera, ...] = ()
    views_left_out: Mapping[str, int] = field(default_factory=dict)
    """By camera: views that contradicted all others."""
    corners_left_out: int = 0
    timings: Mapping[str, ExposureTiming] = field(default_factory=dict)
    """By camera: when it exposes, as the moving board told; taken off all views of the solve."""

    @property
    def cameras(self) -> tuple[str, ...]:
        """The solved ones."""
        return tuple(self.calibration.cameras)
