"""What every backend that draws face indices can do, and how one is opened."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from functools import cache
from typing import Literal

import numpy as np
from jaxtyping import Int32, Integer, Real

from geometry.camera import Camera
from geometry.errors import GeometryError
from geometry.face_raster.face_image import FaceImage, Window, checked_window
from geometry.face_raster.projection import PixelPositions, Projected

Backend = Literal["auto", "egl", "numba"]


class FaceRasterizer(ABC):
    """Draws which face of a mesh each pixel sees; one for each process, its buffers are used again."""

    name: str
    """Which backend it is."""

    def __init__(self) -> None:
        """Starts with empty buffers, which grow as needed."""
        self._corners = np.empty((0, 4), np.float32)

    def draw(
        self,
        camera: Camera,
        vertices_world: Real[np.ndarray, "vertices 3"],
        faces: Integer[np.ndarray, "faces 3"],
        window: Window | None = None,
        subpixels: int = 1,
        vertex_offset_px: Real[np.ndarray, "vertices 2"] | None = None,
        positions: PixelPositions | None = None,
    ) -> FaceImage:
        """The nearest face at each sample, from both sides.

        At equal depth, as at a fold seen edge-on, the face whose corners run against the clock as the camera sees them
        wins, then the earlier one.

        Vertices go through the true lens model; edges between them are straight in the image. Left out are faces with
        a vertex behind the camera, nearer than projection.NEAR_M, or outside the lens model's metric radius.
        `window` (rows, columns) limits the drawing to a part of the image; `vertex_offset_px` is added to projected
        vertices (x, y), for a rolling shutter. `positions` are what PixelPositions.of gave for all of this, where it is
        at hand. Raises GeometryError on indices or sizes that do not fit.
        """
        window = checked_window(camera, window)
        faces = np.ascontiguousarray(faces, np.int32)
        count = len(vertices_world)
        if len(faces) and (faces.min() < 0 or faces.max() >= count):
            raise GeometryError(f"faces name vertices {faces.min()}..{faces.max()}, but there are {count} vertices")
        if len(self._corners) < count:
            self._corners = np.empty((count, 4), np.float32)
        if positions is None:
            positions = PixelPositions.of(camera, vertices_world, vertex_offset_px)
        projected = positions.on_samples(window, subpixels, self._corners[:count])
        height, width = ((part.stop - part.start) * subpixels for part in window)
        face = self._draw(projected, faces, height, width)
        return FaceImage(face=face, window=window, subpixels=subpixels)

    @abstractmethod
    def _draw(
        self, projected: Projected, faces: Int32[np.ndarray, "faces 3"], height: int, width: int
    ) -> Int32[np.ndarray, "height width"]:
        """The nearest face of each sample, in an array of its own."""

    def close(self) -> None:  # noqa: B027 - most backends hold nothing
        """Gives back what the backend holds outside this process's memory."""


def open_rasterizer(backend: Backend = "auto") -> FaceRasterizer:
    """The backend asked for; `auto` takes EGL on a graphics card and else numba, saying so once where EGL is missing.

    Mesa's software driver works too, but draws small faces four times slower than numba (docs/rendering.md), so that
    it is only used when asked for. Raises GeometryError when `egl` is asked for and cannot start, or on another name.
    """
    from geometry.face_raster.numba_rasterizer import NumbaRasterizer

    if backend == "numba":
        return NumbaRasterizer()
    if backend not in ("auto", "egl"):
        raise GeometryError(f"no drawing backend '{backend}'; use auto, egl or numba")
    try:
        from geometry.face_raster.egl_rasterizer import EglRasterizer

        opened = EglRasterizer()
    except Exception as error:  # a missing library, driver or device each raise their own class
        if backend == "egl":
            raise GeometryError(f"no EGL drawing here ({error}); install libegl1 and a driver, or use numba") from error
        _say_once(str(error).splitlines()[0] if str(error) else type(error).__name__)
        return NumbaRasterizer()
    if backend == "auto" and opened.is_software:
        opened.close()
        return NumbaRasterizer()
    return opened


@cache
def _say_once(reason: str) -> None:
    logging.getLogger("geometry.face_raster").warning("no EGL drawing here (%s); meshes are drawn with numba", reason)
