"""Rays: exact under lens distortion, exact far from the origin, NaN where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.camera import Camera
from geometry.rays import RayScene, ray_table
from geometry.rigid import from_rotvec, look_at, rotate, transform

FAR = np.array([1000.0, -2000.0, 500.0])  # a world whose origin is far away: float32 there resolves only 0.1 mm
NM = 1e-9


def ground(height: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    vertices = np.array([[-9.0, -9, height], [9, -9, height], [9, 9, height], [-9, 9, height]])
    return vertices, np.array([[0, 1, 2], [0, 2, 3]])


def test_ray_table_is_where_pixels_come_from(kinect):
    camera = kinect.color_camera("720P")
    table = ray_table(camera)
    q = camera.project_camera(np.concatenate([table, np.ones((*table.shape[:2], 1))], -1))
    x, y = np.meshgrid(np.arange(1280), np.arange(720))
    np.testing.assert_allclose(q, np.stack([x, y], -1), atol=1e-6)  # 1e-9 on the plane z = 1, times 612 px


def test_ray_table_is_kept_and_cannot_be_written(pinhole):
    assert ray_table(pinhole) is ray_table(pinhole.at(np.eye(4)))
    assert ray_table(pinhole) is not ray_table(pinhole.resized(320, 287))
    with pytest.raises(ValueError, match="read-only"):
        ray_table(pinhole)[0, 0] = 0


def test_ray_table_is_nan_outside_the_lens_model(kinect):
    missing = np.isnan(ray_table(kinect.depth_camera("WFOV_UNBINNED"))).any(-1)
    assert missing[0, 0]
    assert not missing[512, 512]
    assert 0.15 < missing.mean() < 0.25  # corners outside the circle of the wide field of view


@pytest.mark.parametrize("offset", [np.zeros(3), FAR], ids=["near origin", "far world"])
def test_depth_of_a_plane_is_exact(kinect, offset):
    T = from_rotvec(np.zeros(3), offset) @ look_at(np.array([0.0, -2, 1.5]), np.array([0.1, 0, 0.9]))
    camera = kinect.depth_camera("NFOV_UNBINNED").at(T)
    vertices, faces = ground()
    hits = RayScene(vertices + offset, faces).cast_camera(camera)
    v = rotate(T, np.concatenate([ray_table(camera), np.ones((576, 640, 1))], -1))
    with np.errstate(divide="ignore"):
        t = (offset[2] - camera.center[2]) / v[..., 2]
    p = camera.center + t[..., None] * v - offset
    inside = (t > 0) & (np.abs(p[..., :2]).max(-1) < 8.9)
    assert inside.mean() > 0.3
    np.testing.assert_allclose(hits.t[inside], t[inside], atol=NM)
    assert np.isnan(hits.t[t < 0]).all()
    assert (hits.face[t < 0] == -1).all()


def test_barycentric_weights_give_the_hit_point(body_mesh, kinect):
    camera = kinect.depth_camera("NFOV_UNBINNED").at(look_at(np.array([0.5, -1.8, 1.1]), np.array([0.0, 0, 0.9])))
    hits = RayScene.of(body_mesh).cast_camera(camera)
    hit = hits.face >= 0
    assert 0.02 < hit.mean() < 0.5
    u, v = hits.uv[hit].T
    corners = body_mesh.vertices[body_mesh.faces[hits.face[hit]]]
    p = np.einsum("nk,nkd->nd", np.stack([1 - u - v, u, v], -1), corners)
    q = np.stack(np.nonzero(hit)[::-1], -1).astype(float)
    # slivers keep Embree's float32 weights; elsewhere the agreement is to nanometres
    error = np.linalg.norm(p - transform(camera.T_world_camera, camera.unproject(q, hits.t[hit])), axis=-1)
    assert np.percentile(error, 99.9) < NM
    assert error.max() < 1e-5


def test_rows_and_columns_are_a_part_of_the_whole(body_mesh, pinhole):
    scene = RayScene.of(body_mesh)
    whole, part = scene.cast_camera(pinhole), scene.cast_camera(pinhole, slice(60, 200, 3), slice(100, 220))
    np.testing.assert_array_equal(part.t, whole.t[60:200:3, 100:220])
    np.testing.assert_array_equal(part.face, whole.face[60:200:3, 100:220])
    assert np.isfinite(part.t).any()


def test_rays_with_nan_meet_nothing_and_one_origin_serves_all():
    scene = RayScene(*ground())
    directions = np.array([[0.0, 0, -1], [np.nan, 0, -1], [0, 0, 1]])
    hits = scene.cast(np.array([0.3, 0.2, 2.0]), directions)
    np.testing.assert_allclose(hits.t, [2.0, np.nan, np.nan])
    assert hits.face.tolist()[1:] == [-1, -1]
    assert np.isnan(hits.uv[1:]).all()


def test_closest_points_of_a_plane_and_of_an_edge():
    scene = RayScene(ground(0.5)[0] + FAR, ground()[1])
    points = np.array([[1.0, 2, 3], [10, 0, 0.5], [12, 13, 0.5]]) + FAR
    found = scene.closest(points)
    np.testing.assert_allclose(found.points, np.array([[1, 2, 0.5], [9, 0, 0.5], [9, 9, 0.5]]) + FAR, atol=NM)
    np.testing.assert_allclose(found.distance, [2.5, 1, 5], atol=NM)


def test_closest_is_no_farther_than_any_sample_and_its_weights_give_the_point(body_mesh):
    rng = np.random.default_rng(0)
    points = rng.uniform([-0.6, -0.6, 0], [0.6, 0.6, 1.8], (400, 3))
    found = RayScene.of(body_mesh).closest(points)
    corners = body_mesh.vertices[body_mesh.faces[found.face]]
    np.testing.assert_allclose(np.einsum("nk,nkd->nd", found.bary, corners), found.points, atol=1e-12)
    assert (found.bary >= -1e-12).all()
    vertex_distance = np.linalg.norm(points[:, None] - body_mesh.vertices, axis=-1).min(1)
    assert (found.distance <= vertex_distance + 1e-9).all()


def test_an_empty_mesh_is_met_by_nothing(pinhole):
    scene = RayScene(np.zeros((0, 3)), np.zeros((0, 3), np.int64))
    assert (scene.cast_camera(pinhole).face == -1).all()
    with pytest.raises(ValueError, match="without faces"):
        scene.closest(np.zeros((1, 3)))


def test_a_face_with_a_nan_vertex_is_not_there():
    vertices, faces = ground()
    vertices = np.concatenate([vertices, np.full((1, 3), np.nan)])
    scene = RayScene(vertices, np.concatenate([faces, [[0, 1, 4]]]))
    hits = scene.cast(np.array([0.3, 0.2, 2.0]), np.array([[0.0, 0, -1]]))
    np.testing.assert_allclose(hits.t, 2.0, atol=NM)
    assert scene.closest(np.array([[1.0, 2, 3]])).distance == pytest.approx(3.0, abs=NM)


def test_cameras_of_one_model_share_a_table_whatever_their_name():
    a, b = (Camera(name=n, K=np.diag([99.0, 99, 1]), width=8, height=6) for n in "ab")
    assert ray_table(a) is ray_table(b)
