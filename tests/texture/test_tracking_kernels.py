"""The tracker's fast parts against readable twins."""

import numpy as np
import pytest

from geometry.cloud import PointCloud
from geometry.face_raster.vertex_normals import vertex_normals
from geometry.mesh import TriangleMesh
from texture.errors import TextureError
from texture.tracking.cloud_grid import SAME_SIDE, CloudGrid, offsets_to_cloud
from texture.tracking.elastic import TOLERANCE, elastic_displacement
from texture.tracking.mesh_kernels import Neighbours, blended


@pytest.fixture(scope="module")
def ball(painted):
    return painted.globe(rows=10, columns=16)


def test_neighbours_are_the_ends_of_edges(ball):
    neighbours = Neighbours.of(ball.faces, len(ball.vertices) + 1)
    for vertex in (20, 40, 100):
        own = ball.faces[(ball.faces == vertex).any(1)]
        found = neighbours.index[neighbours.start[vertex] : neighbours.start[vertex + 1]]
        assert sorted(found) == sorted(set(own.ravel()) - {vertex})
    values = np.arange(len(ball.vertices) + 1.0)
    means = neighbours.averaging() @ values
    found = neighbours.index[neighbours.start[40] : neighbours.start[41]]
    assert means[40] == pytest.approx(found.mean())
    assert means[-1] == values[-1]  # a vertex that no face uses


def test_blended_transforms_are_weighted_sums():
    rng = np.random.default_rng(0)
    joints, weights, T = rng.integers(0, 3, (5, 4)), rng.dirichlet(np.ones(4), 5), rng.normal(size=(3, 4, 4))
    linear, shift = blended(joints, weights, T)
    slow = np.einsum("vk,vkab->vab", weights, T[joints][:, :, :3])
    np.testing.assert_allclose(linear, slow[..., :3], atol=1e-12)
    np.testing.assert_allclose(shift, slow[..., 3], atol=1e-12)


def slow_offsets(vertices, normals, cloud, reach_m, width_m):
    distance, weight = np.zeros(len(vertices)), np.zeros(len(vertices))
    for i, (x, n) in enumerate(zip(vertices, normals)):
        d = cloud.points - x
        along, facing = d @ n, cloud.normals @ n
        across = (d**2).sum(1) - along**2
        used = (np.abs(along) <= reach_m) & (across <= 9 * width_m**2) & (facing >= SAME_SIDE)
        w = np.exp(-0.5 * across / width_m**2 - 2 * (along / reach_m) ** 2)[used]
        weight[i] = w.sum()
        if used.any():
            distance[i] = (w * ((d * cloud.normals).sum(1) / facing)[used]).sum() / w.sum()
    return distance, weight


def test_offsets_to_the_cloud_are_means_over_tangent_planes(ball):
    rng = np.random.default_rng(1)
    n = rng.normal(size=(2000, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    cloud = PointCloud(points=n * 0.31 + [0, 0, 1], normals=np.where(rng.random((2000, 1)) < 0.1, -n, n))
    normals = vertex_normals(ball.vertices, ball.faces, np.float64)
    fast = offsets_to_cloud(ball.vertices, normals, CloudGrid.of(cloud, 0.06), 0.05, 0.02)
    slow = slow_offsets(ball.vertices, normals, cloud, 0.05, 0.02)
    np.testing.assert_allclose(fast, slow, atol=1e-9)
    assert np.median(fast[0]) == pytest.approx(
        0.01 + 0.02**2 / 0.31, abs=0.0002
    )  # tangent planes of a ball lie outside it
    far = offsets_to_cloud(ball.vertices + 5.0, normals, CloudGrid.of(cloud, 0.06), 0.05, 0.02)
    assert not np.any(far)


def test_points_that_are_not_finite_are_left_out_and_normals_are_needed():
    points = np.array([[0, 0, 0.01], [np.nan, 0, 0], [0, 0, 0.02]])
    cloud = PointCloud(points=points, normals=np.tile([0.0, 0, 1], (3, 1)))
    one = np.zeros((1, 3)), np.array([[0.0, 0, 1]])
    distance, _ = offsets_to_cloud(*one, CloudGrid.of(cloud, 0.05), 0.05, 0.01)
    assert 0.01 < distance[0] < 0.02
    nothing = PointCloud(points=np.zeros((0, 3)), normals=np.zeros((0, 3)))
    assert offsets_to_cloud(*one, CloudGrid.of(nothing, 0.05), 0.05, 0.01)[1][0] == 0
    with pytest.raises(TextureError, match="normals"):
        CloudGrid.of(PointCloud(points=points), 0.05)


def test_the_elastic_displacement_is_the_minimum(ball):
    rng = np.random.default_rng(2)
    count = len(ball.vertices)
    neighbours = Neighbours.of(ball.faces, count)
    normals = vertex_normals(ball.vertices, ball.faces, np.float64)
    along, certainty = rng.normal(size=count), rng.random(count) * (rng.random(count) < 0.5)
    prior, stiffness, inertia = rng.normal(size=(count, 3)), 2.0, 0.1
    fast = elastic_displacement(neighbours, normals, along, certainty, stiffness, prior, inertia, np.zeros((count, 3)))
    # the same energy as rows of a dense least-squares problem
    rows, right = [], []
    for i in range(count):
        row = np.zeros((count, 3))
        row[i] = normals[i]
        rows.append(np.sqrt(certainty[i]) * row.ravel())
        right.append(np.sqrt(certainty[i]) * along[i])
        for k in range(3):
            row = np.zeros((count, 3))
            row[i, k] = np.sqrt(inertia)
            rows.append(row.ravel())
            right.append(np.sqrt(inertia) * prior[i, k])
        for j in neighbours.index[neighbours.start[i] : neighbours.start[i + 1]]:
            for k in range(3 if i < j else 0):
                row = np.zeros((count, 3))
                row[i, k], row[j, k] = np.sqrt(stiffness), -np.sqrt(stiffness)
                rows.append(row.ravel())
                right.append(0.0)
    A, b = np.array(rows), np.array(right)
    slow = np.linalg.solve(A.T @ A, A.T @ b).reshape(-1, 3)
    # conjugate gradients stop at TOLERANCE of the right-hand side; the system's condition is below 100
    assert np.abs(fast - slow).max() < 100 * TOLERANCE
    pull = np.linalg.norm(A.T @ (A @ fast.ravel() - b))
    assert pull < 2 * TOLERANCE * np.linalg.norm(A.T @ b)


def test_the_normals_of_a_flat_mesh_stay_finite():
    flat = TriangleMesh(vertices=np.zeros((3, 3)), faces=np.array([[0, 1, 2]]))
    assert not vertex_normals(flat.vertices, flat.faces, np.float64).any()
