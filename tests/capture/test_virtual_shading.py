"""Shading of drawn figures: against rays and formulas in numpy, outlines, texture levels, compositing, infrared."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from capture.virtual.backdrop import infrared_echo
from capture.virtual.compositing import encode_srgb, over_echo, over_linear, over_srgb
from capture.virtual.figure import Figure
from capture.virtual.light import irradiance, linear_from_srgb, srgb_from_linear
from capture.virtual.paint import Paint
from capture.virtual.shading import Lighting, infrared_amplitude, shade
from geometry.camera import Camera
from geometry.face_raster.numba_rasterizer import NumbaRasterizer
from geometry.face_raster.projection import covering_window
from geometry.face_raster.vertex_normals import vertex_normals
from geometry.mesh import TriangleMesh
from geometry.rays import Hits, RayScene, ray_table
from geometry.rigid import look_at, rotate

LIGHTING = Lighting.of_room()


def ball(rings: int = 64, texture_size: int = 256, seed: int = 0) -> tuple[np.ndarray, Figure]:
    """A ball of 0.5 m radius with a smooth random texture; u goes round it, v up."""
    u, v = np.meshgrid(np.linspace(0, 1, rings + 1), np.linspace(0, 1, rings + 1))
    phi, theta = 2 * np.pi * u.ravel(), np.pi * v.ravel()
    vertices = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), -np.cos(theta)], -1)
    i = (np.arange(rings)[:, None] * (rings + 1) + np.arange(rings)).ravel()
    a, b, c, d = i, i + 1, i + rings + 2, i + rings + 1
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    noise = np.random.default_rng(seed).uniform(0, 255, (texture_size, texture_size, 3)).astype(np.float32)
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)  # type: ignore[call-overload]
    uv = np.stack([u.ravel(), v.ravel()], 1).astype(np.float32)
    return (0.5 * vertices).astype(np.float32), Figure(faces=faces, uv=uv, uv_faces=faces, texture=texture)


@pytest.fixture(scope="module")
def camera() -> Camera:
    """A lens with distortion, 2 m from the ball."""
    K = np.array([[400.0, 0, 159.3], [0, 402.0, 120.8], [0, 0, 1]])
    k = np.array([0.5, -2.5, -1e-4, -2e-4, 1.45, 0.4, -2.3, 1.4])
    pose = look_at(np.array([0.3, -1.9, 0.6]), np.zeros(3))
    return Camera(name="color", K=K, width=320, height=240, distortion=k, T_world_camera=pose)


def shaded(camera, vertices, figure, subpixels=1, **options):
    image = NumbaRasterizer().draw(camera, vertices, figure.faces, covering_window(camera, vertices), subpixels)
    normals = vertex_normals(vertices, figure.faces)
    return shade(image, camera, vertices, normals, Paint.of(figure), LIGHTING, ray_table(camera), **options)


class ByRays:
    """A textured mesh met by cast rays, in numpy: the reference."""

    def __init__(self, mesh: TriangleMesh, texture: np.ndarray) -> None:
        self.mesh, self.texture = mesh, linear_from_srgb(texture)
        self.normals, self.face_normals = mesh.vertex_normals(), mesh.face_normals()
        self.scene = RayScene.of(mesh)

    def albedo(self, hits: Hits, chosen: np.ndarray) -> np.ndarray:
        """Bilinear, wrapped at the texture's borders; row 0 has v = 1."""
        uv = interpolated(self.mesh.uv, self.mesh.uv_faces, hits, chosen)
        rows, columns = self.texture.shape[:2]
        at = np.stack([(1 - uv[:, 1]) * rows - 0.5, uv[:, 0] * columns - 0.5])
        return np.stack([map_coordinates(self.texture[..., k], at, order=1, mode="grid-wrap") for k in range(3)], -1)

    def radiance(self, hits: Hits, chosen: np.ndarray) -> np.ndarray:
        """Linear RGB light that leaves the surface."""
        normals = interpolated(self.normals, self.mesh.faces, hits, chosen)
        return self.albedo(hits, chosen) * irradiance(normals / np.linalg.norm(normals, axis=-1, keepdims=True))


def interpolated(values, faces, hits: Hits, chosen: np.ndarray) -> np.ndarray:
    """Corner values at hits."""
    corners, uv = faces[hits.face[chosen]], hits.uv[chosen]
    weights = (1 - uv[:, 0] - uv[:, 1], uv[:, 0], uv[:, 1])
    return np.sum([values[corners[:, i]] * weights[i][:, None] for i in range(3)], axis=0)


