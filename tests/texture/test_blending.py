"""Textures of a sequence from the blends of single instants, and what fills their holes."""

import numpy as np
import pytest

from texture.blending.body_memory import BodyMemory, carried, lent, only
from texture.blending.inpainting import between_charts, fill_holes
from texture.blending.sequence import OUTLIER_LEVELS, UNIT_WEIGHT, robust_mean, sequence_texture
from texture.blending.surface_fill import filled, spread_over
from texture.errors import TextureError
from texture.layout.atlas import Atlas
from texture.painting.blend import Blend


@pytest.fixture
def atlas(painted):
    mesh = painted.globe()
    return Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, 64)


def constant(atlas, color, weight=1.0, source=1):
    count = len(atlas)
    return Blend(
        colors=np.tile(np.float32(color), (count, 1)),
        weight=np.full(count, weight, np.float32),
        source=np.full(count, source, np.uint8),
    )


def test_a_sequence_believes_the_majority(atlas):
    blends = [constant(atlas, (100, 150, 50)) for _ in range(6)] + [constant(atlas, (250, 20, 220))]
    texture = sequence_texture(blends)
    assert texture.seen == 1
    # Cauchy weight of the outlier, 140 levels off: 1 / (1 + 49) of one in seven
    np.testing.assert_allclose(texture.colors, [[100, 150, 50]] * len(atlas), atol=2)


def test_better_seen_colours_count_more_and_give_the_source(atlas):
    texture = sequence_texture(
        [constant(atlas, (100, 100, 100), 3.0, source=2), constant(atlas, (108, 100, 100), 1.0, source=5)]
    )
    assert np.unique(texture.colors[:, 0]).tolist() == [102]
    assert np.unique(texture.source).tolist() == [2]


def test_the_robust_mean_is_that_of_numpy():
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 256, (7, 300, 3)).astype(np.uint8)
    weights = np.where(rng.random((7, 300)) < 0.3, 0, rng.random((7, 300))).astype(np.float32)
    trusted, mean = weights, np.zeros((300, 3))
    for _ in range(5):
        mean = (trusted[..., None] * colors).sum(0) / np.maximum(trusted.sum(0), 1e-12)[:, None]
        trusted = weights / (1 + np.square(colors - mean).sum(-1) / (3 * OUTLIER_LEVELS**2))
    sources = rng.integers(1, 9, (7, 300)).astype(np.uint8)
    found, best = robust_mean(colors, weights, sources, 4)
    # float32 against float64 where a value lies between two levels
    assert np.abs(found - np.rint(mean)).max() <= 1
    most = np.take_along_axis(sources, weights.argmax(0)[None], 0)[0]
    np.testing.assert_array_equal(best, np.where(weights.any(0), most, 0))


def test_confidence_is_zero_where_unseen_and_known_where_seen(atlas):
    blend = constant(atlas, (9, 99, 199), UNIT_WEIGHT)
    blend.weight[::2] = 0
    texture = sequence_texture([blend, blend])
    flat = texture.confidence()
    assert set(flat[::2]) == {0}
    assert set(flat[1::2]) == {161}  # 255 (1 - 1/e)
    assert texture.seen == pytest.approx(0.5, abs=1e-3)


def test_a_sequence_that_nobody_saw_says_so(atlas):
    with pytest.raises(TextureError, match="no camera sees"):
        sequence_texture([constant(atlas, (0, 0, 0), 0.0)])
    with pytest.raises(TextureError, match="no instant"):
        sequence_texture([])


def test_holes_are_filled_over_the_surface_and_no_chart_border_shows(painted):
    mesh = painted.globe()
    atlas = Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, 128)
    places = atlas.place(mesh.vertices).positions
    seen = ~((places[:, 0] > 0.05) & (np.abs(places[:, 1]) < 0.2))  # the seam of the globe runs through the hole
    assert not (places[~seen, 2] < 0.8).all()
    colors = np.where(seen[:, None], np.rint(100 + 200 * (places[:, [2]] - 1)), 0) * np.ones(3)
    whole = filled(atlas, colors.astype(np.uint8), seen.astype(np.float32))
    np.testing.assert_allclose(whole[seen], colors[seen], atol=1)
    # height is nearly harmonic on a belt of the globe: 1.2 levels a centimetre of height, 20 cm of hole
    right = 100 + 200 * (places[:, 2] - 1)
    assert np.abs(whole[:, 0] - right)[~seen].mean() < 6
    u = atlas.flat % 128
    at = {}
    for side, edge in (("left", u.min() + 4), ("right", u.max() - 4)):
        here = (u == edge) & ~seen
        at[side] = [np.median(whole[here & (np.abs(places[:, 2] - z) < 0.02), 0]) for z in (0.9, 1.0, 1.1)]
    np.testing.assert_allclose(at["left"], at["right"], atol=2)


