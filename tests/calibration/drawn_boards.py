"""Pictures of boards at known places, drawn by a plane's homography and averaged over each pixel."""

from __future__ import annotations

import cv2
import numpy as np

from capture.board import Board
from capture.board_pattern import pattern_bounds, pattern_image
from geometry.camera import Camera
from geometry.rigid import from_rotvec, rigid, transform

CAMERA = Camera(name="drawn/color", K=np.array([[950.0, 0, 640], [0, 950.0, 360], [0, 0, 1]]), width=1280, height=720)
TEXELS, BORDER, TIMES = 64, 16, 4


def placed(board: Board, rotvec, z: float, side: int = 0) -> np.ndarray:
    """T_camera_board of a board whose side's middle lies at (0, 0, z), turned from facing the camera."""
    T_side_board = np.eye(4) if side == 0 else np.linalg.inv(board.T_board_back)
    R = from_rotvec(np.asarray(rotvec, np.float64), np.zeros(3))[:3, :3]
    return rigid(R, np.array([0, 0, z]) - R @ board.middle) @ T_side_board


def drawn(
    board: Board,
    T_camera_board: np.ndarray,
    camera: Camera = CAMERA,
    *,
    side: int = 0,
    blur_px: float = 0.7,
    noise: float = 2.0,
    levels: tuple[float, float] = (25.0, 225.0),
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """A grey picture of 8 bits of a camera without distortion; behind the board it is grey."""
    texture = pattern_image(board, TEXELS, side=side, border=BORDER)
    bounds, s = pattern_bounds(board), TEXELS / board.square_m
    texel = np.array([[s, 0, -bounds[0] * s + BORDER - 0.5], [0, s, -bounds[1] * s + BORDER - 0.5], [0, 0, 1]])
    T = T_camera_board if side == 0 else T_camera_board @ board.T_board_back
    H = camera.K @ np.column_stack([T[:3, :2], T[:3, 3]])
    fine = np.array([[TIMES, 0, (TIMES - 1) / 2], [0, TIMES, (TIMES - 1) / 2], [0, 0, 1]])
    low, high = levels
    image = cv2.warpPerspective(
        (low + (high - low) * texture).astype(np.float32),
        fine @ H @ np.linalg.inv(texel),
        (TIMES * camera.width, TIMES * camera.height),
        flags=cv2.INTER_LINEAR,
        borderValue=low + 0.5 * (high - low),
    )
    image = cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    image = cv2.GaussianBlur(image, (0, 0), blur_px) if blur_px else image
    if rng is not None:
        image = image + rng.normal(0, noise, image.shape)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def true_corners(board: Board, T_camera_board: np.ndarray, camera: Camera = CAMERA) -> np.ndarray:
    """Where each of `Board.corners` lies in the picture."""
    return camera.project_camera(transform(T_camera_board, board.corners))
