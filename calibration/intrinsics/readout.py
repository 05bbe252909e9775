"""A lens from views of a moving board: rolling shutters expose lower rows later, which bends the board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from calibration.bundle.problem import IntrinsicsPrior, intrinsics_of
from calibration.intrinsics.lens_fit import LensFit, fit_lens
from calibration.intrinsics.lens_models import with_lens
from calibration.timing.exposure_timing import ExposureTiming, at_the_instant
from geometry.camera import Camera
from geometry.rigid import from_rotvec, transform

ROUNDS = 4
"""The first finds the readout to a few percent, the second to its sigma."""
SURE = 4.0
"""Standard deviations that a readout must differ from 0 to be used."""
LONGEST_S = 0.1
"""No sensor that is read out while a board moves takes longer."""
FEWEST_MOVING = 6
"""Views with velocities."""
_STEP = 1e-5
"""Of numerical derivatives: radians, metres, and parts of f for the lens."""


def fit_moving_lens(
    camera: Camera,
    prior: IntrinsicsPrior,
    corners: Float[np.ndarray, "all 3"],
    views: Sequence[BoardView],
    robust: bool = True,
) -> tuple[LensFit, float]:
    """The lens from views of a board that may have moved, and how long the image takes to be read out, seconds.

    Where the views' velocities show a readout, corners are put where they were when the middle row was exposed, and the
    lens is found again. 0 where they show none, or are not known. Raises CalibrationError as `fit_lens` does.
    """
    fit, readout_s = fit_lens(camera, prior, corners, views, robust), 0.0
    for _ in range(ROUNDS):
        if sum(view.velocity is not None for view in fit.views) < FEWEST_MOVING:
            break
        more_s, sigma_s = _readout_left(fit, prior, corners)
        if not abs(more_s) > (SURE if readout_s == 0 else 0.2) * sigma_s or abs(readout_s + more_s) > LONGEST_S:
            break
        readout_s += more_s
        timing = {camera.name: ExposureTiming(readout_s=readout_s)}
        moving = _rigid_velocities(fit, corners, views)
        still = at_the_instant(moving, timing, {camera.name: camera})
        fit = fit_lens(fit.camera, prior, corners, still, robust)
    return fit, readout_s


def _readout_left(fit: LensFit, prior: IntrinsicsPrior, corners: Float[np.ndarray, "all 3"]) -> tuple[float, float]:
    """How much longer the readout is than the views allow for, and its sigma, seconds.

    One Gauss-Newton step of lens and readout together, with the boards' places eliminated: the lens alone takes up most
    of what a readout does, as a principal point several pixels off.
    """
    camera, sigma_px = fit.camera, fit.views[0].sigma_px
    free = np.flatnonzero(prior.sigma > 0)
    size = len(free) + 1
    matrix, right = np.zeros((size, size)), np.zeros(size)
    for view, residual in zip(fit.views, fit.residuals):
        p_board, T = corners[view.ids], fit.T_camera_board[view.instant]
        by_place = _place_derivative(camera, T, p_board)
        late = (view.q[:, 1:] + 0.5) / camera.height - 0.5
        velocity = np.zeros_like(view.q) if view.velocity is None else _rigid(view.velocity, by_place)
        columns = np.concatenate(
            [_lens_derivative(camera, transform(T, p_board), free), (velocity * late).reshape(-1, 1)], -1
        )
        Q, _ = np.linalg.qr(by_place)
        columns, left = columns - Q @ (Q.T @ columns), residual.reshape(-1)
        matrix += columns.T @ columns
        right += columns.T @ left
    with np.errstate(divide="ignore"):
        information = (sigma_px / prior.sigma[free]) ** 2
    matrix[np.arange(size - 1), np.arange(size - 1)] += information
    right[:-1] -= np.where(information > 0, information * (intrinsics_of(camera) - prior.mean)[free], 0.0)
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    inverse = np.linalg.pinv(matrix / np.outer(scale, scale), rcond=1e-12, hermitian=True) / np.outer(scale, scale)
    return float((inverse @ right)[-1]), float(sigma_px * np.sqrt(inverse[-1, -1]))


def _rigid_velocities(
    fit: LensFit, corners: Float[np.ndarray, "all 3"], views: Sequence[BoardView]
) -> tuple[BoardView, ...]:
    """The views with velocities that a rigid board can have; the others' are left as they are."""
    smooth = []
    for view in views:
        T = fit.T_camera_board.get(view.instant)
        if T is not None and view.velocity is not None:
            by_place = _place_derivative(fit.camera, T, corners[view.ids])
            view = replace(view, velocity=_rigid(view.velocity, by_place))
        smooth.append(view)
    return tuple(smooth)


def _rigid(
    velocity: Float[np.ndarray, "corners 2"], by_place: Float[np.ndarray, "coordinates 6"]
) -> Float[np.ndarray, "corners 2"]:
    """The rigid motion nearest to measured velocities.

    Their noise would make readouts 18 % too short on the virtual rig at 10 pictures a second: what tells a readout from
    a lens and a place is small.
    """
    measured = velocity.ravel()
    known = np.isfinite(measured)
    if known.sum() < 12:
        return np.zeros_like(velocity)
    motion = np.linalg.lstsq(by_place[known], measured[known], rcond=None)[0]
    return (by_place @ motion).reshape(-1, 2)


def _place_derivative(
    camera: Camera, T: Float[np.ndarray, "4 4"], p_board: Float[np.ndarray, "corners 3"]
) -> Float[np.ndarray, "coordinates 6"]:
    columns = []
    for step in np.eye(6) * _STEP:
        ahead, behind = (transform(T @ from_rotvec(s * step[:3], s * step[3:]), p_board) for s in (1, -1))
        columns.append((camera.project_camera(ahead) - camera.project_camera(behind)).ravel() / (2 * _STEP))
    return np.stack(columns, -1)


def _lens_derivative(
    camera: Camera, p_camera: Float[np.ndarray, "corners 3"], free: np.ndarray
) -> Float[np.ndarray, "coordinates _"]:
    numbers, columns = intrinsics_of(camera), []
    for n in free:
        step = np.zeros(12)
        step[n] = _STEP * (numbers[0] if n < 4 else 1.0)
        ahead, behind = (with_lens(camera, numbers + s * step).project_camera(p_camera) for s in (1, -1))
        columns.append((ahead - behind).ravel() / (2 * step[n]))
    return np.stack(columns, -1)
