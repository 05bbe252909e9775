"""What is measured, on which frames and of which bodies, under one name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool

from hps.errors import HpsError
from hps.evaluation.people_annotations import PersonAnnotations
from hps.evaluation.scoring.joining import Place
from hps.evaluation.scoring.measures import Measure
from hps.protocols import PROTOCOLS

Validity = Literal["every frame", "valid frames", "frontal camera"]
FRONTAL: Final = "60457274"
"""Serial number of Human3.6M's frontal camera; it is part of the names of its videos and pictures."""

PLACES: Final[dict[Place, str]] = {
    "camera": "in the camera's frame (in the world where the truth tells no camera)",
    "world": "in the world",
    "either": "in the camera's frame or the world",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoringProtocol:
    """One way to score predictions; printed by its name."""

    name: str
    measures: tuple[Measure, ...]
    says: str
    source: str
    validity: Validity = "every frame"
    """`valid frames`: those that the data set counts (PersonAnnotations.valid)."""
    place: Place = "either"
    """Where both sides are compared. Turns of a moving camera are in accelerations and jitter of the camera's frame."""
    estimate_gender: Literal["neutral", "its own"] = "its own"
    """Of the bodies that the papers compare. The truth is always of its own gender."""

    @property
    def regressors(self) -> tuple[str, ...]:
        """Names of the joint regressors that the measures need."""
        needed = {PROTOCOLS[measure.joints].regressor for measure in self.measures}
        return tuple(sorted(needed - {""}))

    @property
    def rules(self) -> str:
        """Frames, frame of reference and bodies, in words."""
        place = PLACES[self.place]
        bodies = "neutral bodies" if self.estimate_gender == "neutral" else "bodies of the gender that they state"
        return f"{self.validity}, {place}; the truth has its own gender, predictions are {bodies}"

    def counted(self, truth: PersonAnnotations) -> tuple[Bool[np.ndarray, "frames"], str]:
        """Which frames count, and a sentence where the file does not say (else empty).

        Raises HpsError where the protocol is of one camera and the names tell none.
        """
        every = np.ones(len(truth), bool)
        if self.validity == "every frame":
            return every, ""
        if self.validity == "valid frames":
            if truth.valid is None:
                return every, f"{truth.dataset} does not say which frames are valid: {self.name} counts all of them"
            return np.asarray(truth.valid, bool), ""
        if FRONTAL in truth.sequence:
            return every, ""
        if not truth.images:
            raise HpsError(
                f"{truth.sequence}: {self.name} counts only Human3.6M's frontal camera, and neither the sequence's "
                f"name nor names of pictures tell the camera ({FRONTAL}); name the sequence SUBJECT_ACTION.{FRONTAL}"
            )
        return np.array([FRONTAL in image for image in truth.images], bool), ""

    def __str__(self) -> str:
        """The name."""
        return self.name
