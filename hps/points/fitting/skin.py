"""The skin of posed bodies at its chosen vertices, and the vertex that each measured point lies on."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from jaxtyping import Float, Int64

from hps.points.fitting.body import FitBody
from hps.points.fitting.state import BodyStates, rest_points
from registration.fit.posing import Frames
from registration.fit.posing_kernels import skin_frame


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PosedSkin:
    """Some vertices of each body. Metres."""

    rest: Float[np.ndarray, "batch skin 3"]
    vertices: Float[np.ndarray, "batch skin 3"]
    normals: Float[np.ndarray, "batch skin 3"]
    """The mean body's, turned with the joints; not those of the shape."""


def posed_skin(body: FitBody, states: BodyStates, frames: Frames) -> PosedSkin:
    """The skin of each body."""
    rest = rest_points(states, body.skin)
    vertices, normals = _skinned(
        rest, body.normals, frames.R, frames.t, body.skin.carriers, body.skin.weights
    )  # fmt: skip
    return PosedSkin(rest=rest, vertices=vertices, normals=normals)


def nearest_skin(
    body: FitBody,
    skin: PosedSkin,
    points: Float[np.ndarray, "batch points 3"],
    group: Int64[np.ndarray, "batch points"],
    rays: Float[np.ndarray, "batch points 3"],
    reach_m: float,
) -> Int64[np.ndarray, "batch points"]:
    """For each point the nearest vertex among those its part allows that faces the camera, or -1 beyond the reach.

    group: a part, ANY_PART, or -1 for a point that is not asked for. rays: zeros let every vertex through.
    """
    return _nearest(skin.vertices, skin.normals, points, group, rays, body.starts, body.members, reach_m)


@numba.njit(cache=True, nogil=True)
def _skinned(rest, rest_normals, R, t, carriers, weights):
    vertices, normals = np.empty_like(rest), np.empty_like(rest)
    still = np.zeros(t.shape[1:])
    for b in range(len(rest)):
        skin_frame(rest[b], R[b], t[b], carriers, weights, vertices[b])
        skin_frame(rest_normals, R[b], still, carriers, weights, normals[b])
        for v in range(rest.shape[1]):
            n = normals[b, v]
            length = np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2)
            for i in range(3):
                n[i] /= max(length, 1e-12)
    return vertices, normals


@numba.njit(cache=True, nogil=True)
def _nearest(vertices, normals, points, group, rays, starts, members, reach):
    found = np.full(group.shape, -1, np.int64)
    for b in range(len(points)):
        V, N = vertices[b], normals[b]
        for n in range(points.shape[1]):
            g = group[b, n]
            if g < 0:
                continue
            x, y, z = points[b, n, 0], points[b, n, 1], points[b, n, 2]
            u, v, w = rays[b, n, 0], rays[b, n, 1], rays[b, n, 2]
            best = reach * reach
            for k in range(starts[g], starts[g + 1]):
                m = members[k]
                squared = (V[m, 0] - x) ** 2 + (V[m, 1] - y) ** 2 + (V[m, 2] - z) ** 2
                if squared < best and N[m, 0] * u + N[m, 1] * v + N[m, 2] * w <= 0.0:
                    best, found[b, n] = squared, m
    return found
