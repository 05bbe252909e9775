"""Colour sensor: each effect's statistics, switches, units of their own."""

from pathlib import Path

import av
import numpy as np
import pytest
import simplejpeg
from pydantic import ValidationError

from capture.errors import CaptureError
from capture.virtual.color_effects import ColorEffects
from capture.virtual.color_sensor import ColorSensor
from capture.virtual.light import linear_from_srgb
from geometry.camera import Camera

CAMERA = Camera(
    name="kinect_000/color",
    K=np.array([[608.0, 0, 640], [0, 608, 366], [0, 0, 1]]),
    width=1280,
    height=720,
    distortion=np.array([0.5, -2.6, 0.0008, -0.0003, 1.5, 0.38, -2.4, 1.46]),
    metric_radius=1.7,
)
NONE = ColorEffects.none()


def sensor(effects: ColorEffects, unit: int = 0) -> ColorSensor:
    return ColorSensor(CAMERA, effects, np.random.default_rng(unit))


def grey(value: int) -> np.ndarray:
    return np.full((720, 1280, 3), value, np.uint8)


def only(**switches: object) -> ColorEffects:
    off = {name: False for name in ("exposure", "white_balance", "motion_blur", "noise", "rolling_shutter", "jpeg")}
    return ColorEffects(**(off | switches))  # type: ignore[arg-type]


def test_without_effects_a_picture_stays_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    np.testing.assert_array_equal(sensor(NONE).sense(picture, np.random.default_rng(1)), picture)


def test_units_differ_in_brightness_as_much_as_is_said() -> None:
    effects = only(exposure=True, exposure_error_stops=0.2)
    stops = np.log2([sensor(effects, unit).gain for unit in range(400)])
    assert np.ptp(stops, axis=1).max() == pytest.approx(0)
    assert stops.std() == pytest.approx(0.2, rel=0.15)  # 400 draws: 3.5 % is one standard error


def test_units_differ_in_balance_as_much_as_is_said() -> None:
    gains = np.array([sensor(only(white_balance=True, white_balance_spread=0.03), unit).gain for unit in range(400)])
    np.testing.assert_allclose(gains.std(axis=0), 0.03, rtol=0.15)
    assert np.abs(np.corrcoef(gains.T)[np.triu_indices(3, 1)]).max() < 0.2


def test_gain_acts_on_light_not_on_grey_levels() -> None:
    unit = sensor(only(exposure=True, exposure_error_stops=0.5), 3)
    seen = unit.sense(grey(100), np.random.default_rng(0))[0, 0]
    np.testing.assert_allclose(linear_from_srgb(seen) / linear_from_srgb(np.array(100)), unit.gain, rtol=0.01)


def test_a_unit_is_the_same_when_made_again() -> None:
    one, again = sensor(ColorEffects(), 5), sensor(ColorEffects(), 5)
    frames = [unit.sense(grey(90), np.random.default_rng(2)) for unit in (one, again)]
    np.testing.assert_array_equal(frames[0], frames[1])
    assert (one.sense(grey(90), np.random.default_rng(3)) != frames[0]).mean() > 0.3


@pytest.mark.parametrize("value", [60, 120, 220])
def test_noise_follows_the_photon_law(value: int) -> None:
    # EMVA 1288: variance in linear light = read noise squared + light / full scale.
    effects = only(noise=True, noise_width_px=0.0, read_noise=0.001, full_scale_electrons=1500.0)
    seen = sensor(effects).sense(grey(value), np.random.default_rng(value))
    light = float(linear_from_srgb(np.array(value)))
    linear = linear_from_srgb(seen).astype(np.float64)
    assert linear.mean() == pytest.approx(light, rel=0.02)
    quantised = (np.diff(linear_from_srgb(np.array([value, value + 1])))[0] ** 2) / 12
    assert linear.std() == pytest.approx(np.sqrt(0.001**2 + light / 1500 + quantised), rel=0.04)


