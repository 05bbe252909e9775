from __future__ import annotations

import numpy as np
import pytest
from simulated_scene import open_body, standing

from geometry.rays import RayScene
from registration.fit.matching import Ring, match_points
from registration.fit.surface import vertex_normals


@pytest.fixture(scope="module")
def posed():
    model = open_body()
    vertices = model.pose(standing(model, 1, np.random.default_rng(0))).vertices[0]
    return vertices, vertex_normals(vertices, model.faces), np.asarray(model.faces, np.int64)


def _points(posed, rng, count, off_m):
    vertices, _, faces = posed
    face = rng.integers(0, len(faces), count)
    corners = vertices[faces[face]]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = cross / np.linalg.norm(cross, axis=1, keepdims=True)
    points = np.einsum("nc,nci->ni", rng.dirichlet(np.ones(3), count), corners)
    return points + off_m * rng.uniform(-1, 1, (count, 1)) * normals, normals


def test_it_finds_what_an_exact_search_finds(posed):
    vertices, normals, faces = posed
    points, own = _points(posed, np.random.default_rng(1), 2000, 0.01)
    match = match_points(points, own, vertices, normals, faces, Ring.of(faces, len(vertices)), 0.09, -1.1)
    exact = RayScene(vertices, faces).closest(points)
    found = np.linalg.norm(points - match.points, axis=1)
    assert (match.face >= 0).all()
    # only the triangles round the nearest vertex are tried: where they are long, a neighbour may be nearer
    assert (found >= exact.distance - 1e-6).all()
    assert (found - exact.distance < 1e-6).mean() > 0.93  # 0.955 measured
    assert (found - exact.distance).max() < 0.005
    np.testing.assert_allclose(np.einsum("nc,nci->ni", match.bary, vertices[faces[match.face]]), match.points)


def test_a_point_finds_the_side_that_looks_its_way(posed):
    """A point on the chest's side of an arm that touches it belongs to the arm when its normal says so."""
    vertices, normals, faces = posed
    points, own = _points(posed, np.random.default_rng(2), 500, 0.02)
    match = match_points(points, own, vertices, normals, faces, Ring.of(faces, len(vertices)), 0.09, 0.3)
    known = match.face >= 0
    assert known.mean() > 0.99
    assert np.median((match.normals * own).sum(1)[known]) > 0.95
    turned = match_points(points, -own, vertices, normals, faces, Ring.of(faces, len(vertices)), 0.01, 0.3)
    assert (turned.face >= 0).mean() < 0.2  # only fingers and toes are that thin


def test_points_out_of_reach_have_no_match(posed):
    vertices, normals, faces = posed
    far = vertices[:10] + np.array([3.0, 0, 0])
    match = match_points(far, normals[:10], vertices, normals, faces, Ring.of(faces, len(vertices)), 0.09, 0.3)
    assert (match.face == -1).all()
