"""A real Azure Kinect depth frame beside a simulated one of a similar scene: how much is valid, how neighbours differ.

The scene is rebuilt by eye from the real frame (pyk4a's tests/assets/recording.mkv: a mug on a desk before a papered
wall and a window): four planes, a cylinder and a bar, seen through the same unit's lens. Only the statistics are
compared, not pixels.

Usage: python scripts/compare_real_depth.py RECORDING.mkv [--picture FILE.png]
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import tyro

from capture.importers.azure_kinect_mkv import import_kinect
from capture.virtual.depth_effects import DepthEffects
from capture.virtual.tof.modes import MODES, lit
from capture.virtual.tof.sensor import TofSensor
from geometry.camera import Camera
from geometry.camera_files.azure_kinect import read_kinect_calibration
from geometry.rays import ray_table

PATCH_PX = 21
SURFACE_MM = 25.0


def main(recording: tyro.conf.Positional[Path], picture: Path | None = None) -> None:
    """Prints a Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        session = import_kinect([recording], Path(folder) / "s", session_id="real")
        stream = session.of_kind("depth")[0]
        real = 1000 * session.frame(stream, 0).payload.astype(float)
    camera = read_kinect_calibration(recording.parent / "calibration.json").depth_camera("NFOV_UNBINNED")
    simulated = simulate(camera)
    rows = {name: (figures(real)[name], value) for name, value in figures(simulated).items()}
    print("| | real | simulated |\n|---|---|---|")
    for name, (a, b) in rows.items():
        print(f"| {name} | {a} | {b} |")
    if picture is not None:
        cv2.imwrite(str(picture), np.concatenate([painted(real), painted(simulated)], 1))


def simulate(camera: Camera) -> np.ndarray:
    """The rebuilt scene through the sensor, millimetres, NaN where missing."""
    rays = fine_rays(camera)
    d = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], -1)
    z, amplitude = np.full(d.shape[:2], np.inf), np.zeros(d.shape[:2])
    # normal, distance along it, reflectance; camera frame, y down, metres
    planes = (
        ((0.0, -0.10, -1.0), 2.12, 0.55),  # the wall with the window
        ((0.93, 0.0, -0.36), 0.98, 0.5),  # the papered wall on the left
        ((0.0, -1.0, 0.0), 0.082, 0.45),  # the desk
    )
    for normal, distance, reflectance in planes:
        n = np.array(normal) / np.linalg.norm(normal)
        with np.errstate(divide="ignore"):
            t = -distance / (d @ n)
        if n[1] < -0.9:
            t[t > 0.3] = np.inf  # where the desk ends
        put(z, amplitude, t, -(d @ n) / np.linalg.norm(d, axis=-1), reflectance)
    sill = (d[..., 1] * 1.9 > 0.12) & (d[..., 1] * 1.9 < 0.17) & (d[..., 0] > 0.05)
    put(z, amplitude, np.where(sill, 1.9, np.inf), np.full(sill.shape, 0.9), 0.5)
    t, cosine = cylinder(d, np.array([-0.062, 0.235]), 0.035)
    height = d[..., 1] * t
    t[(height < -0.0135) | (height > 0.08)] = np.inf
    put(z, amplitude, t, cosine, 0.35)
    sensor = TofSensor(camera, "NFOV_UNBINNED", DepthEffects(), np.random.default_rng(0))
    image = sensor.sense(z.astype(np.float32), amplitude.astype(np.float32), np.random.default_rng(1))
    return np.where(image == 0, np.nan, image.astype(float))


def fine_rays(camera: Camera) -> np.ndarray:
    """(2h, 2w, 2) x/z and y/z of 2x2 samples a pixel, by interpolation of the ray table; NaN where there is none."""
    rays = ray_table(camera)
    columns, rows = np.meshgrid(np.arange(2 * camera.width) / 2 - 0.25, np.arange(2 * camera.height) / 2 - 0.25)
    return np.stack(
        [
            cv2.remap(rays[..., k], columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR,
                      borderMode=cv2.BORDER_REPLICATE)
            for k in range(2)
        ],
        -1,
    )  # fmt: skip


