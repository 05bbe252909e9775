"""The training loop: packs, augmentation, steps, a log, and a state that survives being ended at any moment."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor, nn

from body.model import BodyModel
from hps.errors import HpsError
from hps.points.augmentation.body_facts import BodyFacts
from hps.points.augmentation.plan import augment, load_plan
from hps.points.baselines.body_output import loss_skinning
from hps.points.cloud_batch import CloudBatch, sampled
from hps.points.network.landmark_network import LandmarkNetwork
from hps.points.training.config import BLOCK, PackShare, TrainConfig
from hps.points.training.packed import PackedClouds
from hps.points.training.recipes import Trainable, trainable
from hps.points.training.state import TrainState
from hps.points.weights_file import read_weights

LOG: Final = "log.jsonl"
SAVE_S: Final = 120.0
"""Between two states on disk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """What a training gave, whether it is finished or not."""

    what: Trainable
    state: TrainState
    finished: bool

    def weights(self) -> dict[str, Tensor]:
        """The running mean of the weights."""
        return self.state.average


def train(
    config: TrainConfig,
    folder: Path,
    model: BodyModel,
    *,
    device: torch.device | str = "cpu",
    seconds: float | None = None,
    validation: PackedClouds | None = None,
    every: int = 1000,
    on_line: Callable[[dict[str, Any]], None] = lambda line: None,
) -> Trained:
    """Trains, or goes on, until the last step or until `seconds` are over.

    `folder` gets the state, every two minutes and at the end, and a log of one JSON object a line: step, losses, error
    in training, every `every` steps the error on `validation`. Raises HpsError for packs that are of another body or
    missing, and for a folder with a training of other settings.
    """
    packs = [PackedClouds(Path(pack.folder)) for pack in config.packs]
    for pack in (*packs, *((validation,) if validation is not None else ())):
        if pack.about["body_sha256"] != model.sha256:
            raise HpsError(f"{pack.folder} was packed for another body model than {model.name}; pack it again")
    chosen = [_chosen(pack, share, config.seed) for pack, share in zip(packs, config.packs)]
    shares = np.array([share.share for share in config.packs])
    torch.manual_seed(config.seed)
    what = trainable(config.recipe)
    network: nn.Module = what.network
    network.to(device)
    optimiser = torch.optim.AdamW(network.parameters(), config.rate, weight_decay=config.decay, fused=True)
    state = TrainState(
        network=network,
        optimiser=optimiser,
        average={name: value.clone() for name, value in network.state_dict().items()},
    )
    folder.mkdir(parents=True, exist_ok=True)
    about = {"config": json.loads(json.dumps(asdict(config)))}
    if not state.read(folder, about):
        _begin(state, packs[0], config, model)
    plan, facts, skinning = load_plan(config.augmentation), BodyFacts.of(model), loss_skinning(model, device)
    begun, saved, sums, count = time.monotonic(), time.monotonic(), {}, 0
    with (folder / LOG).open("a", encoding="utf-8") as log:
        while state.step < config.steps and (seconds is None or time.monotonic() - begun < seconds):
            clock = time.process_time()
            batch = _drawn(config, packs, chosen, shares, state.step)
            generator = torch.Generator().manual_seed(_seed(config, state.step))
            points = config.points[int(torch.randint(len(config.points), (), generator=generator))]
            batch = sampled(augment(batch, plan, generator, facts), points, generator).to(device)
            network.train()
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.bfloat16):
                losses, error_mm = what.losses(batch, skinning)
            total = torch.stack(list(losses.values())).sum()
            state.descend(total, config.rate_at(state.step), config.clip, config.average)
            state.core_seconds += time.process_time() - clock
            for name, value in (("error_mm", error_mm), ("loss", float(total.detach())), *_plain(losses)):
                sums[name] = sums.get(name, 0.0) + value
            count += 1
            last = state.step == config.steps
            if state.step % BLOCK == 0 or last:
                line = {"step": state.step, "clouds": state.step * config.batch, "core_s": round(state.core_seconds, 1)}
                line |= {name: round(value / count, 5) for name, value in sums.items()}
                sums, count = {}, 0
                if validation is not None and (state.step % every == 0 or last):
                    line["validation_mm"] = round(validation_error(what, state.average, validation, model), 3)
                log.write(json.dumps(line) + "\n")
                log.flush()
                on_line(line)
            if time.monotonic() - saved > SAVE_S:
                state.write(folder, about)
                saved = time.monotonic()
    state.write(folder, about)
    return Trained(what=what, state=state, finished=state.step >= config.steps)


def validation_error(
    what: Trainable, weights: dict[str, Tensor], clouds: PackedClouds, model: BodyModel, most: int = 768
) -> float:
    """Mean error of landmarks, or joints, of clouds as they are, millimetres; of `most` clouds at even steps."""
    own = {name: value.clone() for name, value in what.network.state_dict().items()}
    device = next(what.network.parameters()).device
    skinning = loss_skinning(model, device)
    what.network.load_state_dict(weights)
    what.network.eval()
    which = np.unique(np.linspace(0, len(clouds) - 1, min(most, len(clouds))).astype(np.int64))
    errors, counts = [], []
    try:
        with torch.no_grad():
            for some in np.array_split(which, -(-len(which) // 64)):
                batch = sampled(clouds.batch(some), what.config["points"], torch.Generator().manual_seed(0))
                errors.append(what.losses(batch.to(device), skinning)[1])
                counts.append(len(some))
    finally:
        what.network.load_state_dict(own)
        what.network.train()
    return float(np.average(errors, weights=counts))


def _drawn(
    config: TrainConfig, packs: list[PackedClouds], chosen: list[np.ndarray], shares: np.ndarray, step: int
) -> CloudBatch:
    """The clouds of a step, drawn anew for each."""
    rng = np.random.default_rng([config.seed, 1, step])
    counts = rng.multinomial(config.batch, shares / shares.sum())
    parts = []
    for pack, mine, count in zip(packs, chosen, counts):
        if count:
            parts.append(pack.batch(np.sort(rng.choice(mine, int(count), replace=count > len(mine)))))
    return parts[0] if len(parts) == 1 else CloudBatch.joined(parts)


def _chosen(pack: PackedClouds, share: PackShare, seed: int) -> Int64[np.ndarray, "some"]:
    if share.clouds is None or share.clouds >= len(pack):
        return np.arange(len(pack))
    return np.sort(np.random.default_rng([seed, 2]).choice(len(pack), share.clouds, replace=False))


def _seed(config: TrainConfig, step: int) -> int:
    return int(np.random.SeedSequence([config.seed, 3, step]).generate_state(1, np.uint64)[0] >> 1)


def _begin(state: TrainState, pack: PackedClouds, config: TrainConfig, model: BodyModel) -> None:
    """From given weights; else landmarks are thought to be at their mean before anything is seen."""
    network = state.network
    if config.begin:
        tensors, info = read_weights(config.begin)
        info.require(model, config.begin)
        try:
            network.load_state_dict({name: value.float() for name, value in tensors.items()})
        except RuntimeError as error:
            raise HpsError(f"{config.begin} holds weights of {info.size}, not of {config.recipe} ({error})") from None
    elif isinstance(network, LandmarkNetwork):
        which = np.unique(np.linspace(0, len(pack) - 1, 1000).astype(np.int64))
        network.begin_at(torch.from_numpy(np.array(pack.arrays["landmarks"][which]).mean(0)))
    for name, value in network.state_dict().items():
        state.average[name].copy_(value)


def _plain(losses: dict[str, Tensor]) -> list[tuple[str, float]]:
    return [(name, float(value.detach())) for name, value in losses.items()]
