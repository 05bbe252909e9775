"""Painted scenes: the paint comes back from all sides, and nothing that stands before or behind a texel."""

import numpy as np
import pytest

from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from texture.layout.atlas import Atlas
from texture.painting.config import PaintConfig
from texture.painting.painting import paint
from texture.painting.patches import surface_patches
from texture.painting.views import ColorView


def blend(mesh, views, size=128, config=None):
    atlas = Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, size)
    return atlas, atlas.place(mesh.vertices), paint(mesh, atlas, views, config)


def uv_of(atlas, mesh):
    return np.einsum("nk,nkc->nc", atlas.bary, mesh.uv[mesh.uv_faces[atlas.face]])


def off_seam(uv):
    """Where a picture's pixel does not mix the two ends of u (150 levels apart): 0.04 is 8 pixels."""
    return (np.abs(uv[:, 0] - 0.5) < 0.41) & (np.abs(uv[:, 1] - 0.5) < 0.4)


def joined(first, second):
    """Two meshes as one, side by side in one atlas."""
    return TriangleMesh(
        vertices=np.concatenate([first.vertices, second.vertices]),
        faces=np.concatenate([first.faces, second.faces + len(first.vertices)]),
        uv=np.concatenate([first.uv * (0.5, 1), second.uv * (0.5, 1) + (0.5, 0)]),
        uv_faces=np.concatenate([first.uv_faces, second.uv_faces + len(first.uv)]),
    )


def test_views_from_all_sides_give_the_paint_back(painted):
    mesh = painted.globe()
    views = []
    for angle, height in zip(np.arange(6) * np.pi / 3, (0.4, 1.6, 1.0) * 2):
        camera = painted.camera(angle, height=height)
        image, depth = painted.picture(mesh, camera)
        views.append(ColorView(camera=camera, image=image, depth_m=depth))
    atlas, _, result = blend(mesh, views)
    seen = result.weight > 0
    assert seen.mean() > 0.75  # what faces none of the six within 73 degrees is left: 21 %
    flatter = paint(mesh, atlas, views, PaintConfig(min_cosine=0.2))
    assert (flatter.weight > 0).mean() > 0.85
    uv = uv_of(atlas, mesh)
    error = np.abs(result.colors - painted.paint(uv))[seen & off_seam(uv)]
    # one pixel is 4 mm of surface, 0.002 of u: 0.3 to 1.2 levels; the picture's rounding adds 0.5
    assert np.median(error) < 0.6
    assert np.percentile(error, 99) < 3
    plain = blend(mesh, views, config=PaintConfig(enlarge=1))[2].colors
    apart = np.abs(plain - result.colors)[seen & off_seam(uv)]
    assert np.median(apart) < 0.5  # cubic or linear: the paint is smooth


def test_one_facing_camera_weighs_one_over_distance_squared(painted):
    mesh = painted.globe()
    view = painted.camera(0.0, height=1.0)
    _, texels, result = blend(mesh, [ColorView(camera=view, image=painted.picture(mesh, view)[0])])
    nearest = np.argmin(np.linalg.norm(texels.positions - view.center, axis=-1))
    assert result.weight[nearest] == pytest.approx(1 / 1.3**2, rel=0.01)
    behind = (texels.normals * (view.center - texels.positions)).sum(-1) < 0
    assert not result.weight[behind].any()


@pytest.mark.parametrize("known_by", ["mesh", "depth", "mask"])
def test_what_stands_in_front_is_not_painted_on(painted, known_by):
    """A ball before the globe: it may be in the mesh, only in the measured depth, or only left out of the mask."""
    globe, view = painted.globe(), painted.camera(np.pi, height=1.0)  # opposite to the seam
    both = joined(globe, painted.globe(radius=0.08, center=(-0.6, 0.0, 1.0)))
    image, depth = painted.picture(globe, view)
    _, depth_both = painted.picture(both, view)
    before = depth_both < depth - 0.01
    mixed = image.copy()
    mixed[before] = (255, 0, 255)
    mesh = both if known_by == "mesh" else globe
    free = ColorView(camera=view, image=image)
    with_ball = ColorView(
        camera=view,
        image=mixed,
        depth_m=depth_both if known_by == "depth" else None,
        mask=~before if known_by == "mask" else None,
    )
    atlas, _, result = blend(mesh, [with_ball])
    of_globe = atlas.face < len(globe.faces)
    no_test = PaintConfig(mesh_test=False, depth_test=False, mask_test=False)
    clean = blend(mesh, [free], config=no_test)[2]
    naive = blend(mesh, [with_ball], config=no_test)[2]

    def wrong(b):
        return (np.abs(b.colors - clean.colors).max(-1) > 20) & (b.weight > 0) & of_globe

    assert wrong(naive).sum() > 100  # the ghost is there without the test
    assert not wrong(result).any()
    kept = (result.weight > 0) & of_globe
    alone = blend(globe, [free])[2].weight > 0
    assert kept.sum() / of_globe.sum() > 0.7 * (alone.mean() - wrong(naive).sum() / of_globe.sum())


