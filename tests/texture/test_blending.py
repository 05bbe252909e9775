"""Textures of a clip and of its instants from the blends of single instants."""

import numpy as np
import pytest

from texture.blending.clip import UNIT_WEIGHT, clip_texture, instant_texture
from texture.blending.inpainting import fill_holes
from texture.errors import TextureError
from texture.layout.atlas import Atlas
from texture.painting.projection import Blend


@pytest.fixture
def atlas(painted):
    mesh = painted.globe()
    return Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, 64)


def constant(atlas, color, weight=1.0):
    return Blend(colors=np.tile(np.float32(color), (len(atlas), 1)), weight=np.full(len(atlas), weight, np.float32))


def test_a_clip_believes_the_majority(atlas):
    blends = [constant(atlas, (100, 150, 50)) for _ in range(6)] + [constant(atlas, (250, 20, 220))]
    texture = clip_texture(atlas, blends)
    assert texture.seen == 1
    # Cauchy weight of the outlier, 140 levels off: 1 / (1 + 49) of one in seven
    np.testing.assert_allclose(texture.image.reshape(-1, 3)[atlas.flat], [[100, 150, 50]] * len(atlas), atol=2)


def test_better_seen_colours_count_more(atlas):
    texture = clip_texture(atlas, [constant(atlas, (100, 100, 100), 3.0), constant(atlas, (108, 100, 100), 1.0)])
    assert np.unique(texture.image[..., 0].reshape(-1)[atlas.flat]).tolist() == [102]


def test_confidence_is_zero_where_unseen_and_known_where_seen(atlas):
    blend = constant(atlas, (9, 99, 199), UNIT_WEIGHT)
    blend.weight[::2] = 0
    texture = clip_texture(atlas, [blend, blend])
    flat = texture.confidence.reshape(-1)[atlas.flat]
    assert set(flat[::2]) == {0}
    assert set(flat[1::2]) == {161}  # 255 (1 - 1/e)
    assert texture.seen == pytest.approx(0.5, abs=1e-3)
    np.testing.assert_array_equal(texture.image, np.broadcast_to(np.uint8([9, 99, 199]), texture.image.shape))


def test_an_instant_keeps_its_own_colours_and_borrows_the_rest(atlas):
    clip = clip_texture(atlas, [constant(atlas, (10, 20, 30))])
    blend = constant(atlas, (200, 100, 90), 1.0)
    blend.weight[:50] = 0
    image = instant_texture(atlas, blend, clip).reshape(-1, 3)[atlas.flat]
    np.testing.assert_array_equal(image[:50], [[10, 20, 30]] * 50)
    np.testing.assert_allclose(image[50:], [[200, 100, 90]] * (len(atlas) - 50), atol=1)


def test_a_clip_that_nobody_saw_says_so(atlas):
    with pytest.raises(TextureError, match="no camera sees"):
        clip_texture(atlas, [constant(atlas, (0, 0, 0), 0.0)])


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
