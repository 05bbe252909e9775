"""What BlazePose says of a real person in one of four cameras, beside where the three others see the same instant."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from jaxtyping import Bool, Float

from capture.importers.video_size import camera_of_size
from geometry.camera import Camera
from geometry.camera_files.qualisys import read_qualisys
from geometry.rigid import transform
from hps.rgb.keypoint_names import LIFTED, places
from humanrig.wheel_assets import blazepose_weights
from registration.keypoints.blazepose import BlazePose
from registration.keypoints.sets import BLAZEPOSE, stem

BLURRED: Final = ("nose", "eye", "ear")
"""The recording's faces were made unreadable."""
SURE: Final = 0.3
"""Detections of less confidence do not speak for the others' truth."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RealErrors:
    """Detected less where the other cameras' detections meet, the sides put right."""

    names: tuple[str, ...]
    """Of the cameras."""
    error: Float[np.ndarray, "instants cameras keypoints 2"]
    """Pixels of the detector's crop; NaN without a detection, or with too few others."""
    confidence: Float[np.ndarray, "instants cameras keypoints"]
    swapped: Bool[np.ndarray, "instants cameras"]
    """Left and right of the whole person mixed up, against most of the cameras."""


def real_errors(folder: Path, every: int) -> RealErrors:
    """Of each so many frames of a folder with `videos` and `calibration/Calib.qca.txt`."""
    detector, cameras, seen = BlazePose(*blazepose_weights()), [], []
    files = sorted(read_qualisys(folder / "calibration/Calib.qca.txt").items())
    for name, calibrated in files:
        with av.open(str(folder / "videos" / f"{name.split('/')[0]}.mp4")) as container:
            frames = [f.to_ndarray(format="rgb24") for n, f in enumerate(container.decode(video=0)) if n % every == 0]
        cameras.append(camera_of_size(calibrated, frames[0].shape[1], frames[0].shape[0], "fit"))
        seen.append([detector.detect(frame) for frame in frames])
    instants, at = min(map(len, seen)), places(BLAZEPOSE.names)
    error = np.full((instants, len(cameras), len(at), 2), np.nan)
    confidence = np.full(error.shape[:3], np.nan)
    swapped = np.zeros(error.shape[:2], bool)
    for t in range(instants):
        found = [people[t][0] if people[t] else None for people in seen]
        if sum(person is not None for person in found) < 3:
            continue
        q = np.stack([np.full((len(at), 2), np.nan) if p is None else p.q[at] for p in found])
        sure = np.stack([np.zeros(len(at)) if p is None else p.visibility[at] for p in found])
        swapped[t] = _swaps(cameras, q, sure)
        q = np.where(swapped[t][:, None, None], q[:, LIFTED.mirror], q)
        sure = np.where(swapped[t][:, None], sure[:, LIFTED.mirror], sure)
        for c, person in enumerate(found):
            if person is None:
                continue
            others = np.where(np.arange(len(cameras)) == c, 0.0, 1.0)[:, None] * (sure > SURE) * sure
            p = _met(cameras, q, others)
            there = cameras[c].project_camera(transform(cameras[c].T_camera_world, p))
            error[t, c] = (q[c] - there) / person.pixel_size
            confidence[t, c] = sure[c]
    face = np.array([stem(name) in BLURRED for name in LIFTED.names])
    error[:, :, face] = np.nan
    return RealErrors(
        names=tuple(name.split("/")[0] for name, _ in files), error=error, confidence=confidence, swapped=swapped
    )


def told(found: RealErrors) -> str:
    """Markdown: errors by confidence, and how often the sides are mixed up in each camera."""
    size = np.linalg.norm(found.error, axis=-1)
    known = np.isfinite(size)
    lines = ["| confidence | share | median px | 90 % px |", "|---|---:|---:|---:|"]
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        mine = size[known & (found.confidence >= low) & (found.confidence < high)]
        if len(mine):
            lines.append(
                f"| {low:g} to {min(high, 1):g} | {100 * len(mine) / known.sum():.0f} % | {np.median(mine):.1f} | "
                f"{np.quantile(mine, 0.9):.1f} |"
            )
    lines.append(f"| all | {known.sum()} | {np.median(size[known]):.1f} | {np.quantile(size[known], 0.9):.1f} |")
    mixed = ", ".join(f"{name} {100 * share:.0f} %" for name, share in zip(found.names, found.swapped.mean(0)))
    return "\n".join([*lines, "", f"Left and right of the whole person mixed up: {mixed}."])


def _swaps(cameras: list[Camera], q: np.ndarray, sure: np.ndarray) -> Bool[np.ndarray, "cameras"]:
    """Which cameras have to exchange left and right so that all rays meet best; at most half of them."""
    best, chosen = np.inf, np.zeros(len(cameras), bool)
    for pattern in itertools.product([False, True], repeat=len(cameras)):
        if sum(pattern) > len(cameras) // 2:
            continue
        turned = np.array(pattern)[:, None]
        own = np.where(turned[..., None], q[:, LIFTED.mirror], q)
        weight = np.where(turned, sure[:, LIFTED.mirror], sure) * (sure > SURE)
        p = _met(cameras, own, weight)
        there = [camera.project_camera(transform(camera.T_camera_world, p)) for camera in cameras]
        away = np.linalg.norm(own - np.stack(there), axis=-1)
        cost = float(np.nansum(np.minimum(np.nan_to_num(away, nan=0.0), 100.0) * weight)) * (1 + 1e-6 * sum(pattern))
        if cost < best:
            best, chosen = cost, np.array(pattern)
    return chosen


def _met(
    cameras: list[Camera], q: Float[np.ndarray, "cameras keypoints 2"], weight: Float[np.ndarray, "cameras keypoints"]
) -> Float[np.ndarray, "keypoints 3"]:
    """Where weighted rays meet, by least squares of their distances; NaN where fewer than two speak."""
    A, b, rays = np.zeros((q.shape[1], 3, 3)), np.zeros((q.shape[1], 3)), np.zeros(q.shape[1])
    for camera, pixels, given in zip(cameras, q, weight):
        w = np.where(np.isfinite(pixels).all(-1), given, 0.0)
        xy = camera.normalize(np.where(w[:, None] > 0, pixels, camera.K[:2, 2]))
        d = np.concatenate([xy, np.ones((len(xy), 1))], 1) @ camera.T_world_camera[:3, :3].T
        d /= np.linalg.norm(d, axis=-1, keepdims=True)
        across = w[:, None, None] * (np.eye(3) - d[:, :, None] * d[:, None, :])
        A, b, rays = A + across, b + across @ camera.center, rays + (w > 0)
    known = rays >= 2
    p = np.full((q.shape[1], 3), np.nan)
    if known.any():
        p[known] = np.linalg.solve(A[known], b[known][..., None])[..., 0]
    return p
