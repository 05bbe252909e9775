"""From where the body takes a surface to where an instant's cloud lies, coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from geometry.cloud import PointCloud
from geometry.face_raster.vertex_normals import vertex_normals
from texture.tracking.cloud_grid import CloudGrid, offsets_to_cloud
from texture.tracking.elastic import elastic_displacement
from texture.tracking.template import Posed, Template


@dataclass(frozen=True, kw_only=True)
class Level:
    """One step of the refinement."""

    reach_m: float
    """Points farther away along the normal do not pull."""
    width_m: float
    """Of the Gaussian over which points are averaged."""
    stiffness: float
    """Of an edge, against a vertex that the cloud covers."""
    rounds: int
    """Times that points are sought and the surface is moved."""
    stride: int
    """Each so many points of the cloud are read: wide averages need few."""


LEVELS = (
    Level(reach_m=0.045, width_m=0.015, stiffness=30.0, rounds=2, stride=8),
    Level(reach_m=0.025, width_m=0.010, stiffness=5.0, rounds=1, stride=3),
    Level(reach_m=0.012, width_m=0.006, stiffness=0.5, rounds=2, stride=1),
)
ENOUGH = 3.0
"""Sum of weights from which a vertex is as certain as any."""
INERTIA = 0.05
"""Pull toward the neighbouring instant's displacement, against a vertex that the cloud covers."""
KEPT = 0.9
"""Share of the neighbouring instant's displacement that is expected; the rest goes back to the template, so that what
no camera sees for long is the template's."""


NOISE_M = 0.0008
"""Change between neighbouring instants that counts half. A person who stands still then moves by 0.37 mm along the
normal (standard deviation) instead of 0.46, and the error falls too, by 0.01 to 0.03 mm, on still and on moving people;
with 1.5 mm it is 0.30, but a jump's error rises by 0.04 mm."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Refined:
    """The surface of one instant."""

    vertices: Float[np.ndarray, "vertices 3"]
    """In the world, metres."""
    offsets: Float[np.ndarray, "vertices 3"]
    """Displacements from where the body takes the template, turned back to the body's rest pose."""
    seen: Bool[np.ndarray, "vertices"]
    """Where the cloud says where the surface is."""


def refined(
    template: Template,
    posed: Posed,
    cloud: PointCloud | None,
    before: Float[np.ndarray, "vertices 3"] | None = None,
    levels: tuple[Level, ...] = LEVELS,
) -> Refined:
    """The template at an instant, moved to the cloud.

    before: offsets of the neighbouring instant, from which it starts. Without a
    cloud the surface keeps them. Raises TextureError for a cloud without normals.
    """
    first = np.zeros_like(posed.vertices) if before is None else posed.in_world(before)
    moved, weight = first, np.zeros(len(first))
    if cloud is None or not len(cloud):
        return Refined(vertices=posed.vertices + first, offsets=posed.at_rest(first), seen=weight > 0)
    prior = KEPT * first
    for level in levels:
        grid = CloudGrid.of(cloud[:: level.stride], max(level.reach_m, 3 * level.width_m))
        for _ in range(level.rounds):
            vertices = posed.vertices + moved
            normals = vertex_normals(vertices, template.mesh.faces, np.float64)
            distance, weight = offsets_to_cloud(vertices, normals, grid, level.reach_m, level.width_m)
            certainty = np.minimum(level.stride * weight / ENOUGH, 1.0)
            along = distance + (normals * moved).sum(1)
            if before is not None and level is levels[-1]:
                along = calmed(along, (normals * first).sum(1))
            moved = elastic_displacement(
                template.neighbours, normals, along, certainty, level.stiffness, prior, INERTIA, moved
            )
    return Refined(vertices=posed.vertices + moved, offsets=posed.at_rest(moved), seen=weight > 0.1 * ENOUGH)


def calmed(
    along: Float[np.ndarray, "vertices"], before: Float[np.ndarray, "vertices"]
) -> Float[np.ndarray, "vertices"]:
    """Changes from the neighbouring instant with what is no more than noise taken out: a change of `NOISE_M` counts
    half, a smaller one less, a larger one whole."""
    step = along - before
    return before + step * step**2 / (step**2 + NOISE_M**2)