def by_rays(camera, vertices, figure, window):
    """Radiance at pixel centres by ray casting and numpy."""
    mesh = TriangleMesh(
        vertices=vertices.astype(float), faces=figure.faces, uv=figure.uv, uv_faces=figure.uv_faces,
        texture=figure.texture,
    )  # fmt: skip
    person = ByRays(mesh, figure.texture)
    hits = person.scene.cast_camera(camera, *window)
    seen = hits.face >= 0
    return seen, person.radiance(hits, seen), hits, person


def test_light_equals_that_of_cast_rays(camera):
    vertices, figure = ball()
    picture = shaded(camera, vertices, figure)
    seen, radiance, _, _ = by_rays(camera, vertices, figure, picture.window)
    both = seen & (picture.alpha > 0)
    assert both.sum() > 25_000
    assert (seen != (picture.alpha > 0)).sum() <= 4
    error = np.abs(picture.linear[seen] - radiance)
    # the reference wraps at the texture's seam where ours stops at its border: one column of texels
    assert np.percentile(error, 99) < 2e-3
    assert np.median(error) < 2e-4


def test_outlines_are_smooth_and_the_inside_is_opaque(camera):
    vertices, figure = ball()
    picture, coarse = shaded(camera, vertices, figure, 2), shaded(camera, vertices, figure, 1)
    assert set(np.unique(picture.alpha)) == {0, 0.25, 0.5, 0.75, 1}
    assert set(np.unique(coarse.alpha)) == {0, 1}
    # the area of the disc, against 8x8 samples a pixel
    fine = NumbaRasterizer().draw(camera, vertices, figure.faces, picture.window, 8).covered.mean()
    assert picture.alpha.mean() == pytest.approx(fine, rel=1e-3)
    inside = cv2.erode(coarse.alpha, np.ones((5, 5))) > 0
    # at the seam and the poles, the pixel's face may be another
    assert np.percentile(np.abs(picture.linear - coarse.linear)[inside], 99.9) < 5e-3


def test_figures_seen_from_behind_are_lit_from_their_visible_side(camera):
    vertices, figure = ball()
    flipped = replace(figure, faces=figure.faces[:, ::-1].copy(), uv_faces=figure.uv_faces[:, ::-1].copy())
    np.testing.assert_allclose(
        shaded(camera, vertices, flipped).linear, shaded(camera, vertices, figure).linear, atol=2e-3
    )


def test_light_left_scales_the_light(camera):
    vertices, figure = ball()
    full = shaded(camera, vertices, figure)
    half = shaded(camera, vertices, figure, light_left=np.full(len(vertices), 0.5, np.float32))
    np.testing.assert_allclose(half.linear, 0.5 * full.linear, atol=1e-6)
    np.testing.assert_array_equal(half.alpha, full.alpha)


def test_a_moved_image_keeps_its_texture(camera):
    """A rolling shutter's offset moves the picture, not the paint on the surface."""
    vertices, figure = ball()
    offset = np.broadcast_to(np.array([4.0, 0.0], np.float32), (len(vertices), 2))
    whole = (slice(0, 240), slice(0, 320))
    drawn = [NumbaRasterizer().draw(camera, vertices, figure.faces, whole, 2, o) for o in (None, offset)]
    normals, paint = vertex_normals(vertices, figure.faces), Paint.of(figure)
    still, moved = (
        shade(i, camera, vertices, normals, paint, LIGHTING, ray_table(camera), vertex_offset_px=o).linear
        for i, o in zip(drawn, (None, offset))
    )
    # rays are continued over four pixels in a straight line, under a strong lens
    assert np.percentile(np.abs(moved[:, 4:] - still[:, :-4]), 98) < 0.01
    assert np.percentile(np.abs(moved - still), 98) > 0.05


