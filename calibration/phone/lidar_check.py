"""How far a phone's depth lies before or behind the board that its colour image shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8

from calibration.rig import Verdict
from capture.board import Board
from geometry.camera import Camera
from geometry.rigid import inverse, rotate, transform

EDGE_M = 0.02
"""Left out along the board's edges: a depth pixel of a phone covers 20 mm of a wall behind the subject."""
CONFIDENT = 2
FEWEST_PIXELS = 20
GOOD_M = 0.005


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LidarCheck:
    """Depth less board, over the board's pixels."""

    medians_m: Float[np.ndarray, "frames"]
    """Of each frame; NaN where too few pixels show the board."""
    spreads_m: Float[np.ndarray, "frames"]
    """Within each frame, standard deviation."""

    @property
    def bias_m(self) -> float:
        """Median over the frames; NaN without any."""
        return float(np.nanmedian(self.medians_m)) if np.isfinite(self.medians_m).any() else float("nan")

    def verdict(self, name: str) -> Verdict:
        """In words."""
        frames = int(np.isfinite(self.medians_m).sum())
        if not frames:
            return Verdict(subject=name, good=False, text="no depth of the board: its depth could not be checked")
        good = abs(self.bias_m) <= GOOD_M
        spread = 1000 * float(np.nanstd(self.medians_m))
        text = f"depth less board is {1000 * self.bias_m:+.1f} mm ({spread:.1f} mm between {frames} frames)"
        if not good:
            text += ": are depth and colour of one moment, and is the board's square as long as it was told?"
        return Verdict(subject=name, good=good, text=text)


def depth_less_board(
    depth_m: Float32[np.ndarray, "height width"],
    camera: Camera,
    T_camera_board: Float[np.ndarray, "4 4"],
    board: Board,
    confidence: UInt8[np.ndarray, "height2 width2"] | None = None,
) -> tuple[float, float]:
    """Median and standard deviation over the pixels on the board, metres; NaN where there are too few.

    `camera` is the depth camera; NaN in `depth_m` is missing. Pixels that the phone is not sure of are left out.
    """
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = camera.unproject(np.stack([u, v], -1).reshape(-1, 2).astype(float), 1.0)
    T_board_camera = inverse(T_camera_board)
    start, along = T_board_camera[:3, 3], rotate(T_board_camera, rays)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = -start[2] / along[:, 2]
    p = transform(T_board_camera, rays * z[:, None])
    width, height = 2 * board.middle[:2]
    inside = (
        (z > 0) & (p[:, 0] > EDGE_M) & (p[:, 0] < width - EDGE_M) & (p[:, 1] > EDGE_M) & (p[:, 1] < height - EDGE_M)
    )
    if confidence is not None and confidence.shape == depth_m.shape:
        inside &= confidence.ravel() >= CONFIDENT
    off = depth_m.ravel()[inside].astype(float) - z[inside]
    off = off[np.isfinite(off)]
    if len(off) < FEWEST_PIXELS:
        return float("nan"), float("nan")
    return float(np.median(off)), float(np.std(off))
