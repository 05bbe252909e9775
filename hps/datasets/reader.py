"""What every data set is read through: samples by number or key, a table of what there is, and its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Protocol

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from hps.datasets.cloud_sample import CloudSample, PointLabels
from hps.datasets.split import is_held_out, split_of
from hps.errors import HpsError
from hps.points.person_cloud import PersonCloud


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What is known of a sample before anything of it is read."""

    key: str
    """Unique within the data set."""
    subject: str
    """Unique within the data set."""
    action: str
    sequence: str
    frame: int
    split: str = ""
    """train, validation or test, where the data set itself says it; else the rule of `hps.datasets.split` does."""
    place: tuple[str | int, ...] = ()
    """Where the source finds it."""

    def sample(
        self,
        *,
        time_s: float,
        sensors: tuple[str, ...],
        cloud: PersonCloud,
        truth: BodyParameters | None,
        joints: Float[np.ndarray, "24 3"] | None,
        model: str,
        attributes: dict[str, float | str],
        labels: PointLabels | None = None,
    ) -> CloudSample:
        """The sample of this name with what was read of it, each as `CloudSample` has it."""
        return CloudSample(
            key=self.key,
            subject=self.subject,
            action=self.action,
            sequence=self.sequence,
            frame=self.frame,
            time_s=time_s,
            sensors=sensors,
            cloud=cloud,
            truth=truth,
            joints=joints,
            model=model,
            labels=labels,
            attributes=attributes,
        )


class Reader(Protocol):
    """Samples of one data set, read when they are asked for."""

    dataset: str
    protocol: str

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the samples, in their order."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int | str) -> CloudSample: ...

    def __iter__(self) -> Iterator[CloudSample]: ...


@dataclass(frozen=True, kw_only=True)
class CloudReader:
    """A reader of any data set: its entries, and how one of them becomes a sample. It may go to other processes."""

    dataset: str
    """Short name, as the split rule hashes it."""
    protocol: str
    """How its clouds are made: see `hps.datasets.protocol`."""
    entries: tuple[Entry, ...]
    read: Callable[[Entry], CloudSample] = field(repr=False)
    left_out: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """What the data set holds and the reader does not give, with the reason."""

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Of the samples, in their order."""
        return tuple(entry.key for entry in self.entries)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {key: place for place, key in enumerate(self.keys)}

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.entries)

    def __contains__(self, key: object) -> bool:
        """Whether there is a sample of this key."""
        return key in self._place

    def __iter__(self) -> Iterator[CloudSample]:
        """The samples, one after another."""
        return (self.read(entry) for entry in self.entries)

    def __getitem__(self, index: int | str) -> CloudSample:
        """A sample by its number or key. Raises HpsError for an unknown key, IndexError for a number."""
        return self.read(self.entry(index))

    def entry(self, index: int | str) -> Entry:
        """What is known of a sample without reading it. Raises as `reader[index]` does."""
        if isinstance(index, str):
            if index not in self._place:
                example = f", such as '{self.keys[0]}'" if self.keys else ""
                raise HpsError(f"{self.dataset} has no sample '{index}'; it has {len(self)}{example}")
            index = self._place[index]
        return self.entries[index]

    def where(self, keep: Callable[[Entry], bool]) -> CloudReader:
        """Only the samples whose entry `keep` takes."""
        return self.of(entry for entry in self.entries if keep(entry))

    def of(self, entries: Iterable[Entry]) -> CloudReader:
        """The same data set with these samples only, in this order."""
        return CloudReader(
            dataset=self.dataset,
            protocol=self.protocol,
            entries=tuple(entries),
            read=self.read,
            left_out=self.left_out,
        )

    def split(self, name: str) -> CloudReader:
        """The samples of train, validation or test, by the data set's own split or else by the rule for subjects.

        Raises HpsError for another name.
        """
        if name not in ("train", "validation", "test"):
            raise HpsError(f"there is no split '{name}'; the splits are train, validation, test")
        return self.where(lambda entry: self.split_of(entry) == name)

    def split_of(self, entry: Entry) -> str:
        """train, validation or test."""
        return entry.split or split_of(self.dataset, entry.subject)

    def held_out_actions(self, held_out: bool) -> CloudReader:
        """The samples of actions that the rule keeps from training, or all the others."""
        return self.where(lambda entry: is_held_out(self.dataset, entry.action) == held_out)
