"""Residuals of every corner and each view's normal equations, in one pass over the corners (numba).

What a view sees depends on six numbers of the board in the camera (a twist: turn `omega` about the camera's centre,
shift `tau`, both in camera axes), on the lens's twelve, and on offset and readout of the exposure: only these 20 are
accumulated over corners. What camera and board do to the twist are 6x6 matrices, applied once a view (`reduction.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float

from calibration.bundle.layout import Layout
from calibration.bundle.state import CAMERA_NUMBERS, State


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ViewTerms:
    """What the corners say at a state."""

    residual: Float[np.ndarray, "found 2"]
    """Found less predicted, pixels; NaN for a point behind its camera."""
    weight: Float[np.ndarray, "found"]
    """0 … 1, what the robust loss leaves."""
    cost: float
    """Half of the sum of Huber's squares of whitened residuals; infinite with a point behind its camera."""
    information: Float[np.ndarray, "views columns columns"]
    """J^T W J of (omega, tau, lens, offset, readout), 20 columns; with shapes, also of the six errors that corners
    share."""
    gradient: Float[np.ndarray, "views columns"]
    """J^T W r with r = predicted less found, whitened."""


def view_terms(
    state: State, layout: Layout, robust_px: float, shapes: Float[np.ndarray, "found 3"] | None = None
) -> ViewTerms:
    """The terms of all views. Huber's loss begins at `robust_px` of a corner's distance; infinity: least squares.

    `shapes` are three functions over each view's corners; six more columns then say how errors of these shapes, along
    x and along y, change the residuals (`shared_errors.py`).
    """
    found, views = len(layout.q), len(layout.camera)
    columns = CAMERA_NUMBERS if shapes is None else CAMERA_NUMBERS + 6
    residual, weight = np.empty((found, 2)), np.empty(found)
    information, gradient = np.empty((views, columns, columns)), np.empty((views, columns))
    cost = _accumulate(
        layout.first, layout.camera, layout.board, layout.p_board, layout.q, layout.sigma_px,
        layout.velocity, layout.row, robust_px,
        np.empty((0, 3)) if shapes is None else shapes,
        state.R_world_camera, state.center, state.own, state.R_world_board, state.t_world_board,
        residual, weight, information, gradient,
    )  # fmt: skip
    return ViewTerms(residual=residual, weight=weight, cost=cost, information=information, gradient=gradient)


@nb.njit(cache=True, error_model="numpy")
def _accumulate(
    first, camera, board, p_board, q, sigma_px, velocity, row_part, robust_px, shapes,
    R_world_camera, center, own, R_world_board, t_world_board,
    residual, weight, information, gradient,
):  # fmt: skip
    """Fills the outputs and returns the cost."""
    cost = 0.0
    most = 0
    for v in range(len(camera)):
        most = max(most, first[v + 1] - first[v])
    rows = np.zeros((2 * most, CAMERA_NUMBERS + 6 if len(shapes) else CAMERA_NUMBERS))
    errors = np.zeros(2 * most)
    for v in range(len(camera)):
        R = R_world_camera[camera[v]].T
        R_camera_board = np.ascontiguousarray(R) @ np.ascontiguousarray(R_world_board[board[v]])
        away = t_world_board[board[v]] - center[camera[v]]
        k = own[camera[v]]
        fx, fy = k[0], k[1]
        begin, count = first[v], first[v + 1] - first[v]
        for n in range(count):
            P = p_board[begin + n]
            X = np.empty(3)
            for i in range(3):
                X[i] = (
                    R_camera_board[i, 0] * P[0] + R_camera_board[i, 1] * P[1] + R_camera_board[i, 2] * P[2]
                    + R[i, 0] * away[0] + R[i, 1] * away[1] + R[i, 2] * away[2]
                )  # fmt: skip
            if not X[2] > 0:
                residual[begin + n] = np.nan
                weight[begin + n] = 0.0
                cost = np.inf
                rows[2 * n : 2 * n + 2] = 0.0
                errors[2 * n : 2 * n + 2] = 0.0
                continue
            iz = 1 / X[2]
            x, y = X[0] * iz, X[1] * iz
            r2 = x * x + y * y
            r4, r6 = r2 * r2, r2 * r2 * r2
            a = 1 + k[4] * r2 + k[5] * r4 + k[8] * r6
            ib = 1 / (1 + k[9] * r2 + k[10] * r4 + k[11] * r6)
            g = a * ib
            dg = ((k[4] + 2 * k[5] * r2 + 3 * k[8] * r4) - g * (k[9] + 2 * k[10] * r2 + 3 * k[11] * r4)) * ib
            p1, p2 = k[6], k[7]
            xd = x * g + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
            yd = y * g + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
            vx, vy, part = velocity[begin + n, 0], velocity[begin + n, 1], row_part[begin + n]
            delay = k[12] + k[13] * part
            ex = fx * xd + k[2] + delay * vx - q[begin + n, 0]
            ey = fy * yd + k[3] + delay * vy - q[begin + n, 1]
            residual[begin + n, 0], residual[begin + n, 1] = -ex, -ey
            length = np.sqrt(ex * ex + ey * ey)
            w = 1.0 if length <= robust_px else robust_px / length
            weight[begin + n] = w
            whiten = 1 / sigma_px[v]
            if length <= robust_px:
                cost += 0.5 * (length * whiten) ** 2
            else:
                cost += robust_px * (length - 0.5 * robust_px) * whiten**2
            s = np.sqrt(w) * whiten
            errors[2 * n], errors[2 * n + 1] = s * ex, s * ey
            sx, sy = s * fx, s * fy
            dxx = g + 2 * x * x * dg + 2 * p1 * y + 6 * p2 * x
            dxy = 2 * x * y * dg + 2 * p1 * x + 2 * p2 * y
            dyy = g + 2 * y * y * dg + 6 * p1 * y + 2 * p2 * x
            for row, scale, du, dv in ((2 * n, sx, dxx, dxy), (2 * n + 1, sy, dxy, dyy)):
                jx, jy = scale * du * iz, scale * dv * iz
                jz = -(jx * x + jy * y)
                J = rows[row]
                J[0] = X[1] * jz - X[2] * jy
                J[1] = X[2] * jx - X[0] * jz
                J[2] = X[0] * jy - X[1] * jx
                J[3], J[4], J[5] = jx, jy, jz
            for row, scale, along, other, tangential in (
                (2 * n, sx, x, 0, 0),
                (2 * n + 1, sy, y, 1, 1),
            ):
                J = rows[row]
                radial = scale * along * ib
                J[6 + other], J[7 - other] = s * (yd if tangential else xd), 0.0
                J[8 + other], J[9 - other] = s, 0.0
                J[10], J[11], J[14] = radial * r2, radial * r4, radial * r6
                J[15], J[16], J[17] = -g * radial * r2, -g * radial * r4, -g * radial * r6
                twice, square = scale * 2 * x * y, scale * (r2 + 2 * along * along)
                J[12 + tangential], J[13 - tangential] = twice, square
                moving = s * (vy if tangential else vx)
                J[18], J[19] = moving, moving * part
            if len(shapes):
                for i in range(3):
                    rows[2 * n, CAMERA_NUMBERS + i] = rows[2 * n + 1, CAMERA_NUMBERS + 3 + i] = s * shapes[begin + n, i]
        J = rows[: 2 * count]
        information[v] = J.T @ J
        gradient[v] = J.T @ errors[: 2 * count]
    return cost
