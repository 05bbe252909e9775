"""One image stream of the virtual rig: the ray of every pixel, and the part of the image that a body covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from geometry.camera import Camera
from geometry.rays import ray_table

# Offsets of four sub-pixel rays from the pixel's centre, row by row: (x, y).
SUBPIXELS = np.array([[-0.25, -0.25], [0.25, -0.25], [-0.25, 0.25], [0.25, 0.25]])
CENTER = np.zeros((1, 2))


@dataclass(frozen=True, kw_only=True)
class Window:
    """A rectangle of an image."""

    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """A camera with its ray table."""

    camera: Camera
    rays: Float[np.ndarray, "height width 2"]
    """x/z and y/z of each pixel's centre; NaN where the lens model does not hold."""

    @classmethod
    def of(cls, camera: Camera) -> View:
        """The view of a camera, rays in float32."""
        return cls(camera=camera, rays=ray_table(camera).astype(np.float32))

    @property
    def whole(self) -> Window:
        """The whole image."""
        return Window(rows=slice(0, self.camera.height), columns=slice(0, self.camera.width))

    def window(self, p_world: Float[np.ndarray, "points 3"], margin: int) -> Window | None:
        """The smallest rectangle that holds the projections of the points, grown by `margin` pixels; None if empty."""
        q = self.camera.project(p_world)
        q = q[np.isfinite(q).all(1)]
        if not len(q):
            return None
        low = np.maximum(np.floor(q.min(0)).astype(int) - margin, 0)
        high = np.minimum(np.ceil(q.max(0)).astype(int) + margin + 1, [self.camera.width, self.camera.height])
        if (high <= low).any():
            return None
        return Window(rows=slice(int(low[1]), int(high[1])), columns=slice(int(low[0]), int(high[0])))

    def directions(
        self, window: Window, offsets: Float[np.ndarray, "samples 2"] = CENTER
    ) -> Float[np.ndarray, "samples height width 3"]:
        """World directions of rays at offsets (pixels) from the centres of a window's pixels.

        The directions have z = 1 in the camera frame, so that a ray's parameter is the depth. The table is continued
        linearly inside a pixel: with float32 that is exact to 0.001 px for the Azure Kinect's lenses.
        """
        xy = self.rays[window.rows, window.columns]
        dy, dx = (np.gradient(xy, axis=axis) if xy.shape[axis] > 1 else np.zeros_like(xy) for axis in (0, 1))
        shifted = xy + offsets[:, 0, None, None, None] * dx + offsets[:, 1, None, None, None] * dy
        v_camera = np.concatenate([shifted, np.ones((*shifted.shape[:-1], 1))], -1).astype(np.float32)
        return v_camera @ self.camera.T_world_camera[:3, :3].T.astype(np.float32)
