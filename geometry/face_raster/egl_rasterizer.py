"""Face indices by OpenGL without a display (EGL, through moderngl): a graphics card, or Mesa's software driver."""

from __future__ import annotations

from typing import Any

import moderngl
import numpy as np
from jaxtyping import Int32

from geometry.errors import GeometryError
from geometry.face_raster.projection import GRID, Projected
from geometry.face_raster.rasterizer import FaceRasterizer

MAX_FACES = 2**24
"""Face indices are drawn as float32, which holds whole numbers up to here."""
TURNED_BEHIND = 8
"""Steps of the depth buffer by which faces turned away are moved back: some 0.0001 mm, above the driver's rounding."""

_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software")

# Positions are whole steps of 1/GRID sample and the viewport's size is a power of two, so that nothing is rounded on
# the way to the driver's own grid of the same steps. Depth is linear in 1/z, stretched over the mesh's range.
_VERTEX = """
#version 330
uniform vec2 scale; uniform vec2 nearness; in vec4 corner;
void main() {
    gl_Position = vec4(corner.xy * scale.x + scale.y, (nearness.x - corner.z) * nearness.y, 1);
}
"""
_FRAGMENT = """
#version 330
layout(location = 0) out float face;
void main() { face = float(gl_PrimitiveID); }
"""


class EglRasterizer(FaceRasterizer):
    """Draws with OpenGL 3.3. Raises moderngl's errors where no EGL device can be opened."""

    name = "egl"

    def __init__(self) -> None:
        """Opens a context without a display."""
        super().__init__()
        create: Any = moderngl.create_context  # its stubs do not know the backend's own options
        self._context: Any = create(standalone=True, backend="egl", require=330)
        self._program: Any = self._context.program(vertex_shader=_VERTEX, fragment_shader=_FRAGMENT)
        self._faces = np.empty((0, 3), np.int32)
        self._indices: Any = None
        self._vertices: Any = None
        self._array: Any = None
        self._target: Any = None
        self._context.enable(moderngl.DEPTH_TEST)
        self._context.enable(moderngl.CULL_FACE)
        self._context.front_face = "cw"  # as rows go down

    @property
    def driver(self) -> str:
        """The name of the OpenGL driver."""
        return str(self._context.info["GL_RENDERER"])

    @property
    def is_software(self) -> bool:
        """Whether the driver computes on the processor."""
        return any(name in self.driver.lower() for name in _SOFTWARE)

    def _draw(
        self, projected: Projected, faces: Int32[np.ndarray, "faces 3"], height: int, width: int
    ) -> Int32[np.ndarray, "height width"]:
        chosen = None
        if projected.hidden:  # OpenGL would cut such faces where every backend must leave them out
            chosen = np.flatnonzero(np.isfinite(projected.corners[:, 2])[faces].all(1)).astype(np.int32)
            faces = np.ascontiguousarray(faces[chosen])
        if not len(faces):
            return np.full((height, width), -1, np.int32)
        if len(faces) > MAX_FACES:
            raise GeometryError(f"{len(faces)} faces, at most {MAX_FACES} can be drawn with EGL; use numba")
        self._upload(projected, faces)
        self._set_target(height, width)
        # A margin of a quarter on each side keeps faces that cross the window's border from being cut.
        size = 1 << int(np.ceil(np.log2(1.5 * max(height, width))))
        self._target.viewport = (-size // 4, -size // 4, size, size)
        self._program["scale"].value = (2 / (GRID * size), 2 * (0.5 + size // 4) / size - 1)
        middle, half = (projected.nearest + projected.farthest) / 2, (projected.nearest - projected.farthest) / 2
        self._program["nearness"].value = (middle, 0.999 / max(half, 1e-9))
        for hidden, offset in (("back", 0), ("front", TURNED_BEHIND)):
            self._context.cull_face, self._context.polygon_offset = hidden, (0, offset)
            self._array.render(moderngl.TRIANGLES)
        drawn = np.empty((height, width), np.float32)
        self._target.read_into(drawn, viewport=(0, 0, width, height), components=1, dtype="f4")
        face = drawn.astype(np.int32)
        return face if chosen is None else np.where(face >= 0, chosen[face], np.int32(-1))

    def _upload(self, projected: Projected, faces: np.ndarray) -> None:
        """Sends the corners, and the faces when they are not those of the last drawing."""
        corners = np.ascontiguousarray(np.nan_to_num(projected.corners) if projected.hidden else projected.corners)
        if self._vertices is not None and self._vertices.size == corners.nbytes and np.array_equal(faces, self._faces):
            self._vertices.write(corners)
            return
        for old in (self._array, self._indices, self._vertices):
            if old is not None:
                old.release()
        self._faces = np.array(faces)
        self._vertices, self._indices = self._context.buffer(corners), self._context.buffer(self._faces)
        self._array = self._context.vertex_array(
            self._program, [(self._vertices, "4f", "corner")], self._indices, index_element_size=4
        )

    def _set_target(self, height: int, width: int) -> None:
        """Binds and clears a target of at least this size."""
        if self._target is None or self._target.height < height or self._target.width < width:
            size = (width, height)
            if self._target is not None:
                size = (max(width, self._target.width), max(height, self._target.height))
                for attachment in (*self._target.color_attachments, self._target.depth_attachment, self._target):
                    attachment.release()
            texture = self._context.texture(size, 1, dtype="f4")
            self._target = self._context.framebuffer([texture], self._context.depth_texture(size))
        self._target.use()
        self._target.scissor = (0, 0, width, height)
        self._target.clear(-1.0, -1.0, -1.0, -1.0, depth=1.0)

    def close(self) -> None:
        """Gives the context back."""
        self._context.release()
