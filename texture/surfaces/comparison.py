"""How far a surface is from the true one: chamfer distance and F-score on the parts that cameras saw.

Both ways the distances are exact, from points spread over one surface by area to the triangles of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from texture.errors import TextureError

SAMPLES = 100_000
"""The mean distance over so many points repeats to 0.01 mm."""
SEEN_COSINE = 0.1
"""A surface turned away more (84 degrees) has no depth pixel of its own."""
UNHIDDEN_M = 0.0005
"""Nothing may lie this far before a seen point: cloth on skin is nearer than a millimetre at times."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Samples:
    """Points spread over a mesh."""

    points: Float[np.ndarray, "samples 3"]
    face: Integer[np.ndarray, "samples"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SurfaceErrors:
    """Distances in millimetres; F-scores between 0 and 1."""

    accuracy_mm: float
    """Mean distance from the made surface to the true one, where that was seen from the made one's outer side."""
    accuracy_p99_mm: float
    completeness_mm: float
    """Mean distance from the seen true surface to the made one."""
    completeness_p99_mm: float
    f_5mm: float
    """Harmonic mean of the shares of both within 5 mm."""
    hidden_mm: float
    """Mean distance from the made surface to the true one, where nobody saw it; NaN when all was seen."""
    seen: float
    """Share of the true surface that was seen."""

    @property
    def chamfer_mm(self) -> float:
        """Half the sum of the two means (chamfer/2)."""
        return (self.accuracy_mm + self.completeness_mm) / 2


def sample(mesh: TriangleMesh, count: int, rng: np.random.Generator) -> Samples:
    """Points spread evenly over the area. Raises TextureError for a mesh without area."""
    a, b, c = (mesh.vertices[mesh.faces[:, n]].astype(np.float64) for n in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    if not area.sum() > 0:
        raise TextureError(f"a mesh of {len(mesh.faces)} faces has no area to be compared on")
    edges = np.cumsum(area)
    face = np.searchsorted(edges, (np.arange(count) + rng.random(count)) / count * edges[-1])
    face = np.minimum(face, len(area) - 1)
    u, v = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - u, u * (1 - v), u * v], 1)
    points = weights[:, :1] * a[face] + weights[:, 1:2] * b[face] + weights[:, 2:] * c[face]
    return Samples(points=points, face=face)


def seen_points(
    points: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"],
    scene: RayScene,
    cameras: Sequence[Camera],
    *,
    both_sides: bool,
) -> Bool[np.ndarray, "points"]:
    """Whether some camera sees points of the surfaces in `scene`: in its image, not edge-on, with nothing before them.

    both_sides: from wherever it is seen, since cloth has two sides; else from the side of the normals.
    """
    seen = np.zeros(len(points), bool)
    for camera in cameras:
        asked = np.flatnonzero(~seen)
        p = points[asked]
        q = camera.project(p)
        inside = (q > -0.5).all(1) & (q < [camera.width - 0.5, camera.height - 0.5]).all(1)
        v = p - camera.center
        length = np.linalg.norm(v, axis=1)
        cosine = -(v * normals[asked]).sum(1) / length
        likely = np.flatnonzero(inside & ((np.abs(cosine) if both_sides else cosine) > SEEN_COSINE))
        hit = scene.cast(camera.center, v[likely])
        seen[asked[likely]] = ~(hit.t < 1 - UNHIDDEN_M / length[likely])
    return seen


def compare_surfaces(
    made: TriangleMesh,
    true: TriangleMesh,
    cameras: Sequence[Camera],
    rng: np.random.Generator,
    samples: int = SAMPLES,
) -> SurfaceErrors:
    """The errors of a made surface on what the cameras saw of the true one; both and the cameras in one world.

    Raises TextureError for a mesh without area, and when no camera sees the true surface.
    """
    on_true, on_made = sample(true, samples, rng), sample(made, samples, rng)
    scene, normals = RayScene.of(true), true.face_normals()
    known = seen_points(on_true.points, normals[on_true.face], scene, cameras, both_sides=True)
    if not known.any():
        raise TextureError(f"none of {len(cameras)} cameras sees the true surface; are they in the same world?")
    back = scene.closest(on_made.points)
    judged = seen_points(back.points, made.face_normals()[on_made.face], scene, cameras, both_sides=False)
    accuracy = 1e3 * back.distance[judged]
    completeness = 1e3 * RayScene.of(made).closest(on_true.points[known]).distance
    hidden = 1e3 * back.distance[~judged]
    return SurfaceErrors(
        accuracy_mm=float(accuracy.mean()) if len(accuracy) else float("inf"),
        accuracy_p99_mm=float(np.percentile(accuracy, 99)) if len(accuracy) else float("inf"),
        completeness_mm=float(completeness.mean()),
        completeness_p99_mm=float(np.percentile(completeness, 99)),
        f_5mm=_f_score(accuracy, completeness, 5.0),
        hidden_mm=float(hidden.mean()) if len(hidden) else float("nan"),
        seen=float(known.mean()),
    )


def _f_score(accuracy: np.ndarray, completeness: np.ndarray, within_mm: float) -> float:
    precision = float((accuracy < within_mm).mean()) if len(accuracy) else 0.0
    recall = float((completeness < within_mm).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
