"""The balance of cameras is found in linear light from what they share, and taken out."""

import numpy as np

from calibration.color.srgb import light_of, values_of
from texture.blending.color_transfer import CLIPPED, ColorTransfer, light, transferred
from texture.blending.drift import drift_gain, room_light
from texture.blending.exposure import LIMIT, balance_cameras
from texture.painting.blend import Blend

TEXELS = 12_000
HALF_STOP = 2**0.5
GAINS = {
    "a/color": np.array([1.15, 1.0, 0.9]) * HALF_STOP,
    "b/color": np.array([0.95, 1.1, 1.0]) / HALF_STOP,
    "c/color": np.array([1.0, 0.85, 1.2]),
}


def seen(rng, gains=GAINS, noise=3.0, spoilt=0.1):
    """Each camera sees its own part of one surface, its neighbour's too, and 10 % of it wrongly."""
    surface = rng.uniform(0.02, 0.9, (TEXELS, 3))
    views = {}
    for i, (stream, gain) in enumerate(gains.items()):
        colors = values_of(surface * gain) + rng.normal(0, noise, surface.shape)
        wrong = rng.random(TEXELS) < spoilt
        colors[wrong] = rng.uniform(0, 255, (wrong.sum(), 3))
        weight = np.zeros(TEXELS, np.float32)
        weight[i * TEXELS // 4 : (i + 2) * TEXELS // 4] = 0.3
        views[stream] = Blend(colors=np.clip(colors, 0, 255).astype(np.float32), weight=weight)
    return views


def test_gains_of_light_are_found_up_to_a_common_factor_although_some_texels_clip():
    found = balance_cameras([seen(np.random.default_rng(i)) for i in range(3)])
    corrected = np.stack([GAINS[s] * found[s] for s in GAINS])
    # the median of 1,500 ratios, of light that 3 levels of noise change by 10 %, is good to 0.3 %; the prior pulls 2 %
    # of each step of 70 %
    assert np.ptp(np.log(corrected), axis=0).max() < 0.03
    np.testing.assert_allclose(np.log(np.stack(list(found.values()))).mean(0), 0, atol=1e-9)


def test_what_the_calibration_corrected_is_not_corrected_again():
    transfers = {stream: ColorTransfer.of(gain=1 / gain) for stream, gain in GAINS.items()}
    found = balance_cameras([seen(np.random.default_rng(0), spoilt=0)], transfers)
    np.testing.assert_allclose(list(found.values()), 1, atol=0.02)


def test_a_camera_without_shared_texels_keeps_its_colours():
    views = seen(np.random.default_rng(0))
    alone = Blend(colors=views["a/color"].colors, weight=np.zeros(TEXELS, np.float32))
    found = balance_cameras([{**views, "d/color": alone}])
    assert np.abs(np.log(found["d/color"])).max() < 0.15  # only the common factor that makes the mean 1
    assert balance_cameras([]) == {}
    np.testing.assert_array_equal(balance_cameras([{"a/color": views["a/color"]}])["a/color"], np.ones(3))


def test_no_camera_is_changed_beyond_the_limit():
    dark = {"a/color": np.full(3, 1.0), "b/color": np.full(3, 0.04)}
    found = balance_cameras([seen(np.random.default_rng(0), dark, noise=0.1, spoilt=0)])
    assert np.stack(list(found.values())).max() <= LIMIT + 1e-9


def test_a_transfer_multiplies_light_and_leaves_what_is_clipped():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    gain = np.array([1.5, 1.0, 0.5])
    expected = np.where(image >= CLIPPED, 255, values_of(light_of(image) * gain))
    # the product's table of light is in float32
    np.testing.assert_allclose(transferred(image, ColorTransfer.of(gain=gain)), expected, atol=1)
    mixing = np.eye(3) + 0.05 * np.random.default_rng(1).normal(size=(3, 3))
    expected = np.where(image >= CLIPPED, 255, values_of(light_of(image) @ mixing.T))
    assert np.abs(transferred(image, ColorTransfer.of(mixing)).astype(int) - expected).max() <= 1
    assert transferred(image, ColorTransfer.of()) is image


def test_light_between_whole_levels_is_between_theirs():
    np.testing.assert_allclose(
        light(np.arange(256, dtype=np.float32)), light_of(np.arange(256, dtype=np.uint8)), rtol=1e-5
    )
    low, high = light_of(np.array([100, 101], np.uint8))
    assert low < light(np.array([100.5], np.float32))[0] < high


def test_gain_after_correction():
    correction, gain = np.array([[1, 0.1, 0], [0, 1, 0], [0.2, 0, 1.0]]), np.array([2.0, 1, 1])
    np.testing.assert_allclose(ColorTransfer.of(correction, gain).matrix, np.diag(gain) @ correction)
    assert ColorTransfer.of(np.diag(gain)).is_diagonal
    assert not ColorTransfer.of(correction).is_diagonal


def test_drift_is_told_by_the_room_alone():
    rng = np.random.default_rng(0)
    room = rng.uniform(0.03, 0.6, (120, 160, 3))
    somebody = np.zeros((120, 160), bool)
    somebody[30:110, 60:100] = True
    first = values_of(room)
    moved = np.where(somebody[..., None], rng.uniform(0, 1, room.shape), room)
    gain = np.array([0.8, 0.9, 1.1])
    reference, now = room_light(first, somebody), room_light(values_of(moved * gain), somebody)
    # 400 pixels, each rounded to a level of some 100
    np.testing.assert_allclose(drift_gain(reference, now), 1 / gain, rtol=0.005)
    np.testing.assert_array_equal(drift_gain(reference, room_light(values_of(room * 1.001), somebody)), 1)
    np.testing.assert_array_equal(drift_gain(reference, room_light(np.zeros_like(first), somebody)), 1)
    another = room_light(values_of(rng.uniform(0.03, 0.6, room.shape)), somebody)
    np.testing.assert_array_equal(drift_gain(reference, another), 1)  # the camera was turned: nothing is said
