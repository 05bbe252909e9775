"""What the temporal mode gains on validation motions: fits to noisy landmarks frame by frame, then smoothed.

Usage: python scripts/point_trials/measure_sequences.py [--sigma-mm 30 60] [--motion 0.5 1 2] [--seconds 3]

Landmarks err by Gaussian noise of which a share is new in each frame, and the rest stays for about a third of a second,
as a network errs alike on like poses. Numbers are means over the clips, as docs/point_sequences.md gives them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
import tyro

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from body.loading import load_body_model
from body.motion.resample import resample
from body.skinning import Skinning
from hps.metrics import acceleration_error_mm, mpjpe_mm
from hps.points.fitting import FitBody, LandmarkGaussians, fit_bodies
from hps.points.landmarks import landmarks_of
from hps.points.sequence import FrameBodies, SequenceConfig, smooth_bodies
from humanrig.motions import motion_library
from registration.fit.rotations import exponential

CLIPS: Final = ("kick", "crawl", "climb_3_floor_0", "climb_3_floor_1")
LASTS_S: Final = 0.33
RATE_HZ: Final = 30.0


def main(
    sigma_mm: tuple[float, ...] = (30.0, 60.0),
    motion: tuple[float, ...] = (0.5, 1.0, 2.0),
    lasting: float = 0.5,
    missing: float = 0.0,
    seconds: float = 2.0,
    seed: int = 0,
) -> None:
    """Prints a row for each noise and each scale of the process noise.

    Args:
        sigma_mm: Noise of each landmark along each axis.
        motion: Scales of the accelerations' standard deviations (SequenceConfig.motion).
        lasting: Share of the noise's variance that lasts.
        missing: Share of the frames that are not seen.
        seconds: Of each clip, at most.
        seed: Of the noise.
    """
    library = motion_library()
    print("noise  motion   frame by frame: MPJPE  acc     smoothed: MPJPE  acc   betas before  after")
    for sigma in sigma_mm:
        rng = np.random.default_rng(seed)
        clips = [_fitted(library, name, sigma / 1000, lasting, missing, seconds, rng) for name in CLIPS]
        for scale in motion:
            rows = np.array([_row(bodies, joints, betas, scale) for bodies, joints, betas in clips]).mean(0)
            print(
                f"{sigma:4.0f}   {scale:5.2f} {rows[0]:26.1f} {rows[1]:6.1f} {rows[2]:18.1f} {rows[3]:6.1f}"
                f" {rows[4]:12.2f} {rows[5]:7.2f}",
                flush=True,
            )


def _fitted(library, name: str, sigma_m: float, lasting: float, missing: float, seconds: float, rng):
    """Bodies fitted to each frame's landmarks, the true joints, and the true betas."""
    model = load_body_model()
    clip = resample(library.clip(name), RATE_HZ)
    T = min(len(clip), round(seconds * RATE_HZ))
    betas, child = rng.normal(size=10), 0.0
    R = torch.from_numpy(exponential(np.asarray(clip.rotations[:T], np.float64)))
    skinning = Skinning(model, torch.float64, vertex_subset=landmarks_of(model).markers)
    vertices, joints = skinning.pose(torch.from_numpy(betas), R, torch.from_numpy(clip.root_positions[:T].copy()))
    places = torch.cat([joints, vertices], 1).numpy()
    keep = np.exp(-1 / (RATE_HZ * LASTS_S))
    slow = rng.normal(size=places.shape)
    for t in range(1, T):
        slow[t] = keep * slow[t - 1] + np.sqrt(1 - keep**2) * slow[t]
    noise = np.sqrt(lasting) * slow + np.sqrt(1 - lasting) * rng.normal(size=places.shape)
    told = LandmarkGaussians(
        position=torch.from_numpy(places + sigma_m * noise),
        sigma=torch.full(places.shape[:2], sigma_m, dtype=torch.float64),
    )
    fitted = fit_bodies(FitBody.of(model), told)
    seen = rng.random(T) >= missing
    seen[[0, -1]] = True
    del child
    return FrameBodies.of(fitted, np.arange(T) / RATE_HZ, seen), joints.numpy(), betas


def _row(bodies: FrameBodies, true: np.ndarray, betas: np.ndarray, motion: float) -> tuple[float, ...]:
    model = load_body_model()
    tensors = (torch.from_numpy(getattr(bodies, name)) for name in ("betas", "rotations", "transl", "child"))
    single = Skinning(model, torch.float64, vertex_subset=np.array([0])).pose(*tensors)[1].numpy()
    found = smooth_bodies(bodies, people=["one"] * len(bodies), config=SequenceConfig(motion=motion))
    after = found.joints(model)
    return (
        float(mpjpe_mm(single[bodies.seen], true[bodies.seen]).mean()),
        float(acceleration_error_mm(single, true).mean()),
        float(mpjpe_mm(after, true).mean()),
        float(acceleration_error_mm(after, true).mean()),
        float(np.abs(bodies.betas[bodies.seen] - betas).mean()),
        float(np.abs(found.betas[0] - betas).mean()),
    )


if __name__ == "__main__":
    tyro.cli(main)
