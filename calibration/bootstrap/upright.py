"""z up and the floor, from how a person stands: the body's axis, level cameras, and where the feet touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.bootstrap.adjust import Placed
from geometry.rigid import rigid

BODY_SIGMA = np.deg2rad(4.0)
"""By which a person's mean axis, from ankles to shoulders, leans."""
ROLL_SIGMA = np.deg2rad(2.0)
"""By which a camera on a stand is rolled about its axis, from upright or lying on its side."""
FLOOR_SIGMA_M = 0.025
"""Of the height at which a standing foot's keypoints are seen."""
SOLE_M = 0.025
"""Heel and toe keypoints above the sole."""
FEET = ("heel", "foot_index", "toe")
SHARED = 20
"""Feet seen at neighbouring instants share their error: as many count as one."""
ITERATIONS = 15
FALLBACK, ANKLE_M = ("ankle",), 0.08


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Upright:
    """How the world is turned."""

    T_upright_world: Float[np.ndarray, "4 4"]
    sigma: float
    """Of the direction of z, radians."""
    text: str


def upright(names: tuple[str, ...], p_world: Float[np.ndarray, "instants joints 3"], placed: Placed) -> Upright:
    """Turns a metric world: z up, the floor at z = 0, the origin under the person, the first camera on -y."""
    body = _body_axis(names, p_world, placed)
    up, sigma, level = body, BODY_SIGMA, 0
    for _ in range(ITERATIONS):
        information, level = (np.eye(3) - np.outer(body, body)) / BODY_SIGMA**2, 0
        for R in placed.R_camera_world:
            across = R[0] if abs(R[0] @ up) < abs(R[1] @ up) else R[1]
            weight = 1 / (1 + (across @ up / ROLL_SIGMA) ** 2)  # Cauchy: many cameras were not meant to be level
            information += weight * np.outer(across, across) / ROLL_SIGMA**2
            level += int(weight > 0.5)
        values, vectors = np.linalg.eigh(information)
        up = vectors[:, 0] * np.sign(vectors[:, 0] @ body)
        sigma = float(np.sqrt(1 / values[1]))
    feet, above = _feet(names)
    lowest = p_world[:, feet].reshape(-1, 3) if feet else p_world.reshape(-1, 3)
    lowest = lowest[np.isfinite(lowest).all(1)]
    up, height, sigma, reach = _floor(lowest, up, sigma)
    walked = f" and feet that touched the floor over {reach:.1f} m" if reach > 0.5 else ""
    middle = np.nanmedian(p_world.reshape(-1, 3), 0)
    origin = middle - ((middle @ up) - (height - above)) * up
    towards = middle - placed.center[0]
    y = towards - (towards @ up) * up
    y = y / np.linalg.norm(y)
    R = np.stack([np.cross(y, up), y, up])
    return Upright(
        T_upright_world=rigid(R, -R @ origin),
        sigma=sigma,
        text=f"z from the person's axis and {level} level cameras{walked} ({np.rad2deg(sigma):.1f} degrees)",
    )


def _floor(p: np.ndarray, up: np.ndarray, sigma: float) -> tuple[np.ndarray, float, float, float]:
    """Normal, height along it, sigma of the normal, and how far the contacts reach: a plane under the lowest points.

    A foot that is lifted lies above the floor, never below: points far above count little, those below in full.
    """
    side = np.linalg.svd(up[None])[2][1:]
    middle = np.median(p, 0)
    x, z = (p - middle) @ side.T, (p - middle) @ up
    slope, floor = np.zeros(2), float(np.quantile(z, 0.15))
    J = np.concatenate([x, np.ones((len(x), 1))], 1)
    prior = np.diag([1 / sigma**2, 1 / sigma**2, 0])
    H, off = prior, z
    for _ in range(ITERATIONS):
        off = z - x @ slope - floor
        w = np.where(off > 0, 1 / (1 + (off / (2 * FLOOR_SIGMA_M)) ** 2) ** 2, 1.0) / FLOOR_SIGMA_M**2 / SHARED
        H = (J * w[:, None]).T @ J + prior
        step = np.linalg.solve(H, (J * w[:, None]).T @ off - prior @ np.array([*slope, 0]))
        slope, floor = slope + step[:2], floor + float(step[2])
    normal = up - side.T @ slope
    scale = float(np.linalg.norm(normal))
    touching = x[np.abs(off) < 2 * FLOOR_SIGMA_M]
    reach = float(np.linalg.norm(np.ptp(touching, axis=0))) if len(touching) else 0.0
    found = normal / scale
    spread = float(np.sqrt(np.linalg.inv(H)[:2, :2].trace() / 2))
    return found, float(middle @ found + floor / scale), spread, reach


def _body_axis(names: tuple[str, ...], p_world: np.ndarray, placed: Placed) -> np.ndarray:
    """Median direction from the ankles to the shoulders; without them, the mean of the cameras' up."""
    top = [n for n, name in enumerate(names) if "shoulder" in name]
    bottom = [n for n, name in enumerate(names) if "ankle" in name] or [
        n for n, name in enumerate(names) if "hip" in name
    ]
    if top and bottom:
        axis = p_world[:, top].mean(1) - p_world[:, bottom].mean(1)
        axis = axis[np.isfinite(axis).all(1)]
        if len(axis):
            axis = np.median(axis / np.linalg.norm(axis, axis=1, keepdims=True), 0)
            return axis / np.linalg.norm(axis)
    axis = -placed.R_camera_world[:, 1].mean(0)
    return axis / np.linalg.norm(axis)


def _feet(names: tuple[str, ...]) -> tuple[list[int], float]:
    feet = [n for n, name in enumerate(names) if any(word in name for word in FEET)]
    if feet:
        return feet, SOLE_M
    return [n for n, name in enumerate(names) if any(word in name for word in FALLBACK)], ANKLE_M
