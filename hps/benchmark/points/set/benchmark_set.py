"""The set opened for reading: samples of one split, each with all that results are told apart by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from hps.benchmark.points.set.attributes import read_attributes
from hps.benchmark.points.set.make_part import is_made
from hps.benchmark.points.set.part_table import PartRow, VariantRow, read_parts, read_variants
from hps.benchmark.points.set.stressed import stressed
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.reader import CloudReader
from hps.datasets.synthetic import open_synthetic
from hps.errors import HpsError
from hps.points.augmentation.plan import AugmentationPlan
from hps.synthesis.production.dataset_file import read_dataset_file
from hps.synthesis.production.dataset_manifest import read_dataset_manifest

LEAST_POINTS = 30
"""People with fewer points in a cloud are left out: nobody could say where they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SetEntry:
    """What is known of a sample before its cloud is read."""

    key: str
    """NAME/KEY: unique within the set."""
    name: str
    """Of the data set or variant."""
    part: str
    subject: str
    """Of the bank of bodies: the same person in every part."""
    action: str
    sequence: str
    frame: int
    source: str
    """Data set that the cloud lies in."""
    source_key: str


@dataclass(frozen=True, kw_only=True)
class BenchmarkSet:
    """The samples of one split of the set, or of some of its parts."""

    folder: Path
    split: str
    entries: tuple[SetEntry, ...]
    digest: str
    """SHA-256 over everything that the samples are made of."""
    _readers: dict[str, CloudReader] = field(repr=False)
    _attributes: dict[str, dict[str, dict[str, float | str]]] = field(repr=False)
    _stress: dict[str, tuple[AugmentationPlan, int]] = field(repr=False)

    @classmethod
    def open(
        cls, folder: Path | str, split: str = "test", parts: Collection[str] | None = None, *, missing: bool = False
    ) -> BenchmarkSet:
        """The split of a made set; only some parts, or data sets and variants by name.

        `missing` takes a set of which some data sets were not made, without them. Raises HpsError for an unknown split
        or part, and for data sets that are not made, not finished, or of other choices than the set's.
        """
        place = Path(folder)
        rows, variants = _wanted(split, parts)
        needed = dict.fromkeys([*(row.name for row in rows), *(variant.of for variant in variants)])
        by_name = {row.name: row for row in read_parts(split)}
        absent = [name for name in needed if not is_made(place, by_name[name])]
        if absent and (not missing or len(absent) == len(needed)):
            raise HpsError(
                f"{place} has no {', '.join(absent)}; make {'them' if len(absent) > 1 else 'it'} with humanrig "
                f"benchmark points --make {place}"
            )
        there = [name for name in needed if name not in absent]
        readers = {name: _reader(place, by_name[name]) for name in there}
        attributes = {name: read_attributes(place / name) for name in there}
        entries = [
            entry for row in rows if row.name in readers for entry in _entries(row, row.name, readers, attributes, 1)
        ]
        entries += [
            entry
            for variant in variants
            if variant.of in readers
            for entry in _entries(variant, variant.of, readers, attributes, variant.every)
        ]
        return cls(
            folder=place,
            split=split,
            entries=tuple(entries),
            digest=_digest(place, split, there, variants),
            _readers=readers,
            _attributes=attributes,
            _stress={variant.name: (variant.plan, variant.seed) for variant in variants},
        )

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Of the samples, in their order."""
        return tuple(entry.key for entry in self.entries)

    @property
    def parts(self) -> tuple[str, ...]:
        """Those that have samples."""
        return tuple(dict.fromkeys(entry.part for entry in self.entries))

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.entries)

    def __iter__(self) -> Iterator[CloudSample]:
        """The samples, one after another."""
        return (self[number] for number in range(len(self)))

    def __getitem__(self, index: int | str) -> CloudSample:
        """A sample by its number or key. Raises HpsError for an unknown key, IndexError for a number."""
        entry = self.entries[self._number(index)]
        sample = self._readers[entry.source][entry.source_key]
        known = self._attributes[entry.source][entry.source_key]
        attributes = {**sample.attributes, **known, "part": entry.part, "set": entry.name}
        attributes.setdefault("action", entry.action)
        sample = replace(sample, attributes=attributes)
        if entry.name in self._stress:  # by the source's key: all variants of a cloud are drawn alike
            sample = stressed(sample, *self._stress[entry.name])
        return replace(sample, key=entry.key, subject=entry.subject, sequence=entry.sequence)

    def some(self, entries: Collection[SetEntry]) -> BenchmarkSet:
        """Only these samples."""
        return replace(self, entries=tuple(entries))

    def _number(self, index: int | str) -> int:
        if not isinstance(index, str):
            return index
        if index not in self._places:
            raise HpsError(f"the set has no sample '{index}' in {self.split}; it has {len(self)}")
        return self._places[index]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {key: place for place, key in enumerate(self.keys)}


def _wanted(split: str, parts: Collection[str] | None) -> tuple[list[PartRow], list[VariantRow]]:
    rows, variants = list(read_parts(split)), list(read_variants(split))
    if parts is None:
        return rows, variants
    known = {name for one in (*rows, *variants) for name in (one.part, one.name)}
    if unknown := [part for part in parts if part not in known]:
        raise HpsError(f"the set has no part {unknown[0]} in {split}; it has {', '.join(sorted(known))}")
    chosen = [row for row in rows if {row.part, row.name} & set(parts)]
    return chosen, [one for one in variants if {one.part, one.name} & set(parts)]


def _reader(place: Path, row: PartRow) -> CloudReader:
    if read_dataset_file(place / row.name).config != row.config:
        raise HpsError(f"{place / row.name} was made with other choices than the set's; remove it and make it again")
    return open_synthetic(place / row.name, row.split, least_points=LEAST_POINTS)


def _entries(
    row: PartRow | VariantRow,
    source: str,
    readers: dict[str, CloudReader],
    attributes: dict[str, dict[str, dict[str, float | str]]],
    every: int,
) -> Iterator[SetEntry]:
    for entry in readers[source].entries[::every]:
        yield SetEntry(
            key=f"{row.name}/{entry.key}",
            name=row.name,
            part=row.part,
            subject=str(attributes[source][entry.key]["subject"]) or entry.subject,
            action=entry.action,
            sequence=f"{row.name}/{entry.sequence}",
            frame=entry.frame,
            source=source,
            source_key=entry.key,
        )


def _digest(place: Path, split: str, names: list[str], variants: list[VariantRow]) -> str:
    shards = {name: read_dataset_manifest(place / name)["shards_sha256"] for name in names}
    stress = [repr(variant) for variant in variants]
    text = json.dumps([split, LEAST_POINTS, shards, stress], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
