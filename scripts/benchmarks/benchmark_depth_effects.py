"""Time of one simulated depth image, by mode and by effect, on one thread.

Usage: python scripts/benchmarks/benchmark_depth_effects.py
Exits with 1 where the narrow unbinned mode with all effects takes longer than 15 ms (median).
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from capture.virtual.depth_effects import DepthEffects
from capture.virtual.effects import effect_names
from capture.virtual.tof.modes import MODES
from capture.virtual.tof.sensor import TofSensor
from geometry.camera import Camera

BUDGET_MS = 15.0
FRAMES = 25
SIZES = {
    "NFOV_UNBINNED": (640, 576, 504.0),
    "NFOV_2X2BINNED": (320, 288, 252.0),
    "WFOV_2X2BINNED": (512, 512, 252.0),
    "WFOV_UNBINNED": (1024, 1024, 504.0),
}
"""Width, height and focal length in pixels of each mode; no distortion, since time does not depend on it."""


def camera_of(mode: str) -> Camera:
    """A camera of the mode's size."""
    width, height, focal = SIZES[mode]
    K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    return Camera(name="depth", K=K, width=width, height=height)


def scene(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """A cylinder as wide as a person before a floor and a wall, 2x2 samples a pixel."""
    x = (np.arange(2 * camera.width) / 2 - camera.width / 2) / camera.K[0, 0]
    y = (np.arange(2 * camera.height) / 2 - camera.height / 2)[:, None] / camera.K[1, 1]
    z = np.minimum(3.5, np.where(y > 0, 1.0 / np.maximum(y, 1e-3), np.inf))
    body = (np.abs(x) < 0.12) & (np.abs(y) < 0.45)
    z = np.where(body, 2.0 - np.sqrt(np.maximum(0.06 - (2 * x) ** 2, 0)), z).astype(np.float32)
    return z, (0.4 / z**2).astype(np.float32)


def median_ms(camera: Camera, mode: str, effects: DepthEffects) -> float:
    """Milliseconds an image, compiled before."""
    sensor, rng = TofSensor(camera, mode, effects, np.random.default_rng(0)), np.random.default_rng(1)
    z, amplitude = scene(camera)
    sensor.sense(z, amplitude, rng)
    times = []
    for _ in range(FRAMES):
        start = time.perf_counter()
        sensor.sense(z, amplitude, rng)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def main() -> int:
    """Prints two Markdown tables."""
    print("| mode, all effects | size | ms |\n|---|---|---|")
    times = {mode: median_ms(camera_of(mode), mode, DepthEffects()) for mode in MODES}
    for mode, ms in times.items():
        print(f"| {mode} | {SIZES[mode][0]}×{SIZES[mode][1]} | {ms:.1f} |")
    mode = "NFOV_UNBINNED"
    camera = camera_of(mode)
    print(f"\n| {mode} | ms |\n|---|---|\n| no effect | {median_ms(camera, mode, DepthEffects.none()):.1f} |")
    for name in effect_names(DepthEffects):
        ms = median_ms(camera, mode, replace(DepthEffects(), **{name: False}))
        print(f"| all but {name} | {ms:.1f} |")
    if times[mode] > BUDGET_MS:
        print(f"{mode}: {times[mode]:.1f} ms an image, at most {BUDGET_MS:.0f} allowed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
