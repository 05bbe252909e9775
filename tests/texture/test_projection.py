"""Which camera sees which texel, and with which colour: against plain numpy and against painted scenes."""

import numpy as np
import pytest

from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from texture.layout.atlas import Atlas
from texture.painting import projection
from texture.painting.projection import Blending, ColorView


def blend(mesh, views, size=128, on=None):
    atlas = Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, size)
    texels = atlas.place(mesh.vertices)
    blending = Blending(on or mesh, texels)
    for view in views:
        blending.add(view)
    return atlas, texels, blending.result()


def uv_of(atlas, mesh):
    return np.einsum("nk,nkc->nc", atlas.bary, mesh.uv[mesh.uv_faces[atlas.face]])


def off_seam(uv):
    """Where a picture's pixel does not mix the two ends of u (150 levels apart): 0.04 is 8 pixels."""
    return (np.abs(uv[:, 0] - 0.5) < 0.41) & (np.abs(uv[:, 1] - 0.5) < 0.4)


def numpy_view(texels, mesh, view):
    """`projection._add_view` of one camera, written for reading."""
    camera = view.camera
    p = texels.positions.astype(np.float64)
    to_camera = camera.center - p
    distance = np.linalg.norm(to_camera, axis=-1)
    cosine = (texels.normals * to_camera).sum(-1) / distance
    z = (p - camera.center) @ camera.T_world_camera[:3, 2]
    q = camera.project(p)
    inside = (q >= 0).all(-1) & (q[:, 0] <= camera.width - 1) & (q[:, 1] <= camera.height - 1)
    column, row = (np.where(inside, q[:, k], 0).round().astype(int) for k in (0, 1))
    surface = rasterize_camera(mesh, camera).depth
    margin_px = projection.edge_px(camera, mesh.vertices.mean(0))
    front = projection.occluders(surface, view.depth_m, margin_px)
    slack = 1 / np.maximum(cosine, projection.STEEP)
    seen = inside & (cosine >= projection.MIN_COSINE)
    with np.errstate(invalid="ignore"):
        seen &= z <= surface[row, column] + projection.HIDDEN_M * slack
        seen &= z <= front[row, column] + projection.IN_FRONT_M * slack
        if view.depth_m is not None:
            seen &= ~(view.depth_m[row, column] > z + projection.BEHIND_M * slack)
    if view.mask is not None:
        mask = projection.eroded(view.mask, margin_px) if view.depth_m is None else view.mask
        seen &= mask[row, column]
    weight = np.where(seen, cosine**4 / z**2, 0)
    q = np.where(seen[:, None], q, 0)
    left, top = np.minimum(q.astype(int), [camera.width - 2, camera.height - 2]).T
    fu, fv = (q - np.stack([left, top], -1)).T[..., None]
    image = view.image.astype(np.float64)
    upper = image[top, left] * (1 - fu) + image[top, left + 1] * fu
    lower = image[top + 1, left] * (1 - fu) + image[top + 1, left + 1] * fu
    return np.where(seen[:, None], upper * (1 - fv) + lower * fv, 0), weight


def test_kernel_equals_plain_numpy(painted):
    rng = np.random.default_rng(0)
    mesh = painted.globe()
    both = TriangleMesh(  # a small ball hides a part of the large one
        vertices=np.concatenate([mesh.vertices, (mesh.vertices - (0, 0, 1)) * 0.3 + (0.5, 0.1, 1.05)]),
        faces=np.concatenate([mesh.faces, mesh.faces + len(mesh.vertices)]),
    )
    view = painted.camera(0.3)
    image = rng.integers(0, 256, (view.height, view.width, 3)).astype(np.uint8)
    depth = rasterize_camera(both, view).depth + rng.normal(0, 0.05, image.shape[:2]).astype(np.float32)
    depth[rng.random(depth.shape) < 0.1] = np.nan
    mask = np.ones(depth.shape, bool)
    mask[100:140, 120:200] = False
    for measured, person in ((None, None), (depth, None), (depth, mask), (None, mask)):
        one = ColorView(camera=view, image=image, depth_m=measured, mask=person)
        _, texels, result = blend(mesh, [one], on=both)
        colors, weight = numpy_view(texels, both, one)
        agree = (weight > 0) == (result.weight > 0)
        assert agree.mean() > 0.9995  # float32 positions decide ties of rounding differently
        np.testing.assert_allclose(result.weight[agree], weight[agree], rtol=1e-4)
        np.testing.assert_allclose(result.colors[agree], colors[agree], atol=0.05)  # 1e-4 px times 255 levels
        assert 0.05 < (weight > 0).mean() < 0.6