def cylinder(d: np.ndarray, xz: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Depth and cosine of incidence on an upright cylinder."""
    a, b, c = d[..., 0] ** 2 + 1, d[..., 0] * xz[0] + xz[1], xz @ xz - radius**2
    root = b**2 - a * c
    t = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
    t_seen = np.where(np.isfinite(t), t, 0)
    n = np.stack([(d[..., 0] * t_seen - xz[0]) / radius, np.zeros_like(t), (t_seen - xz[1]) / radius], -1)
    return t, np.clip(-(n * d).sum(-1) / np.linalg.norm(d, axis=-1), 0, 1)


def put(z: np.ndarray, amplitude: np.ndarray, t: np.ndarray, cosine: np.ndarray, reflectance: float) -> None:
    """A surface into the scene where it is nearest."""
    front = (t > 0) & (t < z)
    z[front] = t[front]
    amplitude[front] = (reflectance * np.clip(cosine, 0.02, 1) / t.clip(1e-3) ** 2)[front]


def figures(depth_mm: np.ndarray) -> dict[str, str]:
    """What the table says of one image."""
    valid = np.isfinite(depth_mm)
    light = lit(MODES["NFOV_UNBINNED"], depth_mm.shape)
    steps = np.abs(np.diff(depth_mm, axis=1))
    steps = steps[np.isfinite(steps)]
    result = {
        "valid pixels": f"{100 * valid.mean():.1f} %",
        "valid in the hexagon": f"{100 * valid[light].mean():.1f} %",
        "valid outside it": f"{100 * valid[~light].mean():.1f} %",
        "horizontal difference, median / p90 / p99": " / ".join(f"{v:.0f}" for v in np.percentile(steps, [50, 90, 99]))
        + " mm",
        "differences above 50 mm": f"{1e4 * np.mean(steps > 50):.1f} in 10,000",
    }
    depth, spread, one, two = surface_noise(depth_mm)
    for low, high in ((500, 900), (900, 1500), (1800, 2200)):
        part = (depth > low) & (depth <= high)
        text = f"{np.median(spread[part]):.2f} mm ({part.sum()} patches)" if part.sum() > 3 else "too few patches"
        result[f"deviation from smooth patches, {low / 1000:.1f}–{high / 1000:.1f} m"] = text
    result["correlation of its neighbours, 1 / 2 pixels"] = f"{np.median(one):.2f} / {np.median(two):.2f}"
    return result


def surface_noise(depth_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Depth, standard deviation from a quadric, and correlation over one and two pixels, of all smooth patches."""
    y, x = np.mgrid[:PATCH_PX, :PATCH_PX] - PATCH_PX // 2
    columns = np.stack([np.ones(x.size), x.ravel(), y.ravel(), (x * x).ravel(), (x * y).ravel(), (y * y).ravel()], 1)
    fit, found = columns @ np.linalg.pinv(columns), []
    for row in range(0, depth_mm.shape[0] - PATCH_PX, PATCH_PX):
        for column in range(0, depth_mm.shape[1] - PATCH_PX, PATCH_PX):
            patch = depth_mm[row : row + PATCH_PX, column : column + PATCH_PX]
            if not np.isfinite(patch).all():
                continue
            rest = (patch.ravel() - fit @ patch.ravel()).reshape(patch.shape)
            if np.abs(rest).max() > SURFACE_MM or rest.var() == 0:
                continue
            lags = [(rest[:, k:] * rest[:, :-k]).mean() / rest.var() for k in (1, 2)]
            found.append((np.median(patch), rest.std(ddof=columns.shape[1]), *lags))
    depth, spread, one, two = np.array(found).T
    return depth, spread, one, two


def painted(depth_mm: np.ndarray) -> np.ndarray:
    """Near is bright, missing dark red; BGR."""
    grey = np.clip(255 * (1 - (np.nan_to_num(depth_mm) - 500) / 2000), 0, 255).astype(np.uint8)
    image = np.repeat(grey[..., None], 3, -1)
    image[np.isnan(depth_mm)] = (0, 0, 90)
    return image


if __name__ == "__main__":
    tyro.cli(main)
