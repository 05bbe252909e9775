"""Ordinal against full supervision of depth, and what the reconstruction network gives back (CVPR 2018).

    python -m scripts.rgb_studies.study_ordinal FOLDER [--steps 800]

Small networks, exact keypoints, people of the validation split; three seeds each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import tyro
from torch import Tensor
from tyro.conf import Positional

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from body.joints import JOINT_COUNT
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.person_view import PersonView, person_view
from hps.rgb.lifter.training.losses import ViewTruth
from hps.rgb.lifter.training.objective import losses
from hps.rgb.lifter.training.ordinal import depth_order
from hps.rgb.lifter.training.reconstruction import Reconstruction, ranks, reconstruction_loss
from scripts.rgb_studies.people import sampler_of, validation_people
from scripts.rgb_studies.small_runs import Arm, joint_figures, placed, run_arms

RECONSTRUCTION_STEPS = 800


def reconstruction(seed: int) -> Reconstruction:
    """Trained on motions alone."""
    torch.manual_seed(seed)
    network, people = Reconstruction(), sampler_of("train", 40_000)(500 + seed)
    g = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3)
    falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, RECONSTRUCTION_STEPS)
    for _ in range(RECONSTRUCTION_STEPS):
        batch = people.draw(256)
        loss = reconstruction_loss(network, person_view(batch.keypoints), batch, g)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        falling.step()
    return network.eval()


def study(folder: Positional[Path], steps: int = 800) -> None:
    """Train and judge, or go on.

    Args:
        folder: Of the trainings and what was found.
        steps: Of each training.
    """
    torch.set_num_threads(1)
    people = validation_people(2000, detected=False)
    view = person_view(people.keypoints)
    truth = ViewTruth.of(people, view, 10)
    seed = iter(range(100))

    def figures(relative: Tensor, z: Tensor) -> dict[str, float]:
        own = {"depth orders": _orders(z, truth)}
        return joint_figures(_in_camera(relative, view), None, people, own)

    def judged(name: str, arm: Arm, network: LifterNetwork) -> Mapping[str, dict[str, float]]:
        with torch.no_grad():
            relative = network(view).relative
        z = relative[:, :JOINT_COUNT, 2]
        found = {name: figures(relative, z)}
        if arm.supervision == "ordinal":
            given_back = reconstruction(next(seed))
            with torch.no_grad():
                again = given_back(view, ranks(z))
            found[f"{name}, reconstructed"] = figures(again, again[:, :JOINT_COUNT, 2])
        return found

    arms = {"full": Arm(objective=placed), "ordinal": Arm(objective=losses, supervision="ordinal")}
    run_arms("ordinal", arms, judged, folder, steps=steps)


def _in_camera(relative: Tensor, view: PersonView) -> Tensor:
    return relative @ view.R_view_camera


def _orders(z: Tensor, truth: ViewTruth) -> float:
    """Share of pairs of joints, 3 cm or more apart in depth, of which the right one is nearer."""
    order = depth_order(truth.relative[:, :JOINT_COUNT, 2])
    said = depth_order(z * 1e4)  # every difference counts
    return float((said == order)[order != 0].float().mean())


if __name__ == "__main__":
    tyro.cli(study)
