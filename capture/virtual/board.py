"""A calibration board of any kind as a textured plate that a hand carries, and its motion as truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from capture.board import Board
from capture.board_pattern import pattern_bounds, pattern_image
from capture.virtual.carrying import carry, points_of_view
from capture.virtual.config import SimulationConfig
from capture.virtual.figure import Figure, merge_figures
from capture.virtual.furniture_shapes import Shape, box, tube
from capture.virtual.rig import build_rig
from capture.virtual.scene import Thing
from geometry.rigid import inverse, transform

BOARD_SEED = 20
SQUARE_TEXELS = (64, 160)
"""Fewest and most texels along a square: at 100 mm and 64, a texel is 1.6 mm, a pixel of 720p at 1 m."""
INK, PAPER = 24, 232
"""sRGB of toner and of matt paper."""
BACK = 110
BACK_ROWS = 16
"""Texel rows below the pattern that colour the edges and the back."""
THICKNESS_M = 0.006
SQUARES_IN_BORDER = 0.25
"""Plain border around the pattern, in squares."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BoardMotion:
    """Where a board really was."""

    board: Board
    T_world_board: Float[np.ndarray, "frames 4 4"]

    def corners_world(self, frame: int) -> Float[np.ndarray, "corners 3"]:
        """The corners at a frame, world, metres."""
        return transform(self.T_world_board[frame], self.board.corners)

    def truth(self) -> dict[str, Any]:
        """Board and poses, fit for JSON."""
        return {"board": self.board.values(), "T_world_board": self.T_world_board.tolist()}


def board_plate(board: Board) -> tuple[Figure, Float[np.ndarray, "vertices 3"]]:
    """The board as a plate with a handle, and its vertices in the board frame (see `Board`).

    The printed side lies in the plane z = 0; every square is a whole number of texels. The handle is behind the plate,
    of a two-sided board below it.
    """
    texels = _texels(board)
    patterns = [_printed(board, texels, side) for side in range(board.sides)]
    rows, columns = patterns[0].shape[:2]
    texture = np.concatenate([*patterns, np.full((BACK_ROWS, columns), BACK, np.uint8)])
    width, height = np.array([columns, rows]) * board.square_m / texels
    thickness_m = board.thickness_m or THICKNESS_M
    middle = board.middle
    low = pattern_bounds(board)[:2] - round(SQUARES_IN_BORDER * texels) * board.square_m / texels
    x, y = low + np.array([width, height]) / 2  # not quite `middle` where the pattern ends within a texel
    plate = box((width, height, thickness_m), min(0.001, thickness_m / 4)).moved(x, y, thickness_m / 2)
    corners = plate.vertices[plate.faces]
    uv = np.empty_like(corners[..., :2])
    uv[:] = [0.5, BACK_ROWS / 2 / len(texture)]
    for side, T_board_side in zip(range(board.sides), (np.eye(4), board.T_board_back)):
        faces = _faces_along(corners, -T_board_side[:3, 2])
        p_side = transform(inverse(T_board_side), corners[faces])
        printed = np.clip((p_side[..., :2] - low) / [width, height], 0, 1)
        uv[faces, :, 0] = printed[..., 0]
        uv[faces, :, 1] = 1 - (printed[..., 1] + side) * rows / len(texture)
    face = Figure(
        faces=plate.faces,
        uv=uv.reshape(-1, 2),
        uv_faces=np.arange(3 * len(corners)).reshape(-1, 3),
        texture=np.repeat(texture[..., None], 3, 2),
    )
    rod = _handle(board, middle, height, thickness_m)
    grip = Figure(
        faces=rod.faces,
        uv=np.full((1, 2), 0.5),
        uv_faces=np.zeros_like(rod.faces),
        texture=np.full((8, 8, 3), 60, np.uint8),
    )
    merged = merge_figures([face, grip], [len(plate.vertices), len(rod.vertices)])
    return replace(merged, owner=None), np.concatenate([plate.vertices, rod.vertices])


def board_take(config: SimulationConfig, board: Board | None = None) -> tuple[Thing, BoardMotion]:
    """A board (`config.board`) that is carried by hand through the ring, shown to each colour camera in turn.

    A ring of six cameras has seen the board after 9 to 18 s; longer takes go round again, higher and lower, nearer
    and farther.
    """
    board = config.board if board is None else board
    figure, vertices = board_plate(board)
    rng = np.random.default_rng([config.seed, BOARD_SEED])
    views = points_of_view([device.color for device in build_rig(config)])
    frames = max(1, round(config.seconds * config.rate_hz))
    times = np.arange(frames) / config.rate_hz
    shown = board.corners[: board.corners_per_side]
    T_world_board = carry(views, shown, board.middle, vertices, times, rng)
    moved = np.stack([transform(T, vertices) for T in T_world_board]).astype(np.float32)
    return Thing(name="board", figure=figure, vertices=moved), BoardMotion(board=board, T_world_board=T_world_board)


def _faces_along(corners: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Faces whose normal points along a direction."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return normals @ direction > 0.99 * np.linalg.norm(normals, axis=1)


def _handle(board: Board, middle: np.ndarray, height: float, thickness_m: float) -> Shape:
    x, y = middle[:2]
    if board.sides == 1:
        return tube([(x, y, thickness_m), (x, y, 0.09), (x, y + 0.12, 0.17), (x, y + 0.3, 0.2)], 0.012)
    edge, z = y + height / 2, thickness_m / 2
    return tube([(x, edge - 0.002, z), (x, edge + 0.1, z), (x, edge + 0.25, z)], 0.012)


def _printed(board: Board, texels: int, side: int) -> UInt8[np.ndarray, "rows columns"]:
    """One printed side with its border."""
    image = pattern_image(board, texels, side=side, border=round(SQUARES_IN_BORDER * texels))
    return np.round(INK + (PAPER - INK) * image).astype(np.uint8)


def _texels(board: Board) -> int:
    """Texels along a square, so that a marker's modules are whole texels, and its margins equal ones."""
    if board.kind == "checkerboard":
        return SQUARE_TEXELS[0]
    modules, ratio = board.modules, board.marker_m / board.square_m

    def misfit(texels: int) -> float:
        whole = abs(texels * ratio / modules - round(texels * ratio / modules))
        return whole + (texels - round(texels * ratio)) % 2

    return min(range(*SQUARE_TEXELS), key=lambda n: (round(misfit(n), 6), n))
