"""Rows of the iPhone's table: python scripts/sensor_effects/lidar.py."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (1, 2)]

import numpy as np  # noqa: E402

from capture.virtual.lidar_depth import LidarDepth, LidarFrame  # noqa: E402
from capture.virtual.lidar_effects import LidarEffects  # noqa: E402
from sensor_effects.effect_row import EffectRow, as_markdown  # noqa: E402

SHAPE = (384, 512)
SWITCHES = ("scale", "noise", "smoothing", "border", "edges", "weak", "range")
CAPTURE = "capture psegs-ios-lidar-ext, 92 frames"
NEAR_M = 0.55
"""Mean distance of the capture's board."""


def rows() -> list[EffectRow]:
    """One row an effect, in the order of LidarEffects."""
    return [scale(), *noise(), distant(), smoothing(), *border(), steps(), weak(), distance(), speed()]


def only(*names: str, unit: int = 0) -> LidarDepth:
    """A phone with only these effects."""
    effects = LidarEffects(**{name: name in names for name in SWITCHES})  # type: ignore[arg-type]
    return LidarDepth(effects, np.random.default_rng(unit))


def sense(phone: LidarDepth, z: np.ndarray | float, echo: float = 0.1, seed: int = 1) -> LidarFrame:
    """A frame of a scene whose echo is the same everywhere."""
    depth = np.array(np.broadcast_to(np.float32(z), SHAPE))
    return phone.sense(depth, np.full(SHAPE, echo, np.float32), np.random.default_rng(seed))


def step() -> np.ndarray:
    """A wall at 1 m beside one at 1.03 m, as thick as the capture's steps."""
    z = np.full(SHAPE, 1.0)
    z[:, 256:] = 1.03
    return z


def scale() -> EffectRow:
    """Spread of units."""
    scales = [only("scale", unit=unit).scale for unit in range(400)]
    return EffectRow(
        effect="unit's scale",
        published="one unit: 0.9 mm too far at 0.55 m, 0.0016",
        source=f"{CAPTURE}; spread assumed: 0.002",
        simulated=f"{np.std(scales):.4f}",
        measured="deviation of 400 units",
    )


def noise() -> list[EffectRow]:
    """Between frames, within a frame, about small planes."""
    phone = only("noise")
    frames = np.stack([sense(phone, NEAR_M, seed=n).depth_mm.astype(float) for n in range(200)])
    y, x = np.mgrid[:5, :5]
    plane = np.stack([x.ravel(), y.ravel(), np.ones(25)], 1)
    tilted = np.repeat(np.linspace(0.5, 0.6, 256), 2)[None]
    slanted = np.stack([sense(phone, tilted, seed=n).depth_mm.astype(float) for n in range(20)])
    blocks = slanted[:, :190, :255].reshape(20, 38, 5, 51, 5).transpose(0, 1, 3, 2, 4).reshape(-1, 25)
    rest = np.sqrt(((blocks @ (np.eye(25) - plane @ np.linalg.pinv(plane))) ** 2).sum(1) / 22)
    return [
        EffectRow(
            effect="noise between frames at 0.55 m",
            published="1.4 mm",
            source=f"{CAPTURE}, against the board's pose",
            simulated=f"{np.median(frames, axis=(1, 2)).std():.2f} mm",
            measured="deviation of 200 frames' medians",
        ),
        EffectRow(
            effect="noise within a frame at 0.55 m",
            published="1.2 mm",
            source=f"{CAPTURE}, against the board's pose",
            simulated=f"{frames.std(axis=(1, 2)).mean():.2f} mm",
            measured="mean deviation within 200 frames",
        ),
        EffectRow(
            effect="noise about planes of 5x5 pixels",
            published="0.31 to 0.36 mm, of which rounding 0.29",
            source=f"{CAPTURE}, high confidence, 10 to 50 % quantile",
            simulated=f"{np.quantile(rest, 0.1):.2f} to {np.quantile(rest, 0.5):.2f} mm",
            measured="the same statistic on a slanted plane, 0.5 to 0.6 m",
        ),
    ]


