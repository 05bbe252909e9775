"""Where a figure's vertices are between the instants of a take, for devices that keep their own time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

from capture.virtual.figure import FigureMotion


def vertices_at(
    vertices: Float[np.ndarray, "frames vertices 3"], time_us: float, rate_hz: float
) -> Float32[np.ndarray, "vertices 3"]:
    """Vertices at a rig time; instant k is at k / rate_hz. Before the first and after the last instant they rest.

    Cubic Hermite curves through the instants whose velocities are the central differences of `motion_at` (Catmull and
    Rom 1974), so that a device that exposes at an instant sees exactly that instant.
    """
    return motion_between(vertices, time_us, rate_hz).vertices


def motion_between(vertices: Float[np.ndarray, "frames vertices 3"], time_us: float, rate_hz: float) -> FigureMotion:
    """The same with the curves' velocity, zero before the first and after the last instant."""
    last = len(vertices) - 1
    place = time_us * 1e-6 * rate_hz
    k = int(np.clip(place, 0, max(last - 1, 0)))
    w = float(np.clip(place - k, 0, 1))
    here = np.asarray(vertices[k], np.float32)
    if last == 0 or not 0 <= place <= last:
        rest = np.asarray(vertices[int(np.clip(place, 0, last))], np.float32)
        return FigureMotion(vertices=rest, velocity=np.zeros_like(rest))
    there = np.asarray(vertices[k + 1], np.float32)
    before = (there - np.asarray(vertices[k - 1])) / 2 if k > 0 else there - here
    after = (np.asarray(vertices[k + 2]) - here) / 2 if k + 2 <= last else there - here
    parts = np.stack([here, before, there, after]).astype(np.float32)
    weights = np.array([(2 * w - 3) * w * w + 1, ((w - 2) * w + 1) * w, (3 - 2 * w) * w * w, (w - 1) * w * w])
    slopes = np.array([6 * (w - 1) * w, (3 * w - 4) * w + 1, 6 * (1 - w) * w, (3 * w - 2) * w]) * rate_hz
    both = np.einsum("mk,kvc->mvc", np.stack([weights, slopes]).astype(np.float32), parts, optimize=True)
    return FigureMotion(vertices=here if w == 0 else both[0], velocity=both[1])
