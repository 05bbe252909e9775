"""Cameras that are off are brought back by the colours of the surface, and only if that holds on other points."""

import dataclasses

import numpy as np
import pytest

from geometry.mesh import TriangleMesh
from geometry.rigid import from_rotvec, transform
from texture.painting.views import ColorView
from texture.polish.agreement import GREY, PARAMETERS, Agreement
from texture.polish.camera_polish import polish_cameras
from texture.polish.config import PolishConfig
from texture.polish.sampling import Picture, Samples, sampled

CONFIG = PolishConfig(points=9000, blur_px=(2.0, 1.0))
OFF_DEG, OFF_MM = 0.15, 3.0


def dotted(uv):
    """A pattern with edges every few pixels."""
    wave = np.sin(70 * uv[..., 0]) * np.sin(31 * uv[..., 1] + 9 * uv[..., 0])
    return np.repeat(120 + 80 * wave[..., None], 3, -1)


@pytest.fixture(scope="module")
def scene(painted):
    """The globe with the pattern, six cameras around it and their pictures."""
    from geometry.rays import RayScene

    mesh = painted.globe(rows=36, columns=72)
    rays = RayScene.of(mesh)
    views = []
    for n in range(6):
        camera = painted.camera(n * np.pi / 3 + 0.2, height=1.0 + 0.3 * (-1) ** n, name=f"c{n}/color")
        hits = rays.cast_camera(camera)
        hit = hits.face >= 0
        weights = np.stack([1 - hits.uv[hit].sum(-1), hits.uv[hit][:, 0], hits.uv[hit][:, 1]], -1)
        image = np.full((camera.height, camera.width, 3), 20, np.uint8)
        uv = np.einsum("nk,nkc->nc", weights, mesh.uv[mesh.uv_faces[hits.face[hit]]])
        image[hit] = np.rint(dotted(uv))
        views.append(ColorView(camera=camera, image=image, depth_m=hits.t.astype(np.float32)))
    return mesh, views


def disturbed(views, seed=0):
    """The views with cameras that are turned and moved at random."""
    rng = np.random.default_rng(seed)
    out = []
    for view in views:
        turn, shift = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
        off = from_rotvec(turn * np.deg2rad(OFF_DEG), shift * 1e-3 * OFF_MM)
        out.append(dataclasses.replace(view, camera=view.camera.at(view.camera.T_world_camera @ off)))
    return out


def off_px(views, cameras, mesh):
    """Distance of the surface's projections from the true ones, root mean square over cameras, best common motion."""
    from scipy.optimize import least_squares

    p = mesh.vertices[::37]

    def residual(x):
        moved = transform(from_rotvec(x[:3], x[3:]), p - p.mean(0)) + p.mean(0)
        return np.concatenate([(cameras[v.camera.name].project(moved) - v.camera.project(p)).ravel() for v in views])

    return float(np.sqrt(2 * (least_squares(residual, np.zeros(6)).fun ** 2).mean()))


def given(views):
    """Their cameras by name."""
    return {view.camera.name: view.camera for view in views}


def test_disturbed_cameras_come_back_whatever_their_exposure(scene):
    mesh, views = scene
    off = disturbed(views)
    dim = np.random.default_rng(2).uniform(0.75, 1.15, len(off))
    off = [
        dataclasses.replace(v, image=np.clip(np.rint(g * v.image), 0, 255).astype(np.uint8)) for v, g in zip(off, dim)
    ]
    polish = polish_cameras([(mesh, off)], CONFIG)
    assert polish.kept
    assert polish.after < 0.8 * polish.before
    before, after = (off_px(views, cameras, mesh) for cameras in (given(off), polish.cameras))
    assert before > 0.5
    assert after < 0.35 * before  # 0.17 of it with equal exposures; the pattern's pictures have steps of one level
    assert set(polish.moved_mm) == set(polish.cameras) == {f"c{n}/color" for n in range(6)}
    assert all(0 < moved < 8 for moved in polish.moved_mm.values())


def test_cameras_without_error_are_left_alone(scene):
    mesh, views = scene
    polish = polish_cameras([(mesh, views)], CONFIG)
    if polish.kept:
        assert off_px(views, polish.cameras, mesh) < 0.1
    else:
        assert polish.cameras["c0/color"] is views[0].camera
        assert "agree no better" in polish.reason


def test_without_texture_or_company_nothing_is_kept_and_it_says_why(scene):
    mesh, views = scene
    plain = [dataclasses.replace(v, image=np.full_like(v.image, 90)) for v in disturbed(views)]
    polish = polish_cameras([(mesh, plain)], CONFIG)
    assert not polish.kept
    assert polish.cameras["c3/color"] is plain[3].camera
    white = [dataclasses.replace(v, image=np.full_like(v.image, 255)) for v in views]
    assert not polish_cameras([(mesh, white)], CONFIG).kept
    broken = TriangleMesh(vertices=np.full_like(mesh.vertices, np.nan), faces=mesh.faces)
    assert not polish_cameras([(broken, plain)], CONFIG).kept
    for alone in ([], [(mesh, [])], [(mesh, views[:1])], [(mesh, [views[0], views[3]])]):
        polish = polish_cameras(alone, CONFIG)
        assert not polish.kept
        assert "share" in polish.reason or "too few" in polish.reason
        assert set(polish.cameras) == {v.camera.name for _, some in alone for v in some}


