"""Draws what the detector would have said of simulated people: confidences, errors that go together, mixed sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hps.rgb.detector_error.self_occlusion import facing, self_occluded
from hps.rgb.detector_error.table import GROUPS, KNOTS, SIDE_ON, ErrorTable, read_table
from hps.rgb.keypoint_names import LIFTED, LIFTED_COUNT
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.photograph import hidden_to_middle
from registration.keypoints.sets import stem

VIEWS: Final = ("front", "side", "back")
FARTHEST_PX: Final = 100.0
"""Of the crop's 256 pixels: a detection stays within it."""


class DetectorErrorModel:
    """From exact keypoints to detector-like ones; where the detector means them on one person is part of the error."""

    def __init__(self, table: ErrorTable | None = None) -> None:
        """table: None takes the measured one. Raises HpsError when that is missing."""
        self.table = table = read_table() if table is None else table
        kinds = [stem(name) for name in LIFTED.names]
        self._confidence = torch.tensor(
            np.array([[table.confidence[seen][kind] for kind in kinds] for seen in ("clear", "hidden")]),
            dtype=torch.float32,
        )
        self._factor = torch.tensor([table.kind_factor[kind] for kind in kinds])
        self._mirror = torch.tensor(LIFTED.mirror)
        self._lower = torch.tensor(LIFTED.parts[1])
        group, shared = np.full(LIFTED_COUNT, -1), np.zeros(LIFTED_COUNT)
        for number, (name, members) in enumerate(GROUPS.items()):
            for member in members:
                group[LIFTED.index(member)] = number
                shared[LIFTED.index(member)] = table.shared[name.split("_")[-1]]
        self._group, self._shared = torch.tensor(group), torch.tensor(shared, dtype=torch.float32)
        self._mixed = torch.tensor([[table.mixed[v][p] for p in ("whole", "upper", "lower")] for v in VIEWS])
        self._pulled = torch.tensor([table.pulled["clear"], table.pulled["hidden"]])

    def apply(self, batch: LiftingBatch, generator: torch.Generator) -> LiftingBatch:
        """The batch with the detector's keypoints; those outside the picture stay unknown (confidence 0)."""
        keys, n = batch.keypoints, len(batch)
        seen = keys.confidence > 0
        joints = batch.landmarks[:, :24]
        hidden = self_occluded(joints, batch.rotations)
        confidence = self._confidences(hidden, generator)
        log_ratio = self.table.size_ratio[0] + self.table.size_ratio[1] * torch.randn(n, generator=generator)
        pixel_size = keys.pixel_size * log_ratio.exp()
        pulled = (torch.rand((n, LIFTED_COUNT), generator=generator) < self._pulled[hidden.long()]) & (
            seen & seen[:, self._mirror]
        )
        q = torch.where(pulled[..., None], keys.q[:, self._mirror], keys.q)
        q = q + self._errors(confidence, generator) * pixel_size[:, None, None]
        swap = self._swaps(facing(joints, batch.rotations), generator)
        q = torch.where(swap[..., None], q[:, self._mirror], q)
        seen = torch.where(swap, seen[:, self._mirror], seen)
        confidence = torch.where(swap, confidence[:, self._mirror], confidence) * seen
        return replace(
            batch,
            keypoints=replace(keys, q=hidden_to_middle(q, seen), confidence=confidence, pixel_size=pixel_size),
        )

    def _confidences(
        self, hidden: Bool[Tensor, "people keypoints"], g: torch.Generator
    ) -> Float[Tensor, "people keypoints"]:
        """Of keypoints in the picture: quantiles at normal scores that a person's keypoints share in part."""
        n, (of_person, of_group) = len(hidden), self.table.confidence_shared
        score = of_person**0.5 * torch.randn((n, 1), generator=g)
        score = score + (of_group - of_person) ** 0.5 * torch.randn((n, len(GROUPS)), generator=g)[:, self._group]
        score = score + (1 - of_group) ** 0.5 * torch.randn((n, LIFTED_COUNT), generator=g)
        level = torch.special.ndtr(score) * (self._confidence.shape[-1] - 1)
        low = level.floor().long().clamp(0, self._confidence.shape[-1] - 2)
        column = torch.arange(LIFTED_COUNT).expand(n, -1)
        below, above = (self._confidence[hidden.long(), column, low + step] for step in (0, 1))
        return (below + (level - low) * (above - below)).clamp(0.01, 1.0)

    def _errors(
        self, confidence: Float[Tensor, "people keypoints"], g: torch.Generator
    ) -> Float[Tensor, "people keypoints 2"]:
        """In pixels of the crop."""
        n, nu = len(confidence), self.table.tail
        scale = torch.tensor(np.interp(confidence.numpy(), KNOTS, self.table.scale_px), dtype=torch.float32)
        own = torch.randn((n, LIFTED_COUNT, 2), generator=g)
        together = torch.randn((n, len(GROUPS), 2), generator=g)[:, self._group]
        rho = self._shared[:, None]
        normal = rho.sqrt() * together + (1 - rho).sqrt() * own
        # a normal over the root of a gamma variate is Student's t; one variate a group: a limb is lost as a whole
        spread = (torch.tensor(_gamma(nu / 2, (n, len(GROUPS)), g)) / (nu / 2))[:, self._group]
        error = normal * (scale * self._factor / spread.sqrt())[..., None]
        return error * (FARTHEST_PX / error.norm(dim=-1, keepdim=True).clamp_min(FARTHEST_PX))

    def _swaps(self, cosine: Float[Tensor, "people"], g: torch.Generator) -> Bool[Tensor, "people keypoints"]:
        view = torch.where(cosine > SIDE_ON, 0, torch.where(cosine < -SIDE_ON, 2, 1))
        drawn = torch.rand((len(cosine), 3), generator=g) < self._mixed[view]
        upper, lower = drawn[:, 0] | drawn[:, 1], drawn[:, 0] | drawn[:, 2]
        return torch.where(self._lower, lower[:, None], upper[:, None])


def _gamma(shape: float, size: tuple[int, int], g: torch.Generator) -> np.ndarray:
    """Gamma variates; torch's own take no generator."""
    seed = int(torch.randint(2**31, (1,), generator=g))
    return np.random.default_rng(seed).standard_gamma(shape, size).astype(np.float32)
