"""Whether depth frame n and video frame n are of one moment: both change at the same places between two frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from geometry.camera import Camera
from geometry.depth import depth_to_points
from geometry.rigid import transform

WIDTH = 160
CHANGE_M = 0.05
"""Three times the depth camera's noise."""
SHIFTS = (-1, 0, 1)
FRAMES = 10
MIN_SCORE, MARGIN = 0.15, 0.03
"""Of correlation. Simulated walks, kicks and dances: 0.63 to 0.84 for the right shift, 0.03 to 0.12 less beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """How well the changes agree when depth frame n goes with video frame n + shift."""

    scores: dict[int, float]

    @property
    def shift(self) -> int | None:
        """The shift that clearly fits best; None where nothing moves enough to tell."""
        best = max(self.scores, key=lambda shift: self.scores[shift])
        others = [score for shift, score in self.scores.items() if shift != best]
        return best if self.scores[best] >= MIN_SCORE and self.scores[best] >= max(others) + MARGIN else None

    def __str__(self) -> str:
        """For the note."""
        return ", ".join(f"{shift:+d}: {score:.2f}" for shift, score in self.scores.items())


def frame_pairing(
    depth_m: Callable[[int], Float32[np.ndarray, "_ _"]],
    color: Callable[[int], UInt8[np.ndarray, "_ _ 3"]],
    depth_camera: Camera,
    color_camera: Camera,
    first: int,
) -> Pairing:
    """Correlation of the places that change in depth and in colour, over FRAMES frames from `first` on.

    Frames `first - 1` to `first + FRAMES - 1` of depth are asked for, and one more of colour at both ends.
    """
    small = color_camera.resized(WIDTH, max(1, round(WIDTH * color_camera.height / color_camera.width)))
    gray = {n: _gray(color(n), small) for n in range(first - 2, first + FRAMES + 1)}
    depth = {n: depth_m(n) for n in range(first - 1, first + FRAMES)}
    scores = {}
    for shift in SHIFTS:
        found = []
        for n in range(first, first + FRAMES):
            moved = _depth_change(depth[n - 1], depth[n], depth_camera, small)
            changed = np.minimum(np.abs(gray[n + shift] - gray[n + shift - 1]), 40.0)
            found.append(_correlation(moved, cv2.GaussianBlur(changed, (0, 0), 1.0)))
        scores[shift] = float(np.mean(found))
    return Pairing(scores=scores)


def _depth_change(
    before: Float32[np.ndarray, "_ _"], after: Float32[np.ndarray, "_ _"], depth_camera: Camera, small: Camera
) -> Float32[np.ndarray, "_ _"]:
    """Where a surface came or went, in the small colour image."""
    with np.errstate(invalid="ignore"):
        change = np.abs(after - before) > CHANGE_M
    image = np.zeros((small.height, small.width), np.float32)
    T_color_depth = small.T_camera_world @ depth_camera.T_world_camera
    for depth in (np.fmin(before, after),):  # the nearer surface is the one that moves
        p = depth_to_points(np.where(change, depth, np.nan), depth_camera).reshape(-1, 3)
        q = small.project_camera(transform(T_color_depth, p[np.isfinite(p).all(-1)]))
        q = np.rint(q[np.isfinite(q).all(-1)]).astype(int)
        q = q[(q >= 0).all(-1) & (q < [small.width, small.height]).all(-1)]
        np.add.at(image, (q[:, 1], q[:, 0]), 1.0)
    return cv2.GaussianBlur(np.minimum(image, 4.0), (0, 0), 1.0)


def _gray(rgb: UInt8[np.ndarray, "_ _ 3"], small: Camera) -> Float32[np.ndarray, "_ _"]:
    image = cv2.resize(rgb, (small.width, small.height), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _correlation(a: Float[np.ndarray, "_ _"], b: Float[np.ndarray, "_ _"]) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0
