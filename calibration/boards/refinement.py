"""From a board's roughly found corners to all that can be measured, each with its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from calibration.boards.corner_model import fit_corners
from capture.board import Board

NEIGHBOURS = 12
"""Corners that say where another one should lie: a patch small enough for a plane's view without a lens's bend."""
AWAY_PX, AWAY_PART, AWAY_TIMES = 0.7, 0.008, 5.0
"""A corner further from where its neighbours say is another thing: in pixels, in squares, and in units of the median
of all corners, which holds what the lens bends and the board."""
MISFIT = 0.16
"""Residual, as a part of the contrast, above which a window shows no corner: hands, edges of markers, reflections. Free
corners have 0.02 … 0.09."""
CONTRAST_PART, LEAST_CONTRAST = 0.35, 8.0
"""A corner with less contrast than this part of the others', or fewer grey levels, is not measured."""
WORST_SIGMA_PX = 0.5
ROUNDS = 3
"""How often corners that were missed are looked for beside those that were found."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MeasuredCorners:
    """Corners of one side of a board."""

    ids: Int[np.ndarray, "corners"]
    """Of the side, ascending."""
    q: Float[np.ndarray, "corners 2"]
    sigma_px: Float[np.ndarray, "corners"]
    """As the fits tell."""


def measure_corners(
    board: Board,
    levels: Float[np.ndarray, "height width"],
    ids: Int[np.ndarray, "corners"],
    q: Float[np.ndarray, "corners 2"],
) -> MeasuredCorners:
    """Refines the corners `ids` of one side found at `q`, drops those that are none, adds those that were missed."""
    p = _side_corners(board)
    height, width = levels.shape
    known = np.full((len(p), 2), np.nan)
    known[ids] = q
    sigma = np.full(len(p), np.inf)
    tried = np.zeros(len(p), bool)
    for _ in range(ROUNDS):
        seen = np.asarray(np.isfinite(known).all(-1))
        if seen.sum() < 4:
            break
        there, steps = _predicted(p, known, board.square_m)
        inside = ((there > 1) & (there < np.array([width, height]) - 2)).all(-1)
        fresh = (seen & ~np.isfinite(sigma)) | (~seen & inside & ~tried)
        fresh &= np.isfinite(steps).all((1, 2))
        if not fresh.any():
            break
        tried |= fresh
        start = np.where(seen[:, None], known, there)
        good, fitted, sigmas = _fit(board, levels, start[fresh], steps[fresh], p[fresh])
        which = np.flatnonzero(fresh)
        known[which] = np.where(good[:, None], fitted, np.nan)
        sigma[which] = np.where(good, sigmas, np.inf)
        _drop_strays(p, known, sigma, board.square_m)
    kept = np.flatnonzero(np.isfinite(sigma))
    return MeasuredCorners(ids=kept, q=known[kept], sigma_px=sigma[kept])


def _side_corners(board: Board) -> Float[np.ndarray, "corners 2"]:
    return board.corners[: board.corners_per_side, :2]


def _fit(
    board: Board, levels: np.ndarray, start: np.ndarray, steps: np.ndarray, p: np.ndarray
) -> tuple[Bool[np.ndarray, "n"], np.ndarray, np.ndarray]:
    """Which fits are corners, where, and how sure."""
    band, arm = _window(board)
    fits = fit_corners(levels, start, steps, _black_first(board, p), band=band, arm=arm)
    square_px = np.sqrt(np.abs(np.linalg.det(steps)))
    contrast = np.nan_to_num(fits.contrast)
    usual = np.median(contrast[fits.inside]) if fits.inside.any() else 0.0
    good = fits.inside & (contrast > max(LEAST_CONTRAST, CONTRAST_PART * usual))
    good &= (fits.misfit < MISFIT) & (fits.sigma_px < WORST_SIGMA_PX) & (fits.blur_px < 0.5 * square_px)
    good &= np.linalg.norm(fits.q - start, axis=-1) < 0.25 * square_px + 0.5
    return good, fits.q, fits.sigma_px


def _window(board: Board) -> tuple[float, float]:
    """Band beside the edges and reach along them that hold nothing else, in squares."""
    if board.kind == "checkerboard":
        return 0.45, 0.45
    if board.kind == "charuco":
        return 0.5 * (1 - board.marker_m / board.square_m), 0.42
    gap = (board.square_m - board.marker_m) / board.square_m
    border = board.border_bits / board.modules * board.marker_m / board.square_m
    return min(gap, border), 0.85 * gap


def _black_first(board: Board, p: np.ndarray) -> Bool[np.ndarray, "n"]:
    """Whether the square up left of each corner is black."""
    if board.kind == "aprilgrid":  # up left of a tag's first and third corner is black: a small square, the tag
        tags = p / board.square_m
        low = np.abs(tags - np.round(tags)) < 1e-6
        return low[:, 0] == low[:, 1]
    i, j = np.round(p / board.square_m).astype(int).T
    return (i + j) % 2 == (0 if board.first_is_black else 1)


def _predicted(p: np.ndarray, known: np.ndarray, unit_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Where each corner lies as its nearest known neighbours say without it, and the image of a square's step."""
    seen = np.flatnonzero(np.isfinite(known).all(-1))
    there, steps = np.full((len(p), 2), np.nan), np.full((len(p), 2, 2), np.nan)
    count = min(NEIGHBOURS, len(seen) - 1)
    if count < 4:
        return there, steps
    distance = ((p[:, None] - p[seen]) ** 2).sum(-1)
    distance[seen, np.arange(len(seen))] = np.inf
    near = seen[np.argsort(distance, axis=1, kind="stable")[:, :count]]
    return _homographies((p[near] - p[:, None]) / unit_m, known[near])


