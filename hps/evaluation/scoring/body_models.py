"""Which body model poses the parameters of a file: the user's SMPL by gender, or the open body."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, cast

import torch

from body.loading import OPEN_BODY, SETTING, Gender, find_body_model, load_body_model
from body.model import BodyModel
from body.skinning import Skinning
from hps.errors import HpsError
from hps.evaluation.people_annotations import PersonAnnotations

OPEN: Final = "open"
"""In place of a path: pose SMPL's parameters with the open body, though it has other shapes."""
POSED: Final = ("smpl", "smplh", "open body")
"""Bodies of 24 joints whose parameters are posed here; of SMPL-X only stored joints and vertices are compared."""


@dataclass(kw_only=True, slots=True)
class BodyModels:
    """Where they are looked for, and what was said on the way."""

    place: Path | str | None = None
    """A model file or a folder with one for each gender; `open`; None: HUMANRIG_BODY_MODEL, where it is set."""
    told: list[str] = field(default_factory=list[str])
    """What a reader of the numbers must know, each sentence once."""
    _kinds: set[str] = field(default_factory=set[str])

    def of(self, people: PersonAnnotations) -> tuple[BodyModel, Skinning] | None:
        """The model of one person's parameters; None where there is none and the stored joints must do.

        Raises BodyError where the place holds no model of the gender.
        """
        if people.body not in POSED:
            return None
        if people.body == "open body":
            return opened(OPEN_BODY, "neutral")
        if self.place == OPEN:
            self.tell("SMPL parameters are posed with the open body, whose shapes differ: compare with nobody's tables")
            return opened(OPEN_BODY, "neutral")
        if self.place is None and find_body_model().is_open_body:
            return None
        gender = people.gender
        if gender == "unknown":
            self.tell(f"people such as {people.sequence}'s have no gender: posed with the neutral body", "no gender")
            gender = "neutral"
        if self.place is not None and Path(self.place).is_file():
            self.tell(f"one body file poses every gender: {self.place}")
        if people.body == "smplh":
            self.tell("SMPL-H bodies are posed as SMPL's with straight hands")
        return opened(self.place, cast(Gender, gender))

    def missing(self, people: PersonAnnotations) -> HpsError:
        """What to say of a person who can neither be posed nor has joints."""
        if people.body in POSED:
            remedy = f"give --body FOLDER with SMPL's files (or set {SETTING}), or --body {OPEN}"
        else:
            remedy = "write posed joints, and vertices, into the file"
        return HpsError(
            f"{people.sequence}, person {people.person}: there is no {people.body} model to pose the parameters with, "
            f"and the file holds no joints; {remedy}"
        )

    def tell(self, sentence: str, kind: str = "") -> None:
        """Keeps the sentence for the reader, once; of each kind the first alone."""
        if (kind or sentence) not in self._kinds:
            self._kinds.add(kind or sentence)
            self.told.append(sentence)


@lru_cache(maxsize=4)
def opened(place: Path | str | None, gender: Gender) -> tuple[BodyModel, Skinning]:
    """The model and its skinning in float64, made once. Raises BodyError where the place holds none."""
    model = load_body_model(place, gender)
    return model, Skinning(model, torch.float64)
