"""The figure of a take at one moment, ready to be drawn by any camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8

from capture.virtual.figure import Figure
from capture.virtual.paint import Paint
from capture.virtual.shading import Echo, Lighting, Shaded, infrared_amplitude, shade
from capture.virtual.surface_samples import SurfaceSamples
from geometry.camera import Camera
from geometry.face_raster.exact_depth import exact_depth
from geometry.face_raster.face_image import FaceImage, Window
from geometry.face_raster.projection import PixelPositions
from geometry.face_raster.rasterizer import FaceRasterizer, open_rasterizer
from geometry.face_raster.vertex_normals import vertex_normals

SAMPLES = 2
"""Samples in rows and in columns of each pixel."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Studio:
    """What drawing needs for a whole take; one for each process."""

    figure: Figure
    paint: Paint
    lighting: Lighting
    rasterizer: FaceRasterizer
    samples: SurfaceSamples | None = None
    """For shadows; None: the figure casts none."""

    @classmethod
    def of(
        cls,
        figure: Figure,
        vertices: Float[np.ndarray, "vertices 3"] | None = None,
        *,
        samples: SurfaceSamples | None = None,
        rasterizer: FaceRasterizer | None = None,
    ) -> Studio:
        """The studio of a figure; its vertices at some moment, or samples that are at hand, make it cast shadows.

        `rasterizer` None: one is opened.
        """
        return cls(
            figure=figure,
            paint=Paint.of(figure),
            lighting=Lighting.of_room(),
            rasterizer=rasterizer or open_rasterizer("auto"),
            samples=samples if vertices is None else SurfaceSamples.of(vertices, figure.faces),
        )

    @cached_property
    def _owners(self) -> UInt8[np.ndarray, "faces_plus_one"]:
        return np.append(self.figure.owners + 1, 0).astype(np.uint8)  # face -1 is the last

    def owner_at(self, face: Int32[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "rows columns"]:
        """Number of the owner of each face plus one, 0 where there is none (face -1)."""
        return self._owners[face]


@dataclass(frozen=True, kw_only=True, eq=False)
class Centers:
    """What the rays through pixel centres meet."""

    depth: Float32[np.ndarray, "rows columns"]
    """Metres; inf where there is no figure."""
    face: Int32[np.ndarray, "rows columns"]
    """-1 where there is none."""
    window: Window


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawable:
    """The figure with its vertices at one moment."""

    studio: Studio
    vertices: Float[np.ndarray, "vertices 3"]
    """World, metres."""

    @classmethod
    def of(cls, studio: Studio, vertices: Float[np.ndarray, "vertices 3"]) -> Drawable:
        """The figure with these vertices."""
        return cls(studio=studio, vertices=np.ascontiguousarray(vertices, np.float32))

    @cached_property
    def normals(self) -> Float32[np.ndarray, "vertices 3"]:
        """Unit normals of the vertices."""
        return vertex_normals(self.vertices, self.studio.paint.faces)

    @property
    def faces(self) -> Int32[np.ndarray, "faces 3"]:
        """Of the figure."""
        return self.studio.paint.faces

    def positions(self, camera: Camera) -> PixelPositions:
        """Where a camera sees the vertices; kept for the camera that was asked last."""
        kept = self._kept.get("positions")
        if kept is None or kept[0] is not camera:
            kept = self._kept["positions"] = camera, PixelPositions.of(camera, self.vertices)
        return kept[1]

    @cached_property
    def _kept(self) -> dict[str, tuple[Camera, PixelPositions]]:
        return {}

    def shaded(self, camera: Camera, rays: np.ndarray, margin: int = 2) -> Shaded | None:
        """Its light in a colour camera; None where it is out of the picture. `rays`: of ray_table."""
        image = self._faces(camera, margin, SAMPLES)
        if image is None:
            return None
        return shade(image, camera, self.vertices, self.normals, self.studio.paint, self.studio.lighting, rays)

    def echo(self, camera: Camera, rays: np.ndarray, margin: int = 2) -> Echo | None:
        """Depth and infrared echo of each sample; None where it is out of the picture."""
        image = self._faces(camera, margin, SAMPLES)
        return None if image is None else infrared_amplitude(image, camera, self.vertices, self.studio.paint, rays)

    def centers(self, camera: Camera, rays: np.ndarray, margin: int = 2) -> Centers | None:
        """Exact depth and face at pixel centres; None where it is out of the picture."""
        image = self._faces(camera, margin, 1)
        if image is None:
            return None
        surface = exact_depth(image, camera, self.vertices, self.faces, rays)
        return Centers(depth=surface.depth, face=image.face, window=image.window)

    def _faces(self, camera: Camera, margin: int, samples: int) -> FaceImage | None:
        positions = self.positions(camera)
        window = positions.window(margin)
        if window is None:
            return None
        return self.studio.rasterizer.draw(camera, self.vertices, self.faces, window, samples, positions=positions)

    def mask(self, centers: Centers | None, height: int, width: int) -> np.ndarray:
        """(height, width) uint8: number of the figure's owner at each pixel centre plus one, 0 where there is none."""
        mask = np.zeros((height, width), np.uint8)
        if centers is not None:
            mask[centers.window] = self.studio.owner_at(centers.face)
        return mask
