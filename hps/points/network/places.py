"""Places in space as numbers that a network can tell apart: themselves, and waves of several lengths."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

WAVES: Final = 5
"""Lengths 4 m, 2 m, … 0.25 m: a person fits into the longest, a hand into the shortest."""
LONGEST_M: Final = 4.0
PLACE_NUMBERS: Final = 3 + 6 * WAVES


def place_numbers(p: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 33"]:
    """Coordinates, and their sines and cosines (Fourier features: Tancik et al., NeurIPS 2020)."""
    lengths = LONGEST_M / 2.0 ** torch.arange(WAVES, dtype=p.dtype, device=p.device)
    phase = (2 * torch.pi / lengths)[:, None] * p[..., None, :]
    return torch.cat([p, phase.sin().flatten(-2), phase.cos().flatten(-2)], -1)
