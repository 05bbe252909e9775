"""The floor plane from what depth cameras see: the lowest large plane, found robustly and then fitted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from calibration.errors import CalibrationError
from calibration.world.floor_plane import FloorPlane

MAX_TILT = np.cos(np.deg2rad(30.0))
"""The floor's normal lies this near to the direction that is believed to be up."""
NEAR_M = 0.02
"""Points this near belong to a candidate: 10 mm of a device's depth error and 3 mm of noise on a floor at 3 m."""
BELOW_M = 0.08
MAX_BELOW = 0.03
"""Share of points that may lie farther than BELOW_M below the floor (mirrors, echoes by way of a wall); a table top
leaves the floor itself below."""
MIN_SHARE = 0.03
"""Least share of all points that lie on the floor."""
MIN_POINTS = 300
HYPOTHESES = 1500
SCORED = 6000
FITTED = 40_000
"""Points drawn for the scores and for the fit, the same number of each camera."""
ROUNDS = 6
NARROWEST_M = 0.015
"""The fit's weights vanish at 3 deviations, but not nearer than this: narrower ones drop whole devices that are off by
4 mm, and the stated deviation is then half the real one."""


def floor_from_depth(
    p_world: Mapping[str, Float[np.ndarray, "_ 3"]],
    up: Float[np.ndarray, "3"],
    center: Float[np.ndarray, "3"] | None = None,
    radius_m: float = np.inf,
    rng: np.random.Generator | None = None,
) -> FloorPlane:
    """The floor in the world of the points.

    p_world: points by depth camera, metres, of the room or of the room with people and things. up: roughly the
    vertical. Only points within `radius_m` of `center` count: a floor near the walls is lengthened by echoes. The
    deviation follows from how much the cameras differ, so that it holds the errors of the devices.

    Raises CalibrationError when there are too few points, or no large plane lies below the others.
    """
    rng = rng or np.random.default_rng(0)
    near = {}
    for name, points in p_world.items():
        known = points[np.isfinite(points).all(1)]
        if center is not None:
            known = known[np.linalg.norm(known - center, axis=1) <= radius_m]
        if len(known):
            near[name] = known
    total = sum(map(len, near.values()))
    if total < MIN_POINTS:
        raise CalibrationError(
            f"{total} depth points are too few for a floor, at least {MIN_POINTS} needed; "
            "use a recording whose depth cameras see it, or lay the board on the floor"
        )
    normal, offset = _search(_drawn(near, SCORED, rng)[0], up / np.linalg.norm(up), rng)
    points, camera = _drawn(near, FITTED, rng)
    middle, weights = points.mean(0), np.ones(len(points))
    for _ in range(ROUNDS):
        distance = points @ normal + offset
        scale = 1.4826 * np.median(np.abs(distance[np.abs(distance) < NEAR_M]))
        limit = 3 * max(scale, NARROWEST_M / 3)
        weights = np.clip(1 - (distance / limit) ** 2, 0, None) ** 2
        middle = weights @ points / weights.sum()
        _, _, axes = np.linalg.svd((points - middle) * np.sqrt(weights)[:, None], full_matrices=False)
        normal = axes[2] if axes[2] @ up > 0 else -axes[2]
        offset = -float(normal @ middle)
    on = weights > 0
    distance = points @ normal + offset
    sigma_m, sigma_rad = _deviations(points, distance, weights, camera, middle, normal)
    return FloorPlane(
        normal=normal,
        offset_m=offset,
        source=f"depth of {len(near)} camera{'s' if len(near) > 1 else ''}",
        sigma_m=sigma_m,
        sigma_rad=sigma_rad,
        points=int(on.sum()),
        rms_m=float(np.sqrt(np.average(distance[on] ** 2, weights=weights[on]))),
    )


def _drawn(
    points: Mapping[str, np.ndarray], count: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "points 3"], np.ndarray]:
    """Points of all cameras, as evenly as they have them, and the number of each one's camera."""
    each = max(1, count // len(points))
    drawn = [p[rng.choice(len(p), min(each, len(p)), replace=False)] for p in points.values()]
    return np.concatenate(drawn), np.repeat(np.arange(len(drawn)), [len(p) for p in drawn])


def _search(points: np.ndarray, up: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """The best plane through three points with hardly anything below it."""
    a, b, c = points[rng.integers(0, len(points), (3, HYPOTHESES))]
    normals = np.cross(b - a, c - a)
    with np.errstate(invalid="ignore", divide="ignore"):
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals *= np.sign(normals @ up)[:, None]
    keep = normals @ up > MAX_TILT
    normals, a = normals[keep], a[keep]
    distance = points @ normals.T - np.einsum("ni,ni->n", normals, a)
    support = (np.abs(distance) < NEAR_M).mean(0)
    support[(distance < -BELOW_M).mean(0) > MAX_BELOW] = 0
    if not len(support) or support.max() < MIN_SHARE:
        raise CalibrationError(
            "no floor found: the depth cameras see no large level plane below everything else; "
            "turn them so that they see the floor, or lay the board on it"
        )
    best = int(support.argmax())
    return normals[best], -float(normals[best] @ a[best])


def _deviations(
    points: np.ndarray,
    distance: np.ndarray,
    weights: np.ndarray,
    camera: np.ndarray,
    middle: np.ndarray,
    normal: np.ndarray,
) -> tuple[float, float]:
    """Of the height and of the tilt: by leaving out one camera at a time (jackknife); NaN with a single camera."""
    names = np.unique(camera)
    if len(names) < 2:
        return float("nan"), float("nan")
    across = np.linalg.svd(normal[None])[2][1:]
    local = np.column_stack([np.ones(len(points)), (points - middle) @ across.T])
    fits = []
    for left_out in names:
        w = np.where(camera == left_out, 0, weights)
        information = local.T @ (w[:, None] * local)
        fits.append(np.linalg.pinv(information) @ (local.T @ (w * distance)))
    spread = np.stack(fits) - np.mean(fits, 0)
    variance = (len(names) - 1) / len(names) * (spread**2).sum(0)
    return float(np.sqrt(variance[0])), float(np.sqrt(variance[1:].mean()))
