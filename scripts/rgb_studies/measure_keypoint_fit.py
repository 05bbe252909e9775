"""What the perspective fit adds to the lifter, how sure it is with reason, and what its weights do.

Usage: python -m scripts.rgb_studies.measure_keypoint_fit [--people N] [--sweep]
On people of the validation split, exact and detected keypoints.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

import numpy as np
import torch
import tyro

from body.loading import load_body_model
from hps.points.fitting.body import FitBody
from hps.protocols.measuring import measure_mm
from hps.protocols.named import protocol
from hps.rgb.fitting import KeypointFitConfig, fit_keypoints
from hps.rgb.lifter import load
from scripts.rgb_studies.people import validation_people

MEDIAN_OF_3: Final = 2.366
"""Of a chi-square of three degrees of freedom."""


def configs(sweep: bool) -> dict[str, KeypointFitConfig]:
    """By name; the first is what is used."""
    own = KeypointFitConfig()
    if not sweep:
        return {"fit": own}
    found = {"fit": own, "mirrored start never": replace(own, both_ways_above_m=float("inf"))}
    for lifted, seen in ((2, 1), (4, 1), (8, 1), (2, 2), (1, 1)):
        fit = replace(own.fit, keypoint_redundancy=float(seen))
        found[f"redundancy {lifted} lifted, {seen} seen"] = replace(own, relative_redundancy=float(lifted), fit=fit)
    return found


def main(people: int = 500, sweep: bool = False) -> None:
    """Prints a Markdown table."""
    torch.set_num_threads(1)
    model, lifter = load_body_model(), load()
    body = FitBody.of(model)
    print("| keypoints | method | MPJPE | PA | root, median | error / said, median | ms a person |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for name in ("exact", "detected"):
        batch = validation_people(people, detected=name == "detected")
        true = batch.landmarks[:, :24].double().numpy()
        lifted = lifter(batch.keypoints)
        _row(name, "lifter", lifted.landmarks[:, :24].double().numpy(), true, "", 0.0)
        for label, config in configs(sweep).items():
            began = time.process_time()
            found = fit_keypoints(body, batch.keypoints, lifted, config)
            spent = 1e3 * (time.process_time() - began) / people
            joints = found.joints.double().numpy()
            _row(
                name,
                label,
                joints,
                true,
                f"{_ratio(joints - true, found.joint_covariance.double().numpy()):.2f}",
                spent,
            )


def _row(arm: str, method: str, joints: np.ndarray, true: np.ndarray, ratio: str, ms: float) -> None:
    mpjpe, pa = (measure_mm(protocol(name), joints, true).mean() for name in ("smpl24_root", "smpl24_pa"))
    root = 1e3 * np.median(np.linalg.norm(joints[:, 0] - true[:, 0], axis=1))
    print(f"| {arm} | {method} | {mpjpe:.1f} | {pa:.1f} | {root:.0f} | {ratio} | {ms:.0f} |", flush=True)


def _ratio(off: np.ndarray, covariance: np.ndarray) -> float:
    """Median error of joints in standard deviations, over the median that Gaussian errors have."""
    squared = (off * np.linalg.solve(covariance, off[..., None])[..., 0]).sum(-1)
    return float(np.sqrt(np.median(squared) / MEDIAN_OF_3))


if __name__ == "__main__":
    tyro.cli(main)
