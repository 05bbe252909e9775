"""The rasteriser: against ray casting, against a readable twin, and free of cracks and overlaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from geometry.rasterizer import Raster, rasterize, rasterize_camera, rasterize_uv
from geometry.rays import RayScene
from geometry.rigid import look_at

MICRON = 1e-6


def rasterize_readable(q, z, faces, width, height) -> Raster:
    """Each face over the whole image at once; a pixel on a border counts for both faces."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    depth, face = np.full((height, width), np.inf), np.full((height, width), -1, np.int32)
    bary = np.zeros((height, width, 3))
    for f, corners in enumerate(faces):
        (ax, ay), (bx, by), (cx, cy) = q[corners]
        if not np.isfinite(q[corners]).all() or not (z[corners] > 0).all():
            continue
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
        wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
        w = np.stack([1 - wb - wc, wb, wc], -1)
        with np.errstate(divide="ignore"):
            face_z = 1 / (w / z[corners]).sum(-1)
        nearer = (w >= 0).all(-1) & (face_z < depth)
        depth[nearer], face[nearer] = face_z[nearer], f
        bary[nearer] = (w / z[corners] * face_z[..., None])[nearer]
    return Raster(depth=np.where(face >= 0, depth, np.nan).astype(np.float32), face=face, bary=bary.astype(np.float32))


def test_agrees_with_the_readable_twin():
    rng = np.random.default_rng(0)
    q, z = rng.uniform(-12, 60, (60, 2)), rng.uniform(0.5, 4, 60)
    q[3], z[5], z[6] = np.nan, np.nan, -1
    faces = rng.integers(0, 60, (80, 3))
    fast, readable = rasterize(q, z, faces, 48, 40), rasterize_readable(q, z, faces, 48, 40)
    np.testing.assert_array_equal(fast.face, readable.face)
    np.testing.assert_allclose(fast.depth, readable.depth, rtol=2e-7)  # one rounding to float32
    np.testing.assert_allclose(fast.bary, readable.bary, atol=2e-7)
    assert len(np.unique(fast.face)) > 20


def test_a_pinhole_sees_what_rays_see(body_mesh, pinhole):
    raster, hits = rasterize_camera(body_mesh, pinhole), RayScene.of(body_mesh).cast_camera(pinhole)
    both, either = raster.covered & (hits.face >= 0), raster.covered | (hits.face >= 0)
    assert both.sum() / either.sum() > 0.999
    same = both & (raster.face == hits.face)
    assert same.sum() / both.sum() > 0.999  # faces that meet at a pixel's centre may swap
    assert np.abs(raster.depth - hits.t)[both].max() < MICRON
    u, v = hits.uv[same].T
    np.testing.assert_allclose(raster.bary[same], np.stack([1 - u - v, u, v], -1), atol=1e-5)


def test_a_real_lens_sees_what_rays_see_but_for_straight_edges(body_mesh, kinect):
    camera = kinect.color_camera("720P").at(look_at(np.array([0.9, -1.9, 1.2]), np.array([0.0, 0, 0.9])))
    raster, hits = rasterize_camera(body_mesh, camera), RayScene.of(body_mesh).cast_camera(camera)
    both, either = raster.covered & (hits.face >= 0), raster.covered | (hits.face >= 0)
    assert both.sum() / either.sum() > 0.999
    # a face of 5 cm is 15 px wide; on it the lens bends an edge by 0.01 px, and the limbs' faces are oblique
    assert np.percentile(np.abs(raster.depth - hits.t)[both], 99) < 100 * MICRON


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.booleans())
def test_a_triangulation_covers_each_pixel_once(seed, on_grid):
    """Faces that share edges leave no crack and no overlap, also where vertices and edges lie on pixel centres."""
    rng = np.random.default_rng(seed)
    inner = rng.integers(0, 24, (30, 2)).astype(float) if on_grid else rng.uniform(-4, 28, (30, 2))
    q = np.unique(np.concatenate([inner, [[-9.0, -9], [40, -9], [40, 40], [-9, 40]]]), axis=0)
    faces = Delaunay(q).simplices.astype(np.int64)
    turned = np.where(rng.random(len(faces)) < 0.5, 1, -1)
    count = np.zeros((24, 24), int)
    for face, turn in zip(faces, turned, strict=True):
        count += rasterize(q, np.ones(len(q)), face[None, ::turn], 24, 24).covered
    np.testing.assert_array_equal(count, 1)


