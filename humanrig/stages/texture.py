"""The stage `texture`: a texture for every instant and one for the clip, from all colour cameras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from capture.frame_sets import Instant
from geometry.mesh import TriangleMesh
from geometry.warp import warp_depth_to_color
from humanrig.report.pictures import spread, write_jpeg
from humanrig.results import PERSON, Results
from humanrig.stage import Stage, StageContext
from texture.atlas import Atlas
from texture.clip_texture import agreed_colors
from texture.filling import fill_holes
from texture.projection import TextureView, project_colors


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class TextureConfig:
    """Options of the stage."""

    size: int = Field(default=1024, ge=64, le=8192)
    """Rows and columns of the atlas."""
    clip_instants: int = Field(default=12, ge=1)
    """Instants that the clip's texture is made of, evenly spread."""
    every_instant: bool = True
    """Write a texture for each instant too (needed for mesh sequences), not only the clip's."""
    quality: int = Field(default=90, ge=50, le=100)
    """JPEG quality."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes person00.jpg, person00_confidence.png and person00/NNNNNN.jpg; returns the seen part of the texture."""
    config, painter = context.config, Painter(context)
    chosen = spread(painter.instants, config.clip_instants)
    total = len(chosen) + (len(painter.instants) if config.every_instant else 0)
    sampled = []
    for done, (colors, weights) in enumerate(painter.paint(chosen)):
        sampled.append((colors, weights))
        context.progress(done + 1, total)
    clip, confidence = agreed_colors(np.stack([c for c, _ in sampled]), np.stack([w for _, w in sampled]))
    atlas, seen = painter.atlas, confidence > 0
    clip_image = _complete(atlas, clip, seen)
    write_jpeg(context.output / f"{PERSON}.jpg", clip_image, config.quality)
    share = confidence / max(float(np.percentile(confidence, 99)), 1e-9)
    picture = atlas.image(np.clip(255 * share, 0, 255)[:, None], missing=0)[..., 0]
    cv2.imwrite(str(context.output / f"{PERSON}_confidence.png"), picture.astype(np.uint8))
    per_instant = []
    if config.every_instant:
        (context.output / PERSON).mkdir()
        base = clip_image[atlas.covered].astype(np.float32)
        for done, (number, (colors, weights)) in enumerate(zip(painter.instants, painter.paint(painter.instants))):
            image = clip_image.copy()
            image[atlas.covered] = np.where(weights[:, None] > 0, colors, base).astype(np.uint8)
            write_jpeg(context.output / PERSON / f"{number:06d}.jpg", image, config.quality)
            per_instant.append(float((weights > 0).mean()))
            context.progress(len(chosen) + done + 1, total)
    return {
        "seen_clip": round(float(seen.mean()), 4),
        "seen_instant": round(float(np.mean(per_instant)), 4) if per_instant else None,
        "size": config.size,
    }


class Painter:
    """Projects the colour images of an instant onto the mesh of that instant."""

    def __init__(self, context: StageContext) -> None:
        """Reads the meshes. Raises TextureError for a body without texture coordinates."""
        self.session, self.results = context.session, Results(context.session)
        self.cameras = self.session.cameras()
        self.colors = [s for s in self.session.of_kind("color") if s in self.cameras and context.uses(s)]
        wanted = set(context.instants)
        self.instants = [i for i in self.results.mesh["instants"].tolist() if i in wanted]
        self.by_number: dict[int, Instant] = {i.instant: i for i in self.session.instants()}
        mesh = self.results.mesh
        first = TriangleMesh(
            vertices=mesh["vertices"][0], faces=mesh["faces"], uv=mesh.get("uv"), uv_faces=mesh.get("uv_faces")
        )
        self.atlas = Atlas.of(first, context.config.size)

    def paint(self, instants: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Colour and weight of each texel, for each instant in turn."""
        for number in instants:
            mesh = self.results.surface(number)
            normals = self.atlas.at_texels(mesh.vertex_normals())
            normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
            yield project_colors(self.atlas.at_texels(mesh.vertices), normals, mesh, self._views(number))

    def _views(self, number: int) -> list[TextureView]:
        instant, views = self.by_number[number], []
        for stream in (s for s in self.colors if instant.has(s)):
            image = self.session.frame(stream, instant.index[stream]).payload
            depth_m, depth = None, stream.replace("/color", "/depth")
            if depth in self.cameras and instant.has(depth):
                measured = self.session.frame(depth, instant.index[depth]).payload
                depth_m = warp_depth_to_color(measured, self.cameras[depth], self.cameras[stream])
            mask = self._mask(stream, number)
            views.append(TextureView(image=image, camera=self.cameras[stream], depth_m=depth_m, mask=mask))
        return views

    def _mask(self, stream: str, number: int) -> np.ndarray | None:
        path = self.session.path("masks", stream, f"{number:06d}.png")
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
        return None if image is None else image > 127


def _complete(atlas: Atlas, colors: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The whole atlas as a picture, holes filled."""
    known = np.zeros((atlas.size, atlas.size), bool)
    known[atlas.covered] = seen
    return np.clip(fill_holes(atlas.image(colors, missing=0.0), known), 0, 255).astype(np.uint8)


STAGE = Stage(
    name="texture", folder="texture", needs=("calibrate", "sync", "masks", "mesh"), config=TextureConfig, run=run
)
