"""Painting one instant: the fast loops against plain numpy, and the switches of the tests."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from texture.errors import TextureError
from texture.layout.atlas import Atlas
from texture.painting import kernels
from texture.painting.config import PaintConfig
from texture.painting.painting import paint, projected
from texture.painting.patches import surface_patches
from texture.painting.person_window import eroded, margin_of, nearest_within
from texture.painting.views import ColorView

CONFIG = PaintConfig(enlarge=1)


def atlas_of(mesh, size=128):
    return Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, size)


def numpy_breaks(mesh, patches, face):
    """Pixels beside which another surface, or none, is seen: `patches.mark_breaks`."""
    label = lambda f: np.where(f[..., None] >= 0, patches.of_vertex[mesh.faces[f]], -1)  # noqa: E731
    breaks = np.zeros(face.shape, bool)
    height, width = face.shape
    for down, right in ((0, 1), (1, 1), (1, 0), (1, -1)):
        here = np.s_[: height - down, max(-right, 0) : width - max(right, 0)]
        there = np.s_[down:, max(right, 0) : width - max(-right, 0)]
        f, g = face[here], face[there]
        together = patches.touch[label(f)[..., :, None], label(g)[..., None, :]].any((-1, -2)) & (f >= 0) & (g >= 0)
        broken = (f != g) & ~together
        breaks[here] |= broken
        breaks[there] |= broken
    return breaks


def numpy_view(mesh, atlas, view, config):
    """Colour and weight of each texel from one camera: every texel tested by itself, in the whole image.

    The measured depth must be far enough off the mesh for the widest tolerances.
    """
    camera = view.camera
    q, z, cosine = projected(mesh.vertices, mesh.vertex_normals(), camera)
    corners = atlas.faces[atlas.face]
    lost = np.isnan(z[corners]).any(-1)
    mean = lambda values: (atlas.bary * np.nan_to_num(values)[corners]).sum(-1)  # noqa: E731
    zt, cosine = mean(z), mean(cosine)
    zt = np.where(lost, 1.0, zt)
    u, v = mean(z * q[:, 0]) / zt, mean(z * q[:, 1]) / zt
    height, width = view.image.shape[:2]
    seen = ~lost & (cosine >= config.min_cosine) & (u >= 0) & (v >= 0) & (u <= width - 1) & (v <= height - 1)
    u, v = np.where(seen, u, 0), np.where(seen, v, 0)
    row, column = (v + 0.5).astype(int), (u + 0.5).astype(int)
    raster = rasterize_camera(mesh, camera)
    surface = raster.depth if config.mesh_test else np.full((height, width), np.inf, np.float32)
    breaks = numpy_breaks(mesh, surface_patches(mesh.vertices, mesh.faces), raster.face)
    margin = margin_of(camera, float(np.linalg.norm(camera.center - mesh.vertices.mean(0))), config)
    measured = view.depth_m if config.depth_test else None
    front = nearest_within(surface, measured, margin)
    slack = 1 / np.maximum(cosine, kernels.STEEP)
    with np.errstate(invalid="ignore"):
        seen &= zt <= surface[row, column] + config.hidden_m * slack
        seen &= zt <= front[row, column] + config.in_front_m[1] * slack
        if measured is not None:
            around = cv2.dilate(np.nan_to_num(measured, nan=-np.inf), np.ones((3, 3), np.uint8))
            seen &= zt >= around[row, column] - config.behind_m[1] * slack
    if config.mesh_test and config.rim_test:
        seen &= ~breaks[row, column]
    if config.mask_test and view.mask is not None:
        seen &= (eroded(view.mask, margin) if measured is None else view.mask)[row, column]
    left, top = np.minimum(u.astype(int), width - 2), np.minimum(v.astype(int), height - 2)
    fu, fv = (u - left)[:, None], (v - top)[:, None]
    image = view.image.astype(np.float64)
    over = image[top, left] * (1 - fu) + image[top, left + 1] * fu
    under = image[top + 1, left] * (1 - fu) + image[top + 1, left + 1] * fu
    color = over * (1 - fv) + under * fv
    weight = cosine**4 / zt**2 * np.where(color.max(-1) > 252, config.clipped, 1)
    return color, np.where(seen, weight, 0)


def numpy_paint(mesh, atlas, views, config):
    """Colours, weight, source, count and spread from `numpy_view` of each camera."""
    colors, weights = (np.stack(x) for x in zip(*(numpy_view(mesh, atlas, view, config) for view in views)))
    total = weights.sum(0)
    safe = np.maximum(total, 1e-12)
    mean = (weights[..., None] * colors).sum(0) / safe[:, None]
    spread = np.sqrt((weights * ((colors - mean) ** 2).sum(-1)).sum(0) / (3 * safe))
    views_of = (weights > 0).sum(0)
    source = np.where(total > 0, weights.argmax(0) + 1, 0)
    return mean, total, source, views_of, np.where(views_of > 1, spread, 0)


def two_balls(painted):
    """The globe and a small ball that hides a part of it."""
    mesh = painted.globe()
    return TriangleMesh(
        vertices=np.concatenate([mesh.vertices, (mesh.vertices - (0, 0, 1)) * 0.3 + (0.5, 0.1, 1.05)]),
        faces=np.concatenate([mesh.faces, mesh.faces + len(mesh.vertices)]),
        uv=np.concatenate([mesh.uv * (0.5, 1), mesh.uv * (0.5, 1) + (0.5, 0)]),
        uv_faces=np.concatenate([mesh.uv_faces, mesh.uv_faces + len(mesh.uv)]),
    )


def noisy_views(painted, mesh, angles, rng):
    views = []
    for angle in angles:
        camera = painted.camera(angle)
        image = rng.integers(0, 256, (camera.height, camera.width, 3)).astype(np.uint8)
        depth = rasterize_camera(mesh, camera).depth + rng.normal(0, 0.05, image.shape[:2]).astype(np.float32)
        depth[rng.random(depth.shape) < 0.1] = np.nan
        mask = np.ones(depth.shape, bool)
        mask[100:140, 120:200] = False
        views.append(ColorView(camera=camera, image=image, depth_m=depth, mask=mask))
    return views


@pytest.mark.parametrize(
    "change", [{}, {"depth_test": False}, {"mesh_test": False}, {"mask_test": False}, {"rim_test": False}]
)
def test_the_fast_loops_equal_plain_numpy(painted, change):
    rng = np.random.default_rng(0)
    mesh = two_balls(painted)
    atlas, config = atlas_of(mesh), replace(CONFIG, **change)
    views = noisy_views(painted, mesh, (0.3, 2.5), rng)
    blend = paint(mesh, atlas, views, config)
    assert blend.source is not None
    assert blend.views is not None
    assert blend.spread is not None
    colors, weight, source, count, spread = numpy_paint(mesh, atlas, views, config)
    same = (blend.views == count) & (np.abs(blend.weight - weight) < 1e-3 * np.maximum(weight, 1e-3))
    assert same.mean() > 0.997  # float32 pixels and depths round to the other side of a test now and then
    assert 0.05 < (weight > 0).mean() < 0.95
    assert np.abs(blend.colors[same] - colors[same]).max() < 0.2  # noise of 256 levels times 1e-3 pixel
    assert np.abs(blend.spread[same] - spread[same]).max() < 0.2
    assert (blend.source[same] == source[same]).mean() > 0.999


def test_a_view_alone_is_the_same_from_any_place_in_the_list(painted):
    rng = np.random.default_rng(1)
    mesh = two_balls(painted)
    atlas = atlas_of(mesh, 64)
    one, two = noisy_views(painted, mesh, (0.3, 2.5), rng)
    both, alone = paint(mesh, atlas, [one, two], CONFIG), paint(mesh, atlas, [two], CONFIG)
    assert both.source is not None
    assert both.views is not None
    assert alone.source is not None
    only = (both.source == 2) & (both.views == 1)
    assert only.sum() > 100
    np.testing.assert_array_equal(both.colors[only], alone.colors[only])
    assert alone.source.max() == 1


def test_no_view_paints_nothing(painted):
    mesh = painted.globe()
    blend = paint(mesh, atlas_of(mesh, 64), [])
    assert not blend.weight.any()
    assert blend.source is not None
    assert not blend.source.any()


def test_a_camera_that_looks_away_or_into_the_mesh_paints_nothing(painted):
    mesh = painted.globe()
    camera = painted.camera(0.0)
    image = np.full((camera.height, camera.width, 3), 100, np.uint8)
    turned = camera.T_world_camera.copy()
    turned[:3, :3] = turned[:3, :3] @ np.diag([-1.0, 1.0, -1.0])
    inside = camera.T_world_camera.copy()
    inside[:3, 3] = (0, 0, 1)
    for place in (turned, inside):
        assert not paint(mesh, atlas_of(mesh, 64), [ColorView(camera=camera.at(place), image=image)]).weight.any()


def test_wrong_input_is_refused(painted):
    mesh, camera = painted.globe(), painted.camera(0.0)
    atlas = atlas_of(mesh, 64)
    with pytest.raises(GeometryError, match="320x240"):
        paint(mesh, atlas, [ColorView(camera=camera, image=np.zeros((10, 10, 3), np.uint8))])
    with pytest.raises(TextureError, match="segment"):
        paint(two_balls(painted), atlas, [])
    view = ColorView(camera=camera, image=np.zeros((240, 320, 3), np.uint8))
    with pytest.raises(TextureError, match="65 colour cameras"):
        paint(mesh, atlas, [view] * 65)
    broken = replace(mesh, vertices=np.where(np.arange(len(mesh.vertices))[:, None] == 5, np.nan, mesh.vertices))
    with pytest.raises(TextureError, match="1 of 1200 vertices"):
        paint(broken, atlas, [view])