def _homographies(away: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of (n, count, 2) points around 0 and their images: the image of 0, and the derivative there; NaN where the points
    lie on a line."""
    middle = q.mean(1, keepdims=True)
    scale = np.sqrt(((q - middle) ** 2).mean((1, 2), keepdims=True))
    x, y = np.moveaxis(away, -1, 0)
    u, v = np.moveaxis((q - middle) / scale, -1, 0)
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows_u = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1)
    rows_v = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1)
    A, b = np.concatenate([rows_u, rows_v], 1), np.concatenate([u, v], 1)
    N = np.swapaxes(A, 1, 2) @ A
    spread = np.linalg.eigvalsh(N)
    flat = spread[:, 0] < 1e-7 * spread[:, -1]
    h = np.linalg.solve(N + 1e-12 * spread[:, -1:, None] * np.eye(8), np.einsum("nij,ni->nj", A, b)[..., None])[..., 0]
    center = h[:, [2, 5]]
    slope = h[:, [0, 1, 3, 4]].reshape(-1, 2, 2) - center[:, :, None] * h[:, None, 6:]
    there, steps = center * scale[:, 0] + middle[:, 0], slope * scale
    there[flat], steps[flat] = np.nan, np.nan
    return there, steps


def _drop_strays(p: np.ndarray, known: np.ndarray, sigma: np.ndarray, unit_m: float) -> None:
    """Removes, worst first, corners that lie elsewhere than their neighbours say."""
    for _ in range(8):
        there, steps = _predicted(p, known, unit_m)
        with np.errstate(invalid="ignore"):
            away_px = np.linalg.norm(known - there, axis=-1)
            usual = np.nanmedian(away_px) if np.isfinite(away_px).any() else 0.0
            limit = np.maximum(AWAY_PX, AWAY_PART * np.sqrt(np.abs(np.linalg.det(np.nan_to_num(steps)))))
            away = np.nan_to_num(away_px / np.maximum(limit, AWAY_TIMES * usual))
        worst = int(np.argmax(away))
        if away[worst] <= 1:
            return
        known[worst], sigma[worst] = np.nan, np.inf
