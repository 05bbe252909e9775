"""What is known of the clouds of a benchmark beside points and truth: who, when, and what results are split by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int64

from hps.datasets.cloud_sample import CloudSample

Value = float | str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CloudFacts:
    """One entry a cloud, in the order in which methods were asked."""

    keys: tuple[str, ...]
    subjects: tuple[str, ...]
    sequences: tuple[str, ...]
    frames: Int64[np.ndarray, "clouds"]
    time_s: Float[np.ndarray, "clouds"]
    """Within the sequence; NaN where it is not known."""
    attributes: Mapping[str, tuple[Value, ...]]
    """NaN or "" where a cloud lacks one."""

    def __len__(self) -> int:
        """Number of clouds."""
        return len(self.keys)

    @classmethod
    def of(cls, samples: Sequence[CloudSample]) -> CloudFacts:
        """The facts of samples; each also has `action`, `body_model`, and `views` and `points` where it says none."""
        own = [_attributes(sample) for sample in samples]
        names = sorted({name for attributes in own for name in attributes})
        return cls(
            keys=tuple(sample.key for sample in samples),
            subjects=tuple(sample.subject for sample in samples),
            sequences=tuple(sample.sequence for sample in samples),
            frames=np.array([sample.frame for sample in samples], np.int64),
            time_s=np.array([sample.time_s for sample in samples], np.float64),
            attributes={name: _column([attributes.get(name) for attributes in own]) for name in names},
        )

    @classmethod
    def joined(cls, parts: Sequence[CloudFacts]) -> CloudFacts:
        """Facts one after the other."""
        names = sorted({name for part in parts for name in part.attributes})
        return cls(
            keys=tuple(key for part in parts for key in part.keys),
            subjects=tuple(subject for part in parts for subject in part.subjects),
            sequences=tuple(sequence for part in parts for sequence in part.sequences),
            frames=np.concatenate([part.frames for part in parts]) if parts else np.zeros(0, np.int64),
            time_s=np.concatenate([part.time_s for part in parts]) if parts else np.zeros(0),
            attributes={
                name: _column([v for part in parts for v in part.attributes.get(name, (None,) * len(part))])
                for name in names
            },
        )


def _attributes(sample: CloudSample) -> dict[str, Value]:
    return {
        "action": sample.action,
        "points": float(len(sample.cloud)),
        "views": float(max(len(sample.sensors), 1)),
        "body_model": "" if sample.truth is None else sample.model,
        **sample.attributes,
    }


def _column(values: Sequence[Any]) -> tuple[Value, ...]:
    """The values of one kind: words, with "" where there is none, or numbers, with NaN."""
    words = any(isinstance(value, str) and value for value in values)
    if words:
        return tuple("" if value is None or value != value else value if isinstance(value, str) else f"{value:g}"
                     for value in values)  # fmt: skip
    return tuple(float("nan") if value is None or isinstance(value, str) else float(value) for value in values)
