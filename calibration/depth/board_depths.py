"""What a depth camera measured on a board, beside what the board's solved place says it should have."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from calibration.depth.ink import ink_share
from capture.board import Board
from geometry.camera import Camera
from geometry.depth import require_size
from geometry.rays import ray_table
from geometry.rigid import inverse

EDGE_PX = 3
"""Pixels dropped along the outline: the light of two surfaces mixes over two of them (Azure Kinect)."""
MIN_PIXELS = 250
MIN_COSINE = 0.5
"""A board seen at more than 60° is left out: there an error of its place along the surface becomes one of distance."""
HAND_M = 0.008
"""A pixel that differs by more than this, and by 3.5 deviations, from the board's median is a hand or an edge; noise is
2 mm at 2 m."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoardDepths:
    """The pixels of one board in one depth image, summed up."""

    camera: str
    instant: int
    z_m: float
    """True distance of the board's pixels along the optical axis, in the mean."""
    error_m: float
    """Measured less true, in the mean."""
    spread_m: float
    """Standard deviation of that between pixels."""
    pixels: int
    ink_m: float
    """How much farther black ink reads than white paper; NaN where too little of the one or the other was seen."""
    radius: float
    """Distance of the board's middle from the optical axis, on the plane z = 1."""


def board_depths(
    depth_m: Float[np.ndarray, "height width"],
    camera: Camera,
    board: Board,
    T_world_board: Float[np.ndarray, "4 4"],
    instant: int = 0,
) -> BoardDepths | None:
    """Measured and true depth inside the board's pattern, away from its edges; metres, NaN missing in the image.

    None where the board shows its back, is seen too much from the side, or has too few pixels. Raises GeometryError
    when the image has another size than the camera.
    """
    require_size(depth_m, camera)
    T_camera_board = inverse(camera.T_world_camera) @ T_world_board
    normal, origin = T_camera_board[:3, 2], T_camera_board[:3, 3]
    area = _area(camera, board, T_camera_board)
    if area is None or normal @ origin <= 0:
        return None
    rays = np.concatenate([ray_table(camera)[area], np.ones((*depth_m[area].shape, 1))], -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z_true = (normal @ origin) / (rays @ normal)
        foot = (rays * z_true[..., None] - origin) @ T_camera_board[:3, :2]
        size = np.array([board.columns, board.rows]) * board.square_m
        inside = (z_true > 0) & ((foot > 0) & (foot < size)).all(-1)
        cosine = np.abs(rays @ normal) / np.linalg.norm(rays, axis=-1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * EDGE_PX + 1, 2 * EDGE_PX + 1))
    inside = cv2.erode(inside.astype(np.uint8), kernel, borderValue=0).astype(bool)
    measured = np.asarray(depth_m[area], np.float64)
    used = inside & np.isfinite(measured) & (measured > 0)
    if used.sum() < MIN_PIXELS or np.median(cosine[used]) < MIN_COSINE:
        return None
    error = measured - z_true
    middle = np.median(error[used])
    scale = 1.4826 * np.median(np.abs(error[used] - middle))
    used &= np.abs(error - middle) <= max(3.5 * scale, HAND_M)
    if used.sum() < MIN_PIXELS:
        return None
    return BoardDepths(
        camera=camera.name,
        instant=instant,
        z_m=float(z_true[used].mean()),
        error_m=float(error[used].mean()),
        spread_m=float(error[used].std()),
        pixels=int(used.sum()),
        ink_m=_ink_effect(board, foot[used], error[used], z_true[used] / camera.K[0, 0]),
        radius=float(np.linalg.norm(rays[used][:, :2], axis=1).mean()),
    )


def _area(camera: Camera, board: Board, T_camera_board: np.ndarray) -> tuple[slice, slice] | None:
    """The part of the image that can hold the board."""
    steps = np.linspace(0, 1, 7)
    x, y = np.meshgrid(steps * board.columns * board.square_m, steps * board.rows * board.square_m)
    p = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], -1) @ T_camera_board[:3, :3].T + T_camera_board[:3, 3]
    q = camera.project_camera(p)
    q = q[np.isfinite(q).all(1)]
    if not len(q):
        return None
    low = np.clip(np.floor(q.min(0)) - 8, 0, None).astype(int)
    high = np.minimum(np.ceil(q.max(0)) + 9, [camera.width, camera.height]).astype(int)
    return (slice(low[1], high[1]), slice(low[0], high[0])) if (high - low > 8).all() else None


def _ink_effect(board: Board, foot: np.ndarray, error: np.ndarray, pixel_m: np.ndarray) -> float:
    """Error on ink less that on paper: the slope of the error over the part of a pixel's footprint that is ink."""
    share = ink_share(board, foot, float(np.median(pixel_m)))
    if share.std() < 0.15:
        return float("nan")
    centred = share - share.mean()
    return float(centred @ error / (centred @ centred))
