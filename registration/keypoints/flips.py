"""Left and right confused by the detector: found by what the other cameras see, and put right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from geometry.camera import Camera
from registration.keypoints.projection import project_all
from registration.keypoints.sets import BLAZEPOSE, KeypointSet
from registration.keypoints.triangulation import triangulate


@dataclass(frozen=True, kw_only=True, slots=True)
class FlipOptions:
    """When two sides are taken to be swapped. Costs are squared residuals in sigmas, averaged over a part's joints."""

    far_sigmas: float = 8.0
    """Residuals count up to this."""
    believe_detector: float = 3.0
    """How much better the swapped sides must fit at every instant."""
    switch: float = 20.0
    """Cost of a change between one instant and the next: flips last, noise does not."""
    rounds: int = 4


def find_flips(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "instants cameras joints 2"],
    sigma_px: Float[np.ndarray, "instants cameras joints"],
    keypoints: KeypointSet = BLAZEPOSE,
    options: FlipOptions | None = None,
) -> Bool[np.ndarray, "instants cameras parts"]:
    """Whether the sides of each part of the body (see FLIP_PARTS) are swapped in each view.

    Each view is compared, as it is and swapped, with the points in space that most views agree on, and the cheapest
    sequence over time is taken. With two cameras both or neither may be swapped: then the detector is believed.
    """
    options = options or FlipOptions()
    parts, mirror = keypoints.parts, keypoints.mirror
    flipped = np.zeros((*q.shape[:2], len(parts)), bool)
    for _ in range(options.rounds):
        now, sigma = swap(q, flipped, keypoints), swap(sigma_px[..., None], flipped, keypoints)[..., 0]
        p = triangulate(cameras, np.moveaxis(now, 1, 2), np.moveaxis(sigma, 1, 2)).p_world
        expected = np.moveaxis(project_all(cameras, p), 2, 1)
        as_is = _cost(expected, now, sigma, parts, options.far_sigmas)
        swapped = _cost(expected, now[:, :, mirror], sigma[:, :, mirror], parts, options.far_sigmas)
        # the detector's own labels are the unflipped state, whatever was decided in the round before
        labels = np.where(flipped, swapped, as_is), np.where(flipped, as_is, swapped) + options.believe_detector
        better = _cheapest_sequence(np.stack(labels), options.switch)
        if (better == flipped).all():
            break
        flipped = better
    return flipped


def swap(
    values: Float[np.ndarray, "instants cameras joints n"],
    flipped: Bool[np.ndarray, "instants cameras parts"],
    keypoints: KeypointSet = BLAZEPOSE,
) -> Float[np.ndarray, "instants cameras joints n"]:
    """Values with left and right exchanged in the parts that are flipped."""
    joint_flipped = np.einsum("tcp,pj->tcj", flipped, keypoints.parts) > 0
    return np.where(joint_flipped[..., None], values[:, :, keypoints.mirror], values)


def _cost(
    expected: Float[np.ndarray, "instants cameras joints 2"],
    q: Float[np.ndarray, "instants cameras joints 2"],
    sigma: Float[np.ndarray, "instants cameras joints"],
    parts: Bool[np.ndarray, "parts joints"],
    far_sigmas: float,
) -> Float[np.ndarray, "instants cameras parts"]:
    """Mean squared residual of each part's joints; 0 where nothing is known."""
    r2 = np.minimum(np.linalg.norm(expected - q, axis=-1) / sigma, far_sigmas) ** 2
    known = np.isfinite(r2)
    total = np.einsum("tcj,pj->tcp", np.where(known, r2, 0), parts)
    return total / np.maximum(np.einsum("tcj,pj->tcp", known, parts), 1)


def _cheapest_sequence(
    cost: Float[np.ndarray, "2 instants cameras parts"], switch: float
) -> Bool[np.ndarray, "instants cameras parts"]:
    """The sequence of two states with the lowest sum of costs and of `switch` for each change (Viterbi)."""
    T = cost.shape[1]
    total = np.empty_like(cost)
    came_from: Int64[np.ndarray, "2 instants cameras parts"] = np.zeros(cost.shape, np.int64)
    total[:, 0] = cost[:, 0]
    for t in range(1, T):
        for state in (0, 1):
            stay, change = total[state, t - 1], total[1 - state, t - 1] + switch
            came_from[state, t] = np.where(stay <= change, state, 1 - state)
            total[state, t] = np.minimum(stay, change) + cost[state, t]
    states = np.empty(cost.shape[1:], np.int64)
    states[-1] = total[:, -1].argmin(0)
    for t in range(T - 1, 0, -1):
        states[t - 1] = np.take_along_axis(came_from[:, t], states[t][None], 0)[0]
    return states == 1
