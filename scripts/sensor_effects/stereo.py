"""Rows of the RealSense table: python scripts/sensor_effects/stereo.py."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (1, 2)]

import numpy as np  # noqa: E402

from capture.virtual.realsense import place_realsense  # noqa: E402
from capture.virtual.stereo_depth import StereoDepth  # noqa: E402
from capture.virtual.stereo_effects import StereoEffects  # noqa: E402
from sensor_effects.effect_row import EffectRow, as_markdown  # noqa: E402

UNIT = place_realsense("realsense_000", np.eye(4), model="D435")
SHAPE = (960, 1696)
SWITCHES = ("quantisation", "noise", "calibration", "fattening", "occlusion", "low_texture", "near")
FRONT_M, BEHIND_M = 1.0, 3.0


def rows() -> list[EffectRow]:
    """One row an effect, in the order of StereoEffects."""
    return [quantisation(), *noise(), calibration(), fattening(), occlusion(), band(), low_texture(), near(), speed()]


def only(*names: str, unit: int = 0) -> StereoDepth:
    """A D435 with only these effects."""
    effects = StereoEffects(**{name: name in names for name in SWITCHES})  # type: ignore[arg-type]
    return StereoDepth(UNIT, effects, np.random.default_rng(unit))


def sense(sensor: StereoDepth, z: np.ndarray | float, echo: float = 0.1, seed: int = 1) -> np.ndarray:
    """Millimetres of a scene whose echo is the same everywhere."""
    depth = np.array(np.broadcast_to(np.float32(z), SHAPE))
    return sensor.sense(depth, np.full(SHAPE, echo, np.float32), np.random.default_rng(seed)).astype(float)


def post() -> np.ndarray:
    """A post at FRONT_M in front of a wall at BEHIND_M: pixel columns 300 to 499."""
    z = np.full(SHAPE, BEHIND_M, np.float32)
    z[:, 600:1000] = FRONT_M
    return z


def quantisation() -> EffectRow:
    """Steps of disparity."""
    sensor = only("quantisation")
    seen = np.unique(sense(sensor, np.linspace(3.8, 4.2, SHAPE[1])[None, :]))
    steps = np.diff(np.sort(1000 * sensor.focal_baseline / seen))
    return EffectRow(
        effect="disparity step",
        published="1/32 px = 0.0313 px",
        source="Grunnet-Jepsen et al., Subpixel linearity improvement, D400",
        simulated=f"{np.median(steps):.4f} px ({np.median(np.diff(seen)):.0f} mm)",
        measured="depths that occur on a ramp from 3.8 to 4.2 m",
    )


def noise() -> list[EffectRow]:
    """RMS of planes."""
    sensor, found = only("noise"), []
    for z in (1.0, 2.0, 4.0):
        seen = sense(sensor, z)
        found.append(
            EffectRow(
                effect=f"noise of a plane at {z:.0f} m",
                published=f"0.08 px = {1000 * z**2 * 0.08 / sensor.focal_baseline:.1f} mm RMS",
                source="Grunnet-Jepsen et al., Best known methods for tuning D415 and D435; librealsense issue 3904",
                simulated=f"{(1000 * sensor.focal_baseline / seen).std():.3f} px = {seen.std():.1f} mm",
                measured="deviation of all pixels of a facing plane",
            )
        )
    return found


def calibration() -> EffectRow:
    """Error of units at 2 m."""
    errors = [sense(only("calibration", unit=unit), 2.0).mean() / 2000 - 1 for unit in range(60)]
    return EffectRow(
        effect="unit's error at 2 m",
        published="at most 2 %",
        source="D400 family datasheet 337029; taken as two deviations",
        simulated=f"deviation {100 * np.std(errors):.1f} %, at most {100 * np.max(np.abs(errors)):.1f} %",
        measured="60 units, mean of a facing plane",
    )


def fattening() -> EffectRow:
    """Growth of what is in front."""
    sensor = only("fattening")
    growth = np.stack([sense(sensor, post(), seed=n) < 2000 for n in range(6)])[:, :, 500:520].sum(2)
    return EffectRow(
        effect="edge fattening",
        published="none",
        source="assumed: 2.5 px, deviation 1.2 px, then rounded down to whole pixels",
        simulated=f"{growth.mean():.1f} px, deviation {growth.std():.1f} px",
        measured="growth of a post at 1 m over a wall at 3 m, right side",
    )


def occlusion() -> EffectRow:
    """Width of the hole beside a post."""
    sensor = only("occlusion")
    hole = (sense(sensor, post()) == 0)[:, 200:300].sum(1).mean()
    return EffectRow(
        effect="hole between the imagers' views",
        published=f"difference of disparities: {sensor.focal_baseline * (1 / FRONT_M - 1 / BEHIND_M):.1f} px",
        source="geometry",
        simulated=f"{hole:.1f} px",
        measured="left of a post at 1 m before a wall at 3 m",
    )


def band() -> EffectRow:
    """Width of the band at the left of the image."""
    sensor = only("occlusion")
    return EffectRow(
        effect="invalid band at the left",
        published=f"disparity: {sensor.focal_baseline / 2:.1f} px at 2 m",
        source="D400 family datasheet 337029, invalid depth band",
        simulated=f"{(sense(sensor, 2.0) == 0).sum(1).mean():.1f} px",
        measured="facing plane",
    )


def low_texture() -> EffectRow:
    """Where dark surfaces are lost."""
    sensor, effects = only("low_texture"), StereoEffects()
    echoes = np.geomspace(0.001, 0.01, 25)
    missing = [(sense(sensor, 2.0, echo) == 0).mean() for echo in echoes]
    half = np.interp(0.5, missing[::-1], echoes[::-1])
    return EffectRow(
        effect="weak echo: half of the pixels missing",
        published="none",
        source=f"assumed: {effects.least_amplitude} (black cloth of 0.04 at 3.7 m)",
        simulated=f"{half:.4f}",
        measured="facing plane, 25 echoes",
    )


def near() -> EffectRow:
    """Least depth."""
    sensor = only("near")
    depths = np.arange(0.15, 0.25, 0.001)
    least = next(z for z in depths if (sense(sensor, z) > 0).all())
    return EffectRow(
        effect="least depth, D435 at 848x480",
        published="0.195 m",
        source="D400 family datasheet 337029",
        simulated=f"{least:.3f} m",
        measured="facing planes, 1 mm apart",
    )


def speed() -> EffectRow:
    """Time of a frame."""
    sensor, z, echo = (
        StereoDepth(UNIT, StereoEffects(), np.random.default_rng(0)),
        post(),
        np.full(SHAPE, 0.1, np.float32),
    )
    times = []
    for n in range(12):
        start = time.perf_counter()
        sensor.sense(z, echo, np.random.default_rng(n))
        times.append(time.perf_counter() - start)
    return EffectRow(
        effect="time of a frame",
        published="none",
        source="",
        simulated=f"{1000 * np.median(times):.1f} ms",
        measured="848x480, all effects, one thread, median of 12",
    )


if __name__ == "__main__":
    print(as_markdown(rows()))
