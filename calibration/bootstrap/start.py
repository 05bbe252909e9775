"""All cameras in one world to begin with: pairs joined along the strongest tree, scales carried by common points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from calibration.bootstrap.adjust import Placed, Sightings
from calibration.bootstrap.two_views import TwoViews, relate

FEWEST_COMMON = 20
"""Points by which the scale of one pair is carried to the next."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Start:
    """Where the adjustment begins."""

    cameras: tuple[int, ...]
    """Those that could be joined, in the order of `placed`."""
    placed: Placed
    pairs: tuple[TwoViews, ...]
    """Every pair that could be related."""
    tree: tuple[tuple[int, int], ...]


def relate_all(sightings: Sightings, rng: np.random.Generator) -> tuple[TwoViews, ...]:
    """Every pair of cameras that shares enough points."""
    found = (relate(sightings, a, b, rng) for a, b in combinations(range(sightings.m.shape[1]), 2))
    return tuple(pair for pair in found if pair is not None)


def joined(sightings: Sightings, pairs: Sequence[TwoViews]) -> Start | None:
    """The cameras that the pairs tie together, the largest such group; None without a pair."""
    if not pairs:
        return None
    root = max(pairs, key=lambda pair: pair.strength)
    R = {root.a: np.eye(3), root.b: root.R_b_a}
    center = {root.a: np.zeros(3), root.b: root.center_b}
    p_world = root.p_a.copy()
    tree = [(root.a, root.b)]
    while True:
        border = [pair for pair in pairs if (pair.a in R) != (pair.b in R)]
        for pair in sorted(border, key=lambda pair: -pair.strength):
            scale = _scale(pair, R, center, p_world)
            if scale is None:
                continue
            known, new = (pair.a, pair.b) if pair.a in R else (pair.b, pair.a)
            R_b_a, t_a = pair.R_b_a, scale * pair.center_b
            if known == pair.a:
                R[new], center[new] = R_b_a @ R[known], center[known] + R[known].T @ t_a
            else:
                R[new] = R_b_a.T @ R[known]
                center[new] = center[known] - R[new].T @ t_a
            p_new = scale * pair.p_a @ R[pair.a] + center[pair.a]
            p_world = np.where(np.isfinite(p_world), p_world, p_new)
            tree.append((known, new))
            break
        else:
            break
    cameras = tuple(sorted(R))
    placed = Placed(
        R_camera_world=np.stack([R[c] for c in cameras]),
        center=np.stack([center[c] for c in cameras]),
        log_focal=np.zeros(len(cameras)),
        p_world=p_world,
    )
    return Start(cameras=cameras, placed=placed, pairs=tuple(pairs), tree=tuple(tree))


def _scale(pair: TwoViews, R: dict, center: dict, p_world: np.ndarray) -> float | None:
    """How many of the pair's baselines make a unit of the world, from points known in both."""
    known = pair.a if pair.a in R else pair.b
    p_known = (p_world - center[known]) @ R[known].T
    p_pair = pair.p_a if known == pair.a else (pair.p_a - pair.center_b) @ pair.R_b_a.T
    both = np.isfinite(p_known).all(1) & np.isfinite(p_pair).all(1)
    if both.sum() < FEWEST_COMMON:
        return None
    ratio = np.linalg.norm(p_known[both], axis=1) / np.linalg.norm(p_pair[both], axis=1)
    return float(np.median(ratio))


def triangulate(sightings: Sightings, placed: Placed, kernel: float = 3.0) -> Float[np.ndarray, "points 3"]:
    """The points of all sightings with the cameras as they stand; NaN where fewer than two cameras see one.

    Proposed by every pair of rays, the one with the lowest robust cost is taken.
    """
    P, C = sightings.sigma_px.shape
    f = sightings.focal_px * np.exp(placed.log_focal)
    seen = sightings.seen
    v = np.concatenate([sightings.m / f[:, None], np.ones((P, C, 1))], -1)
    v = np.where(seen[..., None], v / np.linalg.norm(v, axis=-1, keepdims=True), 0)
    v = np.einsum("cji,pcj->pci", placed.R_camera_world, v)
    across = np.where(seen[..., None, None], np.eye(3) - v[..., :, None] * v[..., None, :], 0)
    towards = np.einsum("pcij,cj->pci", across, placed.center)
    best, best_cost = np.full((P, 3), np.nan), np.full(P, np.inf)
    views = [tuple(range(C)), *(combinations(range(C), 2) if C > 2 else [])]
    for some in views:
        members = list(some)
        A = across[:, members].sum(1)
        good = (seen[:, members].sum(1) >= 2) & (np.linalg.eigvalsh(A)[:, 0] > np.sin(0.035) ** 2)
        p = np.full((P, 3), np.nan)
        p[good] = np.linalg.solve(A[good], towards[good][:, members].sum(1)[..., None])[..., 0]
        cost = point_costs(sightings, placed, p, kernel).sum(1)
        better = good & (cost < best_cost)
        best[better], best_cost[better] = p[better], cost[better]
    return best


def point_costs(
    sightings: Sightings, placed: Placed, p_world: Float[np.ndarray, "points 3"], kernel: float
) -> Float[np.ndarray, "points cameras"]:
    """Geman–McClure cost of each sighting, up to the kernel's square; 0 where there is none."""
    p_camera = np.einsum("cij,pcj->pci", placed.R_camera_world, p_world[:, None] - placed.center)
    f = sightings.focal_px * np.exp(placed.log_focal)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = f[:, None] * p_camera[..., :2] / p_camera[..., 2:]
        r2 = ((q - sightings.m) ** 2).sum(-1) / sightings.sigma_px**2
    r2 = np.where(np.isfinite(r2) & (p_camera[..., 2] > 0), r2, np.inf)
    k2 = kernel**2
    return np.where(sightings.seen, k2 - k2 * k2 / (k2 + r2), 0.0)
