"""Clouds as a network takes them: so many points each, in the canonical frame, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from geometry.rigid import rotate, transform
from hps.points.canonical import canonical_frame
from hps.points.person_cloud import PersonCloud

THINNING_SEED: Final = 20260901
"""Of which points of a cloud are taken: the same cloud gives the same estimate."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NetworkInput:
    """A batch of clouds in their canonical frames."""

    points: Float[Tensor, "batch points 3"]
    """Metres."""
    rays: Float[Tensor, "batch points 3"]
    """Unit vectors from the camera; zeros where it is not known."""
    T_canonical_cloud: Float[np.ndarray, "batch 4 4"]
    chosen: Int64[np.ndarray, "batch points"]
    """Which points of each cloud these are."""

    def __len__(self) -> int:
        """Number of clouds."""
        return len(self.points)

    def moved(self, shift: Float[np.ndarray, "batch 3"]) -> NetworkInput:
        """The same points with the frames' origins at `shift`."""
        T = self.T_canonical_cloud.copy()
        T[:, :3, 3] -= shift
        points = self.points - torch.from_numpy(shift).to(self.points)[:, None]
        return replace(self, points=points, T_canonical_cloud=T)


def network_input(clouds: Sequence[PersonCloud], count: int, seed: int = THINNING_SEED) -> NetworkInput:
    """`count` points of each cloud, drawn at random; of a cloud with fewer, some come more than once.

    The frame is that of the whole cloud. Raises HpsError as `canonical_frame` does.
    """
    Ts = [canonical_frame(cloud) for cloud in clouds]
    chosen = [thinned(len(cloud), count, seed) for cloud in clouds]
    taken = [cloud.select(which) for cloud, which in zip(clouds, chosen)]
    points = [transform(T, np.asarray(cloud.points, np.float64)) for T, cloud in zip(Ts, taken)]
    rays = [rotate(T, cloud.rays()) for T, cloud in zip(Ts, taken)]
    return NetworkInput(
        points=torch.from_numpy(np.stack(points).astype(np.float32)),
        rays=torch.from_numpy(np.stack(rays).astype(np.float32)),
        T_canonical_cloud=np.stack(Ts),
        chosen=np.stack(chosen),
    )


def thinned(there: int, count: int, seed: int = THINNING_SEED) -> Int64[np.ndarray, "count"]:
    """`count` of `there` numbers without repetition where there are so many, else all of them again and again."""
    order = np.random.default_rng((seed, there)).permutation(there)
    return order[np.arange(count) % there]
