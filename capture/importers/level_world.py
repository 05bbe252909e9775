"""Turns a world of others upright: the floor is found in the depth images and becomes z = 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from capture.errors import CaptureError
from geometry.camera import Camera
from geometry.rays import ray_table
from geometry.rigid import rigid, transform

AXES = {"x": (1, 0, 0), "-x": (-1, 0, 0), "y": (0, 1, 0), "-y": (0, -1, 0), "z": (0, 0, 1), "-z": (0, 0, -1)}
"""What a user may say points up in the source's world."""
TILT_DEGREES = 35.0
"""How far the floor's normal may lie from the mean of the cameras' up directions: a few cameras all tilt one way."""
TRIALS, SAMPLE, SEED = 600, 12_000, 0
INLIER_M = 0.02
BELOW_M, BELOW_SHARE = 0.08, 0.03
"""A floor has almost nothing under it; flying pixels and reflections are allowed for."""
LEAST_SHARE = 0.04
STEP_PX = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Levelling:
    """How the source's world was turned."""

    T_world_source: Float[np.ndarray, "4 4"]
    """p_world = T_world_source @ p_source: z up, the floor at z = 0 where one was found."""
    text: str
    """What was done, for the camera file."""
    found: bool = False
    """A floor was found."""


def level_world(
    depths_m: Mapping[str, Float32[np.ndarray, "_ _"]],
    cameras: Mapping[str, Camera],
    up: str = "auto",
    declared_up: str | None = None,
) -> Levelling:
    """The turn that brings the source's world upright; x stays as near to the source's x as it can.

    `up` is one of AXES, or `auto`: the mean of the cameras' up directions. The floor is looked for within TILT_DEGREES
    of it; without a floor `auto` goes by `declared_up`, what the layout's own description says, or else leaves the
    world as it is and says so. Raises CaptureError for another word.
    """
    if up != "auto" and up not in AXES:
        raise CaptureError(f"--up {up} is not one of auto, {', '.join(AXES)}")
    guess = np.array(AXES[up], np.float64) if up != "auto" else _mean_up({n: cameras[n] for n in depths_m} or cameras)
    points = _points(depths_m, cameras)
    floor = find_floor(points, guess) if len(points) >= 500 and guess.any() else None
    if floor is not None:
        normal, height = floor
        T = _upright(normal, height)
        tilt = np.degrees(np.arccos(np.clip(normal @ guess, -1, 1)))
        text = (
            f"turned upright, z = 0 on the floor found in depth ({_vector(normal)} in the source's axes becomes z, "
            f"{tilt:.0f} degrees from {'the cameras up' if up == 'auto' else up})"
        )
        return Levelling(T_world_source=T, text=text, found=True)
    turn = declared_up if up == "auto" else up
    if turn is not None:
        why = "as told" if up != "auto" else "as its description has it"
        return Levelling(
            T_world_source=_upright(np.array(AXES[turn], np.float64), 0.0),
            text=f"turned so that the source's {turn} becomes z, {why}; no floor was found: z = 0 is the source's 0",
        )
    return Levelling(
        T_world_source=np.eye(4),
        text="left as it is: no floor was found in depth, so whether z is up is not known (say it with --up)",
    )


def find_floor(
    points: Float[np.ndarray, "points 3"], up: Float[np.ndarray, "3"]
) -> tuple[Float[np.ndarray, "3"], float] | None:
    """The floor's unit normal and its height along it, metres; None where no plane is one.

    A floor is the plane with most points on it among those that are roughly level and have almost nothing beneath
    (RANSAC, then least squares).
    """
    rng = np.random.default_rng(SEED)
    points = points[rng.permutation(len(points))[:SAMPLE]]
    best, normal, height = 0, None, 0.0
    for _ in range(TRIALS):
        a, b, c = points[rng.integers(len(points), size=3)]
        n = np.cross(b - a, c - a)
        length = np.linalg.norm(n)
        if length < 1e-4:
            continue
        n = n / length * (1 if n @ up > 0 else -1)
        if n @ up < np.cos(np.radians(TILT_DEGREES)):
            continue
        above = points @ n - n @ a
        on = np.abs(above) < INLIER_M
        if on.sum() > best and (above < -BELOW_M).mean() < BELOW_SHARE:
            best, normal, height = int(on.sum()), n, float(n @ a)
    if normal is None or best < LEAST_SHARE * len(points):
        return None
    for _ in range(3):
        on = points[np.abs(points @ normal - height) < INLIER_M]
        center = on.mean(0)
        n = np.linalg.svd(on - center, full_matrices=False)[2][2]
        normal = n * (1 if n @ normal > 0 else -1)
        height = float(normal @ center)
    return normal, height


def _upright(up: Float[np.ndarray, "3"], height: float) -> Float[np.ndarray, "4 4"]:
    nearest = np.eye(3)[0] if abs(up[0]) < 0.9 else np.eye(3)[2]
    x = nearest - (nearest @ up) * up
    x /= np.linalg.norm(x)
    return rigid(np.stack([x, np.cross(up, x), up]), np.array([0.0, 0.0, -height]))


def _mean_up(cameras: Mapping[str, Camera]) -> Float[np.ndarray, "3"]:
    """Of the images' up directions: those of a ring that looks inwards and down add up to straight up.

    Cameras with depth are asked where there are any: a phone among them may lie on its side.
    """
    mean = np.mean([-camera.T_world_camera[:3, 1] for camera in cameras.values()], axis=0)
    length = np.linalg.norm(mean)
    return mean / length if length > 0.1 else np.zeros(3)


def _points(
    depths_m: Mapping[str, Float32[np.ndarray, "_ _"]], cameras: Mapping[str, Camera]
) -> Float[np.ndarray, "points 3"]:
    found = [np.empty((0, 3))]
    for name, depth in depths_m.items():
        z = np.asarray(depth, np.float64)[::STEP_PX, ::STEP_PX, None]
        p = np.concatenate([ray_table(cameras[name])[::STEP_PX, ::STEP_PX] * z, z], -1).reshape(-1, 3)
        found.append(transform(cameras[name].T_world_camera, p[np.isfinite(p).all(-1)]))
    return np.concatenate(found)


def _vector(v: Float[np.ndarray, "3"]) -> str:
    return f"({v[0]:.3f}, {v[1]:.3f}, {v[2]:.3f})"
