"""z up and the floor, from how a person stands: the body's axis, level cameras, and where the feet touch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from calibration.bootstrap.adjust import Placed
from geometry.rigid import rigid

BODY_SIGMA = np.deg2rad(4.0)
"""By which a person's mean axis, from ankles to shoulders, leans."""
ROLL_SIGMA = np.deg2rad(2.0)
"""By which a camera on a stand is rolled about its axis, from upright or lying on its side."""
LEAST_TURN = np.deg2rad(20.0)
"""Between two cameras about the vertical: nearer ones propose none."""
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
    body, body_sigma = _body_axis(names, p_world, placed)
    up, sigma, level = _vertical(body, body_sigma, placed)
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


def _vertical(body: np.ndarray, body_sigma: float, placed: Placed) -> tuple[np.ndarray, float, int]:
    """Up, its sigma, and how many cameras stand level: where the body's axis and the most cameras agree.

    Many cameras were not meant to be level, so that each counts by a Cauchy weight, and every two propose a vertical.
    """
    sides = [R[0] if abs(R[0] @ body) < abs(R[1] @ body) else R[1] for R in placed.R_camera_world]
    across = np.stack(sides)
    proposals = [body]
    for a, b in combinations(across, 2):
        v = np.cross(a, b)
        if np.linalg.norm(v) > np.sin(LEAST_TURN):
            proposals.append(v / np.linalg.norm(v) * np.sign(v @ body))
    best, best_cost, sigma, count = body, np.inf, body_sigma, 0
    for up in proposals:
        information, level = np.eye(3), 0
        for _ in range(ITERATIONS):
            information = (np.eye(3) - np.outer(body, body)) / body_sigma**2
            weights = 1 / (1 + (across @ up / ROLL_SIGMA) ** 2)
            information += np.einsum("n,ni,nj->ij", weights, across, across) / ROLL_SIGMA**2
            vectors = np.linalg.eigh(information)[1]
            up, level = vectors[:, 0] * np.sign(vectors[:, 0] @ body), int((weights > 0.5).sum())
        lean = np.arccos(np.clip(up @ body, -1, 1)) / body_sigma
        cost = lean**2 + np.log1p((across @ up / ROLL_SIGMA) ** 2).sum()
        if cost < best_cost:
            best, best_cost, count = up, cost, level
            sigma = float(np.sqrt(1 / np.linalg.eigvalsh(information)[1]))
    return best, sigma, count


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
    reach = (
        float(np.linalg.norm(np.diff(np.quantile(touching, (0.05, 0.95), axis=0), axis=0))) if len(touching) else 0.0
    )
    found = normal / scale
    spread = float(np.sqrt(np.linalg.inv(H)[:2, :2].trace() / 2))
    return found, float(middle @ found + floor / scale), spread, reach


def _body_axis(names: tuple[str, ...], p_world: np.ndarray, placed: Placed) -> tuple[np.ndarray, float]:
    """Median direction from the ankles to the shoulders and how sure it is vertical; without them, the cameras' up."""
    top = [n for n, name in enumerate(names) if "shoulder" in name]
    bottom = [n for n, name in enumerate(names) if "ankle" in name]
    if top and bottom:
        axis = p_world[:, top].mean(1) - p_world[:, bottom].mean(1)
        axis = axis[np.isfinite(axis).all(1)]
        if len(axis):
            axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
            middle = np.median(axis, 0) / np.linalg.norm(np.median(axis, 0))
            leans = np.median(np.arccos(np.clip(axis @ middle, -1, 1)))
            return middle, float(np.hypot(BODY_SIGMA, leans / 2))
    axis = -placed.R_camera_world[:, 1].mean(0)
    return axis / np.linalg.norm(axis), 4 * BODY_SIGMA


def _feet(names: tuple[str, ...]) -> tuple[list[int], float]:
    feet = [n for n, name in enumerate(names) if any(word in name for word in FEET)]
    if feet:
        return feet, SOLE_M
    return [n for n, name in enumerate(names) if any(word in name for word in FALLBACK)], ANKLE_M
