"""The balance of cameras is found from what they share, and taken out."""

import numpy as np
import pytest

from texture.blending.exposure import LIMIT, apply_gain, balance_cameras
from texture.painting.projection import Blend

TEXELS = 20_000
GAINS = {
    "a/color": np.array([1.15, 1.0, 0.9]),
    "b/color": np.array([0.95, 1.1, 1.0]),
    "c/color": np.array([1.0, 0.85, 1.2]),
}


def seen(rng, gains=GAINS, noise=3.0, spoilt=0.1):
    """Each camera sees its own part of one surface, its neighbour's too, and 10 % of it wrongly."""
    surface = rng.uniform(30, 180, (TEXELS, 3))
    views = {}
    for i, (stream, gain) in enumerate(gains.items()):
        colors = surface * gain + rng.normal(0, noise, surface.shape)
        wrong = rng.random(TEXELS) < spoilt
        colors[wrong] = rng.uniform(0, 255, (wrong.sum(), 3))
        weight = np.zeros(TEXELS, np.float32)
        weight[i * TEXELS // 4 : (i + 2) * TEXELS // 4] = 0.3
        views[stream] = Blend(colors=np.clip(colors, 0, 255).astype(np.float32), weight=weight)
    return views


def test_gains_are_found_up_to_a_common_factor():
    found = balance_cameras([seen(np.random.default_rng(i)) for i in range(3)])
    corrected = np.stack([GAINS[s] * found[s] for s in GAINS])
    # the median of 5,000 ratios of 3 levels in 100 is good to 0.1 %; the prior pulls 4 % of each step
    assert np.ptp(np.log(corrected), axis=0).max() < 0.02
    np.testing.assert_allclose(np.log(np.stack(list(found.values()))).mean(0), 0, atol=1e-9)


def test_equal_cameras_stay_as_they_are():
    found = balance_cameras([seen(np.random.default_rng(0), dict.fromkeys(GAINS, np.ones(3)), spoilt=0)])
    np.testing.assert_allclose(list(found.values()), 1, atol=0.005)


def test_a_camera_without_shared_texels_keeps_its_colours():
    views = seen(np.random.default_rng(0))
    alone = Blend(colors=views["a/color"].colors, weight=np.zeros(TEXELS, np.float32))
    found = balance_cameras([{**views, "d/color": alone}])
    raw = np.log(found["d/color"])
    assert np.abs(raw).max() < 0.05  # only the common factor that makes the mean 1
    assert balance_cameras([]) == {}
    np.testing.assert_array_equal(balance_cameras([{"a/color": views["a/color"]}])["a/color"], np.ones(3))


def test_no_camera_is_changed_beyond_the_limit():
    dark = {"a/color": np.full(3, 1.0), "b/color": np.full(3, 0.15)}
    found = balance_cameras([seen(np.random.default_rng(0), dark, noise=0.1, spoilt=0)])
    assert np.stack(list(found.values())).max() <= LIMIT + 1e-9


def test_applied_gains_multiply_and_clip():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    changed = apply_gain(image, np.array([1.5, 1.0, 0.5]))
    expected = np.clip(np.rint(image * np.array([1.5, 1.0, 0.5])), 0, 255)
    np.testing.assert_array_equal(changed, expected)
    assert changed[..., 0].max() == 255
    assert changed[..., 1] == pytest.approx(image[..., 1])