def test_depth_and_weights_are_perspective_correct(pinhole):
    corners = np.array([[-0.5, -0.4, 1.0], [0.6, -0.3, 4.0], [0.1, 0.5, 2.0]])
    mesh = TriangleMesh(vertices=corners, faces=np.array([[0, 1, 2]]))
    camera = pinhole.at(np.eye(4))
    raster = rasterize_camera(mesh, camera)
    image = raster.interpolate(mesh.faces, mesh.vertices)
    y, x = np.nonzero(raster.covered)
    q = np.stack([x, y], -1).astype(float)
    assert len(q) > 500
    np.testing.assert_allclose(image[y, x], camera.unproject(q, raster.depth[y, x].astype(float)), atol=1e-5)
    assert np.isnan(image[~raster.covered]).all()


def test_faces_behind_the_camera_or_outside_the_lens_model_are_left_out(kinect):
    triangle = np.array([[-0.2, -0.2, 1.0], [0.2, -0.2, 1.0], [0.0, 0.3, 1.0]])
    camera = kinect.depth_camera("NFOV_UNBINNED")
    faces = np.array([[0, 1, 2]])
    assert rasterize_camera(TriangleMesh(vertices=triangle, faces=faces), camera).covered.any()
    for z in (-1.0, 0.001):
        behind = triangle.copy()
        behind[2, 2] = z
        assert not rasterize_camera(TriangleMesh(vertices=behind, faces=faces), camera).covered.any()
    wide = triangle.copy()
    wide[2, 0] = 2.0
    assert not rasterize_camera(TriangleMesh(vertices=wide, faces=faces), camera).covered.any()


def test_huge_faces_and_empty_meshes_are_no_trouble():
    q = np.array([[-1e18, -1e18], [1e18, -1e18], [0, 1e18], [1e200, 0], [0, 1e200]])
    assert rasterize(q, np.ones(5), np.array([[0, 1, 2]]), 8, 8).covered.all()
    assert not rasterize(q, np.ones(5), np.array([[0, 3, 4]]), 8, 8).covered.any()  # area overflows: left out
    assert not rasterize(q, np.ones(5), np.array([[0, 0, 1]]), 8, 8).covered.any()
    assert not rasterize(np.zeros((0, 2)), np.zeros(0), np.zeros((0, 3), np.int64), 8, 8).covered.any()


def test_the_nearer_face_wins_and_ties_go_to_the_earlier():
    q = np.tile(np.array([[-1.0, -1], [20, -1], [-1, 20]]), (3, 1))
    faces = np.arange(9).reshape(3, 3)
    z = np.repeat([2.0, 1.0, 1.0], 3)
    assert (rasterize(q, z, faces, 8, 8).face == 1).all()


def test_faces_that_name_missing_vertices_are_refused():
    with pytest.raises(GeometryError, match="there are 3 vertices"):
        rasterize(np.zeros((3, 2)), np.ones(3), np.array([[0, 1, 3]]), 8, 8)


def test_atlas_rows_run_down_and_texels_know_their_place():
    uv = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    atlas = rasterize_uv(uv, faces, 16)
    assert atlas.covered.all()
    centers = atlas.interpolate(faces, uv)
    np.testing.assert_allclose(centers[0, 0], [0.5 / 16, 1 - 0.5 / 16], atol=1e-6)
    np.testing.assert_allclose(centers[15, 3], [3.5 / 16, 0.5 / 16], atol=1e-6)


def test_gutter_repeats_the_nearest_texel_and_goes_no_farther():
    uv = np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    bare, grown = rasterize_uv(uv, faces, 32), rasterize_uv(uv, faces, 32, gutter=2)
    assert bare.covered.sum() == 16 * 16
    assert grown.covered[6:26, 8:24].all()
    assert not grown.covered[5].any()
    np.testing.assert_array_equal(grown.bary[bare.covered], bare.bary[bare.covered])
    np.testing.assert_array_equal(grown.face[6:8, 12], bare.face[8, 12])
    np.testing.assert_allclose(grown.bary[6, 12], bare.bary[8, 12])
    empty = rasterize_uv(np.zeros((3, 2)), np.array([[0, 1, 2]]), 8, gutter=2)
    assert not empty.covered.any()
