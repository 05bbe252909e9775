"""How well lifters do on the committed scenes of the lifting benchmark.

Usage: python scripts/measure_lifting.py [--split test|validation] [--arms exact detector] [--methods mean constant
nearest convex learned fit adults] [--cameras true constant none] [--strata] [--first N]
Prints Markdown tables; docs/lifting_benchmark.md says what the columns mean.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, Literal

import torch
import tyro

from body.loading import load_body_model
from body.model import BodyModel
from hps.benchmark.rgb.answers import LiftingMethod, of_fit, of_lifter
from hps.benchmark.rgb.baselines import ConstantShape, MeanPose, NearestNeighbour
from hps.benchmark.rgb.believed_cameras import Believed
from hps.benchmark.rgb.lifting_scenes import Arm, Split, read_scenes
from hps.benchmark.rgb.lifting_table import score_table, strata_table
from hps.benchmark.rgb.scoring import LiftingScore, score_lifter
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.poses import kept_poses
from hps.rgb.simulation.sampler import LiftingSampler
from humanrig.motions import motion_library
from humanrig.wheel_files import cache_folder

Name = Literal["mean", "constant", "nearest", "convex", "learned", "fit", "adults"]
TRAINING_POSES, TRAINING_PEOPLE = 40_000, 20_000
"""Which the baselines look at."""
SAID: Final[dict[Name, str]] = {
    "mean": "mean pose",
    "constant": "constant aligned shape",
    "nearest": "nearest neighbour of 20,000",
    "convex": "convex lifting",
    "learned": "learned lifter",
    "fit": "learned lifter and fit",
    "adults": "learned lifter and fit, all taken for adults",
}


def main(
    split: Split = "test",
    arms: tuple[Arm, ...] = ("exact", "detector"),
    methods: tuple[Name, ...] = ("mean", "constant", "nearest", "convex", "learned", "fit"),
    cameras: tuple[Believed, ...] = ("true",),
    strata: bool = False,
    first: int | None = None,
) -> None:
    """Scores each method on each arm with each belief about the camera; `first`: only so many scenes."""
    torch.set_num_threads(1)
    model, scenes = load_body_model(), read_scenes(split).rows(slice(first))
    made: dict[Name, LiftingMethod] = {name: MAKERS[name](model) for name in methods}
    for arm in arms:
        scores: dict[str, LiftingScore] = {}
        for name, method in made.items():
            for camera in cameras:
                began = time.process_time()
                label = SAID[name] + ("" if cameras == ("true",) else f", camera {camera}")
                scores[label] = score_lifter(method, scenes, arm, model, camera=camera)
                print(f"{label}: {1e3 * (time.process_time() - began) / len(scenes):.1f} ms a person, scoring included")
        print(f"\n{len(scenes)} {split} scenes, {arm} keypoints\n\n{score_table(scores, scenes)}\n")
        if strata:
            print(f"{strata_table(scores, scenes)}\n")


def _training_people() -> LiftingBatch:
    poses = kept_poses(motion_library(), "train", TRAINING_POSES, 0, cache_folder() / "lifting")
    return LiftingSampler(poses, "train", 0, pool=0).draw(TRAINING_PEOPLE)


def _convex(model: BodyModel) -> LiftingMethod:
    from hps.rgb.convex.lifter import ConvexLifter

    return of_lifter(ConvexLifter(body=model), model)


def _learned(model: BodyModel) -> LiftingMethod:
    from hps.rgb.lifter import load

    return of_lifter(load(), model)


def _fit(model: BodyModel, children: bool = True) -> LiftingMethod:
    from hps.points.fitting.body import FitBody
    from hps.rgb.fitting.config import LIFTER_SIZE_SIGMA, KeypointFitConfig
    from hps.rgb.fitting.fit import fit_keypoints
    from hps.rgb.fitting.who import Who
    from hps.rgb.lifter import load

    body = FitBody.of(model)
    shape = Who(children=children).shape_prior(model, body.shapes)
    config = KeypointFitConfig(size_sigma=LIFTER_SIZE_SIGMA, shape=shape)
    return of_fit(load(), partial(fit_keypoints, body, config=config))


MAKERS: Final[dict[Name, Callable[[BodyModel], LiftingMethod]]] = {
    "mean": lambda model: MeanPose(_training_people()),
    "constant": lambda model: ConstantShape(_training_people()),
    "nearest": lambda model: NearestNeighbour(_training_people(), model),
    "convex": _convex,
    "learned": _learned,
    "fit": _fit,
    "adults": partial(_fit, children=False),
}


if __name__ == "__main__":
    tyro.cli(main)
