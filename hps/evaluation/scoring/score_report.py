"""What a scoring says: a figure for each measure with its interval, a row for each person, and what was left out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hps.metrics.subject_bootstrap import Interval
from hps.protocols import PROTOCOLS


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One number with the name of what it measures."""

    measure: str
    protocol: str
    """The joint protocol, or the rule of matching."""
    unit: str
    says: str
    over: str
    """What the mean is over, and the interval resamples: `frames` of `sequences`, `sequences`, or `pictures`."""
    interval: Interval
    """`subjects` are sequences (or pictures) that have a value."""
    unmeasured: str = ""
    """Why there is no value, or why some people have none."""

    @property
    def label(self) -> str:
        """The measure and its joint protocol, as tables print them."""
        return f"{self.measure} [{self.protocol}]"


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonRow:
    """The means of one person."""

    name: str
    frames: int
    values: dict[str, float]
    """By `label` and unit of the figure; what could not be measured is not in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Who and what was compared, and what was not."""

    people: int
    """Compared."""
    missing_people: int
    """True people without a prediction."""
    unknown_people: int
    """Predictions that are nobody in the truth."""
    frames: int
    """Compared, of all people."""
    ignored_frames: int
    """The truth does not count them."""
    lacking_frames: int
    """They count, and the prediction does not have them (also all those of missing people)."""
    refused_frames: int
    """They count, and the prediction holds NaN."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreReport:
    """Of one protocol."""

    protocol: str
    says: str
    source: str
    rules: str
    """Which frames, which frame of reference and which bodies are compared."""
    figures: tuple[Figure, ...]
    rows: tuple[PersonRow, ...]
    counts: Counts
    told: tuple[str, ...]
    """What a reader of the numbers must know."""
    bins: tuple[PersonRow, ...] = ()
    """The same of some of the people, such as those half hidden; AGORA's."""

    def joint_protocols(self) -> dict[str, dict[str, Any]]:
        """Joints, regressor, root and alignment of each joint protocol that a figure is printed with."""
        names = dict.fromkeys(one.protocol for one in self.figures)
        kept = ("joints", "regressor", "root", "alignment", "says", "source")
        return {name: {key: getattr(PROTOCOLS[name], key) for key in kept} for name in names if name in PROTOCOLS}

    def as_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes null."""
        return _plain(
            {
                "protocol": self.protocol,
                "says": self.says,
                "source": self.source,
                "rules": self.rules,
                "joint_protocols": self.joint_protocols(),
                "figures": [
                    {k: v for k, v in asdict(one).items() if k != "interval"}
                    | {
                        "value": one.interval.value,
                        "low": one.interval.low,
                        "high": one.interval.high,
                        "n": one.interval.n,
                        "sequences": one.interval.subjects,
                    }
                    for one in self.figures
                ],
                "people": [asdict(row) for row in self.rows],
                "bins": [asdict(row) for row in self.bins],
                "counts": asdict(self.counts),
                "told": list(self.told),
            }
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and value != value else value
