"""A data set whose truth is of SMPL, with the joints of that truth: what needs the user's own model file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, cast

from body.loading import Gender, load_body_model
from body.model import BodyModel
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.reader import CloudReader, Entry

GENDERS: Final[dict[str, str]] = {
    "smpl": "neutral", "smpl neutral": "neutral", "smpl female": "female", "smpl male": "male",
}  # fmt: skip
"""Of SMPL, by the names that readers give to the model of a truth."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WithPosedJoints:
    """The samples of a reader; those whose truth is of SMPL and says no joints get those of the posed model."""

    reader: CloudReader = field(repr=False)
    place: Path
    """File or folder of SMPL, as `body.loading.load_body_model` takes it."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is known of the samples before their clouds are read."""
        return self.reader.entries

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.reader)

    def __getitem__(self, index: int) -> CloudSample:
        """A sample. Raises BodyError where the model of its gender is not there, and as the reader does."""
        sample = self.reader[index]
        if sample.joints is not None or sample.truth is None or sample.model not in GENDERS:
            return sample
        model = _model(self.place, cast("Gender", GENDERS[sample.model]))
        return replace(sample, joints=model.pose(sample.truth).joints[0])


@lru_cache(maxsize=3)
def _model(place: Path, gender: Gender) -> BodyModel:
    return load_body_model(place, gender)
