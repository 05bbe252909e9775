"""Each effect of the time-of-flight sensor against its stated or published figure."""

from dataclasses import fields, replace

import numpy as np
import pytest
from jaxtyping import Float

from capture.errors import CaptureError
from capture.virtual.depth_effects import DepthEffects
from capture.virtual.effects import effect_names, effects_without
from capture.virtual.tof.mixing import LIGHT_M_S, Mixer
from capture.virtual.tof.modes import MODES, lit
from capture.virtual.tof.multipath import Multipath
from capture.virtual.tof.sensor import TofSensor
from geometry.camera import Camera
from geometry.rays import ray_table

NONE = DepthEffects.none()
WIDTH, HEIGHT, FOCAL = 200, 160, 160.0


@pytest.fixture(scope="module")
def camera() -> Camera:
    K = np.array([[FOCAL, 0, (WIDTH - 1) / 2], [0, FOCAL, (HEIGHT - 1) / 2], [0, 0, 1]])
    return Camera(name="depth", K=K, width=WIDTH, height=HEIGHT)


def fine_rays() -> Float[np.ndarray, "rows columns 2"]:
    """x/z and y/z of the 2x2 samples of each pixel."""
    x, y = (np.arange(2 * WIDTH) / 2 - 0.25), (np.arange(2 * HEIGHT) / 2 - 0.25)
    return np.stack(np.meshgrid((x - (WIDTH - 1) / 2) / FOCAL, (y - (HEIGHT - 1) / 2) / FOCAL), -1)


