"""What a method that takes part in a benchmark gives back for one cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from hps.points.person_cloud import PersonCloud


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prediction:
    """A method's answer, in the frame of the cloud: parameters, or joints, or both."""

    parameters: BodyParameters | None = None
    """One frame, of the benchmark's body model; None from methods that give no body."""
    joints: Float[np.ndarray, "24 3"] | None = None
    """SMPL's, metres; of `parameters` where this is None."""
    joint_sigma: Float[np.ndarray, "24"] | None = None
    """Along any one axis, metres; None from methods that say nothing about it."""
    confidence: float | None = None
    """Probability, 0 to 1, that the mean error of the skin (PVE) is below 150 mm; None from methods that do not say."""
    refused: str = ""
    """Why there is no answer; it then counts as a failure."""
    milliseconds: dict[str, float] = field(default_factory=dict)
    """By step, such as network, fit, refine."""


@runtime_checkable
class Method(Protocol):
    """A method: any callable of clouds. What it may know of a cloud is all in PersonCloud."""

    def __call__(self, clouds: Sequence[PersonCloud]) -> Sequence[Prediction]:
        """One answer for each cloud, in their order."""
        ...


@runtime_checkable
class ClipMethod(Protocol):
    """A method that wants to know what came before and after: any object with `of_clip`."""

    def of_clip(self, clouds: Sequence[PersonCloud], time_s: Float[np.ndarray, "clouds"]) -> Sequence[Prediction]:
        """One answer for each cloud of a clip, in their order.

        The clouds are of one person and in one frame; `time_s` are their instants in seconds, each later than the one
        before it. A cloud that nothing is known of before or after is a clip of one.
        """
        ...