@pytest.mark.parametrize("rim_test", [True, False])
def test_limbs_that_almost_touch_do_not_bleed_into_each_other(painted, rim_test):
    """A red ball touches a white one, nearer than the tolerance of depth: only the mesh tells them apart."""
    ball = painted.globe()
    bar = painted.globe(radius=0.05, center=(0.352, 0.0, 1.0))
    mesh, view = joined(ball, bar), painted.camera(0.9, height=1.2)
    hits = RayScene.of(mesh).cast_camera(view)
    image = np.zeros((view.height, view.width, 3), np.uint8)
    image[hits.face >= 0] = (255, 255, 255)
    image[hits.face >= len(ball.faces)] = (255, 0, 0)
    atlas, _, result = blend(mesh, [ColorView(camera=view, image=image)], 256, PaintConfig(rim_test=rim_test))
    seen, of_ball = result.weight > 0, atlas.face < len(ball.faces)
    red, white = result.colors[:, 1] < 128, result.colors[:, 1] >= 128
    wrong = (red & of_ball & seen).sum() + (white & ~of_ball & seen).sum()
    assert (seen & ~of_ball).sum() > 100
    assert bool(wrong == 0) is rim_test


def test_a_mesh_larger_than_the_person_takes_no_background(painted):
    person, view = painted.globe(radius=0.25), painted.camera(0.0, height=1.0)
    image, depth = painted.picture(person, view)
    depth = np.where(np.isnan(depth), np.float32(3.0), depth)  # a wall
    mesh = painted.globe(radius=0.3)
    _, _, plain = blend(mesh, [ColorView(camera=view, image=image)])
    _, _, tested = blend(mesh, [ColorView(camera=view, image=image, depth_m=depth)])
    dark = lambda b: ((b.weight > 0) & (b.colors.max(-1) < 40)).sum()  # noqa: E731
    assert dark(plain) > 100
    assert dark(tested) < 0.02 * dark(plain)


@pytest.mark.parametrize(("apart_m", "painted_share"), [(0.0, 0.99), (0.03, 0.6), (0.3, 0.02)])
def test_tolerances_follow_how_well_the_mesh_agrees_with_the_depth(painted, apart_m, painted_share):
    """A mesh 30 mm outside the measured person is a fitted body's, and is painted; one at 300 mm is not."""
    person, view = painted.globe(radius=0.3), painted.camera(0.0, height=1.0)
    image, depth = painted.picture(person, view)
    depth = np.where(np.isnan(depth), np.float32(3.0), depth)  # a wall
    mesh = painted.globe(radius=0.3 + apart_m)
    _, _, free = blend(mesh, [ColorView(camera=view, image=image)])
    _, _, tested = blend(mesh, [ColorView(camera=view, image=image, depth_m=depth)])
    share = (tested.weight > 0).sum() / (free.weight > 0).sum()
    assert share > painted_share if apart_m < 0.1 else share < painted_share


def test_patches_are_small_and_never_join_what_is_apart_on_the_surface(painted):
    ball = painted.globe()
    mesh = joined(ball, painted.globe(radius=0.05, center=(0.351, 0.0, 1.0)))
    patches = surface_patches(mesh.vertices, mesh.faces, 0.1)
    own, other = patches.of_vertex[: len(ball.vertices)], patches.of_vertex[len(ball.vertices) :]
    assert not patches.touch[np.ix_(np.unique(own), np.unique(other))].any()
    assert not set(own) & set(other)
    for patch in np.unique(patches.of_vertex):
        members = mesh.vertices[patches.of_vertex == patch]
        assert np.linalg.norm(members - members[0], axis=-1).max() <= 0.2 + 1e-9  # two radii
    corners = patches.of_vertex[mesh.faces]
    assert all(patches.touch[corners[:, i], corners[:, j]].all() for i in range(3) for j in range(3))
