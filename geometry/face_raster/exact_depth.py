"""Depth where the true ray of each sample meets the plane of the face that it sees (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, Float64, Integer, Real

from geometry.camera import Camera
from geometry.face_raster.face_image import FaceImage

_NO_OFFSET = np.zeros((0, 2), np.float32)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SurfaceImage:
    """Where each sample of a FaceImage meets the surface."""

    depth: Float32[np.ndarray, "sample_rows sample_columns"]
    """Metres along the optical axis; inf where there is no face."""
    bary: Float32[np.ndarray, "sample_rows sample_columns 2"]
    """Weights in space of the face's second and third corner; the first has 1 - u - v. Zero where there is no face."""


def exact_depth(
    image: FaceImage,
    camera: Camera,
    vertices_world: Real[np.ndarray, "vertices 3"],
    faces: Integer[np.ndarray, "faces 3"],
    rays: Float[np.ndarray, "height width 2"],
    vertex_offset_px: Real[np.ndarray, "vertices 2"] | None = None,
) -> SurfaceImage:
    """Depth and barycentric weights of each sample, exact under lens distortion and equal for every backend.

    `rays` is the camera's ray table (geometry.rays.ray_table, of any float type): x/z and y/z of pixel centres,
    continued linearly inside a pixel. Faces are drawn with straight edges, so that at a face's border a ray can miss
    it by some 0.01 px; its depth is then that of the plane, kept within the depths of the face's corners, and its
    weights are moved to the face's border. With `vertex_offset_px` each ray is first moved back by the face's mean
    offset. Samples without a ray (outside the lens model) have no depth.
    """
    depth, bary = np.empty(image.face.shape, np.float32), np.empty((*image.face.shape, 2), np.float32)
    _meet(
        image.face,
        image.window[0].start,
        image.window[1].start,
        image.subpixels,
        points_in_camera(camera, vertices_world),
        faces,
        rays,
        _NO_OFFSET if vertex_offset_px is None else np.ascontiguousarray(vertex_offset_px, np.float32),
        depth,
        bary,
    )
    return SurfaceImage(depth=depth, bary=bary)


def points_in_camera(camera: Camera, p_world: Real[np.ndarray, "points 3"]) -> Float64[np.ndarray, "points 3"]:
    """Points in the camera frame, without copies on the way."""
    p_camera = np.empty((len(p_world), 3))
    _transform(np.ascontiguousarray(camera.T_camera_world, np.float64), p_world, p_camera)
    return p_camera


@nb.njit(cache=True)
def _transform(T, p, out):
    for n in range(len(p)):
        x, y, z = float(p[n, 0]), float(p[n, 1]), float(p[n, 2])
        out[n, 0] = T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]
        out[n, 1] = T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]
        out[n, 2] = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]


@nb.njit(inline="always")
def ray_steps(rays, row, column):
    """x/z and y/z of the ray through a pixel's centre, and how much both change a pixel down, and a pixel right."""
    above, below = max(row - 1, 0), min(row + 1, rays.shape[0] - 1)
    left, beside = max(column - 1, 0), min(column + 1, rays.shape[1] - 1)
    down, right = 1.0 if below - above < 2 else 0.5, 1.0 if beside - left < 2 else 0.5
    return (
        float(rays[row, column, 0]),
        float(rays[row, column, 1]),
        down * (rays[below, column, 0] - rays[above, column, 0]),
        down * (rays[below, column, 1] - rays[above, column, 1]),
        right * (rays[row, beside, 0] - rays[row, left, 0]),
        right * (rays[row, beside, 1] - rays[row, left, 1]),
    )


@nb.njit(inline="always")
def moved_ray(steps, down, right):
    """x/z and y/z of the ray that lies (down, right) pixels from a pixel's centre; linear between neighbours' rays."""
    x, y, x_down, y_down, x_right, y_right = steps
    if down == 0 and right == 0:  # neighbours may have no rays
        return x, y
    return x + down * x_down + right * x_right, y + down * y_down + right * y_right


