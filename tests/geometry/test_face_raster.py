"""Face indices and exact depth: the backends against each other, against rays, and against the plain rasteriser."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from geometry.camera import Camera
from geometry.errors import GeometryError
from geometry.face_raster import rasterizer
from geometry.face_raster.exact_depth import exact_depth
from geometry.face_raster.numba_rasterizer import NumbaRasterizer
from geometry.face_raster.projection import covering_window
from geometry.face_raster.rasterizer import FaceRasterizer, open_rasterizer
from geometry.face_raster.vertex_normals import vertex_normals
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rays import RayScene, ray_table
from geometry.rigid import look_at

EQUAL_M = 1e-5
"""The backends must agree to 0.01 mm."""


@pytest.fixture(scope="module")
def egl() -> FaceRasterizer:
    try:
        return open_rasterizer("egl")
    except GeometryError as error:
        pytest.skip(f"needs EGL and a driver: {error}")


@pytest.fixture(scope="module")
def plain() -> FaceRasterizer:
    return open_rasterizer("numba")


@pytest.fixture(params=["depth", "color"])
def camera(request, kinect) -> Camera:
    camera = kinect.depth_camera("NFOV_UNBINNED") if request.param == "depth" else kinect.color_camera("720P")
    return camera.at(look_at(np.array([0.9, -1.9, 1.2]), np.array([0.0, 0, 0.9])))


def finely(mesh: TriangleMesh) -> TriangleMesh:
    """Each face cut in four, twice: edges of a few millimetres, as a dressed person has."""
    import trimesh

    fine = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).subdivide().subdivide()
    return TriangleMesh(vertices=np.array(fine.vertices), faces=np.array(fine.faces, np.int32))


@pytest.mark.parametrize("subpixels", [1, 2])
def test_backends_see_the_same_faces_at_the_same_depth(egl, plain, body_mesh, camera, subpixels):
    mesh = finely(body_mesh)
    window = covering_window(camera, mesh.vertices)
    first, second = (r.draw(camera, mesh.vertices, mesh.faces, window, subpixels) for r in (egl, plain))
    assert first.covered.sum() > 20_000
    assert (first.face == second.face).mean() >= 0.9999
    rays = ray_table(camera)
    z_first, z_second = (exact_depth(i, camera, mesh.vertices, mesh.faces, rays).depth for i in (first, second))
    both = first.covered & second.covered
    assert np.abs(z_first[both] - z_second[both]).max() < EQUAL_M  # at folds seen edge-on too


def test_backends_leave_out_the_same_faces_and_reuse_their_buffers(egl, plain, kinect, body_mesh):
    """A camera inside the crowd: vertices behind it and outside the lens; then another mesh, another window."""
    near = kinect.depth_camera("WFOV_UNBINNED").at(look_at(np.array([0.3, -0.25, 1.2]), np.array([0.0, 0, 1.0])))
    far = kinect.color_camera("720P").at(look_at(np.array([0.9, -1.9, 1.2]), np.array([0.0, 0, 0.9])))
    fine = finely(body_mesh)
    windows = {near.name: (slice(100, 400), slice(3, 700)), far.name: (slice(0, 720), slice(500, 900))}
    for mesh, view in [(body_mesh, near), (fine, far), (body_mesh, far), (fine, near)]:
        first, second = (r.draw(view, mesh.vertices, mesh.faces, windows[view.name]) for r in (egl, plain))
        assert second.covered.any()
        assert (first.face == second.face).mean() >= 0.9999


def test_depth_is_what_rays_see(plain, body_mesh, camera):
    mesh = finely(body_mesh)
    window = covering_window(camera, mesh.vertices)
    assert window is not None
    rows, columns = window
    image = plain.draw(camera, mesh.vertices, mesh.faces, (rows, columns))
    surface = exact_depth(image, camera, mesh.vertices, mesh.faces, ray_table(camera).astype(np.float32))
    hits = RayScene.of(mesh).cast_camera(camera, rows, columns)
    both, either = image.covered & (hits.face >= 0), image.covered | (hits.face >= 0)
    assert (both != either).sum() < 1e-3 * either.sum()  # outlines: vertices are rounded to 1/256 px
    error = np.abs(surface.depth[both] - hits.t[both])
    assert (error > EQUAL_M).mean() < 1e-3  # a limb's outline in front of another: either is seen
    assert np.percentile(error, 99) < 1e-6
    same = both & (image.face == hits.face)
    # weights where a face is seen edge-on are clamped, so not to the last bit
    assert np.percentile(np.abs(surface.bary[same] - hits.uv[same]), 99) < 1e-3


def test_fine_samples_are_those_of_a_camera_with_more_pixels(plain, body_mesh, camera):
    fine_camera = camera.resized(2 * camera.width, 2 * camera.height)
    window = covering_window(camera, body_mesh.vertices)
    assert window is not None
    image = plain.draw(camera, body_mesh.vertices, body_mesh.faces, window, 2)
    rows, columns = (slice(2 * part.start, 2 * part.stop) for part in window)
    expected = plain.draw(fine_camera, body_mesh.vertices, body_mesh.faces, (rows, columns))
    assert (image.face == expected.face).mean() > 0.9999
    depth = exact_depth(image, camera, body_mesh.vertices, body_mesh.faces, ray_table(camera)).depth
    exact = exact_depth(expected, fine_camera, body_mesh.vertices, body_mesh.faces, ray_table(fine_camera)).depth
    both = image.covered & (image.face == expected.face)
    # rays are continued linearly inside a pixel: 0.001 px, a few micrometres on a slope
    assert np.percentile(np.abs(depth[both] - exact[both]), 99.9) < EQUAL_M


def test_agrees_with_the_plain_rasteriser(plain, body_mesh, pinhole):
    image, expected = plain.draw(pinhole, body_mesh.vertices, body_mesh.faces), rasterize_camera(body_mesh, pinhole)
    assert (image.face == expected.face).mean() > 0.9995  # vertices are rounded to 1/256 px
    depth = exact_depth(image, pinhole, body_mesh.vertices, body_mesh.faces, ray_table(pinhole)).depth
    same = image.covered & (image.face == expected.face)
    assert np.abs(depth[same] - expected.depth[same]).max() < EQUAL_M


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.booleans())
def test_a_triangulation_covers_each_sample_once(seed, on_grid):
    rng = np.random.default_rng(seed)
    inner = rng.integers(0, 24, (30, 2)).astype(float) if on_grid else rng.uniform(-4, 28, (30, 2))
    q = np.unique(np.concatenate([inner, [[-9.0, -9], [40, -9], [40, 40], [-9, 40]]]), axis=0)
    faces = Delaunay(q).simplices.astype(np.int32)
    turned = np.where(rng.random(len(faces)) < 0.5, 1, -1)
    camera = Camera(name="flat", K=np.eye(3), width=24, height=24)
    vertices = np.concatenate([q, np.ones((len(q), 1))], 1)
    backend, count = NumbaRasterizer(), np.zeros((24, 24), int)
    for face, turn in zip(faces, turned, strict=True):
        count += backend.draw(camera, vertices, face[None, ::turn]).covered
    np.testing.assert_array_equal(count, 1)


def test_a_vertex_offset_moves_the_image(plain, body_mesh, camera):
    offset = np.broadcast_to(np.array([3.0, -2.0]), (len(body_mesh.vertices), 2))
    still = plain.draw(camera, body_mesh.vertices, body_mesh.faces)
    moved = plain.draw(camera, body_mesh.vertices, body_mesh.faces, vertex_offset_px=offset)
    assert (moved.face == np.roll(still.face, (-2, 3), (0, 1))).mean() > 0.9999
    rays = ray_table(camera)
    z_still = exact_depth(still, camera, body_mesh.vertices, body_mesh.faces, rays).depth
    z_moved = exact_depth(moved, camera, body_mesh.vertices, body_mesh.faces, rays, offset).depth
    z_still = np.roll(z_still, (-2, 3), (0, 1))
    both = np.isfinite(z_still) & np.isfinite(z_moved)
    # a ray three pixels away is continued linearly: 0.01 px under this lens
    assert np.percentile(np.abs(z_moved[both] - z_still[both]), 95) < 1e-4


def test_what_cannot_be_seen_is_left_out(plain, kinect):
    camera, faces = kinect.depth_camera("NFOV_UNBINNED"), np.array([[0, 1, 2]])
    triangle = np.array([[-0.2, -0.2, 1.0], [0.2, -0.2, 1.0], [0.0, 0.3, 1.0]])
    assert plain.draw(camera, triangle, faces).covered.any()
    for corner in ([0, 0.3, -1.0], [0, 0.3, 0.001], [2.0, 0.3, 1.0], [np.nan, 0, 1], [0, 0, np.inf]):
        hidden = np.concatenate([triangle[:2], [corner]])
        assert not plain.draw(camera, hidden, faces).covered.any()
    assert covering_window(camera, -triangle) is None
    empty = plain.draw(camera, np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    assert not empty.covered.any()
    assert np.isinf(exact_depth(empty, camera, np.zeros((0, 3)), faces, ray_table(camera)).depth).all()


def test_bad_arguments_are_refused(plain, pinhole):
    triangle = np.array([[-0.2, -0.2, 1.0], [0.2, -0.2, 1.0], [0.0, 0.3, 1.0]])
    with pytest.raises(GeometryError, match="there are 3 vertices"):
        plain.draw(pinhole, triangle, np.array([[0, 1, 3]]))
    with pytest.raises(GeometryError, match="window columns 0:999"):
        plain.draw(pinhole, triangle, np.array([[0, 1, 2]]), (slice(0, 10), slice(0, 999)))
    with pytest.raises(GeometryError, match="subpixels is 0"):
        plain.draw(pinhole, triangle, np.array([[0, 1, 2]]), None, 0)


def test_without_egl_numba_draws_and_says_so_once(monkeypatch, caplog):
    def missing(*_, **__):
        raise OSError("libEGL.so not found")

    monkeypatch.setattr("moderngl.create_context", missing)
    rasterizer._say_once.cache_clear()
    with caplog.at_level(logging.WARNING, "geometry.face_raster"):
        assert [open_rasterizer().name for _ in range(2)] == ["numba", "numba"]
    assert [record.getMessage() for record in caplog.records] == [
        "no EGL drawing here (libEGL.so not found); meshes are drawn with numba"
    ]
    with pytest.raises(GeometryError, match="no EGL drawing here"):
        open_rasterizer("egl")


def test_normals_equal_those_of_the_mesh(body_mesh):
    expected = body_mesh.vertex_normals()
    np.testing.assert_allclose(vertex_normals(body_mesh.vertices, body_mesh.faces), expected, atol=1e-5)
    double = vertex_normals(body_mesh.vertices, body_mesh.faces, np.float64)
    np.testing.assert_allclose(double, expected, atol=1e-12)
    lonely = np.concatenate([body_mesh.vertices, [[5.0, 5, 5]]])
    np.testing.assert_array_equal(vertex_normals(lonely, body_mesh.faces)[-1], 0)
