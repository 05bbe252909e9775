"""Calibrates the fusion of colour and depth on validation pictures: sigmas of both networks, and of fused bodies.

    python scripts/calibrate_rgbd.py FOLDER

FOLDER is that of scripts/measure_rgbd.py; nothing of the test split is looked at. Prints the factors of
`hps.rgbd.config.FusionConfig` and the share of the errors that lie where 68 % should, before and after. The factors of
the networks come first; that of the bodies is measured with them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rgbd_trials.coverage import COVERED, covariance_factor, covered_share, joints_apart
from rgbd_trials.simulated import SimulatedFrame, made

from geometry.rigid import transform
from hps.metrics import mpjpe_mm
from hps.rgb.fitting.relative_term import ray_axes
from hps.rgbd.config import FusionConfig
from hps.rgbd.estimator import RgbdEstimator
from hps.rgbd.loading import load
from hps.rgbd.view import joined_keypoints


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    words = parser.parse_args()
    torch.set_num_threads(1)
    frames = [
        one for one in made(words.folder, "kinect", "validation") if not one.view.no_depth and not one.view.no_picture
    ]
    plain = FusionConfig(network_factor=1.0, lifter_factor=1.0, covariance_factor=1.0)
    estimator = load(config=plain)
    print(f"{len(frames)} pictures of {len({one.subject for one in frames})} people")
    factors = {
        "network_factor": told("the point network's joints", network_apart(estimator, frames)),
        "lifter_factor": told("the lifter's joints about the pelvis", lifter_apart(estimator, frames)),
    }
    for name, config in (("1", plain), ("these factors", replace(plain, **factors))):
        estimator.config = config
        found = [one for one in estimator.estimate_many([frame.view for frame in frames])]
        both = [n for n, one in enumerate(found) if one.used == "both"]
        truth = np.stack([frames[n].joints for n in both])
        error = mpjpe_mm(np.concatenate([found[n].estimate.joints for n in both]), truth, root=0)
        print(f"with networks' factors of {name}: {len(both)} bodies of both, MPJPE {error.mean():.1f} mm, "
              f"{np.median(error):.1f} in the median")  # fmt: skip
        factors["covariance_factor"] = told("fused bodies' joints", joints_apart([found[n] for n in both], truth))
    print(", ".join(f"{name} = {value:.2f}" for name, value in factors.items()))


def network_apart(estimator: RgbdEstimator, frames: Sequence[SimulatedFrame]) -> np.ndarray:
    """Squared distances of the network's 24 joints from the truth, in standard deviations."""
    seen = estimator.points.seeing([frame.view.cloud for frame in frames])
    truth = np.stack([transform(T, one.joints) for T, one in zip(seen.given.T_canonical_cloud, frames)])
    sigma = seen.sigma.double().numpy()[:, :24, None]
    return (((seen.position.double().numpy()[:, :24] - truth) / sigma) ** 2).sum(-1)


def lifter_apart(estimator: RgbdEstimator, frames: Sequence[SimulatedFrame]) -> np.ndarray:
    """The same of the lifter's joints but the pelvis, all from the pelvis."""
    batch = joined_keypoints([one.view.keypoints for one in frames if one.view.keypoints is not None])
    lifted = estimator.pictures.lifter(batch)
    truth = np.stack([one.joints - one.joints[:1] for one in frames])
    away = (lifted.relative.double().numpy()[:, :24] - truth) @ ray_axes(lifted.root.double().numpy()).swapaxes(1, 2)
    return ((away / lifted.sigma.double().numpy()[:, :24, [0, 0, 1]]) ** 2).sum(-1)[:, 1:]


def told(what: str, squared: np.ndarray) -> float:
    """The factor, said with the share that is covered without and with it."""
    factor = covariance_factor(squared)
    before, after = covered_share(squared), covered_share(squared / factor**2)
    print(f"{what}: x {factor:.2f}; {100 * before:.0f} % within the {100 * COVERED:.0f} % region before, "
          f"{100 * after:.0f} % after")  # fmt: skip
    return round(factor, 2)


if __name__ == "__main__":
    main()
