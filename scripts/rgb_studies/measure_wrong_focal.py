"""What a wrong focal length costs, and what finding it from the person gives back.

Usage: python -m scripts.rgb_studies.measure_wrong_focal [--split test|validation] [--arm detector|exact] [--first N]
Each of the lifting benchmark's people is told a focal length that is wrong by a factor: believed, or fitted too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
import tyro

from body.loading import load_body_model
from hps.benchmark.prediction import Prediction
from hps.benchmark.rgb.answers import LiftingMethod, of_fit, of_fitted, of_lifter
from hps.benchmark.rgb.lifting_scenes import Arm, Split, read_scenes
from hps.benchmark.rgb.scoring import score_lifter
from hps.points.fitting.body import FitBody
from hps.rgb.fitting import KeypointBodies, KeypointFitConfig, fit_keypoints
from hps.rgb.fitting.config import COVARIANCE_SPREAD
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifter import load
from hps.rgb.lifter.training.degrading import with_focal
from hps.rgb.lifting import Lifter

FACTORS = (0.5, 0.8, 1.0, 1.25, 2.0)
"""Of the true focal length."""


class FocalFit:
    """Lifter and fit with the focal length as an unknown; keeps what was found."""

    def __init__(self, lifter: Lifter, body: FitBody) -> None:
        self.lifter, self.body = lifter, body
        self.found: KeypointBodies | None = None

    def __call__(self, batch: KeypointBatch) -> Sequence[Prediction]:
        """Answers for a batch whose focal lengths are only supposed."""
        supposed = replace(batch, focal_known=torch.zeros(len(batch), dtype=torch.bool))
        self.found = fit_keypoints(self.body, supposed, self.lifter(supposed))
        return of_fitted(self.found)


def main(
    split: Split = "test", arm: Arm = "detector", first: int | None = None, factors: tuple[float, ...] = FACTORS
) -> None:
    """Prints a Markdown table."""
    torch.set_num_threads(1)
    model, scenes = load_body_model(), read_scenes(split).rows(slice(first))
    lifter, body = load(), FitBody.of(model)
    free = FocalFit(lifter, body)
    methods: dict[str, LiftingMethod] = {
        "lifter": of_lifter(lifter, model),
        "fit, focal length believed": of_fit(
            lifter, partial(fit_keypoints, body, config=KeypointFitConfig(focal_sigma=0.0))
        ),
        "fit, focal length found": free,
    }
    print(f"{len(scenes)} {split} scenes, {arm} keypoints\n")
    print("| told focal length | method | MPJPE | PA | root: mean | root: median | found, median of its error |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for factor in factors:
        for name, method in methods.items():
            score = score_lifter(partial(_told, method, factor), scenes, arm, model)
            mpjpe, pa, root = (score.values[measure] for measure in ("mpjpe", "pa", "root"))
            found = ""
            if method is free and free.found is not None:
                off = np.log(free.found.K[:, 0, 0].double().numpy() / scenes.K[:, 0, 0])
                sigma = COVARIANCE_SPREAD * free.found.focal_sigma.double().numpy()
                found = f"{100 * np.median(np.abs(off)):.0f} % (said: {100 * np.median(0.674 * sigma):.0f} %)"
            print(
                f"| x {factor:g} | {name} | {np.nanmean(mpjpe):.1f} | {np.nanmean(pa):.1f} | {np.nanmean(root):.0f} | "
                f"{np.nanmedian(root):.0f} | {found} |",
                flush=True,
            )


def _told(method: LiftingMethod, factor: float, batch: KeypointBatch) -> Sequence[Prediction]:
    return method(with_focal(batch, torch.full((len(batch),), factor)))


if __name__ == "__main__":
    tyro.cli(main)
