"""People in space at one instant, from the people that each camera saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int64

from geometry.camera import Camera
from registration.projection import project_all
from registration.triangulation import TriangulationOptions, triangulate

SIZES_M = (0.3, 2.6)
"""Largest extent of a person's joints: from a crouching child to a tall adult with raised arms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person3D:
    """One person in space."""

    joints: Float[np.ndarray, "joints 3"]
    """Metres; NaN where the views do not agree."""
    choice: dict[int, int]
    """Camera → which of its people."""

    @property
    def center(self) -> Float[np.ndarray, "3"]:
        """Median of the joints."""
        return np.nanmedian(self.joints, axis=0)


def people_of_instant(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "cameras people joints 2"],
    sigma: Float[np.ndarray, "cameras people joints"],
    mirror: Int64[np.ndarray, "joints"],
    far_sigmas: float,
    same_cost: float,
) -> list[Person3D]:
    """People whom at least two cameras see, the one with the most and best views first.

    Sides may be confused in any view: each is compared as it is and mirrored.
    """
    left = [(c, n) for c in range(len(q)) for n in range(q.shape[1]) if np.isfinite(q[c, n, :, 0]).any()]
    found = []
    while True:
        person = _best(cameras, q, sigma, mirror, left, far_sigmas, same_cost)
        if person is None:
            return found
        found.append(person)
        left = [pair for pair in left if person.choice.get(pair[0]) != pair[1]]


def _best(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "cameras people joints 2"],
    sigma: Float[np.ndarray, "cameras people joints"],
    mirror: Int64[np.ndarray, "joints"],
    left: list[tuple[int, int]],
    far_sigmas: float,
    same_cost: float,
) -> Person3D | None:
    proposals = [(a, b) for a, b in combinations(left, 2) if a[0] != b[0]]
    if not proposals:
        return None
    # every proposal twice: with the second view as it is and mirrored
    J = q.shape[2]
    views = np.full((len(proposals), 2, J, len(cameras), 2), np.nan)
    sigmas = np.full((len(proposals), 2, J, len(cameras)), np.nan)
    for k, ((ca, na), (cb, nb)) in enumerate(proposals):
        views[k, :, :, ca], sigmas[k, :, :, ca] = q[ca, na], sigma[ca, na]
        for way, order in enumerate((np.arange(J), mirror)):
            views[k, way, :, cb], sigmas[k, way, :, cb] = q[cb, nb, order], sigma[cb, nb, order]
    loose = TriangulationOptions(max_residual=far_sigmas, iterations=2)
    p = triangulate(cameras, views, sigmas, loose).p_world.reshape(-1, J, 3)
    cost, way = _costs(cameras, p, q, sigma, mirror, left, far_sigmas)
    good = np.where(cost < same_cost, 1 - cost, 0)
    cameras_of = np.array([c for c, _ in left])
    support = np.stack([good[:, cameras_of == c].max(1) for c in np.unique(cameras_of)], 1)
    sized = _size(p)
    value = np.where((sized > SIZES_M[0]) & (sized < SIZES_M[1]) & ((support > 0).sum(1) >= 2), support.sum(1), 0)
    best = int(value.argmax())
    if value[best] == 0:
        return None
    choice, flipped = {}, {}
    for c in np.unique(cameras_of):
        members = np.flatnonzero(cameras_of == c)
        member = members[good[best, members].argmax()]
        if good[best, member] > 0:
            choice[int(c)], flipped[int(c)] = left[member][1], bool(way[best, member])
    return Person3D(joints=_refined(cameras, q, sigma, mirror, choice, flipped, far_sigmas, p[best]), choice=choice)


def _costs(
    cameras: Sequence[Camera],
    p: Float[np.ndarray, "proposals joints 3"],
    q: Float[np.ndarray, "cameras people joints 2"],
    sigma: Float[np.ndarray, "cameras people joints"],
    mirror: Int64[np.ndarray, "joints"],
    left: list[tuple[int, int]],
    far_sigmas: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Cost of each person of an image against each proposal, and whether it is lower with the sides swapped."""
    expected = project_all(cameras, p)
    costs = np.empty((2, len(p), len(left)))
    for k, (c, n) in enumerate(left):
        for way, order in enumerate((np.arange(len(mirror)), mirror)):
            residual = np.linalg.norm(expected[:, :, c] - q[c, n, order], axis=-1) / (sigma[c, n, order] * far_sigmas)
            costs[way, :, k] = np.minimum(np.nan_to_num(residual, nan=1.0), 1.0).mean(-1)
    return costs.min(0), costs.argmin(0).astype(bool)


def _size(p: Float[np.ndarray, "proposals joints 3"]) -> Float[np.ndarray, "proposals"]:
    """Largest extent along a world axis; 0 for a proposal without joints."""
    low = np.where(np.isfinite(p), p, np.inf).min(1)
    high = np.where(np.isfinite(p), p, -np.inf).max(1)
    return np.maximum((high - low).max(-1), 0)


def _refined(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "cameras people joints 2"],
    sigma: Float[np.ndarray, "cameras people joints"],
    mirror: Int64[np.ndarray, "joints"],
    choice: dict[int, int],
    flipped: dict[int, bool],
    far_sigmas: float,
    p: Float[np.ndarray, "joints 3"],
) -> Float[np.ndarray, "joints 3"]:
    """The joints from all chosen views; the proposal's own where those do not agree."""
    J = len(mirror)
    views, sigmas = np.full((J, len(cameras), 2), np.nan), np.full((J, len(cameras)), np.nan)
    for c, n in choice.items():
        order = mirror if flipped[c] else np.arange(J)
        views[:, c], sigmas[:, c] = q[c, n, order], sigma[c, n, order]
    refined = triangulate(cameras, views, sigmas, TriangulationOptions(max_residual=far_sigmas)).p_world
    return np.where(np.isfinite(refined), refined, p)