def wall(z_m: float, reflectance: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Samples of a wall across the optical axis; its echo as if every pixel met it at a right angle."""
    z = np.full((2 * HEIGHT, 2 * WIDTH), z_m, np.float32)
    return z, (reflectance / z**2).astype(np.float32)


def sensed_m(camera, effects, z, amplitude, seed=0, frames=1, disturbed=0.0, unit=0):
    """Depth images of one unit, metres, NaN where missing."""
    sensor, rng = TofSensor(camera, "NFOV_UNBINNED", effects, np.random.default_rng(unit)), np.random.default_rng(seed)
    images = np.stack([sensor.sense(z, amplitude, rng, disturbed) for _ in range(frames)]).astype(float)
    return np.where(images == 0, np.nan, images / 1000)


def test_without_effects_depth_is_exact_to_its_millimetre(camera):
    image = sensed_m(camera, NONE, *wall(2.0004))
    assert (image == 2.0).all()


@pytest.mark.parametrize("z_m", [0.5, 1.0, 2.0, 3.5])
def test_axial_noise_grows_by_a_millimetre_a_metre(camera, z_m):
    """BlenderProc's figure, 0.5 mm + 1 mm/m beyond 0.5 m; below the vendor's 17 mm."""
    images = sensed_m(camera, replace(NONE, axial_noise=True), *wall(z_m + 0.01), frames=8)
    expected = 0.5e-3 + 1e-3 * (z_m - 0.49)
    rounding = 1e-6 / 12
    assert np.nanstd(images) == pytest.approx(np.sqrt(expected**2 + rounding), rel=0.04)  # 10,000 independent cells
    assert np.nanstd(images) < 17e-3
    assert np.nanmean(images) == pytest.approx(z_m + 0.01, abs=1.5e-4)


def test_axial_noise_grows_as_the_echo_weakens_up_to_17_mm(camera):
    noisy = replace(NONE, axial_noise=True)
    full, quarter, black = (np.nanstd(sensed_m(camera, noisy, *wall(2.0, share * 0.4))) for share in (1, 0.25, 0.001))
    assert quarter / full == pytest.approx(2, rel=0.04)
    assert full * np.sqrt(20) == pytest.approx(black, rel=0.04)  # a twentieth of the light is the least that is told
    loud = replace(noisy, sigma_slope=1.0)
    assert np.nanstd(sensed_m(camera, loud, *wall(2.0))) == pytest.approx(17e-3, rel=0.02)


def test_frames_are_independent_and_neighbours_alike_as_in_a_real_frame(camera):
    """Smooth patches of a real frame leave residuals that correlate by 0.67 with the next pixel's, 0.44 two apart.

    Tolerance 0.12: two Gaussians of equal weight do not decay as slowly; the default is 0.1 off at worst.
    """
    images = sensed_m(camera, replace(NONE, axial_noise=True), *wall(3.0), frames=12) - 3.0
    frames = np.asarray(np.corrcoef(images.reshape(12, -1)))[np.triu_indices(12, 1)]
    assert np.abs(frames).max() < 0.15  # about 1500 independent cells in an image: five deviations
    assert abs(frames.mean()) < 0.02

    y, x = np.indices((21, 21)).reshape(2, -1) - 10.0
    quadric = np.stack([np.ones(441), x, y, x * x, x * y, y * y], 1)
    patches = images[:, :147, :189].reshape(12, 7, 21, 9, 21).swapaxes(2, 3).reshape(-1, 441)
    rest = np.asarray(patches - patches @ np.linalg.pinv(quadric).T @ quadric.T).reshape(-1, 21, 21)
    for step, expected in ((1, 0.67), (2, 0.44)):
        assert np.mean(rest[:, :, step:] * rest[:, :, :-step]) / rest.var() == pytest.approx(expected, abs=0.12)
        assert np.mean(rest[:, step:] * rest[:, :-step]) / rest.var() == pytest.approx(expected, abs=0.12)


def test_lateral_noise_is_a_quarter_pixel(camera):
    """On a slope of s metres a pixel in x, depth scatters by 0.25 s (BlenderProc's figure); on a wall not at all."""
    slope = 0.01
    z = np.broadcast_to(2 + slope * (np.arange(2 * WIDTH) / 2 - WIDTH / 2), (2 * HEIGHT, 2 * WIDTH)).astype(np.float32)
    noisy = replace(NONE, lateral_noise=True, lateral_px=0.25)
    exact = sensed_m(camera, NONE, z, np.ones_like(z))
    inner = (sensed_m(camera, noisy, z, np.ones_like(z), frames=4) - exact)[:, :, 1:-1]
    assert np.nanstd(inner) == pytest.approx(np.sqrt((0.25 * slope) ** 2 + 2e-6 / 12), rel=0.03)
    assert np.array_equal(sensed_m(camera, noisy, *wall(2.0)), sensed_m(camera, NONE, *wall(2.0)))


def test_flying_pixels_are_the_sum_of_phasors():
    """A pixel that sees two surfaces: against the complex sum with a Gaussian point spread, computed here in numpy."""
    z, _ = wall(2.0)
    z[:, 203:] = 2.3  # between two samples of a pixel
    amplitude = (0.4 / z**2).astype(np.float32)
    echoes = Mixer(HEIGHT, WIDTH, 200e6, 0.55, flying=True).echoes(z, amplitude)
    k = 4 * np.pi * 200e6 / LIGHT_M_S
    row, column = 80, 101
    offsets = np.arange(-3, 3) + 0.5
    weights = np.exp(-0.5 * (offsets[:, None] ** 2 + offsets**2) / 1.1**2)
    part = slice(2 * row - 2, 2 * row + 4), slice(2 * column - 2, 2 * column + 4)
    phasor = (weights * amplitude[part] * np.exp(1j * k * z[part].astype(float))).sum()
    assert echoes.z[row, column] == pytest.approx(np.angle(phasor) / k + 3 * LIGHT_M_S / 400e6, abs=1e-4)
    assert 2.05 < echoes.z[row, column] < 2.25
    assert echoes.coherence[row, column] == pytest.approx(abs(phasor) / (weights * amplitude[part]).sum(), abs=1e-4)
    between = (np.abs(echoes.z - 2.0) > 0.02) & (np.abs(echoes.z - 2.3) > 0.02)
    assert np.flatnonzero(between.any(0)).min() >= 99
    assert np.flatnonzero(between.any(0)).max() <= 103


def test_without_flying_pixels_an_edge_is_the_nearer_surface(camera):
    z, _ = wall(2.0)
    z[:, 203:] = 2.3
    image = sensed_m(camera, NONE, z, (0.4 / z**2).astype(np.float32))[0]
    assert (image[:, :102] == 2.0).all()
    assert (image[:, 102:] == 2.3).all()


def test_surfaces_whose_echoes_cancel_are_lost(camera):
    """Half a wavelength of the round trip apart, 0.375 m, echoes are in opposition."""
    z, _ = wall(2.0)
    z[:, 201:] = 2.375
    amplitude = np.full_like(z, 0.1)
    edges = replace(NONE, flying_pixels=True, invalid=True)
    assert np.isnan(sensed_m(camera, edges, z, amplitude)[0][80, 98:103]).any()
    assert not np.isnan(sensed_m(camera, replace(edges, min_coherence=0.0), z, amplitude)[0][80, 98:103]).any()


def corner(depth_m: float = 2.5, reflectance: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """Two walls at a right angle, symmetric to the optical axis, the edge upright at a depth."""
    rays = fine_rays()
    z = depth_m / (1 + np.abs(rays[..., 0]))
    p = np.concatenate([rays * z[..., None], z[..., None]], -1)
    r = np.linalg.norm(p, axis=-1)
    normal = np.stack([-np.sign(rays[..., 0]), np.zeros_like(z), -np.ones_like(z)], -1) / np.sqrt(2)
    cosine = -(normal * p).sum(-1) / r
    return z.astype(np.float32), (reflectance * cosine / r**2).astype(np.float32)


def added_by_integral(camera: Camera, row: int, column: int, effects: DepthEffects) -> float:
    """Multi-path error of one pixel by a fine sum over the other wall, metres along the optical axis."""
    z, amplitude = corner()
    k = 4 * np.pi * effects.modulation_hz / LIGHT_M_S
    rays = fine_rays()
    p = np.concatenate([rays * z[..., None], z[..., None]], -1).astype(float)
    r = np.linalg.norm(p, axis=-1)
    side = np.sign(rays[..., 0])
    normal = np.stack([-side, np.zeros_like(z), -np.ones_like(z)], -1) / np.sqrt(2)
    cosine = -(normal * p).sum(-1) / r
    area = r**2 / cosine * (0.5 / FOCAL) ** 2 * (z / r) ** 3
    at = (2 * row, 2 * column)
    d = p - p[at]
    distance = np.maximum(np.linalg.norm(d, axis=-1), 1e-9)
    form = (d @ normal[at]) * -(d * normal).sum(-1) / distance**4 * area * (side != side[at])
    part = amplitude / np.pi * np.maximum(form, 0) * r[at] ** 2 / cosine[at]
    phase = k / 2 * (r + distance - r[at])
    kept = np.maximum(1 - 0.5 * (effects.frequency_spread * phase) ** 2, 0)
    return float(np.angle(1 + (kept * part * np.exp(1j * phase)).sum()) / k * z[at] / r[at])


def test_multipath_equals_the_integral_over_the_other_wall(camera):
    effects = replace(NONE, multipath=True)
    z, amplitude = corner()
    straight, bent = sensed_m(camera, NONE, z, amplitude)[0], sensed_m(camera, effects, z, amplitude)[0]
    for column in (60, 75, 125, 140):
        expected = added_by_integral(camera, 80, column, effects)
        assert abs(expected) > 3e-3
        # coarse patches, and the millimetre of the image
        found = np.mean(bent[75:86, column - 2 : column + 3] - straight[75:86, column - 2 : column + 3])
        assert found == pytest.approx(expected, rel=0.2, abs=1e-3)
    half = sensed_m(camera, replace(effects, multipath_strength=0.5), z, amplitude)[0]
    assert np.mean(half - straight) == pytest.approx(np.mean(bent - straight) / 2, rel=0.15)


def test_multipath_leaves_one_wall_alone(camera):
    z, amplitude = wall(2.0)
    rays = ray_table(camera).astype(np.float32)
    added = Multipath(rays, 8.0, 1.0, 2.0).added(z[::2, ::2].copy(), amplitude[::2, ::2].copy())
    assert np.abs(added).max() < 1e-6


def test_pixels_without_a_trustworthy_echo_are_missing(camera):
    invalid = replace(NONE, invalid=True)
    lit_pixels = lit(MODES["NFOV_UNBINNED"], (HEIGHT, WIDTH))
    seen = np.isfinite(sensed_m(camera, invalid, *wall(2.0))[0])
    assert np.array_equal(seen, lit_pixels)
    for z_m, reflectance in ((0.14, 0.1), (3.9, 0.4), (2.0, 0.02), (0.2, 0.6)):  # near, far, dark, saturated
        assert np.isnan(sensed_m(camera, invalid, *wall(z_m, reflectance))).all()
    # a surface at the limit of darkness is seen here and there
    share = np.isfinite(sensed_m(camera, invalid, *wall(2.0, 4 * invalid.min_amplitude))[0])[lit_pixels].mean()
    assert 0.3 < share < 0.7


@pytest.mark.parametrize("name", MODES)
def test_each_mode_has_its_range_and_light(name):
    shape = {"NFOV_UNBINNED": (576, 640), "NFOV_2X2BINNED": (288, 320)}.get(name, (512, 512))
    pixels = lit(MODES[name], shape)
    assert not pixels[0, 0]
    assert pixels[shape[0] // 2, shape[1] // 2]
    # 0.823 of a real frame lie in its hexagon; a circle of 0.98 of the half width has 0.754 of its square
    assert pixels.mean() == pytest.approx(0.823 if name.startswith("NFOV") else 0.754, abs=0.01)


def test_the_hexagon_is_that_of_a_real_frame():
    """First valid column of some rows, and last valid one, of the recording in pyk4a's tests."""
    pixels = lit(MODES["NFOV_UNBINNED"], (576, 640))
    for row, first in ((0, 152), (96, 98), (192, 45), (384, 31), (480, 88), (528, 117)):
        assert np.argmax(pixels[row]) == pytest.approx(first, abs=6)
    for row, last in ((144, 589), (384, 634), (480, 576), (528, 548)):
        assert 639 - np.argmax(pixels[row, ::-1]) == pytest.approx(last, abs=6)


def test_wiggling_has_its_period_and_amplitude(camera):
    effects = replace(NONE, wiggling=True, wiggling_m=20e-3)  # large, to stand out of the millimetre
    sensor = TofSensor(camera, "NFOV_UNBINNED", effects, np.random.default_rng(3))
    depths = np.linspace(1, 1 + LIGHT_M_S / 200e6 / 8, 65)[:-1]  # an eighth of the wavelength: one period
    errors = np.array([sensor.sense(*wall(z), np.random.default_rng(0))[80, 100] / 1000 - z for z in depths])
    spectrum = np.abs(np.fft.rfft(errors)) / len(errors) * 2
    assert spectrum[1] == pytest.approx(sensor.wiggling_m, rel=0.02)
    assert spectrum[2:].max() < 0.05 * spectrum[1]


def test_bias_and_scale_differ_between_units_within_the_vendors_limits(camera):
    effects = replace(NONE, bias=True, scale=True, bias_spread_m=6e-3)
    units = [TofSensor(camera, "NFOV_UNBINNED", effects, np.random.default_rng(unit)) for unit in range(300)]
    biases, scales = np.array([unit.bias_m for unit in units]), np.array([unit.scale for unit in units])
    assert np.abs(biases).max() == pytest.approx(0.011)  # clipped
    assert np.abs(scales).max() == pytest.approx(1e-3)
    assert np.percentile(biases, 84) == pytest.approx(6e-3, rel=0.25)
    assert np.percentile(scales, 84) == pytest.approx(0.5e-3, rel=0.25)
    image = units[7].sense(*wall(2.0), np.random.default_rng(0))
    assert image.mean() / 1000 == pytest.approx(2 * (1 + units[7].scale) + units[7].bias_m, abs=0.51e-3)


def test_light_of_other_cameras_loses_pixels_and_adds_noise(camera):
    effects = replace(NONE, axial_noise=True, interference=True)
    calm, loud = (sensed_m(camera, effects, *wall(2.0), disturbed=share, frames=3) for share in (0.0, 1.0))
    assert np.isfinite(calm).all()
    assert np.isnan(loud).mean() == pytest.approx(effects.disturbed_loss, abs=0.01)
    assert np.nanstd(loud) / np.nanstd(calm) == pytest.approx(effects.disturbed_noise, rel=0.05)
    off = sensed_m(camera, replace(effects, interference=False), *wall(2.0), disturbed=1.0)
    assert np.nanstd(off) == pytest.approx(np.nanstd(calm), rel=0.05)


def test_the_same_unit_and_seed_give_the_same_image_and_others_do_not(camera):
    first, same = (sensed_m(camera, DepthEffects(), *corner(), seed=4) for _ in range(2))
    assert np.array_equal(first, same, equal_nan=True)
    assert not np.array_equal(first, sensed_m(camera, DepthEffects(), *corner(), seed=5), equal_nan=True)
    assert not np.array_equal(first, sensed_m(camera, DepthEffects(), *corner(), seed=4, unit=1), equal_nan=True)


def test_nothing_seen_is_nothing_sent(camera):
    z, amplitude = np.full((2 * HEIGHT, 2 * WIDTH), np.inf, np.float32), np.zeros((2 * HEIGHT, 2 * WIDTH), np.float32)
    assert np.isnan(sensed_m(camera, DepthEffects(), z, amplitude)).all()
    z[100:, 100:] = np.nan
    assert np.isnan(sensed_m(camera, DepthEffects(), z, amplitude)).all()


def test_an_unknown_mode_is_an_error(camera):
    with pytest.raises(CaptureError, match="no depth mode 'FOV'; use one of NFOV_UNBINNED"):
        TofSensor(camera, "FOV", NONE, np.random.default_rng(0))


def test_effects_are_switched_by_name():
    depth, color = effects_without(["multipath", "jpeg"])
    assert not depth.multipath
    assert depth.axial_noise
    assert not color.jpeg
    assert color.noise
    switches = {field.name for field in fields(DepthEffects) if field.default is True}
    assert set(effect_names(DepthEffects)) == switches
    assert not any(getattr(DepthEffects.none(), name) for name in switches)
    with pytest.raises(CaptureError, match="no sensor effect 'fog'; of depth there are axial_noise"):
        effects_without(["fog"])
