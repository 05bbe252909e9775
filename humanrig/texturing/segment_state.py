"""The texture of one segment between the passes of the stage, and its files when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from jaxtyping import UInt8

from humanrig.errors import HumanrigError
from humanrig.kept_work import partial_path
from texture.blending.inpainting import between_charts
from texture.blending.residual import ResidualNoise
from texture.blending.sequence import SequenceTexture
from texture.files.texture_files import confidence_map, source_map
from texture.layout.atlas import Atlas

PNG_LEVEL = 1
"""zlib's level: higher ones save little of the smooth maps and take twice as long."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SegmentState:
    """What the instants of a segment need to know of it."""

    sequence: SequenceTexture
    """Complete: texels that nobody saw are filled; their weight is 0."""
    around: UInt8[np.ndarray, "size size 3"]
    """The texture itself: the sequence's colours, and smooth ones between the charts."""
    noise: ResidualNoise

    @classmethod
    def of(cls, atlas: Atlas, sequence: SequenceTexture, noise: ResidualNoise | None = None) -> SegmentState:
        """`sequence` is complete. Without noise, none is told apart."""
        nothing = np.zeros(int(atlas.faces.max()) + 1, np.float32)
        image = atlas.image(sequence.colors)
        covered = atlas.image(np.ones(len(atlas), bool), False)
        return cls(
            sequence=sequence,
            around=between_charts(image, covered),
            noise=noise or ResidualNoise(coarse=nothing, fine=nothing),
        )

    def write(self, path: Path) -> None:
        """Uncompressed: it is read by every worker and deleted with the cache. Whole or not there."""
        partial = partial_path(path)
        np.savez(
            partial, colors=self.sequence.colors, weight=self.sequence.weight, source=self.sequence.source,
            around=self.around, coarse=self.noise.coarse, fine=self.noise.fine,
        )  # fmt: skip
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> SegmentState:
        """Of `write`."""
        with np.load(path) as arrays:
            return cls(
                sequence=SequenceTexture(**{name: arrays[name] for name in ("colors", "weight", "source")}),
                around=arrays["around"],
                noise=ResidualNoise(coarse=arrays["coarse"], fine=arrays["fine"]),
            )


def write_texture(path: Path, image: UInt8[np.ndarray, "rows columns 3"], quality: int) -> None:
    """A JPEG without subsampled colours: the borders of small charts are one texel wide."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    partial.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, colorsubsampling="444"))
    partial.replace(path)


def write_maps(folder: Path, person: str, number: int, atlas: Atlas, sequence: SequenceTexture) -> None:
    """The confidence and source maps of a segment. Raises HumanrigError when the disk refuses one."""
    for path, values in (
        (confidence_map(folder, person, number), sequence.confidence()),
        (source_map(folder, person, number), sequence.source),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_path(path)
        if not cv2.imwrite(str(partial), atlas.image(values), [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL]):
            raise HumanrigError(f"{path} cannot be written; is the disk full?")
        partial.replace(path)
