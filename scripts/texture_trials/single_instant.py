"""One instant painted with some of the tests switched off, or by Open3D, on the same surface from the same pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import UInt8

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.open3d_loading import load_open3d
from humanrig.texturing.color_views import ColorViews, Images
from texture.blending.inpainting import fill_holes
from texture.layout.atlas import Atlas, Texels
from texture.painting.blend import Blend
from texture.painting.config import PaintConfig
from texture.painting.painting import paint
from texture.painting.views import ColorView
from texture_trials.takes import Take


def only(*names: str) -> PaintConfig:
    """The program's painting with all tests switched off but these."""
    tests: dict[str, Any] = {f.name: f.name in names for f in fields(PaintConfig) if f.name.endswith("_test")}
    return PaintConfig(**tests)


TESTS: Final[dict[str, PaintConfig]] = {
    "no test": only(),
    "mesh test": only("mesh_test"),
    "depth test": only("depth_test"),
    "both": only("mesh_test", "depth_test"),
    "all": PaintConfig(),
}
"""What is tested before a camera may paint a texel; `all` is what the program does."""
BLACK = 3
"""Open3D leaves texels that no camera saw black: those whose channels are all below this."""


@dataclass(frozen=True, eq=False)
class SingleInstant:
    """A surface with texture coordinates at one instant, and the views of the cameras that may paint it."""

    surface: TriangleMesh
    views: Sequence[ColorView]
    size: int

    @cached_property
    def atlas(self) -> Atlas:
        """The layout of the surface's own texture coordinates."""
        return Atlas.of(self.surface.faces, self.surface.uv, self.surface.uv_faces, self.size)

    @cached_property
    def texels(self) -> Texels:
        """Where the texels are."""
        return self.atlas.place(self.surface.vertices)

    def blend(self, config: PaintConfig | None = None) -> Blend:
        """What the cameras say of each texel."""
        return paint(self.surface, self.atlas, self.views, config)

    def texture(self, config: PaintConfig | None = None) -> UInt8[np.ndarray, "size size 3"]:
        """The texture of this instant alone; texels that no camera saw are filled from their surroundings."""
        blend = self.blend(config)
        image, known = self.atlas.image(blend.colors, 0.0), self.atlas.image(blend.weight > 0, False)
        return np.clip(np.rint(fill_holes(image, known)), 0, 255).astype(np.uint8)

    def albedo(self) -> UInt8[np.ndarray, "size size 3"]:
        """Open3D's `project_images_to_albedo` of the same; black texels are filled as ours are."""
        return peer_texture(self.surface, self.views, self.size)


def views_of(
    take: Take,
    instant: int,
    cameras: Mapping[str, Camera] | None = None,
    images: Images | None = None,
    *,
    corrections: bool = True,
) -> list[ColorView]:
    """The views of all cameras but the judges; other cameras and pictures where given."""
    views = ColorViews(
        take.session, take.results.person, take.painters, cameras=cameras, images=images, corrections=corrections
    )
    return views.views(instant)


def peer_texture(surface: TriangleMesh, views: Sequence[ColorView], size: int) -> UInt8[np.ndarray, "size size 3"]:
    """Open3D's texture from the same pictures, undistorted first: it knows no lenses."""
    albedo = peer_albedo(surface, views, size)()
    known = np.any(albedo >= BLACK, axis=-1)
    return np.clip(np.rint(fill_holes(albedo.astype(np.float32), known)), 0, 255).astype(np.uint8)


def peer_albedo(
    surface: TriangleMesh, views: Sequence[ColorView], size: int, pictures: Sequence[np.ndarray] | None = None
) -> Callable[[], UInt8[np.ndarray, "size size 3"]]:
    """Ready to run, so that its time can be measured: Open3D's texture with unseen texels black.

    pictures: those of the views without lens distortion, where they are at hand.
    """
    o3d = load_open3d()
    assert surface.uv is not None
    assert surface.uv_faces is not None
    tensor = o3d.core.Tensor
    mesh = o3d.t.geometry.TriangleMesh(
        tensor(surface.vertices.astype(np.float32)), tensor(np.ascontiguousarray(surface.faces, np.int64))
    )
    mesh.triangle["texture_uvs"] = tensor(np.ascontiguousarray(surface.uv[surface.uv_faces], np.float32))
    pictures = [undistorted(view) for view in views] if pictures is None else pictures
    images = [o3d.t.geometry.Image(tensor(np.ascontiguousarray(picture))) for picture in pictures]
    K = [tensor(np.asarray(view.camera.K, np.float64)) for view in views]
    T_camera_world = [tensor(np.ascontiguousarray(view.camera.T_camera_world)) for view in views]
    return lambda: mesh.project_images_to_albedo(images, K, T_camera_world, size, False).as_tensor().numpy()


def undistorted(view: ColorView) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture of a camera without lens, of the same K and size."""
    camera = view.camera
    pixels = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), -1).astype(np.float64)
    rays = (pixels - camera.K[:2, 2]) @ np.linalg.inv(camera.K[:2, :2]).T
    q = camera.project_camera(np.concatenate([rays, np.ones((*rays.shape[:2], 1))], -1))
    q = np.nan_to_num(q, nan=-1.0).astype(np.float32)
    return np.ascontiguousarray(cv2.remap(view.image, q[..., 0], q[..., 1], cv2.INTER_LINEAR))
