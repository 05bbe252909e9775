"""One instant's texture from all colour cameras: which texels each sees, and the mean of what they say.

A texel is seen by a camera when nothing of the mesh lies in front of it (z-buffer), the measured depth beside the
camera agrees, the person's mask covers it, and the surface faces the camera. Its weight is cos^4 / z^2 times the
camera's quality: blending many views this way beats taking the best one as soon as cameras are off by a fraction of a
degree. Most faces are seen whole or not at all; only the texels of the others are tested one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, Float32

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rigid import transform
from texture.errors import TextureError
from texture.layout.atlas import Atlas
from texture.painting import kernels
from texture.painting.blend import Blend
from texture.painting.config import PaintConfig
from texture.painting.patches import surface_patches
from texture.painting.person_window import NEAR_M, Window, person_window
from texture.painting.view_quality import view_quality
from texture.painting.views import ColorView


def paint(mesh: TriangleMesh, atlas: Atlas, views: Sequence[ColorView], config: PaintConfig | None = None) -> Blend:
    """The colours of the atlas's texels on a posed mesh; views may be of different sizes, and none at all.

    The mesh must have the faces of the atlas. Raises GeometryError on an image of another size than its camera, and
    TextureError on more cameras than can be told apart, and on a mesh that is not the atlas's or not finite.
    """
    config = config or PaintConfig()
    if len(views) > kernels.MOST_VIEWS:
        raise TextureError(
            f"{len(views)} colour cameras see one instant, and at most {kernels.MOST_VIEWS} can be blended; "
            "choose some with --cameras"
        )
    if mesh.faces.shape != atlas.faces.shape or len(mesh.vertices) <= int(atlas.faces.max()):
        raise TextureError(
            f"a mesh of {len(mesh.faces)} faces and {len(mesh.vertices)} vertices is to be painted in the atlas of one "
            f"with {len(atlas.faces)} faces; make the atlas of its own segment"
        )
    vertices = np.asarray(mesh.vertices, np.float64)
    if not np.isfinite(vertices).all():
        lost = int((~np.isfinite(vertices).all(-1)).sum())
        raise TextureError(
            f"{lost} of {len(vertices)} vertices of the mesh are not finite and it cannot be painted; "
            "make the surface of this instant again"
        )
    for view in views:
        view.check_sizes()
    normals = mesh.vertex_normals()
    patches = surface_patches(vertices, atlas.faces)
    corners = np.zeros((len(vertices), len(views), 4), np.float32)
    windows = []
    for k, view in enumerate(views):
        q, z, cosine = projected(vertices, normals, view.camera)
        distance = float(np.linalg.norm(view.camera.center - vertices.mean(0)))
        window = person_window(view, q, z, atlas.faces, patches, distance, config)
        windows.append(window)
        corners[:, k] = _corners(q - (window.column, window.row), z, cosine)
    return _blend(atlas, corners, windows, view_quality(views), config)


def projected(
    vertices: Float[np.ndarray, "vertices 3"], normals: Float[np.ndarray, "vertices 3"], camera: Camera
) -> tuple[Float[np.ndarray, "vertices 2"], Float[np.ndarray, "vertices"], Float[np.ndarray, "vertices"]]:
    """Pixels, depths and cosines of the vertices; pixel and depth are NaN where the camera cannot see one."""
    p_camera = transform(camera.T_camera_world, vertices)
    q = camera.project_camera(p_camera)
    lost = ~(p_camera[:, 2] > NEAR_M) | ~np.isfinite(q).all(-1)
    q[lost] = np.nan
    z = np.where(lost, np.nan, p_camera[:, 2])
    v = camera.center - vertices
    cosine = np.einsum("ni,ni->n", v, normals) / np.maximum(np.linalg.norm(v, axis=-1), 1e-12)
    return q, z, cosine


def _corners(q: np.ndarray, z: np.ndarray, cosine: np.ndarray) -> Float32[np.ndarray, "vertices 4"]:
    """z, z u, z v and the cosine: what is linear on a face in space. Zero where not seen."""
    found = np.stack([z, z * q[:, 0], z * q[:, 1], cosine], -1)
    found[~np.isfinite(found).all(-1)] = 0
    return found.astype(np.float32)


def _blend(atlas: Atlas, corners: np.ndarray, windows: list[Window], quality: np.ndarray, config: PaintConfig) -> Blend:
    count = len(atlas)
    colors, weight = np.zeros((count, 3), np.float32), np.zeros(count, np.float32)
    source, views = np.zeros(count, np.uint8), np.zeros(count, np.uint8)
    spread = np.zeros(count, np.float32)
    if windows:
        shape = np.array([window.limits.shape[:2] for window in windows], np.int64)
        limits, start = _joined([window.limits for window in windows])
        images, first = _joined([_enlarged(window.image, config.enlarge) for window in windows])
        tolerances = np.array([window.tolerances for window in windows], np.float32)
        least = np.float32(config.min_cosine)
        seen = np.zeros((len(atlas.faces), len(windows)), np.uint8)
        kernels.classify(atlas.faces, corners, limits, start, shape, least, tolerances, seen)
        clip, outlier = np.float32(config.clipped), np.float32(config.outlier_levels)
        kernels.blend_texels(
            atlas.face, atlas.bary, atlas.faces, corners, seen, images, first, limits, start, shape,
            quality.astype(np.float32), config.enlarge, least, tolerances, clip, outlier,
            colors, weight, source, views, spread,
        )  # fmt: skip
    return Blend(colors=colors, weight=weight, source=source, views=views, spread=spread)


def _joined(arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The arrays one after another, flat, and where each starts."""
    sizes = [array.size for array in arrays]
    return np.concatenate([array.reshape(-1) for array in arrays]), np.cumsum([0, *sizes[:-1]]).astype(np.int64)


def _enlarged(image: np.ndarray, times: int) -> np.ndarray:
    if times == 1 or image.size == 0:
        return image
    size = (image.shape[1] * times, image.shape[0] * times)
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
