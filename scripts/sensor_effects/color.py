"""Rows of the colour camera's table: python scripts/sensor_effects/color.py."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (1, 2)]

import numpy as np  # noqa: E402
import PIL.Image  # noqa: E402
import simplejpeg  # noqa: E402

from capture.virtual.color_effects import ColorEffects  # noqa: E402
from capture.virtual.color_sensor import ColorSensor  # noqa: E402
from capture.virtual.image_motion import ImageMotion  # noqa: E402
from capture.virtual.light import linear_from_srgb  # noqa: E402
from capture.virtual.motion_blur import blur  # noqa: E402
from capture.virtual.shading import Shaded  # noqa: E402
from geometry.camera import Camera  # noqa: E402
from geometry.face_raster.face_image import FaceImage  # noqa: E402
from sensor_effects.effect_row import EffectRow, as_markdown  # noqa: E402

CAMERA = Camera(name="pinhole", K=np.array([[608.0, 0, 639.5], [0, 608.0, 359.5], [0, 0, 1]]), width=1280, height=720)
UNITS = 400
SWITCHES = ("exposure", "white_balance", "motion_blur", "noise", "rolling_shutter", "jpeg")
REAL_TABLE_START = [2, 1, 4, 5, 6, 6, 3, 5]
"""First entries of the luminance quantisation of real Azure Kinect frames: 1280x720 (pyk4a) and 4096x3072 (charuco)."""


def rows() -> list[EffectRow]:
    """One row an effect, in the order of ColorEffects."""
    return [exposure(), white_balance(), motion_blur(), *noise(), rolling_shutter(), jpeg(), speed()]


def only(*names: str) -> ColorEffects:
    """The default with only these switched on."""
    return ColorEffects(**{name: name in names for name in SWITCHES})  # type: ignore[arg-type]


def sensor(effects: ColorEffects, unit: int = 0) -> ColorSensor:
    """A unit of the camera."""
    return ColorSensor(CAMERA, effects, np.random.default_rng(unit))


def grey(value: int) -> np.ndarray:
    """A flat picture."""
    return np.full((720, 1280, 3), value, np.uint8)


def exposure() -> EffectRow:
    """How far units differ in brightness."""
    rng = np.random.default_rng(0)
    seen = [sensor(only("exposure"), unit).sense(grey(120), rng)[0, 0, 1] for unit in range(UNITS)]
    stops = np.log2(linear_from_srgb(np.array(seen)) / linear_from_srgb(np.array(120)))
    return EffectRow(
        effect="exposure: spread between units",
        published="none",
        source="assumed: 0.05 stops",
        simulated=f"{stops.std():.3f} stops",
        measured=f"grey 120 through {UNITS} units, back to linear light",
    )


def white_balance() -> EffectRow:
    """How far units differ in colour."""
    gains = np.array([sensor(only("white_balance"), unit).gain for unit in range(UNITS)])
    return EffectRow(
        effect="white balance: spread of each channel's gain",
        published="none",
        source="assumed: 0.030",
        simulated="red, green, blue " + ", ".join(f"{part:.3f}" for part in gains.std(0)),
        measured=f"gains of {UNITS} units",
    )


def motion_blur() -> EffectRow:
    """How wide an edge's ramp is."""
    exposure_s, speed_px_s = ColorEffects().exposure_s, 2500.0
    face = np.full((80, 400), -1, np.int32)
    face[:, 150:250] = 0
    alpha = (face >= 0).astype(np.float32)
    window = slice(100, 180), slice(200, 600)
    shaded = Shaded(linear=np.repeat(alpha[..., None], 3, 2), alpha=alpha, window=window)
    moving = ImageMotion(
        velocity_px_s=np.tile(np.array([speed_px_s, 0], np.float32), (3, 1)),
        row=np.zeros(3, np.float32),
        depth_m=np.full(3, 2, np.float32),
    )
    image = FaceImage(face=face, window=window, subpixels=1)
    blurred = blur(shaded, image, np.arange(3)[None], moving, exposure_s, 720, 1280)
    row = blurred.alpha[blurred.alpha.shape[0] // 2]
    slope = np.diff(row[: len(row) // 2]).astype(float)
    places = np.arange(len(slope))
    center = (slope * places).sum()
    width = np.sqrt(12 * (slope * (places - center) ** 2).sum())
    return EffectRow(
        effect="motion blur: width of an edge's ramp",
        published=f"speed times exposure: {speed_px_s * exposure_s:.1f} px at {speed_px_s:.0f} px/s",
        source="geometry; 8 ms is the exposure of the Azure Kinect SDK's green_screen example",
        simulated=f"{width:.1f} px; light kept to {100 * abs(blurred.alpha.sum() / alpha.sum() - 1):.2f} %",
        measured="deviation of the ramp's slope times the root of 12",
    )


def noise() -> list[EffectRow]:
    """The photon law before compression; deviation and likeness of neighbours after it."""
    rng, values = np.random.default_rng(0), (40, 80, 120, 160, 200, 240)
    before = only("noise")
    light, variance = [], []
    for value in values:
        linear = linear_from_srgb(sensor(before).sense(grey(value), rng)).astype(np.float64)
        step = linear_from_srgb(np.array(value + 1)) - linear_from_srgb(np.array(value))
        light.append(linear.mean())
        variance.append(linear.var() - step**2 / 12)
    full = 1 / np.polyfit(light, variance, 1)[0]
    unit = sensor(only("noise", "jpeg"))
    deviations, alike = zip(*(flat_blocks(unit, value, rng) for value in values))
    frames = "flat 8x8 blocks of one real 1280x720 frame (pyk4a recording.mkv)"
    return [
        EffectRow(
            effect="noise: electrons at full scale",
            published="none for this sensor; the law is EMVA 1288's",
            source="assumed: 6000",
            simulated=f"{full:.0f}",
            measured="slope of variance over mean of linear light at six grey levels, rounding subtracted",
        ),
        EffectRow(
            effect="noise after JPEG: green deviation, dark to bright",
            published="0.9 to 1.2 grey levels (25 % quantile of blocks)",
            source=frames,
            simulated=f"{deviations[0]:.2f} (40) to {deviations[-1]:.2f} (240)",
            measured="the same statistic on flat pictures",
        ),
        EffectRow(
            effect="noise after JPEG: correlation of neighbours",
            published="0.52 to 0.60",
            source=frames,
            simulated=f"{min(alike):.2f} to {max(alike):.2f}",
            measured="the same statistic on flat pictures",
        ),
    ]


def flat_blocks(unit: ColorSensor, value: int, rng: np.random.Generator) -> tuple[float, float]:
    """25 % quantile of the deviation of 8x8 blocks about a plane, and correlation of neighbours in a row."""
    green = simplejpeg.decode_jpeg(unit.encode(unit.sense(grey(value), rng)))[..., 1].astype(float)
    blocks = green.reshape(90, 8, 160, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
    y, x = np.mgrid[:8, :8]
    plane = np.stack([x.ravel(), y.ravel(), np.ones(64)], 1)
    rest = blocks @ (np.eye(64) - plane @ np.linalg.pinv(plane))
    square = rest.reshape(-1, 8, 8)
    alike = (square[:, :, 1:] * square[:, :, :-1]).mean() / (square**2).mean()
    return float(np.quantile(np.sqrt((rest**2).sum(1) / 61), 0.25)), float(alike)


def rolling_shutter() -> EffectRow:
    """How far a vertical edge leans."""
    unit = sensor(only("rolling_shutter"))
    edge = np.stack([np.zeros(2), np.array([-359.5, 359.5]) / 608 * 2, np.full(2, 2.0)], -1)
    offset = unit.vertex_offset_px(CAMERA, edge, np.tile([3.0, 0, 0], (2, 1)))
    assert offset is not None
    readout_s = unit.effects.readout_s
    return EffectRow(
        effect="rolling shutter: lean of an edge at 3 m/s and 2 m",
        published=f"speed times readout: {3 / 2 * 608 * readout_s * 719 / 720:.1f} px",
        source=f"geometry; OV12A10 is a rolling shutter (vendor); readout {1000 * readout_s:.0f} ms assumed",
        simulated=f"{offset[1, 0] - offset[0, 0]:.1f} px",
        measured="first to last row",
    )


def jpeg() -> EffectRow:
    """Tables of the compression."""
    unit = sensor(only("jpeg"))
    picture = PIL.Image.open(io.BytesIO(unit.encode(grey(128))))
    tables = getattr(picture, "quantization")  # noqa: B009 - of JPEG pictures alone
    return EffectRow(
        effect="JPEG: first luminance quantisers, colours",
        published=f"{REAL_TABLE_START}, 4:2:2",
        source="real frames of two Azure Kinects",
        simulated=f"{tables[0][:8]}, 4:{unit.effects.jpeg_subsampling[1:].replace('2', '2:', 1)}",
        measured=f"libjpeg quality {unit.effects.jpeg_quality}: least sum of differences of both tables of 85 to 98",
    )


def speed() -> EffectRow:
    """Time of a frame."""
    unit, rng = sensor(ColorEffects()), np.random.default_rng(0)
    picture = rng.integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    unit.sense(picture, rng)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        unit.sense(picture, rng)
        times.append(time.perf_counter() - start)
    return EffectRow(
        effect="time of exposure, balance and noise",
        published="at most 10 ms",
        source="budget",
        simulated=f"{1000 * np.median(times):.1f} ms",
        measured="1280x720, one thread, median of 20",
    )


if __name__ == "__main__":
    print(as_markdown(rows()))
