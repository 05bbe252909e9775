"""How two cameras stand to each other, up to scale, from points that both see."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from calibration.bootstrap.adjust import Placed, Sightings, adjust

FEWEST_POINTS = 40
"""Common keypoints of a pair: one and a half persons of 33."""
TRIALS = 3
"""Random starts of a pair; the best of them is kept."""
THRESHOLD_SIGMAS = 3.0
KERNELS = (6.0, 2.5)
"""Of the adjustment of a pair, one after the other: the first reaches from a start that is 10 degrees off."""
COUNTS, ENOUGH = 0.17, 0.85
"""A sighting within 3 sigmas weighs more than the first; with so large a share of them a start needs no other."""
NEAREST_ANGLE = np.deg2rad(2.0)
"""Rays that meet at less give no distance."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TwoViews:
    """One pair; the world is the first camera, the baseline is 1."""

    a: int
    b: int
    R_b_a: Float[np.ndarray, "3 3"]
    center_b: Float[np.ndarray, "3"]
    """Of the second camera in the first."""
    p_a: Float[np.ndarray, "points 3"]
    """Points in the first camera's frame; NaN where they do not fit or lie at no certain distance."""
    weight: float
    """How many sightings fit, each 0 to 1."""
    angle: float
    """At which the rays of the two typically meet, radians, up to π / 2."""

    @property
    def strength(self) -> float:
        """How well the pair is determined: many points, and rays that cross."""
        return self.weight * np.sin(self.angle)


def relate(sightings: Sightings, a: int, b: int, rng: np.random.Generator, most_points: int = 400) -> TwoViews | None:
    """The pair's geometry; None where the two share too few points or none agree."""
    pair = sightings.of(np.array([a, b]))
    both = np.flatnonzero(pair.seen.all(1))
    if len(both) < FEWEST_POINTS:
        return None
    chosen = both if len(both) <= most_points else np.sort(rng.choice(both, most_points, replace=False))
    xy = pair.m[chosen] / pair.focal_px[:, None]
    noise = float(np.median(pair.sigma_px[chosen] / pair.focal_px))
    few = Sightings(m=pair.m[chosen], sigma_px=pair.sigma_px[chosen], focal_px=pair.focal_px)
    best, best_cost = None, np.inf
    for trial in range(TRIALS):
        part = slice(None) if trial == 0 else rng.permutation(len(xy))[: max(FEWEST_POINTS, len(xy) // 2)]
        cv2.setRNGSeed(trial)
        found = cv2.findEssentialMat(
            np.ascontiguousarray(xy[part, 0]), np.ascontiguousarray(xy[part, 1]), np.eye(3),
            method=cv2.USAC_MAGSAC, prob=0.999, threshold=THRESHOLD_SIGMAS * noise,
        )[0]  # fmt: skip
        if found is None or found.shape != (3, 3):
            continue
        start = _decompose(found, xy)
        if start is None:
            continue
        near = adjust(few, start, kernel=KERNELS[0], iterations=15)
        result = adjust(few, near.placed, kernel=KERNELS[1], iterations=15)
        if result.cost < best_cost:
            best, best_cost = result.placed, result.cost
        if (result.weights > COUNTS).mean() > ENOUGH:
            break
    if best is None:
        return None
    return _finished(best, pair, both, a, b)


def triangulate_pair(
    xy: Float[np.ndarray, "points 2 2"], R_b_a: Float[np.ndarray, "3 3"], center_b: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "points 3"]:
    """The points between the rays of two cameras (normalised coordinates), in the first one's frame."""
    ones = np.ones((len(xy), 1))
    va, vb = np.concatenate([xy[:, 0], ones], 1), np.concatenate([xy[:, 1], ones], 1) @ R_b_a
    va, vb = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (va, vb))
    cosine = (va * vb).sum(1)
    along_a, along_b = va @ center_b, vb @ center_b
    below = np.maximum(1 - cosine**2, 1e-12)
    sa, sb = (along_a - cosine * along_b) / below, (cosine * along_a - along_b) / below
    return 0.5 * (sa[:, None] * va + center_b + sb[:, None] * vb)


def _decompose(E: np.ndarray, xy: np.ndarray) -> Placed | None:
    """Of the four poses that an essential matrix allows, the one with the most points before both cameras."""
    R1, R2, t = cv2.decomposeEssentialMat(E)
    best, most = None, 0
    for R in (R1, R2):
        for sign in (1, -1):
            center = -R.T @ (sign * t[:, 0])
            p = triangulate_pair(xy, R, center)
            ahead = (p[:, 2] > 0) & (((p - center) @ R.T)[:, 2] > 0)
            if ahead.sum() > most:
                most = int(ahead.sum())
                best = Placed(
                    R_camera_world=np.stack([np.eye(3), R]),
                    center=np.stack([np.zeros(3), center]),
                    log_focal=np.zeros(2),
                    p_world=p,
                )
    return best


def _finished(placed: Placed, pair: Sightings, both: np.ndarray, a: int, b: int) -> TwoViews:
    """All common points with the pair as it was found; the first camera becomes the world."""
    R0 = placed.R_camera_world[0]
    R_b_a = placed.R_camera_world[1] @ R0.T
    center = R0 @ (placed.center[1] - placed.center[0])
    center = center / np.linalg.norm(center)
    xy = pair.m[both] / pair.focal_px[:, None]
    p = triangulate_pair(xy, R_b_a, center)
    ok = agrees(p, R_b_a, center, pair, both)
    rays_a, rays_b = p, p - center
    cosine = (rays_a * rays_b).sum(1) / (np.linalg.norm(rays_a, axis=1) * np.linalg.norm(rays_b, axis=1))
    angle = np.arccos(np.clip(cosine, -1, 1))
    good = ok & (np.minimum(angle, np.pi - angle) > NEAREST_ANGLE)
    p_a = np.full((len(pair.m), 3), np.nan)
    p_a[both[good]] = p[good]
    typical = float(np.median(angle[ok])) if ok.any() else 0.0
    return TwoViews(
        a=a, b=b, R_b_a=R_b_a, center_b=center, p_a=p_a, weight=float(ok.sum()), angle=min(typical, np.pi - typical)
    )


def agrees(
    p: np.ndarray, R_b_a: np.ndarray, center_b: np.ndarray, pair: Sightings, at: np.ndarray
) -> Bool[np.ndarray, "points"]:
    """Whether points project within THRESHOLD_SIGMAS of where both cameras see them, before both."""
    ok = np.ones(len(p), bool)
    for n, p_camera in enumerate((p, (p - center_b) @ R_b_a.T)):
        with np.errstate(divide="ignore", invalid="ignore"):
            q = pair.focal_px[n] * p_camera[:, :2] / p_camera[:, 2:]
        off = np.linalg.norm(q - pair.m[at, n], axis=1) / pair.sigma_px[at, n]
        ok &= (p_camera[:, 2] > 0) & (off < THRESHOLD_SIGMAS)
    return ok