def test_views_from_all_sides_give_the_paint_back(painted):
    mesh = painted.globe()
    views = [
        ColorView(camera=c, image=painted.picture(mesh, c)[0], depth_m=painted.picture(mesh, c)[1])
        for c in (painted.camera(a, height=h) for a, h in zip(np.arange(6) * np.pi / 3, (0.4, 1.6, 1.0) * 2))
    ]
    atlas, _, result = blend(mesh, views)
    seen = result.weight > 0
    assert seen.mean() > 0.95
    uv = uv_of(atlas, mesh)
    error = np.abs(result.colors - painted.paint(uv))[seen & off_seam(uv)]
    # one pixel is 4 mm of surface, 0.002 of u: 0.3 to 1.2 levels; the picture's rounding adds 0.5
    assert np.median(error) < 0.6
    assert np.percentile(error, 99) < 4  # silhouettes mix with the background, at low weight


def test_one_facing_camera_weighs_one_over_distance_squared(painted):
    mesh = painted.globe()
    view = painted.camera(0.0, height=1.0)
    _, texels, result = blend(mesh, [ColorView(camera=view, image=painted.picture(mesh, view)[0])])
    nearest = np.argmin(np.linalg.norm(texels.positions - view.center, axis=-1))
    assert result.weight[nearest] == pytest.approx(1 / 1.3**2, rel=0.01)
    behind = texels.normals @ (view.center - (0, 0, 1)) < 0
    assert not result.weight[behind].any()


@pytest.mark.parametrize("known_by", ["mesh", "depth", "mask"])
def test_what_stands_in_front_is_not_painted_on(painted, known_by):
    """A ball before the globe: it may be in the mesh, only in the measured depth, or only left out of the mask."""
    mesh, view = painted.globe(), painted.camera(np.pi, height=1.0)  # opposite to the seam
    ball = painted.globe(radius=0.08, center=(-0.6, 0.0, 1.0))
    both = TriangleMesh(
        vertices=np.concatenate([mesh.vertices, ball.vertices]),
        faces=np.concatenate([mesh.faces, ball.faces + len(mesh.vertices)]),
        uv=np.concatenate([mesh.uv, ball.uv]),
        uv_faces=np.concatenate([mesh.uv_faces, ball.uv_faces + len(mesh.uv)]),
    )
    image, depth = painted.picture(mesh, view)
    _, depth_both = painted.picture(both, view)
    before = depth_both < depth - 0.01
    clean = image.copy()
    image[before] = (255, 0, 255)
    one = ColorView(
        camera=view,
        image=image,
        depth_m=depth_both if known_by == "depth" else None,
        mask=~before if known_by == "mask" else None,
    )
    _, _, result = blend(mesh, [one], on=both if known_by == "mesh" else mesh)
    _, _, naive = blend(mesh, [ColorView(camera=view, image=image)])
    _, _, free = blend(mesh, [ColorView(camera=view, image=clean)])

    def wrong(b):
        return ((np.abs(b.colors - free.colors).max(-1) > 20) & (b.weight > 0)).sum()

    assert wrong(naive) > 200  # the ghost is there without the test
    assert wrong(result) == 0
    assert 0.8 * (free.weight > 0).sum() < wrong(naive) + (result.weight > 0).sum() < (free.weight > 0).sum()


def test_a_mesh_larger_than_the_person_takes_no_background(painted):
    person, view = painted.globe(radius=0.25), painted.camera(0.0, height=1.0)
    image, depth = painted.picture(person, view)
    depth = np.where(np.isnan(depth), np.float32(3.0), depth)  # a wall
    mesh = painted.globe(radius=0.3)
    _, _, plain = blend(mesh, [ColorView(camera=view, image=image)])
    _, _, tested = blend(mesh, [ColorView(camera=view, image=image, depth_m=depth)])
    dark = lambda b: ((b.weight > 0) & (b.colors.max(-1) < 40)).sum()  # noqa: E731
    assert dark(plain) > 100
    assert dark(tested) < 0.1 * dark(plain)


def test_an_image_of_another_size_is_refused(painted):
    mesh, view = painted.globe(), painted.camera(0.0)
    with pytest.raises(GeometryError, match="320x240"):
        blend(mesh, [ColorView(camera=view, image=np.zeros((10, 10, 3), np.uint8))])
