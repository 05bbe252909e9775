"""Left and right that a detector exchanged, seen from behind: put right by what the other cameras see."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int64

from calibration.bootstrap.adjust import Placed, Sightings
from calibration.bootstrap.start import point_costs, triangulate

KERNEL = 4.0
LEAST_GAIN = 1.0
"""By how much a joint's mean cost must fall for its part to be exchanged."""
ROUNDS = 3


def exchange(
    m: Float[np.ndarray, "instants cameras joints n"],
    swapped: Bool[np.ndarray, "instants cameras parts"],
    mirror: Int64[np.ndarray, "joints"],
    parts: Bool[np.ndarray, "parts joints"],
) -> Float[np.ndarray, "instants cameras joints n"]:
    """Values with the sides of the swapped parts exchanged."""
    by_joint = np.einsum("tcp,pj->tcj", swapped, parts) > 0
    return np.where(by_joint[..., None], m[:, :, mirror], m)


def find_exchanged(
    m: Float[np.ndarray, "instants cameras joints 2"],
    sigma_px: Float[np.ndarray, "instants cameras joints"],
    focal_px: Float[np.ndarray, "cameras"],
    placed: Placed,
    mirror: Int64[np.ndarray, "joints"],
    parts: Bool[np.ndarray, "parts joints"],
) -> Bool[np.ndarray, "instants cameras parts"]:
    """Which parts of which views fit better with their sides exchanged, given the cameras.

    Each view is compared with the points that the cameras agree on. With two cameras nothing can be told.
    """
    T, C, J = sigma_px.shape
    swapped = np.zeros((T, C, len(parts)), bool)
    if C < 3:
        return swapped
    for _ in range(ROUNDS):
        now, sigma = exchange(m, swapped, mirror, parts), exchange(sigma_px[..., None], swapped, mirror, parts)[..., 0]
        sightings = on_grid(now, sigma, focal_px)
        p = triangulate(sightings, placed, KERNEL)
        as_is = _per_part(point_costs(sightings, placed, p, KERNEL), parts, T, J)
        other = on_grid(now[:, :, mirror], sigma[:, :, mirror], focal_px)
        turned = _per_part(point_costs(other, placed, p, KERNEL), parts, T, J)
        change = turned + LEAST_GAIN < as_is
        # one view of a part at a time, the one that gains most: two that disagree must not both turn
        gain = np.where(change, as_is - turned, 0)
        most = gain == gain.max(1, keepdims=True)
        change &= most
        if not change.any():
            break
        swapped ^= change
    return swapped


def on_grid(m: np.ndarray, sigma_px: np.ndarray, focal_px: np.ndarray) -> Sightings:
    """Sightings with one point for each instant and joint, joints running fastest."""
    T, C, J = sigma_px.shape
    return Sightings(
        m=np.moveaxis(m, 1, 2).reshape(T * J, C, 2),
        sigma_px=np.moveaxis(sigma_px, 1, 2).reshape(T * J, C),
        focal_px=focal_px,
    )


def _per_part(costs: np.ndarray, parts: np.ndarray, T: int, J: int) -> np.ndarray:
    """Mean over the joints that are seen: (instants, cameras, parts)."""
    by_joint = np.moveaxis(costs.reshape(T, J, -1), 1, 2)
    seen = by_joint > 0
    total = np.einsum("tcj,pj->tcp", by_joint, parts)
    return total / np.maximum(np.einsum("tcj,pj->tcp", seen, parts), 1)
