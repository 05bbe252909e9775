"""Bundle adjustment: cameras, their lenses and the board's places from all views at once, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from calibration.bundle.layout import Layout, lay_out
from calibration.bundle.minimise import Linearised, minimise
from calibration.bundle.problem import BundleProblem, BundleSolution
from calibration.bundle.state import CAMERA_NUMBERS, start_state
from calibration.bundle.uncertainty import uncertainty
from calibration.bundle.view_terms import view_terms
from calibration.errors import CalibrationError
from calibration.pose_covariance import PoseCovariance
from calibration.timing.exposure_timing import ExposureTiming
from geometry.camera import Camera
from geometry.rigid import rigid

ROBUST_PX = 0.5
"""Distance of a corner from its prediction beyond which the loss grows linearly: five times what a good detector
leaves, and about what a moving hand does."""
MAX_ITERATIONS = 100
"""A rig of ten cameras with free lenses takes fewer than ten."""


def solve_bundle(
    problem: BundleProblem,
    *,
    robust_px: float | None = ROBUST_PX,
    max_iterations: int = MAX_ITERATIONS,
    on_iteration: Callable[[int, float], None] | None = None,
) -> BundleSolution:
    """The cameras, lenses and board places that fit the views best, with their covariance.

    Minimises Huber's loss of each corner's distance (beyond `robust_px`; None for plain least squares), divided by
    the view's sigma, together with the priors. The boards' places are eliminated first (Schur complement). Instants
    without views are not in the solution. `on_iteration` is called with the iteration's number and cost. Whoever asks
    looks at `converged`.

    Raises CalibrationError on a problem that is not whole (see `lay_out`), with a board behind a camera to begin
    with, or with a number that nothing determines.
    """
    if robust_px is not None and not robust_px > 0:
        raise CalibrationError(f"robust loss from {robust_px} px; give a positive distance, or None for least squares")
    layout = lay_out(problem)
    threshold = np.inf if robust_px is None else robust_px
    state = start_state(problem, layout)
    _check_in_front(view_terms(state, layout, threshold).residual, layout)
    minimum = minimise(state, layout, threshold, max_iterations, on_iteration)
    known = uncertainty(minimum.at, layout, threshold)
    blocks = known.covariance.reshape(len(layout.names), CAMERA_NUMBERS, len(layout.names), CAMERA_NUMBERS)
    poses = blocks[:, :6, :, :6].reshape(6 * len(layout.names), -1)
    residuals, weights = _by_view(minimum.at, layout)
    return BundleSolution(
        cameras={name: _camera(problem.cameras[name].camera, n, minimum.at) for n, name in enumerate(layout.names)},
        T_world_board={
            instant: rigid(_orthonormal(minimum.at.state.R_world_board[n]), minimum.at.state.t_world_board[n])
            for n, instant in enumerate(layout.instants)
        },
        covariance=PoseCovariance(cameras=layout.names, matrix=poses, gauge=problem.held or layout.names[layout.held]),
        intrinsics_covariance={name: blocks[n, 6:18, n, 6:18].copy() for n, name in enumerate(layout.names)},
        residuals=residuals,
        weights=weights,
        rms_px=float(np.sqrt((minimum.at.terms.residual**2).mean())),
        cost=float(minimum.at.cost),
        sigma_scale=known.sigma_scale,
        iterations=minimum.iterations,
        converged=minimum.converged,
        shift_px=known.shift_px,
        stretch_px=known.stretch_px,
        joint_covariance=blocks[:, :18, :, :18].reshape(18 * len(layout.names), -1),
        timings={
            name: ExposureTiming(
                offset_s=float(minimum.at.state.own[n, 12]),
                readout_s=float(minimum.at.state.own[n, 13]),
                offset_sigma_s=float(np.sqrt(blocks[n, 18, n, 18])),
                readout_sigma_s=float(np.sqrt(blocks[n, 19, n, 19])),
            )
            for n, name in enumerate(layout.names)
            if name in problem.timings
        },
    )


def _check_in_front(residual: Float[np.ndarray, "found 2"], layout: Layout) -> None:
    behind = np.isnan(residual[:, 0])
    if behind.any():
        view = int(np.searchsorted(layout.first, behind.argmax(), side="right")) - 1
        raise CalibrationError(
            f"camera '{layout.names[layout.camera[view]]}': the board of instant {layout.instants[layout.board[view]]} "
            "begins behind it; leave this view out, or begin nearer to the truth"
        )


def _camera(start: Camera, number: int, at: Linearised) -> Camera:
    lens = at.state.own[number, :12]
    K = np.array([[lens[0], 0, lens[2]], [0, lens[1], lens[3]], [0, 0, 1.0]])
    pose = rigid(_orthonormal(at.state.R_world_camera[number]), at.state.center[number])
    return replace(start, K=K, distortion=lens[4:].copy(), T_world_camera=pose)


def _orthonormal(R: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
    """The rotation without the rounding of many steps."""
    return Rotation.from_matrix(R).as_matrix()


def _by_view(at: Linearised, layout: Layout) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Residuals and weights in the order of the problem's views."""
    place = np.argsort(layout.order)
    residuals = np.split(at.terms.residual, layout.first[1:-1])
    weights = np.split(at.terms.weight, layout.first[1:-1])
    return tuple(residuals[n].copy() for n in place), tuple(weights[n].copy() for n in place)