def test_points_are_seen_where_nothing_hides_them(scene):
    mesh, views = scene
    samples = sampled([(mesh, views)], CONFIG)
    center = mesh.vertices.mean(0)
    outward = (samples.points - center) / np.linalg.norm(samples.points - center, axis=-1, keepdims=True)
    point = np.repeat(np.arange(len(samples.points)), np.diff(samples.start))
    for number, view in enumerate(views):
        ray = samples.points - view.camera.center
        cosine = -(ray * outward).sum(-1) / np.linalg.norm(ray, axis=-1)
        seen = np.isin(np.arange(len(samples.points)), point[samples.picture == number])
        assert cosine[seen].min() > CONFIG.min_cosine - 0.05  # faces are flat, 5 degrees of the ball
        assert seen[cosine > 0.5].mean() > 0.97
    assert (np.diff(samples.start) >= 2).all()


def test_equations_are_those_of_the_plain_formula():
    """The kernel against numpy: means with robust weights, derivatives by differences."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:40, :48]
    pictures = [
        Picture(camera=c, grey=(120 + 60 * np.sin(x / 7 + c) * np.cos(y / 9)).astype(np.uint8), left=3 * c, top=2)
        for c in range(3)
    ]
    cameras = [_small_camera(c) for c in range(3)]
    points = rng.uniform(-0.1, 0.1, (6, 3))
    start = np.array([0, 3, 5, 8, 10, 13, 16])
    picture = np.array([0, 1, 2, 0, 2, 0, 1, 2, 1, 2, 0, 1, 2, 0, 1, 2])
    samples = Samples(
        points=points,
        instant=np.zeros(6, int),
        start=start,
        picture=picture,
        weight=rng.uniform(0.3, 1, 16),
        pictures=pictures,
        cameras=cameras,
    )
    agreement = Agreement(samples, points.mean(0), 2.0)
    values = rng.normal(size=(3, PARAMETERS)) * 1e-3
    scale = 8.0
    tone = values[:, 6:] + (1.0, 0.0)
    H, g, residual = agreement.equations(_moved(cameras, points, values), tone, scale)

    def greys(values):
        """Grey of each sighting after gain and offset."""
        import cv2

        out = np.empty(16)
        Ts = _moved(cameras, points, values)
        for i in range(6):
            for s in range(start[i], start[i + 1]):
                shown = pictures[picture[s]]
                camera = cameras[shown.camera]
                p = transform(Ts[shown.camera], points[i])
                u, v = camera.project_camera(p) - (shown.left, shown.top)
                image = cv2.GaussianBlur(shown.grey.astype(np.float32), (0, 0), 2.0)
                c, r = int(u), int(v)
                block, fu, fv = image[r : r + 2, c : c + 2].astype(float), u - c, v - r
                grey = np.array([1 - fv, fv]) @ block @ np.array([1 - fu, fu])
                out[s] = (1 + values[shown.camera, 6]) * grey + GREY * values[shown.camera, 7]
        return out

    at = greys(values)
    point = np.repeat(np.arange(6), np.diff(start))
    mean = np.bincount(point, samples.weight * at) / np.bincount(point, samples.weight)
    w = samples.weight / (1 + ((at - mean[point]) / scale) ** 2) ** 2
    mean = np.bincount(point, w * at) / np.bincount(point, w)
    np.testing.assert_allclose(residual, at - mean[point], atol=2e-4)  # pictures are float32
    J = np.zeros((16, 3 * PARAMETERS))
    for k in range(3 * PARAMETERS):
        step = np.zeros(3 * PARAMETERS)
        step[k] = 1e-6
        J[:, k] = (greys(values + step.reshape(3, -1)) - greys(values - step.reshape(3, -1))) / 2e-6
    centered = J - np.stack([np.bincount(point, w * column) / np.bincount(point, w) for column in J.T], -1)[point]
    # the lens's own slope is left out of the derivatives: none here, so that they must agree
    np.testing.assert_allclose(H, centered.T @ (w[:, None] * centered), rtol=2e-2, atol=1e-3 * np.abs(H).max())
    np.testing.assert_allclose(g, J.T @ (w * residual), rtol=2e-2, atol=1e-3 * np.abs(g).max())


def _small_camera(number):
    from geometry.camera import Camera
    from geometry.rigid import look_at

    angle = 0.4 * number
    place = look_at(np.array([2 * np.cos(angle), 2 * np.sin(angle), 0.3]), np.zeros(3))
    K = np.array([[110.0, 0, 24 + 3 * number], [0, 112.0, 22], [0, 0, 1]])
    return Camera(name=f"s{number}", K=K, width=80, height=60, T_world_camera=place)


def _moved(cameras, points, values):
    middle = points.mean(0)
    about, back = from_rotvec(np.zeros(3), middle), from_rotvec(np.zeros(3), -middle)
    return np.stack([c.T_camera_world @ about @ from_rotvec(v[:3], v[3:6]) @ back for c, v in zip(cameras, values)])
