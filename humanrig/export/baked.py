"""The surfaces of a clip as they are, segment by segment, with the picture that each wears."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from jaxtyping import Float

from humanrig.errors import HumanrigError
from humanrig.export.surface_pictures import SurfacePictures
from humanrig.results import Results
from texture.files.baked_segment import BakedSegment

MOST_TEXELS = 2**26
"""Texels of all pictures of a file that a viewer loads at once: 16 of 2048 x 2048, 0.35 GB of a graphics card's memory
with their smaller copies. 300 free-form surfaces at 2048 x 2048 would take 6.7 GB."""
SMALLEST = 256
_QUALITY = 92


@dataclass(frozen=True, kw_only=True)
class BakedClip:
    """Segments to be read one after the other; what was left out of them is known afterwards."""

    results: Results
    pictures: SurfacePictures
    numbers: tuple[int, ...]
    instants: frozenset[int]
    """Those that are wanted."""
    bare: list[str]
    """Segments without a picture, filled while they are read."""

    @classmethod
    def of(cls, results: Results, instants: Collection[int] | None = None) -> BakedClip:
        """The wanted instants (None: all). Raises HumanrigError when none of them has a surface."""
        meshes = results.meshes
        known = set(meshes.instants.tolist()) & set(results.instants)
        wanted = frozenset(known if instants is None else known & set(instants))
        if not wanted:
            raise HumanrigError(
                f"{results.session.folder} has no surface for the wanted instants; "
                f"run: humanrig reconstruct {results.session.folder} --from mesh"
            )
        numbers = [n for n in meshes.segments if wanted & set(meshes.instants[meshes.segment_of == n].tolist())]
        return cls(results=results, pictures=SurfacePictures(results), numbers=tuple(numbers), instants=wanted, bare=[])

    def times_s(self) -> Float[np.ndarray, "frames"]:
        """Times of all frames, increasing."""
        return np.array([self._seconds[instant] for instant in sorted(self.instants)])

    def texture_side(self) -> int | None:
        """Rows and columns that pictures must not exceed so that all fit into a viewer; None where they do."""
        sides = [_side(path) for number in self.numbers if (path := self.pictures.of_segment(number))]
        largest = side = max(sides, default=0)
        while len(sides) * side**2 > MOST_TEXELS and side > SMALLEST:
            side //= 2
        return None if side == largest else side

    def segments(self, texture_side: int | None = None) -> Iterator[BakedSegment]:
        """Every segment; larger pictures than `texture_side` are made smaller."""
        self.bare.clear()
        for number in self.numbers:
            segment, picture = self.results.meshes.segment(number), self.pictures.of_segment(number)
            rows = np.flatnonzero(np.isin(segment.instants, list(self.instants)))
            if picture is None:
                self.bare.append(f"segment_{number:03d}")
            yield BakedSegment(
                name=f"segment_{number:03d}",
                times_s=np.array([self._seconds[instant] for instant in segment.instants[rows].tolist()]),
                vertices=segment.vertices[rows],
                faces=segment.faces,
                uv=segment.uv,
                uv_faces=segment.uv_faces,
                texture_jpeg=None if picture is None else _read(picture, texture_side),
            )

    @property
    def _seconds(self) -> dict[int, float]:
        body = self.results.body
        return dict(zip(body["instants"].tolist(), (body["time_us"].astype(np.float64) * 1e-6).tolist()))


def _side(path: Path) -> int:
    rows, columns, *_ = simplejpeg.decode_jpeg_header(path.read_bytes())
    return max(int(rows), int(columns))


def _read(path: Path, most: int | None) -> bytes:
    data = path.read_bytes()
    if most is None or _side(path) <= most:
        return data
    image = cv2.resize(simplejpeg.decode_jpeg(data), (most, most), interpolation=cv2.INTER_AREA)
    return simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=_QUALITY, colorsubsampling="444")
