"""The light of a board's paper and ink in one picture, patch by patch."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from calibration.board_view import BoardView
from calibration.color.srgb import light_of
from calibration.intrinsics.board_pose import board_before
from capture.board import Board
from capture.board_pattern import pattern_bounds, pattern_image
from geometry.camera import Camera
from geometry.rigid import inverse, transform

BLUR_PX = 1.0
"""Standard deviation of what lens, sensor and JPEG blur the pattern by: a little more than the 0.75 px over which
neighbours of an Azure Kinect's pictures share their noise."""
EXPOSURE_S = 0.01
"""A moving edge smears over this time, with a standard deviation of 0.29 of it; rigs expose for 8 to 10 ms."""
CLEAN = 0.96
"""Pixels with less paper than this and less ink are left out: their light depends on how large the blur really is, by
10 % of the paper's for half a pixel where all pixels are used."""
TEXELS = 32
"""Of a square's side."""
BLOCK = 2
"""Squares along a patch: it has paper and ink, and light changes little across it."""
FEWEST_PIXELS = 40
"""Clean pixels of paper, and of ink, in a picture."""
MOST_SIGMA = 0.02
"""Relative; a patch whose light is less well known says nothing about gains that differ by a few percent."""
LEAST_SIGMA = 0.004
"""Relative: what the virtual rig's patches differ by when their light is as good as known."""
BRIGHTEST, DARKEST = 250, 20
"""Paper outside these 8-bit values is cut off or mostly noise."""
MOST_CUT = 0.02
"""Part of a patch's paper that may be cut off."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PatchLight:
    """What one camera saw of a board's patches at one instant."""

    camera: str
    instant: int
    patch: Int[np.ndarray, "patches"]
    """Numbers of the patches, the same for all cameras; those of a board's back follow the front's."""
    light: Float[np.ndarray, "patches 3"]
    """Paper less ink, linear RGB: light that strays over the whole picture cancels."""
    sigma: Float[np.ndarray, "patches"]
    """Relative standard deviation."""


def patch_light(
    image: UInt8[np.ndarray, "height width 3"], board: Board, view: BoardView, camera: Camera
) -> PatchLight | None:
    """The light of a board's patches in an RGB picture; None where the board is too far away to show clean paper.

    `view` is the board as it was found in it; of `camera` the lens alone matters.
    """
    T_camera_board = board_before(camera, board.corners, view)
    if T_camera_board is None:
        return None
    side = int(view.ids[0]) // board.corners_per_side
    T_camera_side = T_camera_board @ board.T_board_back if side else T_camera_board
    low, high = np.floor(view.q.min(0)).astype(int), np.ceil(view.q.max(0)).astype(int) + 1
    low, high = low.clip(0), np.minimum(high, [camera.width, camera.height])
    u, v = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    q = np.stack([u.ravel(), v.ravel()], -1)
    foot = _on_board(camera, T_camera_side, q)
    distance = float(transform(T_camera_side, np.append(board.size_m / 2, 0.0))[2])
    slant = max(abs(float(T_camera_side[2, 2])), 0.2)
    pixel_m = distance / float(camera.K[0, 0]) / np.sqrt(slant)
    part = _paper_part(board, side, foot, _blur_px(view) * pixel_m)
    inside = np.isfinite(foot).all(-1) & (foot >= 0).all(-1) & (foot <= board.size_m).all(-1)
    clean = inside & ((part > CLEAN) | (part < 1 - CLEAN))
    values = image[q[clean, 1], q[clean, 0]]
    part, place = part[clean], 2 * foot[clean] / board.size_m - 1
    paper = part > CLEAN
    cut = values.max(-1) > BRIGHTEST
    if min(paper.sum(), (~paper).sum()) < FEWEST_PIXELS or (cut & paper).sum() > MOST_CUT * paper.sum():
        return None
    y, x = np.mgrid[: -(-board.rows // BLOCK), : -(-board.columns // BLOCK)]
    middles = (np.stack([x.ravel(), y.ravel()], -1) + 0.5) * BLOCK * board.square_m
    light, sigma = _paper_light(part, place, light_of(values), 2 * middles / board.size_m - 1)
    good = (light.min(-1) > float(light_of(np.array([DARKEST], np.uint8))[0])) & (sigma < MOST_SIGMA)
    if not good.any():
        return None
    return PatchLight(
        camera=view.camera,
        instant=view.instant,
        patch=np.flatnonzero(good) + side * len(middles),
        light=light[good],
        sigma=np.hypot(sigma[good], LEAST_SIGMA),
    )


def _paper_light(
    part: Float[np.ndarray, "pixels"],
    place: Float[np.ndarray, "pixels 2"],
    light: Float[np.ndarray, "pixels 3"],
    wanted: Float[np.ndarray, "patches 2"],
) -> tuple[Float[np.ndarray, "patches 3"], Float[np.ndarray, "patches"]]:
    """Paper less ink at the wanted places, and its relative sigma.

    Light = ink + part · paper(x, y), with a quadratic paper: light falls unevenly, and clean pixels of paper lie
    elsewhere in each camera's picture.
    """
    A = np.concatenate([np.ones((len(part), 1)), part[:, None] * _quadratic(place)], -1)
    inverse = np.linalg.inv(A.T @ A + 1e-9 * np.eye(7))
    solution = inverse @ (A.T @ light)
    variance = ((light - A @ solution) ** 2).sum(0) / max(len(part) - 7, 1)
    terms = _quadratic(wanted)
    paper = terms @ solution[1:]
    spread = np.sqrt(np.einsum("ni,ij,nj->n", terms, inverse[1:, 1:], terms))
    return paper, (spread[:, None] * np.sqrt(variance) / np.maximum(paper, 1e-6)).max(-1)


def _quadratic(place: Float[np.ndarray, "places 2"]) -> Float[np.ndarray, "places 6"]:
    x, y = place.T
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


def _blur_px(view: BoardView) -> float:
    speed = 0.0 if view.velocity is None else float(np.median(np.linalg.norm(view.velocity, axis=-1)))
    return float(np.hypot(BLUR_PX, 0.29 * EXPOSURE_S * (speed if np.isfinite(speed) else 0.0)))


def _on_board(
    camera: Camera, T_camera_side: Float[np.ndarray, "4 4"], q: Int[np.ndarray, "pixels 2"]
) -> Float[np.ndarray, "pixels 2"]:
    """Where the pixels' rays meet the board, in its side's frame, metres; NaN where the lens has no ray."""
    rays = camera.unproject(q, 1.0)
    T_side_camera = inverse(T_camera_side)
    v = rays @ T_side_camera[:3, :3].T
    p = T_side_camera[:3, 3] - v * (T_side_camera[2, 3] / v[:, 2:])
    return p[:, :2]


def _paper_part(
    board: Board, side: int, foot: Float[np.ndarray, "pixels 2"], blur_m: float
) -> Float[np.ndarray, "pixels"]:
    """How much of what pixels see is paper, 0 … 1."""
    pattern = pattern_image(board, TEXELS, side=side)
    sigma = max(blur_m / board.square_m * TEXELS, 0.5)
    pattern = cv2.GaussianBlur(pattern, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    place = (foot - pattern_bounds(board)[:2]) / board.square_m * TEXELS
    column, row = np.floor(place).astype(int).T
    return pattern[row.clip(0, pattern.shape[0] - 1), column.clip(0, pattern.shape[1] - 1)]
