"""The margins of one kind of clothes as a mean, a few directions and a rest, from examples with holes."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from registration.errors import RegistrationError
from registration.fit.terms.margin_prior import MarginPrior

UNSEEN_M: Final = 0.01
"""Spread of margins of patches that no example shows."""
_ROUNDS: Final = 30


def learned_margins(
    name: str,
    margins: Float[np.ndarray, "examples patches"],
    within: Float[np.ndarray, "examples patches"],
    directions: int,
) -> MarginPrior:
    """Principal directions of the margins; holes (NaN) are filled by what the directions say, again and again.

    margins and their spread inside each patch: metres. Raises RegistrationError for fewer than twice as many examples
    as directions.
    """
    if len(margins) < 2 * directions:
        raise RegistrationError(
            f"clothes '{name}' have {len(margins)} examples, {directions} directions need {2 * directions}; "
            "add people or take fewer directions"
        )
    known = np.isfinite(margins)
    seen = np.asarray(known.any(0))
    mean = np.where(seen, np.where(known, margins, 0).sum(0) / np.maximum(known.sum(0), 1), 0.0)
    low = np.broadcast_to(mean, margins.shape)
    for _ in range(_ROUNDS):
        mean, basis, low = _principal(np.where(known, margins, low), directions)
    mean, basis, low = _principal(np.where(known, margins, low), directions)
    return MarginPrior(
        name=name, mean=mean, basis=basis, rest=_spread(margins - low, seen), within=_spread(within, seen)
    )


def _principal(filled: Float[np.ndarray, "examples patches"], directions: int) -> tuple[np.ndarray, ...]:
    """Mean, principal directions times standard deviations, and the examples made of these alone."""
    mean = filled.mean(0)
    left, strength, right = np.linalg.svd(filled - mean, full_matrices=False)
    low = (left[:, :directions] * strength[:directions]) @ right[:directions] + mean
    return mean, (right[:directions] * strength[:directions, None]).T / np.sqrt(len(filled) - 1), low


def _spread(values: Float[np.ndarray, "examples patches"], seen: np.ndarray) -> Float[np.ndarray, "patches"]:
    known = np.isfinite(values)
    square = np.where(known, values, 0.0) ** 2
    return np.where(seen, np.sqrt(square.sum(0) / np.maximum(known.sum(0), 1)), UNSEEN_M)
