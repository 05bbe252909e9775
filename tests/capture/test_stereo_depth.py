"""RealSense depth: each effect's statistics, switches, units of their own."""

from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError

from capture.errors import CaptureError
from capture.virtual.realsense import place_realsense
from capture.virtual.stereo_depth import StereoDepth
from capture.virtual.stereo_effects import StereoEffects

UNIT = place_realsense("realsense_000", np.eye(4), model="D435")
FOCAL_BASELINE = 427.2598 * 0.050
SHAPE = (960, 1696)
SWITCHES = ("quantisation", "noise", "calibration", "fattening", "occlusion", "low_texture", "near")


@cache
def only(*names: str, **parameters: float) -> StereoDepth:
    effects = StereoEffects(**{name: name in names for name in SWITCHES}, **parameters)  # type: ignore[arg-type]
    return StereoDepth(UNIT, effects, np.random.default_rng(0))


def sense(sensor: StereoDepth, z: np.ndarray | float, amplitude: float = 0.1, seed: int = 1) -> np.ndarray:
    z = np.broadcast_to(np.float32(z), SHAPE)
    echo = np.full(SHAPE, amplitude, np.float32)
    return sensor.sense(np.ascontiguousarray(z, np.float32), echo, np.random.default_rng(seed))


def strip(front: float, behind: float) -> np.ndarray:
    """A wide post in front of a wall: pixel columns 300 to 499."""
    z = np.full(SHAPE, behind, np.float32)
    z[:, 600:1000] = front
    return z


def test_without_effects_depth_is_exact_to_the_millimetre() -> None:
    rows = np.linspace(0.3, 6, 480).astype(np.float32)
    seen = sense(only(), np.repeat(rows, 2)[:, None])
    np.testing.assert_allclose(seen, np.repeat(1000 * rows[:, None], 848, 1), atol=0.501)
    assert (sense(only(), np.inf) == 0).all()
    assert (sense(only(), np.nan) == 0).all()


@pytest.mark.parametrize("z", [1.0, 2.0, 4.0])
def test_noise_is_that_of_intel_and_grows_with_the_square_of_depth(z: float) -> None:
    # Best known methods for tuning D415 and D435: RMS = z² * 0.08 px / (focal length * baseline).
    seen = sense(only("noise"), z)
    assert seen.std() == pytest.approx(1000 * z**2 * 0.08 / FOCAL_BASELINE, rel=0.04)
    assert seen.mean() == pytest.approx(1000 * z, abs=0.2 + 0.02 * z**2)  # 1/d is bent: the mean moves by rms²/z
    rest = seen - seen.mean()
    assert (rest[:, 2:] * rest[:, :-2]).mean() / (rest**2).mean() == pytest.approx(np.exp(-4 / (4 * 4)), abs=0.05)


def test_disparity_comes_in_steps_of_a_thirty_second() -> None:
    seen = np.unique(sense(only("quantisation"), np.linspace(1.9, 2.1, SHAPE[1])[None, :]))
    steps = FOCAL_BASELINE / (seen / 1000) * 32
    assert len(seen) == pytest.approx(32 * FOCAL_BASELINE * (1 / 1.9 - 1 / 2.1), abs=2)
    np.testing.assert_allclose(steps, np.rint(steps), atol=0.1)  # depth is rounded to 1 mm, 0.085 of a step at 2 m


def test_units_are_off_by_two_percent_at_two_metres() -> None:
    effects = StereoEffects()
    offsets = [StereoDepth(UNIT, effects, np.random.default_rng(unit)).offset_px for unit in range(12)]
    assert 0.05 < np.std(offsets) < 0.18
    sensor = only("calibration", offset_px=0.1)
    expected = 1000 * FOCAL_BASELINE / (FOCAL_BASELINE / 2 + sensor.offset_px)
    assert sense(sensor, 2.0).mean() == pytest.approx(expected, abs=0.6)
    two_deviations = 2 * effects.offset_px * 2 / FOCAL_BASELINE
    assert two_deviations == pytest.approx(0.02, rel=0.1)  # datasheet 337029: 2 % at 2 m


def test_what_the_right_imager_does_not_see_is_missing() -> None:
    front, behind = 1.0, 3.0
    missing = sense(only("occlusion"), strip(front, behind)) == 0
    hole = FOCAL_BASELINE / front - FOCAL_BASELINE / behind  # 14.2 px, left of the post
    assert missing[:, 200:300].sum(1).mean() == pytest.approx(hole, abs=1.5)  # whole pixels, and one of tolerance
    assert missing[:, 285:299].mean() > 0.8
    assert not missing[:, 300:].any()
    assert missing[:, :200].sum(1).mean() == pytest.approx(FOCAL_BASELINE / behind, abs=1.01)  # invalid depth band


def test_a_steep_surface_hides_nothing() -> None:
    z = np.linspace(1.0, 2.5, SHAPE[1])[None, :]  # disparity changes by 0.03 px a pixel
    missing = sense(only("occlusion"), z) == 0
    assert not missing[:, 25:].any()


def test_what_is_in_front_grows_as_much_as_is_said() -> None:
    sensor = only("fattening", fattening_px=3.0, fattening_spread_px=1.0)
    near = np.stack([sense(sensor, strip(1.0, 3.0), seed=seed) < 2000 for seed in range(4)])
    growth = near[:, :, 500:520].sum(2)
    # Growth is rounded down to whole pixels, and at least 0: 3 px become 2.5 on average.
    assert growth.mean() == pytest.approx(2.5, abs=0.3)
    assert 0.6 < growth.std() < 1.3
    assert near[:, :, 300:500].all()


def test_dark_surfaces_are_noisier_and_then_missing() -> None:
    sensor = only("noise", "low_texture")
    assert sense(sensor, 2.0, 0.2).std() == pytest.approx(1000 * 4 * 0.08 / FOCAL_BASELINE, rel=0.04)
    weak = sense(sensor, 2.0, 0.01)
    assert weak[weak > 0].std() == pytest.approx(np.sqrt(2) * 1000 * 4 * 0.08 / FOCAL_BASELINE, rel=0.04)
    shares = [(sense(sensor, 2.0, echo) == 0).mean() for echo in (0.0012, 0.003, 0.0075)]
    assert shares[0] > 0.98
    assert shares[1] == pytest.approx(0.5, abs=0.05)
    assert shares[2] < 0.02


def test_what_is_too_near_is_missing() -> None:
    assert (sense(only("near"), 0.19) == 0).all()
    assert (sense(only("near"), 0.20) > 0).all()
    assert (sense(only(), 0.19) > 0).all()


def test_frames_differ_and_can_be_made_again() -> None:
    sensor = StereoDepth(UNIT, StereoEffects(), np.random.default_rng(3))
    again = StereoDepth(UNIT, StereoEffects(), np.random.default_rng(3))
    z = strip(1.0, 3.0)
    np.testing.assert_array_equal(sense(sensor, z), sense(again, z))
    assert (sense(sensor, z, seed=2) != sense(sensor, z)).mean() > 0.5


def test_wrong_sizes_and_parameters_are_refused() -> None:
    with pytest.raises(CaptureError, match="1696x960"):
        only().sense(np.ones((480, 848), np.float32), np.ones((480, 848), np.float32), np.random.default_rng(0))
    with pytest.raises(ValidationError):
        StereoEffects(steps_per_px=0)
