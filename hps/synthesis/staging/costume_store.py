"""The clothes of a data set's people: made once, kept in memory and on disk for all processes and passes."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, fields, replace
from pathlib import Path
from typing import Final, cast

import numpy as np
import zstandard

from body.garments import Wardrobe, tailor
from body.garments.contact import BodyTopology
from body.garments.costume import Costume
from body.garments.costume_arrays import arrays_of, costume_of
from body.garments.tailoring import grey
from body.joints import JOINT_COUNT
from body.model import BodyModel
from capture.virtual.surface_samples import SurfaceSamples
from hps.synthesis.scenes.rows import PersonRow

VERSION: Final = 1
"""Raised when the same row comes to mean other clothes; former files are then left alone."""
KEPT: Final = 16
"""Costumes in memory, 8 MB each with textures of 512 rows."""
PAINT: Final = ("texture", "uv", "uv_faces")
"""What colours are; the rest is a costume's shape, which all passes share."""
SAMPLES: Final = tuple(field.name for field in fields(SurfaceSamples))
"""Kept with the colours."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Clothes:
    """What a person wears."""

    costume: Costume
    samples: SurfaceSamples | None
    """For shadows, spread over the dressed body at rest; None without colours."""


@dataclass(kw_only=True, eq=False)
class CostumeStore:
    """Clothes by person; what a file gives equals what is made anew bit for bit."""

    model: BodyModel
    folder: Path | None
    """For all processes; None: only this one's memory."""
    colors: bool
    rows: int
    """Of the textures."""
    _kept: OrderedDict[PersonRow, Clothes] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self._topology = BodyTopology.of(self.model.faces, self.model.vertex_count)

    def clothes(self, person: PersonRow, body: Callable[[], BodyModel]) -> Clothes:
        """The clothes of a row; `body` gives the model whose mean body is the person's, should they have to be made."""
        if person not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.popitem(last=False)
            self._kept[person] = self._read(person) or self._make(person, body())
        self._kept.move_to_end(person)
        return self._kept[person]

    def _make(self, person: PersonRow, body: BodyModel) -> Clothes:
        wardrobe, sex = cast(Wardrobe, person.wardrobe) or None, person.sex or None
        rng = np.random.default_rng(person.attire_seed)
        costume = tailor(body, rng, wardrobe, sex, person.age_years, self.rows, colors=self.colors)  # type: ignore[arg-type]
        costume = replace(costume, topology=self._topology)
        samples = _samples(costume, body) if self.colors else None
        if self.folder is not None:
            arrays = arrays_of(costume)
            self._write(self._path(person, "shape"), {k: v for k, v in arrays.items() if k not in PAINT})
            if samples is not None:
                looks = {name: arrays[name] for name in PAINT} | {name: getattr(samples, name) for name in SAMPLES}
                self._write(self._path(person, f"paint{self.rows}"), looks)
        return Clothes(costume=costume, samples=samples)

    def _read(self, person: PersonRow) -> Clothes | None:
        """None where a file is missing or damaged: it is then made again."""
        if self.folder is None:
            return None
        try:
            arrays = _load(self._path(person, "shape"))
            paint = _load(self._path(person, f"paint{self.rows}")) if self.colors else grey(len(arrays["faces"]))
            samples = SurfaceSamples(**{name: paint.pop(name) for name in SAMPLES}) if self.colors else None
            return Clothes(costume=costume_of(arrays | paint, self._topology), samples=samples)
        except (OSError, KeyError, ValueError, EOFError, zstandard.ZstdError):
            return None

    def _path(self, person: PersonRow, part: str) -> Path:
        assert self.folder is not None
        text = json.dumps([VERSION, self.model.sha256, [str(value) for value in astuple(person)]])
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.{part}"

    @staticmethod
    def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
        """Whole or not at all; several processes may write the same. A cache that cannot be written is done without."""
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        part = path.with_name(f".{path.name}.part{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(zstandard.ZstdCompressor(level=1, write_checksum=True).compress(buffer.getvalue()))
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)


def _samples(costume: Costume, body: BodyModel) -> SurfaceSamples:
    """At rest, as all poses are equally near to it; a rest body's up is y."""
    still = np.broadcast_to(np.eye(4), (JOINT_COUNT, 4, 4))
    rest = costume.dress(np.asarray(body.v_template, np.float64), still, up=(0.0, 1.0, 0.0))
    return SurfaceSamples.of(rest, costume.faces)


def _load(path: Path) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(zstandard.ZstdDecompressor().decompress(path.read_bytes()))) as found:
        return dict(found)
