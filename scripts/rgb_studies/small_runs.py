"""Many small trainings of one study: arms by seeds, the same steps each, judged on the same people."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from body.joints import JOINT_COUNT
from body.loading import load_body_model
from body.skinning import Skinning
from hps.metrics import mpjpe_mm, pa_mpjpe_mm, translation_error_mm
from hps.rgb.lifter.config import LifterConfig
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.person_view import CameraBelief, person_view
from hps.rgb.lifter.training.config import LifterTraining, Supervision
from hps.rgb.lifter.training.loop import train
from hps.rgb.lifter.training.losses import DISTANCE, ViewTruth, distance_loss, joints_error_mm, root_loss
from hps.rgb.lifter.training.objective import Objective
from hps.rgb.lifting_batch import LiftingBatch
from scripts.rgb_studies.people import detector_errors, sampler_of

SEEDS = (0, 1, 2)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One row of a study's table."""

    objective: Objective
    belief: CameraBelief = "given"
    supervision: Supervision = "full"
    """For objectives that look at it."""


def small_training(arm: Arm, seed: int, folder: Path, *, steps: int = 800, poses: int = 40_000) -> LifterNetwork:
    """A small network after so many steps on exact keypoints; read from `folder` where it was trained before."""
    config = LifterTraining(
        network=LifterConfig(width=320, blocks=2, belief=arm.belief), steps=steps, batch=256, rate=2e-3, warm=100,
        average=0.99, distance_alone=1.0, detected=0.0, hidden=0.0, focal_unsure=0.0, seed=seed,
        supervision=arm.supervision,
    )  # fmt: skip
    done = train(
        config, folder, load_body_model(), sampler_of("train", poses), detector_errors(), objective=arm.objective
    )
    return done.network()


def placed(
    network: LifterNetwork, batch: LiftingBatch, config: LifterTraining, skinning: Skinning, *, likelihood: bool
) -> tuple[dict[str, Tensor], float]:
    """Landmarks and the root alone, fully supervised: what arms are compared with."""
    view = person_view(batch.keypoints, network.config.belief)
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
        lift = network(view)
    truth = ViewTruth.of(batch, view, network.config.shapes)
    found = {"distance": DISTANCE * distance_loss(lift, truth), "root": root_loss(lift, view, truth)}
    return found, joints_error_mm(lift, truth)


@torch.no_grad()
def joint_figures(
    relative: Tensor, root: Tensor | None, people: LiftingBatch, own: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Errors of joints in the camera's frame, and of the root, mean over people, millimetres."""
    truth = people.landmarks[:, :JOINT_COUNT].double().numpy()
    said = relative[:, :JOINT_COUNT].double().numpy()
    found = {
        "MPJPE": float(mpjpe_mm(said, truth, root=0).mean()),
        "PA-MPJPE": float(pa_mpjpe_mm(said, truth).mean()),
    }
    if root is not None:
        found["root"] = float(np.median(translation_error_mm(root.double().numpy(), truth[:, 0])))
    return found | dict(own or {})


def run_arms(
    name: str,
    arms: Mapping[str, Arm],
    judged: Callable[[str, Arm, LifterNetwork], Mapping[str, dict[str, float]]],
    folder: Path,
    *,
    seeds: Sequence[int] = SEEDS,
    steps: int = 800,
) -> list[dict[str, Any]]:
    """Trains every arm with every seed and prints a table of means and standard deviations over seeds.

    judged: rows of figures, by name, of one trained network. What was found is kept in `folder`, and not done again.
    """
    rows: list[dict[str, Any]] = []
    for arm_name, arm in arms.items():
        for seed in seeds:
            kept = folder / f"{name}_{arm_name}_{seed}_{steps}.json"
            if not kept.is_file():
                clock = time.process_time()
                network = small_training(arm, seed, folder / kept.stem, steps=steps)
                core_s = time.process_time() - clock
                found = judged(arm_name, arm, network)
                told = [{"row": row, "seed": seed, "core_s": core_s, **values} for row, values in found.items()]
                kept.write_text(json.dumps(told))
            rows += json.loads(kept.read_text())
    print(table(rows))
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a line for each row's name, mean ± standard deviation over seeds."""
    columns = [key for key in rows[0] if key not in ("row", "seed", "core_s")]
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in dict.fromkeys(row["row"] for row in rows):
        own = [row for row in rows if row["row"] == name]
        cells = []
        for column in columns:
            values = np.array([row.get(column, np.nan) for row in own], float)
            sd = values.std(ddof=1) if len(values) > 1 else 0.0
            digits = 3 if np.nanmax(np.abs(values)) < 2 else 1
            cells.append("" if np.isnan(values).all() else f"{values.mean():.{digits}f} ± {sd:.{digits}f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    seconds = [row["core_s"] for row in rows]
    return "\n".join([*lines, f"\n{len(seconds)} rows, {min(seconds):.0f} to {max(seconds):.0f} core-seconds each"])
