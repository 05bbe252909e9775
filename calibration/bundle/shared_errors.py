"""Errors that all corners of a view share, which do not average out over the corners.

A board that moves while cameras expose at slightly different times, blur, a bent board: these shift or stretch a whole
view. Corner noise alone would then promise too much, since a view of forty corners would seem six times as sure as
one corner. Three variances, in units of each view's sigma squared, explain the residuals: of each corner, of the shift
of each view, and of its stretch (linear in the place in the image). They are found by equating three sums of squares
with what they are expected to be (Henderson's method of moments), and widen the covariance as H^-1 J^T W V W J H^-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.optimize import nnls

from calibration.bundle.layout import Layout
from calibration.bundle.minimise import Linearised
from calibration.bundle.reduction import twist_maps
from calibration.bundle.state import CAMERA_NUMBERS
from calibration.bundle.view_terms import view_terms

SHIFTS, STRETCHES = (0, 3), (1, 2, 4, 5)
"""Which of the six errors of a view are which: three shapes along x, then along y."""
DRAWS = 4
"""Random draws for the sum of squares of a matrix too large to form: 500 views give it to 2 %."""
FLOOR_PX = 0.002
"""No view's shift and stretch are taken to be surer than this: errors that repeat with the place in the image pass for
the lens and leave no residual. Chosen on one rendered take of ten Kinects, whose squared errors over predicted
variances are 0.65 and 1.2 with it (colour centres and rotations), 0.4 and 0.7 with 0.005."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SharedErrors:
    """Variances that explain the residuals of a solution."""

    corner_variance: float
    """Of a corner's own error, in units of its sigma squared."""
    shift_px: float
    """Deviation of the shift of a view of median sigma along an axis."""
    stretch_px: float
    """Deviation of each of its four linear errors, root mean square over its corners."""
    spread: Float[np.ndarray, "free free"]
    """Covariance of the free numbers' right-hand side that shift and stretch cause."""


def shapes_of(layout: Layout) -> Float[np.ndarray, "found 3"]:
    """Of each view three functions over its corners, pixels: constant, and two linear in the place in the image.

    They are orthogonal, and the root mean square of each is the view's sigma; or 0 where its corners lie on a line.
    """
    shapes = np.zeros((len(layout.q), 3))
    shapes[:, 0] = 1
    for begin, end in zip(layout.first, layout.first[1:]):
        q = layout.q[begin:end] - layout.q[begin:end].mean(0)
        u, lengths, _ = np.linalg.svd(q, full_matrices=False)
        used = lengths > 1e-6 * max(lengths.max(), 1e-9)
        shapes[begin:end, 1 : 1 + len(lengths)] = np.sqrt(end - begin) * u * used
    return shapes * np.repeat(layout.sigma_px, np.diff(layout.first))[:, None]


def shared_errors(
    at: Linearised,
    layout: Layout,
    robust_px: float,
    free: sparse.csr_array,
    inverse: Float[np.ndarray, "free free"],
    board_inverses: Float[np.ndarray, "boards 6 6"],
    known: float,
    squares: float,
) -> SharedErrors:
    """The variances at a minimum.

    `inverse` is that of the reduced normal equations; `known` how many coordinates are left to judge by, `squares` the
    sum of their weighted, whitened squares.
    """
    terms = view_terms(at.state, layout, robust_px, shapes_of(layout))
    views = len(layout.camera)
    own = terms.information[:, CAMERA_NUMBERS:, CAMERA_NUMBERS:]
    scores, pulls = np.zeros((views, CAMERA_NUMBERS * len(layout.names), 6)), np.zeros((views, 6, 6))
    last = np.searchsorted(layout.board, np.arange(len(layout.instants) + 1))
    _scores(
        layout.camera, layout.board, last, np.ascontiguousarray(terms.information[:, :CAMERA_NUMBERS, CAMERA_NUMBERS:]),
        at.equations.across, board_inverses,
        at.state.R_world_camera, at.state.center, at.state.R_world_board, at.state.t_world_board,
        scores, pulls,
    )  # fmt: skip
    reduced = (free.T @ scores.transpose(1, 0, 2).reshape(scores.shape[1], -1)).reshape(-1, views, 6)
    solved = np.tensordot(inverse, reduced, 1)
    traces = (
        np.einsum("vkk->k", own)
        - (reduced * solved).sum((0, 1))
        - np.einsum("vik,vij,vjk->k", pulls, board_inverses[layout.board], pulls, optimize=True)
    )

    def left(a: np.ndarray) -> np.ndarray:
        """What the fit leaves of shared errors a (views, 6), as scores of the same six."""
        by_board = np.zeros((len(layout.instants), 6))
        np.add.at(by_board, layout.board, np.einsum("vik,vk->vi", pulls, a))
        board = np.einsum("bij,bj->bi", board_inverses, by_board)[layout.board]
        camera = np.tensordot(np.tensordot(reduced, a, 2), solved, 1)
        return np.einsum("vkl,vl->vk", own, a) - camera - np.einsum("vik,vi->vk", pulls, board)

    rng = np.random.default_rng(0)
    groups = [np.isin(np.arange(6), group) for group in (SHIFTS, STRETCHES)]
    expected, found = np.zeros((3, 3)), np.zeros(3)
    expected[0, 0], found[0] = known, squares
    for j, source in enumerate(groups, 1):
        expected[j, 0] = expected[0, j] = traces[source].sum()
        found[j] = (terms.gradient[:, CAMERA_NUMBERS:][:, source] ** 2).sum()
        for _ in range(DRAWS):
            seen = left(rng.normal(size=(views, 6)) * source)
            for i, group in enumerate(groups, 1):
                expected[i, j] += float((seen[:, group] ** 2).sum()) / DRAWS
    size = np.where(np.diag(expected) > 0, np.diag(expected), 1.0)  # 0: corners on lines have no stretch
    variances, _ = nnls(expected / size[:, None], found / size)
    told = np.maximum(variances[1:, None] * layout.sigma_px**2, FLOOR_PX**2) / layout.sigma_px**2
    weights = told[0][:, None] * groups[0] + told[1][:, None] * groups[1]
    flat = reduced.reshape(len(reduced), -1)
    return SharedErrors(
        corner_variance=float(variances[0]),
        shift_px=float(np.sqrt(variances[1]) * np.median(layout.sigma_px)),
        stretch_px=float(np.sqrt(variances[2]) * np.median(layout.sigma_px)),
        spread=(flat * weights.ravel()) @ flat.T,
    )


@nb.njit(cache=True, error_model="numpy")
def _scores(
    camera, board, last, across_shapes, across, board_inverses,
    R_world_camera, center, R_world_board, t_world_board,
    scores, pulls,
):  # fmt: skip
    """Fills what each view's shared errors do to the reduced right-hand side of all cameras, and to its board's."""
    by_camera, by_board = np.zeros((CAMERA_NUMBERS, CAMERA_NUMBERS)), np.zeros((6, 6))
    for b in range(len(board_inverses)):
        for n in range(last[b], last[b + 1]):
            c = camera[n]
            twist_maps(R_world_camera[c], center[c], R_world_board[b], t_world_board[b], by_camera, by_board)
            first = CAMERA_NUMBERS * c
            scores[n, first : first + CAMERA_NUMBERS] += by_camera.T @ across_shapes[n]
            pulls[n] = by_board.T @ np.ascontiguousarray(across_shapes[n, :6])
            moved = board_inverses[b] @ pulls[n]
            for m in range(last[b], last[b + 1]):
                other = CAMERA_NUMBERS * camera[m]
                scores[n, other : other + CAMERA_NUMBERS] -= across[m] @ moved
