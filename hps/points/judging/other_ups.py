"""Whether a cloud that gives no trustworthy body would give one if another direction were up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.points.canonical import CAMERA_UP
from hps.points.estimate import USABLE
from hps.points.person_cloud import PersonCloud

AXES: Final = (
    np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0]),
    np.array([1.0, 0.0, 0.0]), np.array([-1.0, 0.0, 0.0]),
)  # fmt: skip
"""Ways up that clouds come in, the commonest first."""
SAME: Final = 0.95
"""Cosine from which two directions are the same."""


def other_up(
    cloud: PersonCloud, confidence_of: Callable[[Sequence[PersonCloud]], Sequence[float]]
) -> tuple[Float[np.ndarray, "3"], float] | None:
    """The direction that a trustworthy body stands up in, and its confidence; None where there is none.

    Of a cloud whose up is not known any axis may be it; of one whose up is known, only the opposite.
    """
    taken = np.asarray(CAMERA_UP if cloud.up is None else cloud.up, np.float64)
    ways = [-taken] if cloud.up is not None else [axis for axis in AXES if axis @ taken < SAME]
    found = np.asarray(confidence_of([replace(cloud, up=up) for up in ways]))
    best = int(found.argmax())
    return (ways[best], float(found[best])) if found[best] >= USABLE else None


def up_hint(cloud: PersonCloud, confidence_of: Callable[[Sequence[PersonCloud]], Sequence[float]]) -> str:
    """What is to be said of it; empty where no other direction helps."""
    better = other_up(cloud, confidence_of)
    if better is None:
        return ""
    up, confidence = better
    words = " ".join(f"{value:.3g}" for value in np.where(np.abs(up) < 1e-9, 0.0, up))
    stands = "the cloud seems to stand on its head" if cloud.up is not None else "the cloud seems to lie"
    return f"{stands}: with {words} as up a body has confidence {confidence:.2f} (command line: --up {words})"
