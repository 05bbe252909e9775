"""A surface of one instant with texture coordinates, from its cloud where there is one, else the body; with flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from calibration.errors import CalibrationError
from capture.errors import CaptureError
from geometry.cloud import PointCloud
from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from humanrig.meshing.depth_views import DepthImages
from registration.clouds.views import DepthView
from texture.errors import TextureError
from texture.layout.unwrapping import unwrapped
from texture.surfaces.free import FreeConfig, free_surface


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class InstantSurface:
    """What was made."""

    mesh: TriangleMesh
    """World, metres, with texture coordinates."""
    flags: tuple[str, ...]
    is_body: bool
    """Whether it is the body for want of a better one."""


def surface_of(
    cloud: PointCloud | None, body: TriangleMesh, config: FreeConfig, images: DepthImages, instant: int
) -> InstantSurface:
    """The free surface, or the dressed body where none can be made, flagged.

    Raises TextureError when not even the body can be used.
    """
    views, flags = _views(images, instant) if cloud is not None else ([], ())
    try:
        free = free_surface(cloud, body, config, views)
        is_body = len(free.mesh.faces) == len(body.faces) and not free.seen.any()
        return InstantSurface(mesh=laid_out(free.mesh), flags=(*flags, *free.flags), is_body=is_body)
    except (TextureError, GeometryError) as error:
        if cloud is None:
            raise
        mesh = laid_out(body)
        return InstantSurface(
            mesh=mesh, flags=(*flags, f"the fitted body in place of a surface: {error}"), is_body=True
        )


def laid_out(mesh: TriangleMesh) -> TriangleMesh:
    """The mesh with texture coordinates, by the slower way where the quick one fails. Raises TextureError."""
    try:
        return unwrapped(mesh)
    except TextureError:
        bare = replace(mesh, uv=None, uv_faces=None)
        return unwrapped(bare, method="xatlas")


def _views(images: DepthImages, instant: int) -> tuple[Sequence[DepthView], tuple[str, ...]]:
    try:
        return images.at(instant), ()
    except (CaptureError, CalibrationError, GeometryError, OSError) as error:
        return (), (f"depth images were not used: {error}",)
