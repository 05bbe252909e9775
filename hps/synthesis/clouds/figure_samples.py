"""What depth cameras' samples meet of people and things, and whose each pixel centre is, in one pass (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, Float64, Int32

from capture.virtual.backdrop import INFRARED, INFRARED_FLOOR
from capture.virtual.figure import Figure
from capture.virtual.light import linear_from_srgb
from capture.virtual.shading import MIN_COSINE
from geometry.camera import Camera
from geometry.face_raster.exact_depth import meet_face, moved_ray, points_in_camera, ray_steps
from geometry.face_raster.face_image import FaceImage
from hps.synthesis.clouds.surroundings import Samples

INSIDE: float = 1e-6
"""Weights below minus this are outside a face."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FigureSamples:
    """A window of a camera's image: exact, before the sensor's errors."""

    z_fine: Float32[np.ndarray, "fine_rows fine_columns"]
    """Depth of two by two samples a pixel, metres; inf where there is nothing."""
    echo_fine: Float32[np.ndarray, "fine_rows fine_columns"]
    """Reflectance times cosine over squared metres."""
    face: Int32[np.ndarray, "rows columns"]
    """The figure's face at each pixel's centre; -1: none."""
    z: Float32[np.ndarray, "rows columns"]
    """Its depth on the centre's ray; inf: none."""
    p_camera: Float64[np.ndarray, "vertices 3"]
    """The figure's vertices in the camera frame, metres."""


def face_reflectance(figure: Figure) -> Float32[np.ndarray, "faces"]:
    """Near-infrared reflectance of each face, of the texture at its middle."""
    rows, columns = figure.texture.shape[:2]
    uv = np.asarray(figure.uv)[np.asarray(figure.uv_faces)].mean(1)
    column = np.clip(uv[:, 0] * columns, 0, columns - 1).astype(int)
    row = np.clip((1 - uv[:, 1]) * rows, 0, rows - 1).astype(int)
    suggested = INFRARED_FLOOR + linear_from_srgb(figure.texture[row, column]) @ INFRARED
    factor = np.ones(len(uv)) if figure.infrared is None else figure.infrared
    return np.asarray(suggested * factor, np.float32)


def figure_samples(
    image: FaceImage,
    camera: Camera,
    vertices_world: Float[np.ndarray, "vertices 3"],
    faces: Int32[np.ndarray, "faces 3"],
    reflectance: Float32[np.ndarray, "faces"],
    rays: Float[np.ndarray, "height width 2"],
    behind: Samples,
) -> FigureSamples:
    """The figure before its surroundings (`behind`, of the image's window; not written to).

    `image` has two by two samples a pixel. Whose a pixel's centre is, is found among its samples' faces: the nearest
    that the centre's ray meets, or where none of the drawn ones is met though three samples see some, the one that is
    missed by least. A second drawing at the centres would differ in the few pixels whose centre alone sees a face.
    """
    z_fine, echo_fine = behind[0].copy(), behind[1].copy()
    shape = (image.face.shape[0] // 2, image.face.shape[1] // 2)
    face, z = np.empty(shape, np.int32), np.empty(shape, np.float32)
    p_camera = points_in_camera(camera, vertices_world)
    first = image.window[0].start, image.window[1].start
    _meet(image.face, *first, p_camera, faces, reflectance, rays, z_fine, echo_fine, face, z)
    return FigureSamples(z_fine=z_fine, echo_fine=echo_fine, face=face, z=z, p_camera=p_camera)


@nb.njit(cache=True, error_model="numpy")
def _meet(drawn, row0, column0, p_camera, faces, reflectance, rays, z_fine, echo_fine, face, z_center):
    rows, columns = face.shape
    for r in range(rows):
        for c in range(columns):
            face[r, c], z_center[r, c] = -1, np.inf
            count, missed, nearest, beside, last = 0, np.inf, np.inf, -1, -1
            upper = max(drawn[2 * r, 2 * c], drawn[2 * r, 2 * c + 1])
            if max(upper, drawn[2 * r + 1, 2 * c], drawn[2 * r + 1, 2 * c + 1]) < 0:
                continue
            steps = ray_steps(rays, row0 + r, column0 + c)
            x0, y0 = moved_ray(steps, 0.0, 0.0)
            z_beside = np.inf
            for i in range(2):
                for j in range(2):
                    f = drawn[2 * r + i, 2 * c + j]
                    if f < 0:
                        continue
                    count += 1
                    a, b, d = faces[f, 0], faces[f, 1], faces[f, 2]
                    x, y = moved_ray(steps, 0.5 * i - 0.25, 0.5 * j - 0.25)
                    z, _, _, nx, ny, nz = meet_face(p_camera, a, b, d, x, y)
                    place = 2 * r + i, 2 * c + j
                    if np.isfinite(z) and not z >= z_fine[place]:
                        length = np.sqrt((nx * nx + ny * ny + nz * nz) * (x * x + y * y + 1))
                        cosine = abs(nx * x + ny * y + nz) / max(length, 1e-30)
                        z_fine[place] = z
                        echo_fine[place] = reflectance[f] * max(cosine, MIN_COSINE) / (z * z)
                    if f == last:
                        continue
                    last = f
                    z, u, v, _, _, _ = meet_face(p_camera, a, b, d, x0, y0)
                    if not np.isfinite(z):
                        continue
                    outside = max(-u, -v, u + v - 1)
                    if outside <= INSIDE:
                        if z < nearest:
                            nearest, face[r, c] = z, f
                    elif outside < missed:
                        missed, beside, z_beside = outside, f, z
            if face[r, c] >= 0:
                z_center[r, c] = nearest
            elif count >= 3 and beside >= 0:
                face[r, c], z_center[r, c] = beside, z_beside
