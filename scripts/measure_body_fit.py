"""Measure the body fit of clouds: error against landmark noise, without and with points, and what it costs.

python scripts/measure_body_fit.py DATASET [--split validation] [--clouds 48] [--unfinished]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from body.loading import load_body_model
from body.rotations import axis_angle_to_matrix
from body.skinning import Skinning
from hps.datasets.synthetic import open_synthetic
from hps.points.fitting import BodyFitConfig, FitBody, LandmarkGaussians, SurfacePoints, fit_bodies, fit_keypoint_free
from hps.points.landmarks import landmarks_of
from hps.points.part_labels import NOT_BODY

POINTS = 1024
WRONG_PARTS = 0.12
"""Share of the points whose part is drawn at random; of points of no body, 0.3 are taken for some part."""
OFFSET_ERROR = (0.4, 0.006)
"""Standard deviation of a foretold skin offset: a share of it, and metres; alike within some 0.2 m."""


def main() -> None:
    """Prints PVE / MPJPE in millimetres for each noise, then core-milliseconds a cloud."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--clouds", type=int, default=48)
    parser.add_argument("--unfinished", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    body = FitBody.of(load_body_model())
    reader = open_synthetic(options.dataset, options.split, least_points=POINTS // 4, unfinished=options.unfinished)
    chosen = np.random.default_rng(0).permutation(len(reader))[: options.clouds]
    truth, surface = gathered([reader[int(index)] for index in chosen])
    print(
        f"{len(chosen)} clouds; PVE/MPJPE mm    landmarks, noise alike in limbs       + points    + true parts, offsets"
    )
    for noise in (0.0, 0.004, 0.008, 0.015, 0.03, 0.06, 0.1):
        told = noisy(truth["landmarks"], noise, 0.5)
        runs = {
            "alone": fit_bodies(body, told),
            "points": fit_bodies(body, told, blurred(surface), BodyFitConfig(refine_above_m=0)),
            "true": fit_bodies(body, told, surface, BodyFitConfig(refine_above_m=0)),
        }
        print(f"{1000 * noise:5.0f} mm", *(f"{errors(truth, run):>22s}" for run in runs.values()), flush=True)
    free = replace(surface, skin_offset=None)
    some = {name: value[:8] for name, value in truth.items()}
    began = time.process_time()
    found = fit_keypoint_free(body, rows(free, slice(0, 8)), up=(0.0, -1.0, 0.0))
    print(f"without keypoints, 8 clouds: {errors(some, found)}, {(time.process_time() - began) / 8:.2f} core-s a cloud")
    told = noisy(truth["landmarks"], 0.03, 0.5)
    for batch in (1, min(32, options.clouds)):
        for name, points in {"fit": None, "fit and refinement": surface}.items():
            began = time.process_time()
            for first in range(0, batch * (32 // batch), batch):
                at = slice(first, first + batch)
                fit_bodies(body, rows(told, at), None if points is None else rows(points, at))
            count = batch * (32 // batch)
            print(f"batches of {batch:2d}, {name}: {1000 * (time.process_time() - began) / count:.1f} core-ms a cloud")


def gathered(samples: list[Any]) -> tuple[dict[str, Tensor], SurfacePoints]:
    """True bodies and their points with true labels, float64, each in the frame of its cloud."""
    model, rng = load_body_model(), np.random.default_rng(1)
    points, rays, parts, offsets = [], [], [], []
    for sample in samples:
        which = rng.choice(len(sample.cloud), POINTS, replace=len(sample.cloud) < POINTS)
        points.append(sample.cloud.points[which])
        rays.append(sample.cloud.rays()[which])
        parts.append(sample.labels.part[which])
        offsets.append(np.nan_to_num(sample.labels.skin_offset[which]))
    truths = [sample.truth for sample in samples]
    turns = np.stack([np.concatenate([one.global_orient, one.body_pose], 1).reshape(24, 3) for one in truths])
    betas = torch.as_tensor(np.stack([one.betas for one in truths]), dtype=torch.float64)
    child = torch.tensor([float(one.child) for one in truths], dtype=torch.float64)
    transl = torch.as_tensor(np.concatenate([one.transl for one in truths]), dtype=torch.float64)
    rotations = axis_angle_to_matrix(torch.as_tensor(turns, dtype=torch.float64))
    vertices, joints = Skinning(model, torch.float64).pose(betas, rotations, transl, child)
    landmarks = torch.cat([joints, vertices[:, torch.as_tensor(landmarks_of(model).markers)]], 1)
    cloud = torch.as_tensor(np.stack(points), dtype=torch.float64)
    surface = SurfacePoints(
        points=cloud,
        keep=torch.ones(cloud.shape[:2], dtype=torch.bool),
        part=torch.as_tensor(np.stack(parts)),
        sigma=torch.full(cloud.shape[:2], 0.012, dtype=torch.float64),
        skin_offset=torch.as_tensor(np.stack(offsets), dtype=torch.float64),
        rays=torch.as_tensor(np.stack(rays), dtype=torch.float64),
    )
    return {"vertices": vertices, "joints": joints, "landmarks": landmarks}, surface


def noisy(landmarks: Tensor, sigma_m: float, alike: float) -> LandmarkGaussians:
    """Landmarks whose noise is, by the share `alike` of its variance, the same within some 0.3 m."""
    generator = torch.Generator().manual_seed(1)
    near = torch.exp(-0.5 * (torch.cdist(landmarks, landmarks) / 0.3) ** 2)
    root = torch.linalg.cholesky(near + 1e-6 * torch.eye(near.shape[1], dtype=near.dtype))
    smooth, own = (torch.randn(landmarks.shape, generator=generator, dtype=landmarks.dtype) for _ in range(2))
    noise = sigma_m * (alike**0.5 * (root @ smooth) + (1 - alike) ** 0.5 * own)
    sigma = torch.full(landmarks.shape[:2], max(sigma_m, 0.002), dtype=landmarks.dtype)
    return LandmarkGaussians(position=landmarks + noise, sigma=sigma)


def blurred(surface: SurfacePoints) -> SurfacePoints:
    """With parts and skin offsets as a network may get them wrong."""
    rng, generator = np.random.default_rng(2), torch.Generator().manual_seed(2)
    part = surface.part.numpy()
    wrong = rng.random(part.shape) < np.where(part == NOT_BODY, 0.3, WRONG_PARTS)
    ways = torch.randn((3, 64), generator=generator, dtype=torch.float64) / 0.2
    phases = 2 * np.pi * torch.rand(64, generator=generator, dtype=torch.float64)
    heights = torch.randn((len(part), 64, 3), generator=generator, dtype=torch.float64) / 32**0.5
    smooth = torch.cos(surface.points @ ways + phases) @ heights
    share, metres = OFFSET_ERROR
    assert surface.skin_offset is not None
    offset = surface.skin_offset * (1 + share * smooth[..., :1]) + metres * smooth
    parts = torch.as_tensor(np.where(wrong, rng.integers(0, NOT_BODY, part.shape), part))
    return replace(surface, part=parts, skin_offset=offset)


def errors(truth: dict[str, Tensor], found: Any) -> str:
    """PVE / MPJPE, millimetres, absolute."""
    skinning = Skinning(load_body_model(), torch.float64)
    vertices, joints = skinning.pose(found.betas, found.rotations, found.transl, found.child)
    pve, mpjpe = ((a - truth[b]).norm(dim=-1).mean() for a, b in ((vertices, "vertices"), (joints, "joints")))
    return f"{1000 * float(pve):.1f} / {1000 * float(mpjpe):.1f}"


def rows(value: Any, which: slice) -> Any:
    """Some of the clouds of Gaussians or points."""
    some = {name: getattr(value, name) for name in value.__slots__}
    return replace(value, **{name: None if array is None else array[which] for name, array in some.items()})


if __name__ == "__main__":
    main()
