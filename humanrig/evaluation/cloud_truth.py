"""The clouds against the surface that was really there, clothes and all, and how much of it they cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64

from capture.session import Session
from capture.virtual.true_frames import true_instants
from capture.virtual.truth import Truth
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from geometry.rigid import transform
from humanrig.evaluation.world import TrueWorld
from registration.clouds.files import cloud_path, read_cloud

POINTS_PER_INSTANT = 20_000
MOST_INSTANTS = 30
"""Spread over a longer take: an instant takes a second."""
SAMPLES = 5_000
"""Of the true surface, for the share that is covered."""
COVERED_M = 0.005
VISIBLE_M = 0.004
"""A sample is seen where the exact depth image has it this near; images hold 0.1 mm, a pixel is 3 mm wide."""
CAMERAS_THAT_SEE = 2


def cloud_errors(
    session: Session, truth: Truth, world: TrueWorld, instants: Sequence[int], most_instants: int = MOST_INSTANTS
) -> dict[str, Any] | None:
    """Distances of the points from the true surface, mm, and the share of it that is covered.

    `covered`: of the surface that two depth cameras saw, how much has a point within 5 mm. A point is compared with the
    surface at its own time, which moves as it does from the instant before to the one after. None without clouds.
    """
    numbers, found, covered = true_instants(session), [], []
    instants = list(instants)[:: max(1, -(-len(instants) // most_instants))]
    times = {instant.instant: instant.time_us for instant in session.instants()}
    for instant in instants:
        path = cloud_path(session.path("clouds"), instant)
        if not path.is_file():
            continue
        cloud, row = read_cloud(path), int(numbers[instant])
        points = transform(world.T_truth_world, cloud.points)
        surface = _everybody(truth, row)
        some = slice(None, None, max(1, len(points) // POINTS_PER_INSTANT))
        assert cloud.time_us is not None
        late_s = 1e-6 * (cloud.time_us[some] - times[instant])
        found.append(distances(points[some], late_s, surface, _velocity(session, truth, numbers, times, instant)))
        covered.append(_coverage(truth, row, surface, points))
    if not found:
        return None
    mm = 1e3 * np.concatenate(found)
    shares = np.array([seen for seen in covered if seen is not None])
    return {
        "mean": round(float(mm.mean()), 3),
        "median": round(float(np.median(mm)), 3),
        "p95": round(float(np.percentile(mm, 95)), 3),
        "p99_9": round(float(np.percentile(mm, 99.9)), 3),
        "covered": round(float(shares.mean()), 4) if len(shares) else None,
    }


def distances(
    points: Float[np.ndarray, "points 3"],
    late_s: Float[np.ndarray, "points"],
    surface: TriangleMesh,
    velocity: Float[np.ndarray, "vertices 3"],
) -> Float[np.ndarray, "points"]:
    """Metres from the surface as it was `late_s` after the instant; `velocity` of its vertices, m/s."""
    scene = RayScene(surface.vertices, surface.faces)
    near = scene.closest(points)
    moved = np.einsum("nc,nci->ni", near.bary, velocity[np.asarray(surface.faces)[near.face]])
    return scene.closest(points - late_s[:, None] * moved).distance


def _everybody(truth: Truth, row: int) -> TriangleMesh:
    """The surfaces of all people as one mesh."""
    meshes = [truth.mesh(row, person=person) for person in truth.people]
    before = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    return TriangleMesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate([np.asarray(mesh.faces) + n for mesh, n in zip(meshes, before, strict=False)]),
    )


def _velocity(
    session: Session, truth: Truth, numbers: Int64[np.ndarray, "instants"], times: dict[int, int], instant: int
) -> Float[np.ndarray, "vertices 3"]:
    """Of the vertices of everybody's surface, from the instant before to the one after."""
    before, after = (i if i in times else instant for i in (instant - 1, instant + 1))
    first, last = (_everybody(truth, int(numbers[i])).vertices for i in (before, after))
    return (last - first) / max(1e-6 * (times[after] - times[before]), 1e-6)


def _coverage(truth: Truth, row: int, surface: TriangleMesh, points: Float[np.ndarray, "points 3"]) -> float | None:
    from scipy.spatial import KDTree

    samples = _samples(surface)
    seen = _seen(truth, row, samples) >= CAMERAS_THAT_SEE
    if not seen.any() or not len(points):
        return None
    near, _ = KDTree(points).query(samples[seen], distance_upper_bound=COVERED_M)
    return float(np.isfinite(near).mean())


def _samples(surface: TriangleMesh) -> Float[np.ndarray, "samples 3"]:
    """Points spread over the surface by area, the same for each call."""
    rng = np.random.default_rng(0)
    corners = surface.vertices[np.asarray(surface.faces)]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    face = rng.choice(len(area), SAMPLES, p=area / area.sum())
    return np.einsum("nc,nci->ni", rng.dirichlet(np.ones(3), SAMPLES), corners[face])


def _seen(truth: Truth, row: int, samples: Float[np.ndarray, "samples 3"]) -> Int64[np.ndarray, "samples"]:
    """In how many depth cameras each sample is what the exact depth image shows."""
    count = np.zeros(len(samples), np.int64)
    for name, camera in truth.cameras().items():
        if not name.endswith("/depth") or not truth.session.path("truth", "depth", name).is_dir():
            continue
        image = truth.depth(name, row)
        local = transform(np.linalg.inv(camera.T_world_camera), samples)
        q = camera.project(samples)
        inside: Bool[np.ndarray, "samples"] = np.isfinite(q).all(1) & (local[:, 2] > 0)
        x, y = (np.where(inside, np.rint(q[:, k]), -1).astype(np.int64) for k in (0, 1))
        inside &= (x >= 0) & (y >= 0) & (x < camera.width) & (y < camera.height)
        shown = image[y[inside], x[inside]]
        count[inside] += np.abs(shown - local[inside, 2]) < VISIBLE_M
    return count
