"""The free surface of a simple person: a ball on a ball, seen from the sides only."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from texture.errors import TextureError
from texture.surfaces.comparison import compare_surfaces
from texture.surfaces.free import FreeConfig, free_surface
from texture.surfaces.topology import topology

CONFIG = FreeConfig(voxel_m=0.01, faces=3000)


CENTER = np.array([0, 0, 1.0])


def ball(radius=0.2, cuts=12):
    """A closed ball: a cube whose sides are cut into squares, blown up."""
    ticks = np.tan(np.linspace(-np.pi / 4, np.pi / 4, cuts + 1))
    corners, quads = [], []
    for axis in range(3):
        for side in (-1.0, 1.0):
            u, v = np.meshgrid(ticks, ticks, indexing="ij")
            place = np.stack([np.full_like(u, side), u * side, v], -1)
            number = np.arange(u.size).reshape(u.shape) + len(corners) * u.size
            corners.append(np.roll(place, axis, -1).reshape(-1, 3))
            quads.append(
                np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], -1).reshape(-1, 4)
            )
    points, quad = np.concatenate(corners), np.concatenate(quads)
    _, first, same = np.unique(np.round(points, 9), axis=0, return_index=True, return_inverse=True)
    quad, points = same.reshape(-1)[quad], points[first]
    faces = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
    return TriangleMesh(vertices=radius * points / np.linalg.norm(points, axis=1, keepdims=True) + CENTER, faces=faces)


def cloud_on(radius, rng, lowest=-1.0, count=12_000, noise=0.001):
    """Points of a ball at the globe's place whose height above its centre is at least `lowest` radii."""
    v = rng.normal(size=(count, 3))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    v = v[v[:, 2] > lowest]
    points = v * (radius + rng.normal(0, noise, (len(v), 1))) + CENTER
    return PointCloud(points=points, normals=v, camera=np.arange(len(v)) % 4, sigma=np.full(len(v), noise))


def test_cloud_rules_where_seen_and_the_body_closes_the_rest():
    rng = np.random.default_rng(0)
    surface = free_surface(cloud_on(0.21, rng, lowest=-0.7), ball(), CONFIG)
    shape = topology(surface.mesh)
    assert (shape.closed, shape.components, shape.handles) == (True, 1, 0)
    assert surface.mesh.volume() > 0
    assert len(surface.mesh.faces) <= CONFIG.faces
    assert surface.flags == ()
    height = (surface.mesh.vertices[:, 2] - 1) / 0.21
    radius = np.linalg.norm(surface.mesh.vertices - CENTER, axis=1)
    assert abs(radius[height > -0.6].mean() - 0.21) < 0.0005
    assert np.abs(radius - 0.21).max() < 0.012  # the body is 10 mm smaller, and 2 mm belong to the grid
    assert surface.seen[height > -0.6].mean() > 0.99
    assert surface.seen[height < -0.8].mean() < 0.05


@pytest.mark.parametrize(
    ("count", "reason"), [(0, "there is no cloud"), (400, "usable points")], ids=["no cloud", "few points"]
)
def test_without_a_cloud_the_body_is_flagged(count, reason):
    cloud = cloud_on(0.2, np.random.default_rng(0), count=count) if count else None
    surface = free_surface(cloud, ball(), CONFIG)
    assert reason in surface.flags[0]
    assert not surface.seen.any()
    assert surface.mesh.is_watertight()


def test_two_cameras_bad_points_and_pieces_are_flagged():
    rng = np.random.default_rng(0)
    good = cloud_on(0.21, rng, lowest=-0.7)
    points = good.points.copy()
    points[:500] = np.nan
    points[500:600] += 9
    camera = np.arange(len(points)) % 2
    cloud = PointCloud(points=points, normals=good.normals, camera=camera, sigma=good.sigma)
    surface = free_surface(cloud, ball(), CONFIG)
    assert "600 of" in surface.flags[0]
    assert "only 2 depth cameras" in surface.flags[1]
    assert topology(surface.mesh).closed
    assert abs(np.linalg.norm(surface.mesh.vertices - CENTER, axis=1).mean() - 0.21) < 0.002


def test_clouds_without_normals_and_broken_bodies_are_refused():
    body = ball()
    with pytest.raises(TextureError, match="without normals"):
        free_surface(PointCloud(points=np.zeros((5000, 3))), body, CONFIG)
    vertices = body.vertices.copy()
    vertices[3] = np.nan
    broken = TriangleMesh(vertices=vertices, faces=body.faces)
    with pytest.raises(TextureError, match="1 vertices that are not finite"):
        free_surface(None, broken, CONFIG)


def test_comparison_counts_only_what_cameras_see(painted):
    true = ball()
    grown = TriangleMesh(vertices=(true.vertices - CENTER) * 1.01 + CENTER, faces=true.faces)
    dented = grown.vertices.copy()
    dented[true.vertices[:, 0] < -0.1, 0] -= 0.05
    errors = compare_surfaces(
        TriangleMesh(vertices=dented, faces=true.faces),
        true,
        [painted.camera(0.0)],
        np.random.default_rng(0),
        samples=5000,
    )
    assert errors.seen == pytest.approx(0.42, abs=0.05)  # less than half of a ball, seen from eight radii
    assert errors.chamfer_mm == pytest.approx(2.0, abs=0.1)
    assert errors.f_5mm == 1.0
    assert errors.hidden_mm > 5


def test_loose_cloth_hides_the_body_below_it():
    surface = free_surface(cloud_on(0.3, np.random.default_rng(0), lowest=-0.9), ball(), CONFIG)
    assert topology(surface.mesh).components == 1
    assert surface.mesh.volume() == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.02)
    assert surface.figures["left_out_cm3"] == 0


def test_what_hangs_in_the_air_is_left_out_and_told():
    rng = np.random.default_rng(0)
    person, bun = cloud_on(0.2, rng), cloud_on(0.04, rng, count=2000)
    assert person.normals is not None
    assert bun.normals is not None
    cloud = PointCloud(
        points=np.concatenate([person.points, bun.points + [0, 0, 0.3]]),
        normals=np.concatenate([person.normals, bun.normals]),
    )
    surface = free_surface(cloud, ball(), CONFIG)
    assert surface.figures["left_out_cm3"] == pytest.approx(1e6 * 4 / 3 * np.pi * 0.04**3, rel=0.1)
    assert "is left out" in surface.flags[0]
    assert surface.mesh.vertices[:, 2].max() < 1.21


@pytest.mark.slow
def test_poisson_agrees_with_the_own_field():
    cloud, body = cloud_on(0.21, np.random.default_rng(0), lowest=-0.7), ball()
    config = FreeConfig(method="poisson", faces=3000, voxel_m=0.01, poisson_depth=6)
    surface = free_surface(cloud, body, config)
    assert topology(surface.mesh).closed
    assert surface.mesh.volume() == pytest.approx(free_surface(cloud, body, CONFIG).mesh.volume(), rel=0.02)
