"""Boards of every kind as the virtual rig renders them: found from the right side, where the truth says."""

import numpy as np
import pytest

from calibration.boards.detection import BoardDetector
from capture.board import APRILTAGS, Board
from capture.virtual.board import board_plate
from capture.virtual.compositing import over_srgb
from capture.virtual.drawable import Drawable, Studio
from geometry.camera import Camera
from geometry.rays import ray_table
from geometry.rigid import from_rotvec, inverse, look_at, rigid, transform

CAMERA = Camera(
    name="virtual/color",
    K=np.array([[610.0, 0, 640], [0, 610, 360], [0, 0, 1]]),
    width=1280,
    height=720,
    T_world_camera=look_at(np.array([0.0, -2.0, 1.2]), np.array([0.0, 0.0, 1.1])),
)
BOARDS = {
    "inverted": Board(inverted=True),
    "checkerboard": Board(kind="checkerboard", columns=7, rows=6, square_m=0.12),
    "aprilgrid": Board(kind="aprilgrid", columns=5, rows=4, square_m=0.19, marker_m=0.146, dictionary=APRILTAGS),
    "two-sided": Board(thickness_m=0.012),
}


@pytest.mark.parametrize("name", BOARDS)
def test_a_rendered_board_is_found(name):
    board, rays = BOARDS[name], ray_table(CAMERA).astype(np.float32)
    figure, vertices = board_plate(board)
    studio = Studio.of(figure)
    for side in range(board.sides):
        T_board_side = np.eye(4) if side == 0 else board.T_board_back
        R = from_rotvec(np.array([0.25, 0.3, 0.1]), np.zeros(3))[:3, :3]
        T_camera_board = rigid(R, np.array([0, 0, 1.7]) - R @ board.middle) @ inverse(T_board_side)
        T_world_board = CAMERA.T_world_camera @ T_camera_board
        shaded = Drawable.of(studio, transform(T_world_board, vertices).astype(np.float32)).shaded(CAMERA, rays)
        assert shaded is not None
        image = over_srgb(shaded, np.full((CAMERA.height, CAMERA.width, 3), 120, np.uint8))
        view = BoardDetector(board).detect(image, camera=CAMERA.name, instant=0)
        assert view is not None
        assert set(view.ids // board.corners_per_side) == {side}
        assert len(view.ids) > 0.8 * board.corners_per_side
        error = view.q - CAMERA.project(transform(T_world_board, board.corners))[view.ids]
        # one sample a pixel: edges are placed to a fraction of a pixel; OpenCV's corners had 0.11 px
        assert np.sqrt(np.square(error).mean()) < 0.1
        assert np.abs(error.mean(0)).max() < 0.03
