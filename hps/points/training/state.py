"""Where a training stands, on disk: written whole or not at all, in plain arrays."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from hps.errors import HpsError

FILE: Final = "state.safetensors"
_KEY: Final = "training"


@dataclass(kw_only=True)
class TrainState:
    """What changes while a network is trained."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    average: dict[str, Tensor]
    """Running mean of the weights."""
    step: int = 0
    """Steps that were taken."""
    core_seconds: float = 0.0
    """CPU time that they took."""

    def descend(self, loss: Tensor, rate: float, clip: float, keep: float) -> None:
        """One step of the optimiser down the gradient, no longer than `clip`, and one of the running mean.

        Raises HpsError when the gradient is no longer finite.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        loss.backward()
        length = torch.nn.utils.clip_grad_norm_(self.network.parameters(), clip)
        if not torch.isfinite(length):
            raise HpsError(f"the loss is no longer finite at step {self.step}; lower the rate ({rate:g})")
        self.optimiser.step()
        self.step += 1
        self.follow(keep)

    def follow(self, keep: float) -> None:
        """One step of the running mean; at first it keeps less, so that it forgets where it began."""
        keep = min(keep, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - keep)
                else:
                    self.average[name].copy_(value)

    def write(self, folder: Path, about: dict[str, Any]) -> None:
        """Writes the file beside the former one, then takes its place."""
        tensors = {f"average.{name}": value for name, value in self.average.items()}
        names = [name for name, _ in self.network.named_parameters()]
        tensors |= {f"network.{name}": value for name, value in self.network.state_dict().items()}
        moments = self.optimiser.state_dict()["state"]
        for number, name in enumerate(names):
            for key, value in moments.get(number, {}).items():
                tensors[f"moment.{key}.{name}"] = torch.as_tensor(value)
        told = {"step": self.step, "core_seconds": self.core_seconds, **about}
        content = save(
            {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()},
            metadata={_KEY: json.dumps(told)},
        )
        part = folder / f"{FILE}.part"
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / FILE)

    def read(self, folder: Path, about: dict[str, Any]) -> bool:
        """Goes on from the file of a folder; False when there is none.

        Raises HpsError when it is damaged, or of a training with other settings than `about`.
        """
        path = folder / FILE
        if not path.exists():
            return False
        try:
            with safe_open(path, framework="pt", device="cpu") as file:
                told = json.loads(file.metadata()[_KEY])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise HpsError(f"{path} is damaged ({error}); remove it to begin again") from None
        if differing := [name for name, value in about.items() if told.get(name) != value]:
            name = differing[0]
            raise HpsError(
                f"{folder} holds a training with other settings: {name} was {told.get(name)!r}, is {about[name]!r}; "
                "take another folder, or remove this one"
            )
        self.step, self.core_seconds = told["step"], told["core_seconds"]
        self.network.load_state_dict(_under(tensors, "network."))
        self.average = _under(tensors, "average.")
        names = [name for name, _ in self.network.named_parameters()]
        state: dict[int, dict[str, Tensor]] = {}
        for key in ("step", "exp_avg", "exp_avg_sq"):
            for name, value in _under(tensors, f"moment.{key}.").items():
                state.setdefault(names.index(name), {})[key] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        return True


def _under(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