@nb.njit(inline="always")
def face_plane(p_camera, i, j, k):
    """A face's plane for `meet_plane`: normal (its length is twice the area), offset, least and greatest depth."""
    ax, ay, az = p_camera[i, 0], p_camera[i, 1], p_camera[i, 2]
    bx, by, bz = p_camera[j, 0], p_camera[j, 1], p_camera[j, 2]
    cx, cy, cz = p_camera[k, 0], p_camera[k, 1], p_camera[k, 2]
    e1x, e1y, e1z, e2x, e2y, e2z = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    nx, ny, nz = e1y * e2z - e1z * e2y, e1z * e2x - e1x * e2z, e1x * e2y - e1y * e2x
    return nx, ny, nz, nx * ax + ny * ay + nz * az, min(az, bz, cz), max(az, bz, cz)


@nb.njit(inline="always")
def meet_plane(plane, x, y):
    """Depth where the ray (x, y, 1) meets it, kept within the corners' depths: that of `meet_face` to the bit."""
    nx, ny, nz, offset, nearest, farthest = plane
    along = nx * x + ny * y + nz
    return nearest if along == 0 else min(max(offset / along, nearest), farthest)


@nb.njit(inline="always")
def meet_face(p_camera, i, j, k, x, y):
    """Depth, and weights of corners j and k, where the ray (x, y, 1) meets a face's plane; also the face's normal.

    Depth is kept within the corners' depths; the weights are not limited (`limit_weights`). The normal is in the camera
    frame; its length is twice the face's area.
    """
    ax, ay, az = p_camera[i, 0], p_camera[i, 1], p_camera[i, 2]
    bx, by, bz = p_camera[j, 0], p_camera[j, 1], p_camera[j, 2]
    cx, cy, cz = p_camera[k, 0], p_camera[k, 1], p_camera[k, 2]
    e1x, e1y, e1z, e2x, e2y, e2z = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    nx, ny, nz = e1y * e2z - e1z * e2y, e1z * e2x - e1x * e2z, e1x * e2y - e1y * e2x
    along = nx * x + ny * y + nz
    nearest, farthest = min(az, bz, cz), max(az, bz, cz)
    if along == 0:
        return nearest, 0.0, 0.0, nx, ny, nz
    z = (nx * ax + ny * ay + nz * az) / along
    # Moeller & Trumbore 1997 with the ray's origin at the camera: the weights are ratios of triple products.
    px, py, pz = y * e2z - e2y, e2x - x * e2z, x * e2y - y * e2x
    u = (ax * px + ay * py + az * pz) / along
    qx, qy, qz = ay * e1z - az * e1y, az * e1x - ax * e1z, ax * e1y - ay * e1x
    v = (x * qx + y * qy + qz) / along
    return min(max(z, nearest), farthest), u, v, nx, ny, nz


@nb.njit(inline="always")
def limit_weights(u, v):
    """Weights moved into the face."""
    u, v = min(max(u, 0.0), 1.0), min(max(v, 0.0), 1.0)
    total = max(u + v, 1.0)
    return u / total, v / total


@nb.njit(cache=True, error_model="numpy")
def _meet(face, row0, column0, subpixels, p_camera, faces, rays, offset, depth, bary):
    shift, step = 0.5 * (subpixels - 1) / subpixels, 1 / subpixels
    depth[:] = np.inf
    bary[:] = 0
    for r in range(face.shape[0] // subpixels):
        for c in range(face.shape[1] // subpixels):
            steps = ray_steps(rays, row0 + r, column0 + c)
            for sample_row in range(r * subpixels, (r + 1) * subpixels):
                for sample_column in range(c * subpixels, (c + 1) * subpixels):
                    f = face[sample_row, sample_column]
                    if f < 0:
                        continue
                    down = (sample_row - r * subpixels) * step - shift
                    right = (sample_column - c * subpixels) * step - shift
                    i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
                    if len(offset):
                        right -= (offset[i, 0] + offset[j, 0] + offset[k, 0]) / 3
                        down -= (offset[i, 1] + offset[j, 1] + offset[k, 1]) / 3
                    x, y = moved_ray(steps, down, right)
                    z, u, v, _, _, _ = meet_face(p_camera, i, j, k, x, y)
                    if not np.isfinite(z):
                        continue
                    u, v = limit_weights(u, v)
                    depth[sample_row, sample_column] = z
                    bary[sample_row, sample_column, 0] = u
                    bary[sample_row, sample_column, 1] = v
