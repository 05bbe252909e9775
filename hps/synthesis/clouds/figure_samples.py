"""What depth cameras' samples meet of people and things, and whose each pixel centre is, in one pass (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, Float64, Int32, UInt8

from capture.virtual.backdrop import INFRARED, INFRARED_FLOOR
from capture.virtual.figure import Figure
from capture.virtual.light import linear_from_srgb
from capture.virtual.shading import MIN_COSINE
from geometry.camera import Camera
from geometry.face_raster.exact_depth import face_plane, meet_plane, moved_ray, points_in_camera, ray_steps
from geometry.face_raster.face_image import FaceImage
from hps.synthesis.clouds.surroundings import Samples


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
    fine: FaceImage,
    centers: FaceImage,
    camera: Camera,
    vertices_world: Float[np.ndarray, "vertices 3"],
    faces: Int32[np.ndarray, "faces 3"],
    reflectance: Float32[np.ndarray, "faces"],
    rays: Float[np.ndarray, "height width 2"],
    behind: Samples,
    where: UInt8[np.ndarray, "window_rows window_columns"] | None = None,
) -> FigureSamples:
    """The figure before its surroundings (`behind`, of the images' window, which is written over).

    `fine` has two by two samples a pixel, `centers` one; both show the same window. Pixels that are 0 in `where` are
    left as they are behind, and have no depth.
    """
    if where is None:
        where = np.ones(centers.face.shape, np.uint8)
    z_fine, echo_fine = behind
    z = np.empty(centers.face.shape, np.float32)
    p_camera = points_in_camera(camera, vertices_world)
    first = fine.window[0].start, fine.window[1].start
    _meet(fine.face, centers.face, *first, p_camera, faces, reflectance, rays, where, z_fine, echo_fine, z)
    return FigureSamples(z_fine=z_fine, echo_fine=echo_fine, face=centers.face, z=z, p_camera=p_camera)


def uncovered(fine: FaceImage, where: UInt8[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "rows columns"]:
    """1 where asked for and any of a pixel's two by two samples sees past the figure, else 0."""
    out = np.empty(where.shape, np.uint8)
    _uncovered(fine.face, where, out)
    return out


@nb.njit(cache=True)
def _uncovered(fine, where, out):
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            i, j = 2 * r, 2 * c
            past = min(min(fine[i, j], fine[i, j + 1]), min(fine[i + 1, j], fine[i + 1, j + 1])) < 0
            out[r, c] = np.uint8(past and where[r, c] > 0)


@nb.njit(cache=True, error_model="numpy")
def _meet(fine, centers, row0, column0, p_camera, faces, reflectance, rays, where, z_fine, echo_fine, z_center):
    rows, columns = centers.shape
    for r in range(rows):
        for c in range(columns):
            z_center[r, c] = np.inf
            if not where[r, c]:
                continue
            center = centers[r, c]
            upper = max(fine[2 * r, 2 * c], fine[2 * r, 2 * c + 1])
            lower = max(fine[2 * r + 1, 2 * c], fine[2 * r + 1, 2 * c + 1])
            if max(upper, lower, center) < 0:
                continue
            steps = ray_steps(rays, row0 + r, column0 + c)
            last = max(center, upper, lower)
            plane = face_plane(p_camera, faces[last, 0], faces[last, 1], faces[last, 2])
            if center >= 0:
                if center != last:
                    plane, last = face_plane(p_camera, faces[center, 0], faces[center, 1], faces[center, 2]), center
                x, y = moved_ray(steps, 0.0, 0.0)
                z = meet_plane(plane, x, y)
                if np.isfinite(z):
                    z_center[r, c] = z
            for i in range(2):
                for j in range(2):
                    f = fine[2 * r + i, 2 * c + j]
                    if f < 0:
                        continue
                    x, y = moved_ray(steps, 0.5 * i - 0.25, 0.5 * j - 0.25)
                    if f != last:
                        plane, last = face_plane(p_camera, faces[f, 0], faces[f, 1], faces[f, 2]), f
                    z, nx, ny, nz = meet_plane(plane, x, y), plane[0], plane[1], plane[2]
                    place = 2 * r + i, 2 * c + j
                    if np.isfinite(z) and not z >= z_fine[place]:
                        length = np.sqrt((nx * nx + ny * ny + nz * nz) * (x * x + y * y + 1))
                        cosine = abs(nx * x + ny * y + nz) / max(length, 1e-30)
                        z_fine[place] = z
                        echo_fine[place] = reflectance[f] * max(cosine, MIN_COSINE) / (z * z)
