"""Threshold-adaptive loss scaling helps where the focal length is wrong, and there alone: a claim that can fail.

    python -m scripts.rgb_studies.study_tals FOLDER [--steps 800]

Half of the training people have 2D joints and no other label, and bodies must project onto them by the camera that is
believed in. Small networks, exact keypoints, people of the validation split; three seeds each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import tyro
from tyro.conf import Positional

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from body.joints import JOINT_COUNT
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.person_view import person_view
from hps.rgb.lifter.training.threshold_scaling import Projecting, labels, measured_thresholds, projected
from scripts.rgb_studies.people import sampler_of, validation_people
from scripts.rgb_studies.small_runs import Arm, joint_figures, run_arms

WRONG = 3.0
"""The focal length that is believed in over the true one: nearly parallel rays, as of 5000 px on a crop."""


def study(folder: Positional[Path], steps: int = 800) -> None:
    """Train and judge, or go on.

    Args:
        folder: Of the trainings and what was found.
        steps: Of each training.
    """
    torch.set_num_threads(1)
    people = validation_people(2000, detected=False)
    seen = sampler_of("train", 40_000)(900).draw(4000)
    thresholds = measured_thresholds(seen, Projecting(focal_factor=WRONG).believed(seen))
    print("thresholds, sizes of the view squared:", " ".join(f"{value:.4f}" for value in thresholds.tolist()))

    def judged(name: str, arm: Arm, network: LifterNetwork) -> Mapping[str, dict[str, float]]:
        assert isinstance(arm.objective, Projecting)
        believed = arm.objective.believed(people)
        view = person_view(believed.keypoints)
        with torch.no_grad():
            lift = network(view)
        joints = lift.root(view)[:, None] + lift.relative[:, :JOINT_COUNT]
        apart = (projected(joints, view) - labels(people, view, believed)).norm(dim=-1)
        relative = lift.relative @ view.R_view_camera
        return {name: joint_figures(relative, None, people, {"2D error, sizes": float(apart.mean())})}

    arms = {
        f"{camera}, {'TALS' if scaled else 'plain'}": Arm(
            objective=Projecting(focal_factor=factor, thresholds=thresholds if scaled else None)
        )
        for camera, factor in (("true focal length", 1.0), (f"{WRONG:.0f} times the focal length", WRONG))
        for scaled in (False, True)
    }
    run_arms("tals", arms, judged, folder, steps=steps)


if __name__ == "__main__":
    tyro.cli(study)
