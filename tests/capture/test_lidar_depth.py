"""iPhone depth: each effect's statistics, switches, phones of their own."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from capture.errors import CaptureError
from capture.virtual.lidar_depth import LidarDepth
from capture.virtual.lidar_effects import LidarEffects

SHAPE = (384, 512)
SWITCHES = ("scale", "noise", "smoothing", "border", "edges", "weak", "range")


def only(*names: str, unit: int = 0, **parameters: float) -> LidarDepth:
    effects = LidarEffects(**{name: name in names for name in SWITCHES}, **parameters)  # type: ignore[arg-type]
    return LidarDepth(effects, np.random.default_rng(unit))


def sense(phone: LidarDepth, z: np.ndarray | float, echo: float = 0.1, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    depth = np.array(np.broadcast_to(np.float32(z), SHAPE))
    seen = phone.sense(depth, np.full(SHAPE, echo, np.float32), np.random.default_rng(seed))
    return seen.depth_mm.astype(float), seen.confidence


def test_without_effects_depth_is_exact_and_sure() -> None:
    columns = np.repeat(np.linspace(0.3, 6, 256), 2)[None]
    depth, confidence = sense(only(), columns)
    np.testing.assert_allclose(depth, np.broadcast_to(1000 * columns[:, ::2], depth.shape), atol=0.501)
    assert (confidence == 2).all()


@pytest.mark.parametrize("z", [0.55, 2.0])
def test_noise_is_that_of_a_real_capture(z: float) -> None:
    # psegs-ios-lidar-ext at 0.55 m: frame medians spread by 1.4 mm, 1.2 mm within a frame.
    phone = only("noise")
    frames = np.stack([sense(phone, z, seed=seed)[0] for seed in range(120)])
    assert np.median(frames, axis=(1, 2)).std() == pytest.approx(1.4 * z / 0.55, rel=0.25)  # 120 draws: 6.5 %
    assert frames.std(axis=(1, 2)).mean() == pytest.approx(1.2 * z / 0.55, rel=0.1)


def test_noise_is_smooth_as_in_a_real_capture() -> None:
    # There the residual about planes of 5x5 pixels is 0.31 to 0.33 mm, of which rounding to 1 mm is 0.29.
    depth, _ = sense(only("noise"), 0.55)
    y, x = np.mgrid[:5, :5]
    plane = np.stack([x.ravel(), y.ravel(), np.ones(25)], 1)
    blocks = depth[:190, :255].reshape(38, 5, 51, 5).transpose(0, 2, 1, 3).reshape(-1, 25)
    rest = blocks @ (np.eye(25) - plane @ np.linalg.pinv(plane))
    assert 0.28 < np.median(np.sqrt((rest**2).sum(1) / 22)) < 0.36


def test_distant_objects_are_within_a_centimetre_or_so() -> None:
    # Luetzenburg et al. 2021: 1 cm. Bias of phone and frame and noise together at the range's end.
    errors = [sense(LidarDepth(LidarEffects(), np.random.default_rng(n)), 3.0, seed=n)[0] - 3000 for n in range(60)]
    assert 0.006 < np.sqrt(np.mean(np.square(errors))) / 1000 < 0.015


def test_phones_differ_in_scale() -> None:
    scales = np.array([only("scale", unit=unit).scale for unit in range(60)])
    assert (scales - 1).std() == pytest.approx(0.002, rel=0.3)
    depth, _ = sense(only("scale", unit=4), 2.0)
    assert depth.mean() == pytest.approx(2000 * only("scale", unit=4).scale, abs=0.5)


def test_a_step_becomes_a_ramp() -> None:
    z = np.full(SHAPE, 1.0)
    z[:, 256:] = 1.5
    row = sense(only("smoothing"), z)[0][90]
    assert row.min() == 1000
    assert row.max() == 1500
    # A Gaussian's steepest slope is step / (sigma sqrt(2 pi)); between two pixels it is met half a pixel off.
    sigma = 500 / (np.diff(row).max() * np.sqrt(2 * np.pi))
    assert sigma == pytest.approx(1.5, rel=0.06)
    z = np.full(SHAPE, 1.5)
    z[:, 256:258] = 1.0  # one pixel wide
    thin = sense(only("smoothing"), z)[0][90]
    assert 1500 - thin.min() < 0.35 * 500


def test_the_border_is_doubted_as_in_a_real_capture() -> None:
    phone = only("border")
    seen = np.stack([sense(phone, 0.55, seed=seed)[1] for seed in range(150)])
    inside = seen[:, 12:186]
    # Shares of high confidence in columns 4, 8, 12, 16, 24 and of low in 0, 4, 8, 12; then rows 0, 4, 8, 12.
    assert (inside[:, :, [4, 8, 12, 16, 24]] == 2).mean((0, 1)) == pytest.approx([0.07, 0.26, 0.55, 0.83, 1.0], abs=0.1)
    assert (inside[:, :, [0, 4, 8, 12]] == 0).mean((0, 1)) == pytest.approx([0.66, 0.43, 0.24, 0.04], abs=0.15)
    assert (seen[:, [0, 4, 8, 12], 24:] == 2).mean((0, 2)) == pytest.approx([0.23, 0.57, 0.87, 0.98], abs=0.1)
    # Of all pixels: 2.3 % low, 4.4 % medium, 93.4 % high.
    shares = [(seen == level).mean() for level in range(3)]
    assert shares == pytest.approx([0.023, 0.044, 0.934], abs=0.015)


def test_steps_weak_echoes_and_the_range_are_doubted() -> None:
    z = np.full(SHAPE, 1.0)
    z[:, 256:] = 1.5
    _, confidence = sense(only("smoothing", "edges"), z)
    assert (confidence[:, 126:130] <= 1).all()
    assert (confidence[:, :120] == 2).all()
    assert (confidence[:, 136:] == 2).all()
    for echo, level in ((0.02, 2), (0.005, 1), (0.001, 0)):
        assert (sense(only("weak"), 1.0, echo)[1] == level).all()
    for distance, level in ((0.15, 0), (0.25, 2), (4.9, 2), (5.1, 0), (np.inf, 0)):
        depth, confidence = sense(only("range"), distance)
        assert (confidence == level).all()
        assert (depth > 0).all()  # nothing is ever missing


def test_frames_differ_and_can_be_made_again() -> None:
    phone, again = (LidarDepth(LidarEffects(), np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(sense(phone, 2.0)[0], sense(again, 2.0)[0])
    assert (sense(phone, 2.0, seed=2)[0] != sense(phone, 2.0)[0]).mean() > 0.5


def test_wrong_sizes_and_parameters_are_refused() -> None:
    with pytest.raises(CaptureError, match="512x384"):
        only().sense(np.ones((192, 256), np.float32), np.ones((192, 256), np.float32), np.random.default_rng(0))
    with pytest.raises(ValidationError):
        LidarEffects(noise_level=-1)


@pytest.mark.real_data
def test_confidence_and_smoothness_are_those_of_a_real_capture(real_data: Path) -> None:
    folder = real_data / "iphone_lidar_charuco" / "charuco-test-fixture-lowres"
    real = images(sorted(folder.glob("conf_*.png")))
    depth = images(sorted(folder.glob("depth_*.png")))
    assert (depth > 0).all()  # nothing is ever missing
    phone, slanted = LidarDepth(LidarEffects(), np.random.default_rng(0)), np.repeat(np.linspace(0.5, 0.6, 256), 2)
    frames = [sense(phone, slanted[None], seed=seed) for seed in range(len(real))]
    seen = np.stack([confidence for _, confidence in frames])
    for level in range(3):
        assert (seen == level).mean() == pytest.approx((real == level).mean(), abs=0.015)
    high = [(part[:, 12:186] == 2).mean((0, 1)) for part in (seen, real)]
    assert np.abs(high[0][:30] - high[1][:30]).max() < 0.1
    rough = [np.quantile(roughness(part), [0.1, 0.25]) for part in (frames[0][0], depth[0].astype(float))]
    np.testing.assert_allclose(rough[0], rough[1], atol=0.06)


def roughness(depth_mm: np.ndarray) -> np.ndarray:
    """Deviation about planes of 5x5 pixels, millimetres."""
    y, x = np.mgrid[:5, :5]
    plane = np.stack([x.ravel(), y.ravel(), np.ones(25)], 1)
    blocks = depth_mm[10:190, 25:255].reshape(36, 5, 46, 5).transpose(0, 2, 1, 3).reshape(-1, 25)
    return np.sqrt(((blocks @ (np.eye(25) - plane @ np.linalg.pinv(plane))) ** 2).sum(1) / 22)


def images(paths: list[Path]) -> np.ndarray:
    return np.stack([np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)) for path in paths])