def test_small_texels_are_averaged_as_light(camera):
    """A fine checkerboard far away is the mean of its light, not single texels."""
    vertices, figure = ball()
    board = np.indices((1024, 1024)).sum(0) % 2 * 255
    fine = replace(figure, texture=np.repeat(board[..., None], 3, 2).astype(np.uint8))
    picture = shaded(camera, vertices, fine)
    _, _, hits, person = by_rays(camera, vertices, fine, picture.window)
    inside = cv2.erode(picture.alpha, np.ones((25, 25))) > 0
    corners, weights = figure.faces[hits.face[inside]], hits.uv[inside]
    n = person.normals[corners]
    n = n[:, 0] * (1 - weights.sum(1))[:, None] + n[:, 1] * weights[:, :1] + n[:, 2] * weights[:, 1:]
    albedo = picture.linear[inside] / irradiance(n / np.linalg.norm(n, axis=1, keepdims=True))
    assert albedo.mean() == pytest.approx(0.5, abs=0.01)
    assert albedo.std() < 0.03  # the nearest texel alone would give 0.5


def test_depth_and_infrared_echo_equal_the_formula(camera):
    vertices, figure = ball()
    factor = np.linspace(0.3, 1, len(figure.faces)).astype(np.float32)
    figure = replace(figure, infrared=factor)
    window = covering_window(camera, vertices)
    image = NumbaRasterizer().draw(camera, vertices, figure.faces, window)
    echo = infrared_amplitude(image, camera, vertices, Paint.of(figure), ray_table(camera))
    seen, _, hits, person = by_rays(camera, vertices, figure, window)
    same = seen & (hits.face == image.face)
    v = rotate(camera.T_world_camera, np.concatenate([ray_table(camera)[window], np.ones((*seen.shape, 1))], -1))[same]
    cosine = np.abs(np.einsum("nc,nc->n", person.face_normals[hits.face[same]], v)) / np.linalg.norm(v, axis=-1)
    expected = infrared_echo(person.albedo(hits, same), cosine, hits.t[same]) * factor[hits.face[same]]
    assert same.sum() > 0.99 * seen.sum()
    assert np.abs(echo.depth[same] - hits.t[same]).max() < 1e-5
    assert np.percentile(np.abs(echo.amplitude[same] - expected), 99) < 1e-3
    assert (echo.amplitude[image.face < 0] == 0).all()
    assert np.isinf(echo.depth[image.face < 0]).all()


def test_compositing_mixes_light(camera):
    vertices, figure = ball()
    picture = shaded(camera, vertices, figure, 2)
    backdrop = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)
    before = backdrop.copy()
    linear = over_linear(picture, linear_from_srgb(backdrop))
    expected = linear_from_srgb(backdrop)
    expected[picture.window] = expected[picture.window] * (1 - picture.alpha[..., None]) + picture.linear
    np.testing.assert_allclose(linear, expected, atol=1e-6)
    srgb = over_srgb(picture, backdrop)
    assert np.abs(srgb - srgb_from_linear(expected)).max() < 0.7  # rounding, and one entry of the table
    assert np.abs(encode_srgb(linear) - srgb_from_linear(expected)).max() < 0.7
    np.testing.assert_array_equal(backdrop, before)


def test_an_empty_image_is_transparent(camera):
    vertices, figure = ball()
    image = NumbaRasterizer().draw(camera, -vertices - 9, figure.faces, (slice(0, 20), slice(0, 30)), 2)
    picture = shade(image, camera, vertices, vertices, Paint.of(figure), LIGHTING, ray_table(camera))
    assert not picture.alpha.any()
    assert not picture.linear.any()


def test_an_echo_covers_what_is_behind_it_and_nothing_else(camera):
    vertices, figure = ball()
    image = NumbaRasterizer().draw(camera, vertices, figure.faces, covering_window(camera, vertices), 2)
    echo = infrared_amplitude(image, camera, vertices, Paint.of(figure), ray_table(camera))
    rng = np.random.default_rng(0)
    z, amplitude = rng.uniform(1, 3, (480, 640)).astype(np.float32), rng.random((480, 640), np.float32)
    z[::7] = np.nan  # the room has nothing there
    depth, strength = over_echo(echo, z, amplitude)
    figure_depth, figure_strength = np.full_like(z, np.inf), np.zeros_like(z)
    rows, columns = (slice(2 * part.start, 2 * part.stop) for part in echo.window)
    figure_depth[rows, columns], figure_strength[rows, columns] = echo.depth, echo.amplitude
    front = figure_depth < np.where(np.isnan(z), np.inf, z)
    assert front.sum() > 50_000
    np.testing.assert_array_equal(depth[front], figure_depth[front])
    np.testing.assert_array_equal(strength, np.where(front, figure_strength, amplitude))
    behind = ~front & np.isfinite(z)
    np.testing.assert_array_equal(depth[behind], z[behind])
