"""Simple classifiers of two classes, trained from nothing: logistic regression, a small MLP, a small PointNet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor, nn

Kind = Literal["logistic", "mlp", "pointnet"]
STEPS: Final[dict[Kind, int]] = {"logistic": 400, "mlp": 300, "pointnet": 400}
RATE: Final[dict[Kind, float]] = {"logistic": 0.02, "mlp": 3e-3, "pointnet": 2e-3}
DECAY: Final[dict[Kind, float]] = {"logistic": 1e-2, "mlp": 3e-2, "pointnet": 1e-3}
BATCH: Final = 32


class PointNet(nn.Module):
    """A shared MLP over points, their maximum and mean, an MLP: in (batch, points, channels), out (batch)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.point = nn.Sequential(nn.Linear(channels, 32), nn.ReLU(), nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 96))
        self.cloud = nn.Sequential(nn.Linear(192, 48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, 1))

    def forward(self, points: Float[Tensor, "batch points channels"]) -> Float[Tensor, "batch"]:
        """The logit of the second class."""
        found = self.point(points)
        return self.cloud(torch.cat([found.amax(1), found.mean(1)], 1))[:, 0]


def trained(
    kind: Kind,
    rows: Float32[np.ndarray, "clouds *features"],
    second: Bool[np.ndarray, "clouds"],
    seed: int,
) -> Callable[[Float32[np.ndarray, "others *features"]], Bool[np.ndarray, "others"]]:
    """A classifier of rows like these: True for the second class. The same seed gives the same one."""
    state = torch.random.get_rng_state()
    try:
        torch.manual_seed(seed)
        return _trained(kind, rows, second)
    finally:
        torch.random.set_rng_state(state)


def _trained(kind: Kind, rows: np.ndarray, second: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    axes = tuple(range(rows.ndim - 1))
    mean, spread = rows.mean(axes), rows.std(axes) + 1e-9

    def prepared(values: np.ndarray) -> Tensor:
        return torch.tensor(np.clip((values - mean) / spread, -5, 5), dtype=torch.float32)

    x, y = prepared(rows), torch.tensor(second, dtype=torch.float32)
    width = rows.shape[-1]
    net: nn.Module
    if kind == "logistic":
        net = nn.Sequential(nn.Linear(width, 1), nn.Flatten(0))
    elif kind == "mlp":
        net = nn.Sequential(nn.Linear(width, 24), nn.ReLU(), nn.Dropout(0.3), nn.Linear(24, 1), nn.Flatten(0))
    else:
        net = PointNet(width)
    steps = STEPS[kind]
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE[kind], weight_decay=DECAY[kind])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE[kind], total_steps=steps)
    for _ in range(steps):
        chosen = slice(None) if kind == "logistic" else torch.randint(0, len(x), (BATCH,))
        loss = nn.functional.binary_cross_entropy_with_logits(net(x[chosen]), y[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    net.eval()

    def classify(values: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(prepared(values)).numpy() > 0

    return classify
