"""Where a figure's vertices are between the instants of a take, for devices that keep their own time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32


def vertices_at(
    vertices: Float[np.ndarray, "frames vertices 3"], time_us: float, rate_hz: float
) -> Float32[np.ndarray, "vertices 3"]:
    """Vertices at a rig time; instant k is at k / rate_hz. Before the first and after the last instant they rest.

    Cubic Hermite curves through the instants whose velocities are the central differences of `motion_at` (Catmull and
    Rom 1974), so that a device that exposes at an instant sees exactly that instant.
    """
    last = len(vertices) - 1
    place = float(np.clip(time_us * 1e-6 * rate_hz, 0, last))
    k = min(int(place), max(last - 1, 0))
    w = place - k
    here = np.asarray(vertices[k], np.float32)
    if w == 0:
        return here
    there = np.asarray(vertices[k + 1], np.float32)
    before = (there - np.asarray(vertices[k - 1])) / 2 if k > 0 else there - here
    after = (np.asarray(vertices[k + 2]) - here) / 2 if k + 2 <= last else there - here
    a, b, c, d = (2 * w - 3) * w * w + 1, ((w - 2) * w + 1) * w, (3 - 2 * w) * w * w, (w - 1) * w * w
    return (np.float32(a) * here + np.float32(b) * before + np.float32(c) * there + np.float32(d) * after).astype(
        np.float32
    )
