"""What a lifter gains from the true camera: true intrinsics, a constant focal length, none.

    python -m scripts.rgb_studies.study_cameras FOLDER [--steps 800]

Small networks, exact keypoints, people of the validation split; three seeds each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import tyro
from tyro.conf import Positional

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.person_view import person_view
from hps.rgb.lifter.view_lift import in_camera
from scripts.rgb_studies.people import validation_people
from scripts.rgb_studies.small_runs import Arm, joint_figures, placed, run_arms


def study(folder: Positional[Path], steps: int = 800) -> None:
    """Train and judge, or go on.

    Args:
        folder: Of the trainings and what was found.
        steps: Of each training.
    """
    torch.set_num_threads(1)
    people = validation_people(2000, detected=False)

    def judged(name: str, arm: Arm, network: LifterNetwork) -> Mapping[str, dict[str, float]]:
        view = person_view(people.keypoints, arm.belief)
        with torch.no_grad():
            bodies = in_camera(network(view), view)
        return {name: joint_figures(bodies.relative, bodies.root, people)}

    arms = {
        "true camera": Arm(objective=placed),
        "constant focal length": Arm(objective=placed, belief="constant"),
        "no camera": Arm(objective=placed, belief="none"),
    }
    run_arms("cameras", arms, judged, folder, steps=steps)


if __name__ == "__main__":
    tyro.cli(study)
