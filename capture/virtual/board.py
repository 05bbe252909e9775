"""A ChArUco board: its pattern as OpenCV draws and finds it, as a textured plate, and its motion as truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from capture.errors import CaptureError
from capture.virtual.carrying import carry, points_of_view
from capture.virtual.config import SimulationConfig
from capture.virtual.figure import Figure, merge_figures
from capture.virtual.furniture_shapes import box, tube
from capture.virtual.rig import build_rig
from capture.virtual.scene import Thing
from geometry.rigid import transform

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
"""White border around the pattern, in squares."""


@dataclass(frozen=True, kw_only=True)
class BoardSpec:
    """What a printed board is; the same values make OpenCV's detector for it.

    The default is for whole-room rings at 720p: at 2 m a marker's modules are 4 pixels wide, and OpenCV finds nine
    corners in ten. Modules of 8.6 mm (9x6 squares of 80 mm, 5x5 bits) are too small there.
    """

    columns: int = 8
    """Squares along x."""
    rows: int = 6
    square_m: float = 0.1
    marker_m: float = 0.075
    dictionary: str = "DICT_4X4_50"
    """A predefined dictionary, as OpenCV names it."""

    def __post_init__(self) -> None:
        """Raises CaptureError on a board that cannot be printed."""
        if self.columns < 2 or self.rows < 2:
            raise CaptureError(f"a board of {self.columns}x{self.rows} squares has no corners; give at least 2x2")
        if not 0 < self.marker_m < self.square_m:
            raise CaptureError(
                f"markers of {self.marker_m} m do not fit into squares of {self.square_m} m; make them smaller"
            )
        if not self.dictionary.startswith("DICT_") or not hasattr(cv2.aruco, self.dictionary):
            raise CaptureError(f"no marker dictionary '{self.dictionary}'; give one of OpenCV's, such as DICT_5X5_100")
        have = len(cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary)).bytesList)
        if have < self.columns * self.rows // 2:
            raise CaptureError(
                f"{self.dictionary} has {have} markers, {self.columns}x{self.rows} squares need "
                f"{self.columns * self.rows // 2}; take a larger dictionary"
            )

    @cached_property
    def board(self) -> Any:
        """OpenCV's cv2.aruco.CharucoBoard, for `cv2.aruco.CharucoDetector`."""
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary))
        return cv2.aruco.CharucoBoard((self.columns, self.rows), self.square_m, self.marker_m, dictionary)

    @property
    def corners(self) -> Float[np.ndarray, "corners 3"]:
        """Inner corners in OpenCV's order. Board frame: origin at the pattern's top-left corner, x right and y down as
        printed, z into the board; metres."""
        x, y = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
        return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], -1) * self.square_m

    @property
    def middle(self) -> Float[np.ndarray, "3"]:
        """Middle of the pattern in the board frame."""
        return np.array([self.columns, self.rows, 0.0]) * self.square_m / 2

    def truth(self) -> dict[str, Any]:
        """Its values, fit for JSON."""
        names = ("columns", "rows", "square_m", "marker_m", "dictionary")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True, eq=False)
class BoardMotion:
    """Where a board really was."""

    spec: BoardSpec
    T_world_board: Float[np.ndarray, "frames 4 4"]

    def corners_world(self, frame: int) -> Float[np.ndarray, "corners 3"]:
        """The inner corners at a frame, world, metres."""
        return transform(self.T_world_board[frame], self.spec.corners)

    def truth(self) -> dict[str, Any]:
        """Spec and poses, fit for JSON."""
        return {"board": self.spec.truth(), "T_world_board": self.T_world_board.tolist()}


def charuco_board(spec: BoardSpec = BoardSpec()) -> tuple[Figure, Float[np.ndarray, "vertices 3"]]:
    """The board as a plate with a handle behind it, and its vertices in the board frame (see `BoardSpec.corners`).

    The printed side lies in the plane z = 0; every square is a whole number of texels.
    """
    pattern, texel_m = _pattern(spec)
    rows, columns = pattern.shape[:2]
    texture = np.concatenate([pattern, np.full((BACK_ROWS, columns), BACK, np.uint8)])
    width, height = columns * texel_m, rows * texel_m
    middle = spec.middle
    plate = box((width, height, THICKNESS_M), 0.001).moved(middle[0], middle[1], THICKNESS_M / 2)
    corners = plate.vertices[plate.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    front = normals[:, 2] < -0.99 * np.linalg.norm(normals, axis=1)
    low = middle[:2] - [width / 2, height / 2]
    printed = (corners[..., :2] - low) / [width, height]
    uv = np.empty_like(printed)
    uv[..., 0] = printed[..., 0]
    uv[..., 1] = 1 - printed[..., 1] * rows / len(texture)
    uv[~front] = [0.5, BACK_ROWS / 2 / len(texture)]
    face = Figure(
        faces=plate.faces,
        uv=uv.reshape(-1, 2),
        uv_faces=np.arange(3 * len(corners)).reshape(-1, 3),
        texture=np.repeat(texture[..., None], 3, 2),
    )
    x, y = middle[:2]
    rod = tube([(x, y, THICKNESS_M), (x, y, 0.09), (x, y + 0.12, 0.17), (x, y + 0.3, 0.2)], 0.012)
    grip = Figure(
        faces=rod.faces,
        uv=np.full((1, 2), 0.5),
        uv_faces=np.zeros_like(rod.faces),
        texture=np.full((8, 8, 3), 60, np.uint8),
    )
    merged = merge_figures([face, grip], [len(plate.vertices), len(rod.vertices)])
    return replace(merged, owner=None), np.concatenate([plate.vertices, rod.vertices])


def board_take(config: SimulationConfig, spec: BoardSpec = BoardSpec()) -> tuple[Thing, BoardMotion]:
    """A board that is carried by hand through the ring of a configuration, shown to each colour camera in turn.

    A ring of six cameras has seen the board after 9 to 18 s; longer takes go round again, higher and lower, nearer
    and farther.
    """
    figure, vertices = charuco_board(spec)
    rng = np.random.default_rng([config.seed, BOARD_SEED])
    views = points_of_view([device.color for device in build_rig(config)])
    frames = max(1, round(config.seconds * config.rate_hz))
    times = np.arange(frames) / config.rate_hz
    T_world_board = carry(views, spec.corners, spec.middle, vertices, times, rng)
    moved = np.stack([transform(T, vertices) for T in T_world_board]).astype(np.float32)
    return Thing(name="board", figure=figure, vertices=moved), BoardMotion(spec=spec, T_world_board=T_world_board)


def _pattern(spec: BoardSpec) -> tuple[UInt8[np.ndarray, "rows columns"], float]:
    """The printed side with its border, and the size of a texel in metres."""
    bits = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, spec.dictionary)).markerSize + 2
    ratio = spec.marker_m / spec.square_m

    def misfit(texels: int) -> float:
        """How far the marker's bits are from whole texels, and its margins from equal ones."""
        return abs(texels * ratio / bits - round(texels * ratio / bits)) + (texels - round(texels * ratio)) % 2

    texels = min(range(*SQUARE_TEXELS), key=lambda n: (round(misfit(n), 6), n))
    size = (spec.columns * texels, spec.rows * texels)
    image = spec.board.generateImage(size, marginSize=0, borderBits=1)
    border = round(SQUARES_IN_BORDER * texels)
    image = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_CONSTANT, value=255)
    return np.where(image > 127, PAPER, INK).astype(np.uint8), spec.square_m / texels