def test_a_part_of_the_mesh_without_colour_takes_the_mean():
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    values = np.zeros((6, 3), np.float32)
    values[0], values[1] = 10, 30
    known = np.array([True, True, False, False, False, False])
    np.testing.assert_allclose(spread_over(faces, values, known)[:, 0], [10, 30, 20, 20, 20, 20])


def test_the_body_remembers_what_another_surface_showed(painted):
    body, surface = painted.globe(rows=12, columns=24), painted.globe(radius=0.32)
    atlas = Atlas.of(body.faces, body.uv, body.uv_faces, 64)
    moved, near = carried(atlas, body, surface)
    assert near.all()
    assert np.ptp(np.linalg.norm(moved.place(surface.vertices).positions - (0, 0, 1), axis=1)) < 0.01
    height = moved.place(surface.vertices).positions[:, 2]
    blend = Blend(colors=np.repeat(100 * height[:, None], 3, 1), weight=np.ones(len(atlas), np.float32))
    memory = BodyMemory.of(atlas, sequence_texture([only(blend, height > 0.9)]))
    points = surface.vertices + 0.01 * surface.vertex_normals()
    found, known = memory.borrowed(body, points, surface.vertex_normals())
    sure = known & (points[:, 2] > 0.95)
    assert sure.sum() > 0.4 * len(points)
    assert not known[points[:, 2] < 0.8].any()
    # a texel of the memory is 3 cm high on this globe: 3 levels
    np.testing.assert_allclose(found[sure, 0], 100 * points[sure, 2], atol=5)
    large = Atlas.of(surface.faces, surface.uv, surface.uv_faces, 128)
    height = large.place(surface.vertices).positions[:, 2]
    missing = (height > 0.95) & (height < 1.25)  # faces at the pole have no normal
    found, known = lent(memory, body, surface, large, missing)
    assert known.mean() > 0.95
    # and a block of four texels is 6 cm high here
    np.testing.assert_allclose(found[known, 0], 100 * height[missing][known], atol=12)
    assert np.abs(found[known, 0] - 100 * height[missing][known]).mean() < 3


def test_between_charts_is_smooth_and_charts_stay():
    rng = np.random.default_rng(0)
    covered = np.zeros((64, 64), bool)
    covered[8:24, 8:56] = True
    image = np.where(covered[..., None], rng.integers(90, 110, (64, 64, 3)), 0).astype(np.uint8)
    whole = between_charts(image, covered)
    np.testing.assert_array_equal(whole[covered], image[covered])
    assert whole[~covered].min() > 60


def test_holes_take_the_colours_around_them():
    v, u = np.mgrid[0:64, 0:64] / 63
    image = np.stack([200 * u, 200 * v, 50 + 0 * u], -1).astype(np.float32)
    known = np.ones((64, 64), bool)
    known[24:40, 20:44] = False
    filled = fill_holes(np.where(known[..., None], image, 0).astype(np.float32), known)
    np.testing.assert_array_equal(filled[known], image[known])
    # a smooth ramp comes back roughly; a hole of 24 texels spans 76 levels of the ramp
    assert np.abs(filled - image)[~known].mean() < 12
    np.testing.assert_allclose(filled[..., 2], 50, atol=1e-3)


def test_one_known_texel_colours_everything():
    known = np.zeros((37, 53), bool)  # not a power of two
    known[30, 11] = True
    image = np.where(known[..., None], np.float32([10, 20, 30]), 0).astype(np.float32)
    np.testing.assert_allclose(fill_holes(image, known), np.broadcast_to([10.0, 20, 30], (37, 53, 3)), rtol=1e-3)
    assert not fill_holes(image, np.zeros_like(known)).any()
