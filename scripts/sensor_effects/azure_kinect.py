"""Rows of the Azure Kinect's depth table: python scripts/sensor_effects/azure_kinect.py."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (1, 2)]

import numpy as np  # noqa: E402
from compare_real_depth import surface_noise  # noqa: E402

from capture.virtual.config import SimulationConfig  # noqa: E402
from capture.virtual.depth_effects import DepthEffects  # noqa: E402
from capture.virtual.rig import build_rig  # noqa: E402
from capture.virtual.tof.modes import MODES, lit  # noqa: E402
from capture.virtual.tof.sensor import TofSensor  # noqa: E402
from geometry.rays import ray_table  # noqa: E402
from sensor_effects.effect_row import EffectRow, as_markdown  # noqa: E402

CAMERA = build_rig(SimulationConfig(cameras=1))[0].depth
NONE, ALL = DepthEffects.none(), DepthEffects()
SPEC = "vendor's hardware specification"
BLENDERPROC = "BlenderProc's Azure Kinect noise, after Tölgyessy et al. 2021"
REAL = "one real frame (pyk4a's test recording)"
LIT = lit(MODES["NFOV_UNBINNED"], (576, 640))


def rows() -> list[EffectRow]:
    """One row an effect, in the order of DepthEffects."""
    return [
        *axial_noise(), correlation(), lateral_noise(), flying_pixels(), multipath(), *invalid(), wiggling(), *unit(),
        interference(), speed(),
    ]  # fmt: skip


def wall(z_m: float, reflectance: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """2x2 samples a pixel of a wall across the optical axis, met everywhere at a right angle."""
    z = np.full((2 * CAMERA.height, 2 * CAMERA.width), z_m, np.float32)
    return z, (reflectance / z**2).astype(np.float32)


def images_mm(
    effects: DepthEffects, scene: tuple[np.ndarray, np.ndarray], frames: int = 4, disturbed: float = 0.0
) -> np.ndarray:
    """Frames of one unit; NaN where missing."""
    sensor, rng = TofSensor(CAMERA, "NFOV_UNBINNED", effects, np.random.default_rng(0)), np.random.default_rng(1)
    images = np.stack([sensor.sense(*scene, rng, disturbed) for _ in range(frames)]).astype(float)
    return np.where(images == 0, np.nan, images)


def axial_noise() -> list[EffectRow]:
    """Standard deviation by distance and by strength of the echo."""
    noisy = replace(NONE, axial_noise=True)
    spread = {z: np.nanstd(images_mm(noisy, wall(z))) for z in (1.0, 2.0, 3.5)}
    weak = {share: np.nanstd(images_mm(noisy, wall(2.0, share * 0.4))) for share in (1.0, 0.25)}
    everything = images_mm(ALL, wall(3.4, 0.15), 8)[:, LIT]
    temporal = np.median(np.std(everything[:, np.isfinite(everything).all(0)], axis=0))
    return [
        EffectRow(
            effect="axial noise by distance",
            published="0.5 mm + 1 mm/m beyond 0.5 m: 1.0, 2.0, 3.5 mm at 1, 2, 3.5 m",
            source=BLENDERPROC,
            simulated=", ".join(f"{v:.2f}" for v in spread.values()) + " mm",
            measured="standard deviation of 4 frames of a wall of 40 % reflectance",
        ),
        EffectRow(
            effect="axial noise, limit",
            published="at most 17 mm at 15–95 % reflectivity",
            source=SPEC,
            simulated=f"{temporal:.1f} mm",
            measured="15 % at 3.4 m, median over pixels of the deviation over 8 frames",
        ),
        EffectRow(
            effect="axial noise by incidence and reflectance",
            published="none; shot noise grows as one over the root of the light",
            source="assumed",
            simulated=f"×{weak[0.25] / weak[1.0]:.2f} at a quarter of the light",
            measured="as above at 2 m",
        ),
    ]


def correlation() -> EffectRow:
    """How alike neighbours are."""
    images = images_mm(replace(NONE, axial_noise=True), wall(2.0), 1)
    _, _, one, two = (np.median(values) for values in surface_noise(images[0]))
    return EffectRow(
        effect="correlation of neighbours, 1 / 2 pixels",
        published="0.67 / 0.44",
        source=REAL,
        simulated=f"{one:.2f} / {two:.2f}",
        measured="wall at 2 m; both: residuals of smooth patches of 21 pixels (scripts/compare_real_depth.py)",
    )


def lateral_noise() -> EffectRow:
    """Depth that scatters on a slope."""
    slope = 0.01
    z = (2 + slope * (np.arange(2 * CAMERA.width) / 2 - CAMERA.width / 2)).astype(np.float32)
    z = np.broadcast_to(np.clip(z, 0.6, 3.8), (2 * CAMERA.height, 2 * CAMERA.width)).copy()
    noisy = images_mm(replace(NONE, lateral_noise=True), (z, np.ones_like(z)))
    exact = images_mm(NONE, (z, np.ones_like(z)), 1)
    spread = np.sqrt(max(np.nanvar((noisy - exact)[:, :, 300:340]) - 2 / 12, 0)) / (1000 * slope)
    return EffectRow(
        effect="lateral noise",
        published="0.25 px",
        source=f"{BLENDERPROC}; {REAL}: at most about 0.1 px",
        simulated=f"{spread:.3f} px (0.25 px is `lateral_px=0.25`)",
        measured="scatter on a slope of 10 mm a pixel, over the slope",
    )


def step(depth_m: float = 2.0, apart_m: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """A tilted edge between two walls."""
    rows, columns = np.mgrid[: 2 * CAMERA.height, : 2 * CAMERA.width]
    z = np.where(columns + 0.21 * rows < 760, depth_m, depth_m + apart_m).astype(np.float32)
    return z, (0.4 / z**2).astype(np.float32)


def flying_pixels() -> EffectRow:
    """Pixels in between at an edge."""
    z, amplitude = step()
    both = replace(NONE, flying_pixels=True, invalid=True)
    image = images_mm(both, (z, amplitude), 1)[0]
    length = CAMERA.height
    between = (np.abs(image - 2000) > 30) & (np.abs(image - 2600) > 30)
    lost = np.isnan(image) & LIT
    sharp = images_mm(replace(NONE, invalid=True), (z, amplitude), 1)[0]
    none = ((np.abs(sharp - 2000) > 30) & (np.abs(sharp - 2600) > 30)).sum()
    return EffectRow(
        effect="flying pixels and holes at an edge of 0.6 m",
        published="edges are mixed or invalid; no figure",
        source="vendor's page on the depth camera; point spread and frequency assumed",
        simulated=f"{between.sum() / length:.2f} flying, {lost.sum() / length:.2f} missing pixels a row; off: {none}",
        measured="tilted edge between walls at 2.0 and 2.6 m",
    )


def multipath() -> EffectRow:
    """Two white walls at a right angle."""
    rays = np.repeat(np.repeat(ray_table(CAMERA), 2, 0), 2, 1)
    x = rays[..., 0]
    z = 2.0 / (1 + np.abs(x))
    p = np.concatenate([rays * z[..., None], z[..., None]], -1)
    r = np.linalg.norm(p, axis=-1)
    cosine = (np.abs(p[..., 0]) + p[..., 2]) / np.sqrt(2) / r
    scene = z.astype(np.float32), (0.8 * cosine / r**2).astype(np.float32)
    scene[0][np.isnan(z)], scene[1][np.isnan(z)] = np.inf, 0
    error = images_mm(replace(NONE, multipath=True), scene, 1)[0] - images_mm(NONE, scene, 1)[0]
    middle = round(CAMERA.K[0, 2])
    near, farther = (np.nanmean(error[280:340, middle + a : middle + b]) for a, b in ((8, 30), (90, 130)))
    return EffectRow(
        effect="multi-path in a corner of 90°, 80 % reflectance, 2 m",
        published="distances too long in concave corners; no figure for this sensor",
        source="vendor's page on the depth camera; form factors of one bounce at 200 MHz",
        simulated=f"{near:+.1f} mm beside the edge, {farther:+.1f} mm 0.4 m away",
        measured="difference on / off; equals a fine integral within 20 % (test_tof_sensor.py)",
    )


def invalid() -> list[EffectRow]:
    """What is lost."""
    effects = replace(NONE, invalid=True)
    black = {z: np.isfinite(images_mm(effects, wall(z, 0.15), 1)[0][LIT]).mean() for z in (3.0, 3.8, 3.9)}
    hair = np.isfinite(images_mm(effects, wall(2.3, 0.05), 1)[0][LIT]).mean()
    return [
        EffectRow(
            effect="lit pixels of the narrow mode",
            published="a hexagon; 82.3 % of the image",
            source=f"vendor's page; {REAL}",
            simulated=f"{100 * LIT.mean():.1f} %",
            measured="share of pixels",
        ),
        EffectRow(
            effect="range at 15 % reflectance",
            published="0.5–3.86 m",
            source=SPEC,
            simulated=", ".join(f"{100 * v:.0f} % valid at {z} m" for z, v in black.items()),
            measured="wall; depth nearer than 0.5 m is sent where it does not saturate, as in the real frame",
        ),
        EffectRow(
            effect="dark surfaces (5 % reflectance, such as hair) at 2.3 m",
            published="none",
            source="assumed: the same limit of signal",
            simulated=f"{100 * hair:.0f} % valid",
            measured="wall",
        ),
    ]


def wiggling() -> EffectRow:
    """Periodic error."""
    sensor = TofSensor(CAMERA, "NFOV_UNBINNED", replace(NONE, wiggling=True), np.random.default_rng(0))
    return EffectRow(
        effect="wiggling",
        published="none",
        source="assumed",
        simulated=f"{1000 * sensor.wiggling_m:.2f} mm, at most {1000 * ALL.wiggling_m:.1f} mm, period 187 mm",
        measured="drawn for the unit with seed 0; the test measures amplitude and period",
    )


def unit() -> list[EffectRow]:
    """Spread between units."""
    units = [TofSensor(CAMERA, "NFOV_UNBINNED", ALL, np.random.default_rng(seed)) for seed in range(100)]
    bias, scale = (np.array([getattr(u, name) for u in units]) for name in ("bias_m", "scale"))
    return [
        EffectRow(
            effect="bias and scale of a unit",
            published="typical systematic error < 11 mm + 0.1 % of the distance",
            source=f"{SPEC}; spread assumed",
            simulated=f"bias {1000 * bias.std():.1f} mm (largest {1000 * np.abs(bias).max():.1f}), "
            f"scale {1e3 * scale.std():.2f} ‰ (largest {1e3 * np.abs(scale).max():.2f})",
            measured="standard deviation of 100 units",
        )
    ]


def interference() -> EffectRow:
    """Two cameras that expose together."""
    effects = replace(NONE, axial_noise=True, interference=True)
    calm, loud = images_mm(effects, wall(2.0)), images_mm(effects, wall(2.0), disturbed=1.0)
    return EffectRow(
        effect="interference below 160 µs",
        published="invalid and flickering pixels; no magnitude",
        source="vendor's multi-camera page, Azure Kinect ROS driver issue 204; magnitude assumed",
        simulated=f"{100 * np.isnan(loud).mean():.0f} % lost, noise ×{np.nanstd(loud) / np.nanstd(calm):.1f}",
        measured="wall at 2 m, exposing at the same time; none at 160 µs",
    )


def speed() -> EffectRow:
    """Time of a frame."""
    sensor, rng = TofSensor(CAMERA, "NFOV_UNBINNED", ALL, np.random.default_rng(0)), np.random.default_rng(0)
    scene = step()
    times = []
    for _ in range(15):
        start = time.perf_counter()
        sensor.sense(*scene, rng)
        times.append(time.perf_counter() - start)
    return EffectRow(
        effect="time of all effects",
        published="101 ms for a plain prototype with fewer effects",
        source="measured earlier",
        simulated=f"{1000 * min(times):.0f} ms",
        measured="640×576 filled by two walls, one thread, best of 15",
    )


if __name__ == "__main__":
    print(as_markdown(rows()))
