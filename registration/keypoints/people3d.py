"""People in space at each instant, proposed by every pair of people in two images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int64

from geometry.camera import Camera
from registration.keypoints.projection import project_all, rays

SIZES_M = (0.3, 2.6)
"""Largest extent of a person's joints: from a crouching child to a tall adult with raised arms."""
CHUNK = 32
"""Instants that are worked on at once, to bound the memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person3D:
    """One person in space, as two views place the joints."""

    joints: Float[np.ndarray, "joints 3"]
    choice: dict[int, int]
    """Camera → which of its people."""
    flipped: dict[int, bool]
    """Camera → whether the sides are swapped there against the first of the two views."""

    @property
    def center(self) -> Float[np.ndarray, "3"]:
        """Median of the joints."""
        return np.nanmedian(self.joints, axis=0)


@dataclass(frozen=True)
class _Proposals:
    """All pairs of people in two images of each instant, the second as it is and mirrored (`ways`)."""

    members: Int64[np.ndarray, "proposals 4"]
    """Camera and person of the first view, camera and person of the second."""
    joints: Float[np.ndarray, "instants proposals ways joints 3"]
    cost: Float[np.ndarray, "instants proposals ways cameras people"]
    """Of each person of each image, whichever way round fits better."""
    flipped: Bool[np.ndarray, "instants proposals ways cameras people"]


def people_of_instants(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "instants cameras people joints 2"],
    sigma: Float[np.ndarray, "instants cameras people joints"],
    mirror: Int64[np.ndarray, "joints"],
    far_sigmas: float,
    same_cost: float,
) -> list[list[Person3D]]:
    """At each instant the people whom at least two cameras see, the one with the most and best views first.

    A person of an image belongs to a person in space when `cost_of` is below `same_cost`. Sides may be confused in any
    view: each is compared as it is and mirrored.
    """
    people = []
    for start in range(0, len(q), CHUNK):
        part = slice(start, start + CHUNK)
        proposals = _propose(cameras, q[part], sigma[part], mirror, far_sigmas)
        people += [_pick(proposals, t, same_cost) for t in range(len(q[part]))]
    return people


def cost_of(
    q_expected: Float[np.ndarray, "..."],
    q: Float[np.ndarray, "..."],
    sigma: Float[np.ndarray, "..."],
    far_sigmas: float,
) -> Float[np.ndarray, "..."]:
    """Mean over the joints of the residual, in sigmas, up to `far_sigmas`, which counts 1; missing joints count 1.

    The arrays end in (joints, 2), (joints, 2) and (joints); the axes before are broadcast.
    """
    residual = np.linalg.norm(q_expected - q, axis=-1) / (sigma * far_sigmas)
    return np.asarray(np.minimum(np.nan_to_num(residual, nan=1.0), 1.0).mean(-1))


def _propose(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "instants cameras people joints 2"],
    sigma: Float[np.ndarray, "instants cameras people joints"],
    mirror: Int64[np.ndarray, "joints"],
    far_sigmas: float,
) -> _Proposals:
    C, P = q.shape[1:3]
    v = np.moveaxis(rays(cameras, np.moveaxis(q, 1, -2)), -2, 1)
    members, joints = [], []
    for (a, b), na, nb in ((pair, i, j) for pair in combinations(range(C), 2) for i in range(P) for j in range(P)):
        if not (np.isfinite(v[:, a, na]).any() and np.isfinite(v[:, b, nb]).any()):
            continue
        second = np.stack([v[:, b, nb], v[:, b, nb][:, mirror]], 1)
        members.append([a, na, b, nb])
        joints.append(_midpoint(cameras[a].center, v[:, a, na][:, None], cameras[b].center, second))
    if not joints:
        shape = (len(q), 0, 2)
        return _Proposals(np.zeros((0, 4), np.int64), np.zeros((*shape, q.shape[3], 3)), np.ones((*shape, C, P)),
                          np.zeros((*shape, C, P), bool))  # fmt: skip
    p = np.stack(joints, 1)
    expected = np.moveaxis(project_all(cameras, p), -2, 3)[..., None, :, :]
    seen, spread = q[:, None, None], sigma[:, None, None]
    as_is = cost_of(expected, seen, spread, far_sigmas)
    mirrored = cost_of(expected[..., mirror, :], seen, spread, far_sigmas)
    return _Proposals(np.array(members), p, np.minimum(as_is, mirrored), mirrored < as_is)


def _midpoint(
    a: Float[np.ndarray, "3"],
    v: Float[np.ndarray, "..."],
    b: Float[np.ndarray, "3"],
    w: Float[np.ndarray, "..."],
) -> Float[np.ndarray, "..."]:
    """The points halfway between the rays a + s v and b + t w (unit directions); NaN for parallel rays."""
    cosine = (v * w).sum(-1, keepdims=True)
    sine2 = np.where(1 - cosine**2 > 1e-4, 1 - cosine**2, np.nan)
    along_v, along_w = (v @ (b - a))[..., None], (w @ (b - a))[..., None]
    s, t = (along_v - cosine * along_w) / sine2, (cosine * along_v - along_w) / sine2
    return np.where((s > 0) & (t > 0), (a + s * v + b + t * w) / 2, np.nan)


def _pick(proposals: _Proposals, t: int, same_cost: float) -> list[Person3D]:
    """The best proposal, then the best among those that need nobody of it, and so on."""
    p, cost = proposals.joints[t], proposals.cost[t]
    sized = _size(p)
    possible = (sized > SIZES_M[0]) & (sized < SIZES_M[1])
    good = np.where(cost < same_cost, 1 - cost, 0)
    people = []
    while good.size:
        support = good.max(-1)
        value = np.where(possible & ((support > 0).sum(-1) >= 2), support.sum(-1), 0)
        k, way = np.unravel_index(int(value.argmax()), value.shape)
        if value[k, way] == 0:
            break
        choice = {int(c): int(good[k, way, c].argmax()) for c in np.flatnonzero(support[k, way])}
        flipped = {c: bool(proposals.flipped[t, k, way, c, n]) for c, n in choice.items()}
        people.append(Person3D(joints=p[k, way], choice=choice, flipped=flipped))
        for c, n in choice.items():
            good[:, :, c, n] = 0
            possible[(proposals.members[:, :2] == [c, n]).all(1)] = False
            possible[(proposals.members[:, 2:] == [c, n]).all(1)] = False
    return people


def _size(p: Float[np.ndarray, "proposals ways joints 3"]) -> Float[np.ndarray, "proposals ways"]:
    """Largest extent along a world axis; 0 or less for a proposal without joints."""
    low = np.where(np.isfinite(p), p, np.inf).min(-2)
    high = np.where(np.isfinite(p), p, -np.inf).max(-2)
    return np.asarray((high - low).max(-1))