def distant() -> EffectRow:
    """Error of objects farther away."""
    errors = [sense(LidarDepth(LidarEffects(), np.random.default_rng(n)), 3.0, seed=n) for n in range(100)]
    rms = np.sqrt(np.mean([np.square(frame.depth_mm - 3000.0).mean() for frame in errors]))
    return EffectRow(
        effect="error at 3 m",
        published="1 cm for objects larger than 10 cm",
        source="Luetzenburg et al. 2021 (scans of an iPhone 12 Pro, not single frames)",
        simulated=f"{rms / 10:.2f} cm RMS",
        measured="100 units with one frame each",
    )


def smoothing() -> EffectRow:
    """Width of a step's ramp."""
    row = sense(only("smoothing"), step()).depth_mm[90].astype(float)
    slope = np.diff(row)
    places = np.arange(len(slope))
    center = (slope * places).sum() / slope.sum()
    width = np.sqrt((slope * (places - center) ** 2).sum() / slope.sum())
    return EffectRow(
        effect="over-smoothed step: deviation of its slope",
        published="1.5 px (1.2 to 1.8)",
        source=f"{CAPTURE}, 122 steps of 25 to 30 mm",
        simulated=f"{width:.2f} px",
        measured="step of 30 mm at 1 m",
    )


def border() -> list[EffectRow]:
    """Confidence of the whole image and of single columns."""
    phone = only("border")
    seen = np.stack([sense(phone, NEAR_M, seed=n).confidence for n in range(200)])
    shares = [100 * (seen == level).mean() for level in range(3)]
    high = [(seen[:, 12:186, column] == 2).mean() for column in (4, 8, 12, 16)]
    return [
        EffectRow(
            effect="confidence low, medium, high: shares of a scene without steps",
            published="2.3, 4.4, 93.4 %",
            source=CAPTURE,
            simulated=", ".join(f"{share:.1f}" for share in shares) + " %",
            measured="200 frames of a facing plane",
        ),
        EffectRow(
            effect="high confidence in columns 4, 8, 12, 16",
            published="0.07, 0.26, 0.55, 0.83",
            source=CAPTURE,
            simulated=", ".join(f"{share:.2f}" for share in high),
            measured="200 frames of a facing plane",
        ),
    ]


def steps() -> EffectRow:
    """Confidence beside a step."""
    z = step()
    z[:, 256:] = 1.5
    seen = sense(only("smoothing", "edges"), z).confidence[90]
    return EffectRow(
        effect="medium or low confidence at a step from 1 to 1.5 m",
        published="none; below a change of 0.03 a pixel 99.9 % are high",
        source=f"assumed from 0.03 on; {CAPTURE}",
        simulated=f"{(seen < 2).sum()} px wide",
        measured="one row",
    )


def weak() -> EffectRow:
    """Echoes at which the confidence falls."""
    phone = only("weak")
    echoes = np.geomspace(0.001, 0.02, 60)
    levels = np.array([sense(phone, 1.0, echo).confidence[0, 0] for echo in echoes])
    return EffectRow(
        effect="weak echo: low below, high above",
        published="none",
        source="assumed: 0.003, 0.008",
        simulated=f"{echoes[levels == 0].max():.4f}, {echoes[levels == 2].min():.4f}",
        measured="60 echoes",
    )


def distance() -> EffectRow:
    """Range of what is trusted."""
    phone = only("range")
    depths = np.arange(0.1, 6.0, 0.02)
    sure = [z for z in depths if (sense(phone, z).confidence == 2).all()]
    return EffectRow(
        effect="range",
        published="5 m",
        source="Apple, iPad Pro 2020; the least, 0.2 m, is assumed",
        simulated=f"{min(sure):.2f} to {max(sure):.2f} m",
        measured="facing planes, 2 cm apart; beyond it confidence is low, nothing is missing",
    )


def speed() -> EffectRow:
    """Time of a frame."""
    phone, z, echo = LidarDepth(LidarEffects(), np.random.default_rng(0)), step().astype(np.float32), np.ones(SHAPE)
    times = []
    for n in range(20):
        start = time.perf_counter()
        phone.sense(z, echo.astype(np.float32), np.random.default_rng(n))
        times.append(time.perf_counter() - start)
    return EffectRow(
        effect="time of a frame",
        published="none",
        source="",
        simulated=f"{1000 * np.median(times):.1f} ms",
        measured="256x192, all effects, one thread, median of 20",
    )


if __name__ == "__main__":
    print(as_markdown(rows()))
