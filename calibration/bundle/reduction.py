"""Normal equations of all cameras after the boards' places have been eliminated (Schur complement; numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float

from calibration.bundle.layout import Layout
from calibration.bundle.state import CAMERA_NUMBERS, State
from calibration.bundle.view_terms import ViewTerms

DETERMINED = 1e-11
"""Eigenvalues of a board's block, scaled to a unit diagonal, that are smaller are rounding."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NormalEquations:
    """Blocks of the normal equations; cameras have 20 numbers, boards 6."""

    cameras: Float[np.ndarray, "all all"]
    camera_gradient: Float[np.ndarray, "all"]
    across: Float[np.ndarray, "views 20 6"]
    """Between the camera and the board of each view."""
    boards: Float[np.ndarray, "boards 6 6"]
    board_gradient: Float[np.ndarray, "boards 6"]


def normal_equations(terms: ViewTerms, state: State, layout: Layout) -> NormalEquations:
    """The views' terms summed over cameras and boards; priors are not in it."""
    size = CAMERA_NUMBERS * len(layout.names)
    boards = len(layout.instants)
    equations = NormalEquations(
        cameras=np.zeros((size, size)),
        camera_gradient=np.zeros(size),
        across=np.empty((len(layout.camera), CAMERA_NUMBERS, 6)),
        boards=np.zeros((boards, 6, 6)),
        board_gradient=np.zeros((boards, 6)),
    )
    _sum_up(
        layout.camera, layout.board, terms.information, terms.gradient,
        state.R_world_camera, state.center, state.R_world_board, state.t_world_board,
        equations.cameras, equations.camera_gradient, equations.across, equations.boards, equations.board_gradient,
    )  # fmt: skip
    return equations


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Elimination:
    """What the boards take from the cameras' equations."""

    matrix: Float[np.ndarray, "all all"]
    gradient: Float[np.ndarray, "all"]
    inverses: Float[np.ndarray, "boards 6 6"]
    """Of the boards' damped blocks; pseudo-inverses where the corners do not determine a board's place."""
    determined: int
    """How many of the boards' numbers the corners determine: 6 each, fewer of a board seen by a row of its corners."""


def eliminate(equations: NormalEquations, layout: Layout, damping: float) -> Elimination:
    """The boards eliminated; `damping` adds that part of the diagonal to each board's block."""
    diagonal = np.arange(6)
    size = np.sqrt(equations.boards[:, diagonal, diagonal])
    size = np.where(size > 0, size, 1.0)
    scaled = equations.boards / (size[:, :, None] * size[:, None, :])
    scaled[:, diagonal, diagonal] *= 1 + damping
    values, vectors = np.linalg.eigh(scaled)
    real = values > DETERMINED
    reciprocal = np.where(real, 1 / np.where(real, values, 1.0), 0.0)
    vectors /= size[:, :, None]
    inverses = np.einsum("bik,bk,bjk->bij", vectors, reciprocal, vectors, optimize=True)
    matrix, gradient = np.zeros_like(equations.cameras), np.zeros_like(equations.camera_gradient)
    last = np.searchsorted(layout.board, np.arange(len(layout.instants) + 1))
    _take(layout.camera, last, equations.across, inverses, equations.board_gradient, matrix, gradient)
    return Elimination(matrix=matrix, gradient=gradient, inverses=inverses, determined=int(real.sum()))


def board_steps(
    equations: NormalEquations,
    layout: Layout,
    inverses: Float[np.ndarray, "boards 6 6"],
    camera_step: Float[np.ndarray, "cameras 20"],
) -> Float[np.ndarray, "boards 6"]:
    """The steps of the boards that go with steps of the cameras."""
    pull = equations.board_gradient.copy()
    np.add.at(pull, layout.board, np.einsum("vij,vi->vj", equations.across, camera_step[layout.camera]))
    return -np.einsum("bij,bj->bi", inverses, pull)


@nb.njit(cache=True, error_model="numpy")
def twist_maps(R_world_camera, center, R_world_board, t_world_board, by_camera, by_board):
    """Fills how camera and board move the twist (omega, tau) of a view, and the camera its own numbers.

    Of the camera's (w, c), the twist is -w and -R_camera_world c; of the board's (u, v), R_camera_board u and
    [t_camera_board]x R_camera_board u + R_camera_world v.
    """
    R = np.ascontiguousarray(R_world_camera.T)
    R_camera_board = R @ np.ascontiguousarray(R_world_board)
    t = R @ (t_world_board - center)
    by_camera[:] = np.eye(CAMERA_NUMBERS)
    for i in range(3):
        by_camera[i, i] = -1.0
    by_camera[3:6, 3:6] = -R
    by_board[:3, :3] = R_camera_board
    by_board[:3, 3:] = 0.0
    by_board[3:, 3:] = R
    for j in range(3):
        a, b, c = R_camera_board[0, j], R_camera_board[1, j], R_camera_board[2, j]
        by_board[3, j] = t[1] * c - t[2] * b
        by_board[4, j] = t[2] * a - t[0] * c
        by_board[5, j] = t[0] * b - t[1] * a


@nb.njit(cache=True, error_model="numpy")
def _sum_up(
    camera, board, information, gradient,
    R_world_camera, center, R_world_board, t_world_board,
    cameras, camera_gradient, across, boards, board_gradient,
):  # fmt: skip
    """Fills the outputs, which begin with zeros."""
    by_camera, by_board = np.zeros((CAMERA_NUMBERS, CAMERA_NUMBERS)), np.zeros((6, 6))
    for n in range(len(camera)):
        c, b = camera[n], board[n]
        twist_maps(R_world_camera[c], center[c], R_world_board[b], t_world_board[b], by_camera, by_board)
        half = by_camera.T @ information[n]
        first = CAMERA_NUMBERS * c
        cameras[first : first + CAMERA_NUMBERS, first : first + CAMERA_NUMBERS] += half @ by_camera
        camera_gradient[first : first + CAMERA_NUMBERS] += by_camera.T @ gradient[n]
        across[n] = np.ascontiguousarray(half[:, :6]) @ by_board
        boards[b] += by_board.T @ (np.ascontiguousarray(information[n, :6, :6]) @ by_board)
        board_gradient[b] += by_board.T @ gradient[n, :6]


@nb.njit(cache=True, error_model="numpy")
def _take(camera, last, across, inverses, board_gradient, taken, gradient):
    for b in range(len(inverses)):
        for n in range(last[b], last[b + 1]):
            half = across[n] @ inverses[b]
            first = CAMERA_NUMBERS * camera[n]
            gradient[first : first + CAMERA_NUMBERS] += half @ board_gradient[b]
            for m in range(last[b], last[b + 1]):
                other = CAMERA_NUMBERS * camera[m]
                taken[first : first + CAMERA_NUMBERS, other : other + CAMERA_NUMBERS] += half @ across[m].T
