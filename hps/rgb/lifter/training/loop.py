"""The training loop: people drawn anew at each step, a log, and a state that survives being ended at any moment."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from body.model import BodyModel
from body.skinning import Skinning
from hps.points.landmarks import landmarks_of
from hps.points.training.state import TrainState
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.person_view import person_view
from hps.rgb.lifter.training.config import BLOCK, LifterTraining
from hps.rgb.lifter.training.losses import ViewTruth, joints_error_mm
from hps.rgb.lifter.training.objective import DetectorErrors, Objective, degraded, losses
from hps.rgb.lifting_batch import LiftingBatch

LOG: Final = "log.jsonl"
SAVE_S: Final = 60.0
"""Between two states on disk."""


class Sampler(Protocol):
    """People before cameras, with exact keypoints and all truth."""

    def draw(self, count: int) -> LiftingBatch:
        """So many of them, never the same again."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """What a training gave, whether it is finished or not."""

    config: LifterTraining
    state: TrainState
    finished: bool

    def network(self) -> LifterNetwork:
        """With the running mean of the weights."""
        network = LifterNetwork(self.config.network)
        network.load_state_dict(self.state.average)
        return network.eval()


def train(
    config: LifterTraining,
    folder: Path,
    model: BodyModel,
    sampler: Callable[[int], Sampler],
    errors: DetectorErrors,
    *,
    objective: Objective = losses,
    seconds: float | None = None,
    validation: LiftingBatch | None = None,
    every: int = 1000,
    on_line: Callable[[dict[str, Any]], None] = lambda line: None,
) -> Trained:
    """Trains, or goes on, until the last step or until `seconds` of computing are over.

    sampler: makes one of a seed; a training that goes on draws other people than it did before. errors: the detector's.
    objective: what is trained for, where it is not what the config names.
    `folder` gets the state, every minute and at the end, and a log of one JSON object a line: step, losses, error in
    training, every `every` steps the error on `validation`. Raises HpsError for a folder with a training of other
    settings, and when the loss is no longer a number.
    """
    torch.manual_seed(config.seed)
    network = LifterNetwork(config.network)
    optimiser = torch.optim.AdamW(network.parameters(), config.rate, weight_decay=config.decay, fused=True)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    state = TrainState(network=network, optimiser=optimiser, average=average)
    folder.mkdir(parents=True, exist_ok=True)
    about = {"config": json.loads(json.dumps(asdict(config)))}
    state.read(folder, about)
    people = sampler(1000 * config.seed + state.step)
    generator = torch.Generator().manual_seed(1000 * config.seed + state.step + 1)
    skinning = Skinning(model, vertex_subset=landmarks_of(model).markers)
    begun, saved = time.process_time(), time.monotonic()
    sums: dict[str, float] = {}
    with (folder / LOG).open("a", encoding="utf-8") as log:
        while state.step < config.steps and (seconds is None or time.process_time() - begun < seconds):
            clock = time.process_time()
            batch = degraded(people.draw(config.batch), config, errors, generator)
            network.train()
            likelihood = state.step >= config.distance_alone * config.steps
            found, error_mm = objective(network, batch, config, skinning, likelihood=likelihood)
            total = torch.stack(list(found.values())).sum()
            state.descend(total, config.rate_at(state.step), config.clip, config.average)
            state.core_seconds += time.process_time() - clock
            plain = {name: float(value.detach()) for name, value in found.items()}
            for name, value in {"error_mm": error_mm, **plain}.items():
                sums[name] = sums.get(name, 0.0) + value / BLOCK
            last = state.step == config.steps
            if state.step % BLOCK == 0 or last:
                line = {"step": state.step, "core_s": round(state.core_seconds, 1)}
                line |= {name: round(value, 4) for name, value in sums.items()}
                sums = {}
                if validation is not None and (state.step % every == 0 or last):
                    line["validation_mm"] = round(validation_error(config, state.average, validation), 2)
                log.write(json.dumps(line) + "\n")
                log.flush()
                on_line(line)
            if time.monotonic() - saved > SAVE_S:
                state.write(folder, about)
                saved = time.monotonic()
    state.write(folder, about)
    return Trained(config=config, state=state, finished=state.step >= config.steps)


@torch.no_grad()
def validation_error(config: LifterTraining, weights: dict[str, Tensor], people: LiftingBatch) -> float:
    """Mean error of the joints from the pelvis, of people as they are, millimetres."""
    network = LifterNetwork(config.network)
    network.load_state_dict(weights)
    view = person_view(people.keypoints, config.network.belief)
    return joints_error_mm(network.eval()(view), ViewTruth.of(people, view, config.network.shapes))
