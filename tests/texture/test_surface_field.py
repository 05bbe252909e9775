"""The steps of the free surface, each against a plain one: table of cubes, field of points, cut, guide, carving."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from test_surface_free import CENTER, ball, cloud_on

from geometry.mesh import TriangleMesh
from registration.clouds.views import DepthView
from texture.surfaces.carving import count_through, looked_through
from texture.surfaces.guide import carry_offsets, guide_points
from texture.surfaces.indicator import gather, solve_indicator
from texture.surfaces.marching import extract
from texture.surfaces.marching_table import CORNERS, EDGES, triangle_table
from texture.surfaces.simplification import simplified
from texture.surfaces.sparse_field import BLOCK, REACH_VOXELS, WIDTH_VOXELS, SparseField, fine_field
from texture.surfaces.topology import compacted, piece_volumes, topology


def test_every_pattern_of_a_cube_cuts_each_crossed_edge_and_leaves_no_rim_inside():
    table, counts = triangle_table()
    for pattern in range(256):
        inside = pattern >> np.arange(8) & 1
        crossed = set(np.flatnonzero(inside[EDGES[:, 0]] != inside[EDGES[:, 1]]))
        triangles = table[pattern, : counts[pattern]]
        assert set(triangles.ravel()) == crossed
        edges = [tuple(t[[i, (i + 1) % 3]]) for t in triangles for i in range(3)]
        assert len(set(edges)) == len(edges)  # none twice in the same direction
        for a, b in edges:
            if (b, a) not in edges:  # the rim lies on the faces of the cube, where the next cube goes on
                ends = np.concatenate([CORNERS[EDGES[a]], CORNERS[EDGES[b]]])
                assert (np.ptp(ends, axis=0) == 0).any()


def dense_field(values):
    """A field of one block row from a dense array, all blocks stored."""
    blocks = np.array(values.shape) // BLOCK
    places = np.array(list(product(*map(range, blocks))), np.int32)
    slots = np.arange(len(places), dtype=np.int32).reshape(blocks)
    cut = [values[tuple(slice(8 * i, 8 * i + 8) for i in place)] for place in places]
    return SparseField(origin=np.zeros(3), voxel_m=1.0, slots=slots, places=places, distance=np.array(cut, np.float32))


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_becomes_a_closed_surface_around_as_much_as_is_inside(seed):
    values = np.random.default_rng(seed).normal(size=(16, 16, 16))
    values[[0, -1]] = values[:, [0, -1]] = values[:, :, [0, -1]] = 1.0
    mesh = extract(dense_field(values))
    assert mesh.is_watertight()  # all of the 256 patterns occur, with every neighbour
    assert len(mesh.vertices) == sum((np.diff(values < 0, axis=axis)).sum() for axis in range(3))
    assert mesh.volume() == pytest.approx((values < 0).sum(), rel=0.25)
    small = simplified(mesh, len(mesh.faces) // 3)
    assert topology(small) == topology(mesh)


def test_the_field_is_the_weighted_mean_of_the_planes():
    rng = np.random.default_rng(0)
    points, voxel = rng.uniform(-0.03, 0.03, (40, 3)), 0.01
    normals = rng.normal(size=(40, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    weights = rng.uniform(0.5, 2, 40)
    indicator = solve_indicator(points, normals, 4 * voxel, 2)
    field = fine_field(points, normals, weights, indicator, voxel)
    slot = field.slots[tuple(((points[0] - field.origin) / voxel / 8).astype(int))]
    corner = np.stack(np.meshgrid(*[np.arange(8)] * 3, indexing="ij"), -1)
    place = (field.places[slot] * 8 + corner) * voxel + field.origin
    away = (place[..., None, :] - points) / voxel
    near = (away**2).sum(-1) <= REACH_VOXELS**2
    w = near * weights * np.exp(-0.5 * (away**2).sum(-1) / WIDTH_VOXELS**2)
    plane = ((away * voxel) * normals).sum(-1)
    rough = gather(((place - field.origin) / (4 * voxel)).reshape(-1, 3), indicator.distance).reshape(8, 8, 8)
    expected = ((w * plane).sum(-1) + 0.02 * np.clip(rough, -0.03, 0.03)) / (w.sum(-1) + 0.02)
    np.testing.assert_allclose(field.distance[slot], expected, atol=2e-6)  # float32 sums


def test_the_indicator_closes_a_ball_with_a_cap_missing():
    cloud = cloud_on(0.2, np.random.default_rng(0), lowest=-0.8)
    indicator = solve_indicator(cloud.points, (cloud.points - CENTER) / 0.2, 0.02, 2)
    grid = np.stack(np.meshgrid(*map(np.arange, indicator.distance.shape), indexing="ij"), -1)
    radius = np.linalg.norm(grid * indicator.cell_m + indicator.origin - CENTER, axis=-1)
    assert (indicator.distance[radius < 0.16] < 0).all()
    assert (indicator.distance[radius > 0.24] > 0).all()
    assert ((np.array(indicator.distance.shape) - 1) % 2 == 0).all()


def test_simplifying_keeps_the_shape_closed_and_the_input_as_it_was():
    fine = ball(cuts=24)
    before = fine.faces.copy()
    small = simplified(fine, 600)
    assert len(small.faces) in (599, 600)
    assert topology(small) == topology(fine)
    assert small.volume() == pytest.approx(fine.volume(), rel=0.01)
    assert (
        np.abs(np.linalg.norm(small.vertices - CENTER, axis=1) - 0.2).max() < 0.003
    )  # a face spans 26 mm: sagitta 0.4
    np.testing.assert_array_equal(fine.faces, before)
    assert simplified(fine, len(fine.faces)) is fine


def test_pieces_and_handles_are_counted():
    one, two = ball(cuts=4), ball(radius=0.1, cuts=4)
    both = TriangleMesh(
        vertices=np.concatenate([one.vertices, two.vertices]),
        faces=np.concatenate([one.faces, two.faces[:, ::-1] + len(one.vertices)]),
    )
    piece, volume = piece_volumes(both)
    assert volume[piece[0]] == pytest.approx(one.volume())
    assert volume[piece[-1]] == pytest.approx(-two.volume())
    assert (topology(both).components, topology(both).handles) == (2, 0)
    alone, kept = compacted(TriangleMesh(vertices=both.vertices, faces=both.faces[piece == piece[-1]]))
    assert len(alone.vertices) == len(two.vertices)
    np.testing.assert_array_equal(both.vertices[kept], alone.vertices)
    assert not topology(TriangleMesh(vertices=one.vertices, faces=one.faces[1:])).closed


def test_the_guide_lies_where_the_cloud_does_not_and_joins_it():
    cloud = cloud_on(0.21, np.random.default_rng(0), lowest=-0.5, count=30_000)  # as dense as a fused cloud
    guide = guide_points(cloud, ball(cuts=16), 0.01)
    height = (ball(cuts=16).vertices[:, 2] - 1) / 0.2
    assert guide.covered[height > -0.4].mean() > 0.95  # some normals slip through between the points
    assert not guide.covered[height < -0.65].any()
    assert (guide.points[:, 2] < 1 - 0.35 * 0.2).mean() > 0.9
    radius = np.linalg.norm(guide.points - CENTER, axis=1)
    rim = guide.points[:, 2] > 1 - 0.6 * 0.2
    assert radius[rim].mean() > 0.207  # most of the offset of 10 mm goes on beyond the cloud
    assert radius[~rim].min() > 0.199
    outward = ((guide.points - CENTER) / radius[:, None] * guide.normals).sum(1)
    assert outward.min() > 0.95


def test_offsets_are_carried_as_by_plain_jacobi_sweeps():
    rng = np.random.default_rng(0)
    edges, fixed = rng.integers(0, 20, (50, 2)), rng.random(20) < 0.4
    offset = rng.normal(size=20)
    expected = offset.copy()
    for _ in range(5):
        mean = [
            np.mean(expected[np.concatenate([edges[edges[:, 1] == v, 0], edges[edges[:, 0] == v, 1]])])
            for v in range(20)
        ]
        expected = np.where(fixed | np.isnan(mean), expected, 0.9 * np.array(mean))
    carry_offsets(edges, fixed, 5, 0.1, offset, *np.zeros((2, 20)))
    np.testing.assert_allclose(offset, expected, atol=1e-12)


def test_two_cameras_that_see_behind_a_point_carve_it(painted):
    cameras = [painted.camera(angle) for angle in (0.0, 1.0)]
    far = [np.full((c.height, c.width), 3.0) for c in cameras]
    points = np.array([[0, 0, 1.0], [0, 0, 1.02], [0, 0, 30.0]])
    views = [DepthView(depth_m=d, mask=d > 0, camera=c) for d, c in zip(far, cameras)]
    np.testing.assert_array_equal(looked_through(points, views), [2, 2, 0])
    column, row = np.rint(cameras[0].project(points[0])).astype(int)
    far[0][row, column + 1] = np.nan  # beside the pixel: a finger, or nothing known
    assert looked_through(points, views)[0] == 1
    votes = np.zeros(3, np.uint8)
    c = cameras[1]
    plain = count_through.py_func
    plain(points, c.T_camera_world, c.K, c.distortion, c.metric_radius, far[1], votes)
    np.testing.assert_array_equal(votes, [1, 1, 0])
