"""Opens a training on disk, to publish or to judge what it has come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from hps.errors import HpsError
from hps.points.training.state import FILE, TrainState
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.training.config import LifterTraining
from hps.rgb.lifter.training.loop import LOG, Trained


def read_trained(folder: Path) -> Trained:
    """Where the training in a folder stands. Raises HpsError when there is none, or one of another version."""
    path = folder / FILE
    if not path.is_file():
        raise HpsError(f"there is no training in {folder}: {path.name} is missing; train first")
    try:
        with safe_open(path, framework="pt") as opened:
            told = json.loads(opened.metadata()["training"])["config"]
        config = LifterTraining(**told)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, ValidationError) as error:
        raise HpsError(f"{path} is no training of this version ({str(error)[:200]}); train anew") from None
    network = LifterNetwork(config.network)
    state = TrainState(network=network, optimiser=torch.optim.AdamW(network.parameters()), average={})
    state.read(folder, {"config": told})
    return Trained(config=config, state=state, finished=state.step >= config.steps)


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Lines of a training's log; of steps that were taken twice, the later."""
    lines: dict[int, dict[str, Any]] = {}
    for text in (folder / LOG).read_text().splitlines():
        try:
            line = json.loads(text)
        except ValueError:  # the last line of a training that was killed
            continue
        lines[line["step"]] = line
    return [lines[step] for step in sorted(lines)]
