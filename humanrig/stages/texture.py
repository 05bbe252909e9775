"""The stage `texture`: a texture for the clip and one for every instant, from all colour cameras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.report.pictures import spread
from humanrig.results import Results
from humanrig.stage import Stage, StageContext
from humanrig.stages.mesh import rows_of
from humanrig.stages.per_person import Progress, for_everybody
from humanrig.texturing.color_views import ColorViews
from texture.blending.clip import clip_texture
from texture.blending.clip import instant_texture as instant_texture_of
from texture.blending.exposure import LightGains, balance_cameras
from texture.files.texture_files import confidence_map, instant_texture, segment_texture
from texture.layout.atlas import Atlas
from texture.painting.projection import Blend, Blending, ColorView


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class TextureConfig:
    """Options of the stage."""

    size: int = Field(default=1024, ge=64, le=4096)
    """Rows and columns of the textures. Memory grows with their square; the whole program takes 0.8 GB at 1024."""
    clip_instants: int = Field(default=12, ge=1, le=64)
    """Instants, evenly spread, whose agreement is the clip's texture."""
    every_instant: bool = True
    """Write a texture for each instant too; mesh sequences need them, the animated model does not."""
    measured_depth: bool = True
    """Reject texels where the depth camera beside the colour camera measured another surface."""
    masks: bool = True
    """Use pixels inside the person's mask only."""
    balance: bool = True
    """Even out brightness and white balance between the cameras."""
    quality: int = Field(default=92, ge=50, le=100)
    """JPEG quality."""


BALANCE_INSTANTS = 3
"""Instants whose pictures are compared for the balance: the gains of a take do not change."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes the files of `texture.files.texture_files`; returns the share that was seen.

    The figures at the top are the first person's.
    """
    return for_everybody(context, lambda results, progress: _paint(context, results, progress))


def _paint(context: StageContext, results: Results, progress: Progress) -> dict[str, Any]:
    config, painter, person = context.config, _Painter(context, results), results.person
    parts = [painter.of_segment(number) for number in results.meshes.segments]
    parts = [part for part in parts if part]
    chosen = [spread(part, config.clip_instants) for part in parts]
    total = sum(map(len, chosen)) + (len(painter.instants) if config.every_instant else 0)
    done, clips, seen = 0, [], []
    if config.balance:
        painter.balance(spread(painter.instants, BALANCE_INSTANTS))
    for part, some in zip(parts, chosen):
        number = results.meshes.number_of(part[0])
        blends: dict[int, Blend] = {}
        for instant in some:
            blends[instant] = painter.blend(instant)
            progress(done := done + 1, total)
        atlas = painter.atlas(number)
        clip = clip_texture(atlas, list(blends.values()))
        clips.append(clip.seen)
        _write_jpeg(segment_texture(context.output, person, number), clip.image, config.quality)
        path = confidence_map(context.output, person, number)
        if not cv2.imwrite(str(path), clip.confidence):
            raise HumanrigError(f"{path} cannot be written; is the disk full?")
        for instant in part if config.every_instant else []:
            blend = blends.pop(instant, None) or painter.blend(instant)
            image = instant_texture_of(atlas, blend, clip)
            _write_jpeg(instant_texture(context.output, person, instant), image, config.quality)
            seen.append(float((blend.weight > 0).mean()))
            progress(done := done + 1, total)
    return {
        "size": config.size,
        "cameras": len(painter.streams),
        "segments": len(parts),
        "seen_clip": round(float(np.mean(clips)), 4),
        "gains": {stream: [round(float(g), 3) for g in gain] for stream, gain in painter.gains.items()},
        **({"seen_instant": round(float(np.mean(seen)), 4)} if seen else {}),
    }


class _Painter:
    """Reads the colour images of an instant and blends them on the mesh of that instant."""

    def __init__(self, context: StageContext, results: Results) -> None:
        """Raises HumanrigError when there is no colour camera or no mesh for the instants asked for."""
        self.config, self.results, session = context.config, results, context.session
        self.streams = [stream for stream in session.of_kind("color") if context.uses(stream)]
        if not self.streams:
            raise HumanrigError(f"{session.folder} has no calibrated colour camera in use; a texture needs one")
        self.reader = ColorViews(
            session,
            results.person,
            self.streams,
            measured_depth=self.config.measured_depth,
            masks=self.config.masks,
        )
        self.streams = list(self.reader.streams)
        meshes = self.results.meshes.instants.tolist()
        self.gains: LightGains = {}
        self.instants: list[int] = [meshes[row] for row in rows_of(meshes, context.instants)]

        self._atlas: tuple[int, Atlas] | None = None

    def of_segment(self, number: int) -> list[int]:
        """The wanted instants that a segment holds."""
        return [instant for instant in self.instants if self.results.meshes.number_of(instant) == number]

    def atlas(self, number: int) -> Atlas:
        """The texture's layout of a segment; that of the last one is kept."""
        if self._atlas is None or self._atlas[0] != number:
            segment = self.results.meshes.segment(number)
            self._atlas = number, Atlas.of(segment.faces, segment.uv, segment.uv_faces, self.config.size)
        return self._atlas[1]

    def balance(self, numbers: list[int]) -> None:
        """Measures the gains of the cameras at some instants; later blends use them."""
        raw = replace(self.reader, corrections=False, gains={})
        found = balance_cameras(
            [{s: self._blend(number, raw.views(number, [s])) for s in raw.seeing(number)} for number in numbers],
            self.reader.transfers(),
        )
        self.gains = found
        self.reader = replace(self.reader, gains=found)

    def blend(self, number: int) -> Blend:
        """Colours of all texels at an instant, from all cameras in use."""
        return self._blend(number, self.reader.views(number))

    def _blend(self, number: int, views: list[ColorView]) -> Blend:
        surface: TriangleMesh = self.results.surface(number)
        texels = self.atlas(self.results.meshes.number_of(number)).place(surface.vertices)
        blending = Blending(surface, texels)
        for view in views:
            blending.add(view)
        return blending.result()


def _write_jpeg(path: Path, image: np.ndarray, quality: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, colorsubsampling="444"))


STAGE = Stage(
    name="texture",
    folder="texture",
    needs=("sync", "calibrate", "masks", "mesh"),
    config=TextureConfig,
    run=run,
    version=2,
)