def test_noise_after_compression_is_that_of_a_real_azure_kinect() -> None:
    # Flat 8x8 blocks of the real frame of recording.mkv (pyk4a): the 25 % quantile of their green deviation is 0.9 to
    # 1.2 grey levels from dark to bright, and neighbours correlate by 0.52 to 0.6.
    unit = sensor(only(noise=True, jpeg=True))
    for value in (60, 120, 200):
        picture = unit.encode(unit.sense(grey(value), np.random.default_rng(value)))
        green = simplejpeg.decode_jpeg(picture)[..., 1].astype(float)
        blocks = green.reshape(90, 8, 160, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
        rest = blocks - blocks.mean((1, 2), keepdims=True)
        assert 0.8 < np.quantile(rest.std((1, 2)), 0.25) < 1.35
        assert 0.4 < (rest[:, :, 1:] * rest[:, :, :-1]).mean() / (rest**2).mean() < 0.65


@pytest.mark.slow
def test_noise_of_frames_is_independent() -> None:
    unit, rng = sensor(only(noise=True)), np.random.default_rng(0)
    frames = np.stack([unit.sense(grey(128), rng).astype(float) for _ in range(16)])
    # The mean of 16 independent frames has a quarter of one frame's deviation.
    assert frames.mean(0).std() == pytest.approx(frames.std() / 4, rel=0.06)


def test_compression_is_near_lossless_when_switched_off() -> None:
    picture = np.random.default_rng(0).normal(128, 20, (720, 1280, 3)).astype(np.uint8)
    errors = [
        np.abs(simplejpeg.decode_jpeg(unit.encode(picture)).astype(int) - picture).mean()
        for unit in (sensor(NONE), sensor(only(jpeg=True)))
    ]
    assert errors[0] < 0.7 < 4 < errors[1]  # rounding alone; half of the colours' columns are gone with 4:2:2


def test_a_wrong_picture_or_parameter_is_refused() -> None:
    with pytest.raises(CaptureError, match=r"1280x720.*\(10, 10, 3\)"):
        sensor(NONE).sense(np.zeros((10, 10, 3), np.uint8), np.random.default_rng(0))
    with pytest.raises(ValidationError):
        ColorEffects(exposure_s=-1)
    with pytest.raises(ValidationError):
        ColorEffects(jpeg_subsampling="411")


def test_rolling_shutter_draws_a_vertex_where_its_row_meets_it() -> None:
    # The exact answer by iteration: the row at which the vertex is when that row is exposed.
    unit = sensor(only(rolling_shutter=True, readout_s=0.02))
    rng = np.random.default_rng(0)
    vertices = np.stack([rng.uniform(-0.8, 0.8, 200), rng.uniform(-0.6, 0.6, 200), rng.uniform(1.8, 3, 200)], -1)
    velocity = rng.normal(0, 3, (200, 3))
    offset = unit.vertex_offset_px(CAMERA, vertices, velocity)
    assert offset is not None
    at, q = np.zeros(200), CAMERA.project(vertices)
    for _ in range(30):
        q = CAMERA.project(vertices + velocity * at[:, None])
        at = 0.02 / 720 * (q[:, 1] - 359.5)
    true = q - CAMERA.project(vertices)
    assert np.abs(true).max() > 8
    # Straight motion in the image is assumed; perspective bends it: 9 m/s at 1.8 m for 10 ms changes the scale by 5 %.
    np.testing.assert_allclose(offset, true, atol=0.06 * np.abs(true).max())
    assert np.median(np.abs(offset - true)) < 0.05


def test_rolling_shutter_leans_what_crosses_the_picture() -> None:
    # A vertical edge at u px/s leans by u * readout between the first and the last row.
    unit = ColorSensor(
        Camera(name="pinhole", K=np.array([[600.0, 0, 640], [0, 600, 359.5], [0, 0, 1]]), width=1280, height=720),
        only(rolling_shutter=True, readout_s=0.024),
        np.random.default_rng(0),
    )
    edge = np.stack([np.zeros(3), np.array([-359.5, 0, 359.5]) / 600 * 2, np.full(3, 2.0)], -1)
    offset = unit.vertex_offset_px(unit.camera, edge, np.tile([4.0, 0, 0], (3, 1)))
    assert offset is not None
    lean = 4 / 2 * 600 * 0.024 * 719 / 720
    np.testing.assert_allclose(offset[:, 0], [-lean / 2, 0, lean / 2], atol=0.01)
    assert np.abs(offset[:, 1]).max() < 1e-3
    assert sensor(NONE).vertex_offset_px(unit.camera, edge, np.ones((3, 3))) is None


def test_the_margin_holds_every_offset() -> None:
    unit = sensor(only(rolling_shutter=True))
    rng = np.random.default_rng(0)
    vertices = np.stack([rng.uniform(-1, 1, 500), rng.uniform(-0.9, 0.9, 500), np.full(500, 2.0)], -1)
    motion = unit.motion(vertices, rng.normal(0, 4, (500, 3)))
    offset = unit.offset_px(motion)
    assert offset is not None
    assert np.abs(offset).max() <= motion.fastest_px_s * unit.effects.readout_s  # within one readout


@pytest.mark.real_data
def test_noise_and_compression_are_those_of_a_real_frame(real_data: Path) -> None:
    with av.open(str(real_data / "azure_kinect_mkv" / "recording.mkv")) as container:
        packet = next(bytes(p) for p in container.demux(container.streams.video[0]) if p.size)
    real = simplejpeg.decode_jpeg(packet)
    assert real.shape == (720, 1280, 3)
    unit = sensor(only(noise=True, jpeg=True))
    for value in (85, 145, 205):
        deviation, alike = quiet_blocks(real[..., 1], value)
        flat = simplejpeg.decode_jpeg(unit.encode(unit.sense(grey(value), np.random.default_rng(value))))
        simulated, simulated_alike = quiet_blocks(flat[..., 1], value)
        assert simulated == pytest.approx(deviation, rel=0.3)  # the real quiet blocks still hold some texture
        assert simulated_alike == pytest.approx(alike, abs=0.12)


def quiet_blocks(green: np.ndarray, value: int) -> tuple[float, float]:
    """25 % quantile of the deviation about a plane of 8x8 blocks of about this value; correlation of neighbours in the
    quietest 30 %."""
    blocks = green.astype(float).reshape(90, 8, 160, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
    blocks = blocks[np.abs(blocks.mean(1) - value) < 15]
    y, x = np.mgrid[:8, :8]
    plane = np.stack([x.ravel(), y.ravel(), np.ones(64)], 1)
    rest = blocks @ (np.eye(64) - plane @ np.linalg.pinv(plane))
    deviation = np.sqrt((rest**2).sum(1) / 61)
    quiet = rest[deviation < np.quantile(deviation, 0.3)].reshape(-1, 8, 8)
    return float(np.quantile(deviation, 0.25)), float((quiet[:, :, 1:] * quiet[:, :, :-1]).mean() / (quiet**2).mean())
