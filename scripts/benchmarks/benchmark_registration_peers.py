"""Time and accuracy of the fit beside the published keypoint recipe, on the same keypoints and the same body model.

python scripts/benchmarks/benchmark_registration_peers.py TAKE ... [--quick]

TAKE is a simulated session with its keypoints and clouds done. Times are of the CPU, one thread; reading files counts
for nobody. The recipe is measured as it was published, with every vertex skinned in each step, and with only those that
are keypoints.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
import torch  # noqa: E402
import tyro  # noqa: E402

from benchmarks.keypoint_recipe import Recipe  # noqa: E402
from body.loading import load_body_model  # noqa: E402
from body.parameters import BodyParameters  # noqa: E402
from capture.session import Session  # noqa: E402
from capture.virtual.true_frames import true_instants  # noqa: E402
from capture.virtual.truth import Truth  # noqa: E402
from geometry.rigid import transform  # noqa: E402
from humanrig.evaluation.world import true_world  # noqa: E402
from humanrig.registering.inputs import person_keypoints  # noqa: E402
from humanrig.registering.person_clouds import PersonClouds  # noqa: E402
from humanrig.stage import StageContext  # noqa: E402
from registration.fit.clip import fit_clip  # noqa: E402


def main(takes: tyro.conf.Positional[tuple[Path, ...]], quick: bool = False) -> None:
    """Prints one Markdown row for each take and way; `quick` leaves out the recipe with every vertex."""
    torch.set_num_threads(1)
    print("| take | way | instants | CPU s | against ours | PVE mm | MPJPE mm | steps |")
    print("|---|---|---|---|---|---|---|---|")
    for folder in takes:
        for line in rows(folder, quick):
            print(line, flush=True)


def rows(folder: Path, quick: bool) -> list[str]:
    """One for each way to fit a take."""
    session, model = Session.open(folder), load_body_model()
    truth = Truth.open(session, model)
    numbers = [instant.instant for instant in session.instants()]
    context = StageContext(
        session=session, output=folder, config=None, instants=numbers, without=frozenset(), progress=lambda *_: None
    )
    keypoints = person_keypoints(context, "person00")
    clouds = list(PersonClouds(session.path("clouds"), numbers))
    world, at = true_world(truth.cameras(), session.cameras()).T_truth_world, true_instants(session)
    true_vertices, true_joints = truth.bodies(at), truth.joints()[at]

    def errors(parameters: BodyParameters) -> tuple[float, float]:
        posed = model.pose(parameters)
        pairs = ((posed.vertices, true_vertices), (posed.joints, true_joints))
        pve, mpjpe = (1e3 * np.linalg.norm(transform(world, a) - b, axis=-1).mean() for a, b in pairs)
        return float(pve), float(mpjpe)

    fit_clip(model, keypoints[:2], clouds[:2])  # compiles
    ways: dict[str, Callable[[], tuple[BodyParameters, Any]]] = {
        "humanrig, keypoints and clouds": lambda: (fit_clip(model, keypoints, clouds).track.parameters, ""),
        "humanrig, keypoints alone": lambda: (fit_clip(model, keypoints).track.parameters, ""),
        "recipe, keypoint vertices": lambda: _recipe(Recipe(model, keypoints.names, whole=False), keypoints.p_world),
    }
    if not quick:
        ways["recipe, as published"] = lambda: _recipe(Recipe(model, keypoints.names), keypoints.p_world)
    lines, ours = [], 0.0
    for name, way in ways.items():
        begin = time.process_time()
        parameters, steps = way()
        seconds = time.process_time() - begin
        ours = ours or seconds
        pve, mpjpe = errors(parameters)
        lines.append(
            f"| {folder.name} | {name} | {len(numbers)} | {seconds:.2f} | {seconds / ours:.1f} | {pve:.1f} | "
            f"{mpjpe:.1f} | {steps} |"
        )
    return lines


def _recipe(recipe: Recipe, p_world: np.ndarray) -> tuple[BodyParameters, int]:
    found = recipe.fit(p_world)
    return found, recipe.evaluations


if __name__ == "__main__":
    tyro.cli(main)
