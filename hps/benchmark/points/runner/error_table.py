"""How far off each answer of one method is: one column a measure, one row a cloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hps.benchmark.points.runner.measures import BY_NAME, FAILURE


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ErrorTable:
    """Rows in the order of the clouds."""

    errors: Mapping[str, Float[np.ndarray, "clouds"]]
    """By measure (`hps.benchmark.points.runner.measures`); NaN where it is not defined for this answer."""
    answered: Bool[np.ndarray, "clouds"]
    has_body: Bool[np.ndarray, "clouds"]
    joints: Float[np.ndarray, "clouds 24 3"]
    """As answered, in the cloud's frame."""
    true_joints: Float[np.ndarray, "clouds 24 3"]
    joint_sigma: Float[np.ndarray, "clouds 24"]
    confidence: Float[np.ndarray, "clouds"]
    """As stated; NaN where it was not."""
    refused: tuple[str, ...]
    milliseconds: Mapping[str, Float[np.ndarray, "clouds"]]

    def __len__(self) -> int:
        """Number of clouds."""
        return len(self.answered)

    @classmethod
    def joined(cls, tables: Sequence[ErrorTable]) -> ErrorTable:
        """Tables of one method one after the other; steps and measures that one lacks are NaN there."""
        return cls(
            errors=_joined([t.errors for t in tables], [len(t) for t in tables]),
            milliseconds=_joined([t.milliseconds for t in tables], [len(t) for t in tables]),
            refused=tuple(words for table in tables for words in table.refused),
            **{name: np.concatenate([getattr(t, name) for t in tables]) for name in _STACKED},
        )

    def counted(self, instead: ErrorTable) -> dict[str, Float[np.ndarray, "clouds"]]:
        """The errors as they enter means: what a method did not answer counts as the answer of `instead`, and failed.

        So a method gains nothing by refusing hard clouds. One that gives joints only keeps NaN in the measures of
        bodies; one that gives some bodies counts as `instead` in those measures where it gives none.
        """
        gives_bodies = bool(self.has_body.any()) or not self.answered.any()
        found: dict[str, np.ndarray] = {}
        for name, values in self.errors.items():
            of_body = BY_NAME[name].wants_body
            missing = ~self.has_body if of_body else ~self.answered
            if of_body and not gives_bodies:
                missing = np.zeros(len(self), bool)
            other = instead.errors[name]
            if name == FAILURE:
                other = np.where(np.isnan(other), np.nan, 1.0)
            found[name] = np.where(missing, other, values)
        return found


_STACKED = ("answered", "has_body", "joints", "true_joints", "joint_sigma", "confidence")


def _joined(parts: Sequence[Mapping[str, np.ndarray]], lengths: Sequence[int]) -> dict[str, np.ndarray]:
    names = list(dict.fromkeys(name for part in parts for name in part))
    return {
        name: np.concatenate([part.get(name, np.full(length, np.nan)) for part, length in zip(parts, lengths)])
        for name in names
    }
