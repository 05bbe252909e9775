"""A z-buffer rasteriser that needs no graphics library: depth, face and barycentric weights of each pixel (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, Integer
from scipy.ndimage import distance_transform_edt

from geometry.camera import Camera
from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from geometry.rigid import transform
from geometry.triangle_coverage import edge, first_pixel, last_pixel, owns_border

NEAR_M = 0.01
"""Faces with a vertex nearer than this to the camera plane are not drawn: no sensor of ours works there."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Raster:
    """What each pixel's centre sees of a mesh."""

    depth: Float32[np.ndarray, "height width"]
    """Metres along the optical axis; NaN where no face is."""
    face: Int32[np.ndarray, "height width"]
    """-1 where no face is."""
    bary: Float32[np.ndarray, "height width 3"]
    """Weights of the face's corners in space (perspective-correct); zero where no face is."""

    @property
    def covered(self) -> Bool[np.ndarray, "height width"]:
        """Whether a pixel sees a face."""
        return self.face >= 0

    def interpolate(
        self, corners: Integer[np.ndarray, "faces 3"], values: Float[np.ndarray, "values channels"]
    ) -> Float[np.ndarray, "height width channels"]:
        """Values given at vertices (`corners` = faces) or at UVs (`corners` = uv_faces), in the image; NaN outside."""
        image = np.full((*self.face.shape, values.shape[-1]), np.nan)
        seen = self.covered
        image[seen] = np.einsum("nk,nkc->nc", self.bary[seen], values[corners[self.face[seen]]])
        return image


def rasterize(
    q: Float[np.ndarray, "vertices 2"],
    z: Float[np.ndarray, "vertices"],
    faces: Integer[np.ndarray, "faces 3"],
    width: int,
    height: int,
) -> Raster:
    """The nearest face at each pixel's centre, from both sides, edges straight between projected vertices.

    q are pixels (centre of the top-left pixel at (0, 0)) and z metres. Faces with a vertex whose q or z is NaN, or
    whose z is not positive, are left out; at equal depth the earlier face wins. Raises GeometryError when a face
    names a vertex that does not exist.
    """
    q, z = np.ascontiguousarray(q, np.float64), np.ascontiguousarray(z, np.float64)
    faces = np.ascontiguousarray(faces, np.int64)
    if len(faces) and (faces.min() < 0 or faces.max() >= len(q)):
        raise GeometryError(f"faces name vertices {faces.min()}..{faces.max()}, but there are {len(q)} vertices")
    inverse_z = np.zeros((height, width))
    face = np.full((height, width), -1, np.int32)
    _nearest_face(q, z, faces, inverse_z, face)
    depth, bary = np.full((height, width), np.nan, np.float32), np.zeros((height, width, 3), np.float32)
    _weights(q, z, faces, inverse_z, face, depth, bary)
    return Raster(depth=depth, face=face, bary=bary)


def rasterize_camera(mesh: TriangleMesh, camera: Camera) -> Raster:
    """What a camera sees of a mesh in the world frame.

    Vertices are projected through the lens model; an edge between two of them is straight in the image, which a lens
    makes wrong by a fraction of a pixel for faces of many pixels (cast rays where that matters). Faces with a vertex
    nearer than `NEAR_M`, or outside the lens model, are left out.
    """
    p_camera = transform(camera.T_camera_world, np.asarray(mesh.vertices, np.float64))
    z = np.where(p_camera[:, 2] >= NEAR_M, p_camera[:, 2], np.nan)
    return rasterize(camera.project_camera(p_camera), z, mesh.faces, camera.width, camera.height)


def rasterize_uv(
    uv: Float[np.ndarray, "uvs 2"], uv_faces: Integer[np.ndarray, "faces 3"], size: int, gutter: int = 0
) -> Raster:
    """The face under each texel's centre of a square atlas; row 0 is the top (v = 1). Depth is 1 where covered.

    `gutter` texels around each chart repeat the nearest covered texel, so that bilinear look-ups do not bleed.
    """
    q = np.stack([uv[:, 0] * size - 0.5, (1 - uv[:, 1]) * size - 0.5], -1)
    atlas = rasterize(q, np.ones(len(q)), uv_faces, size, size)
    return _grown(atlas, gutter) if gutter > 0 else atlas


def _grown(atlas: Raster, gutter: int) -> Raster:
    if not atlas.covered.any():
        return atlas
    distance = np.empty(atlas.face.shape)
    nearest = np.empty((2, *atlas.face.shape), np.int32)
    distance_transform_edt(~atlas.covered, distances=distance, return_indices=True, indices=nearest)
    row, column = nearest
    grow = distance <= gutter
    return Raster(
        depth=np.where(grow, atlas.depth[row, column], np.float32(np.nan)),
        face=np.where(grow, atlas.face[row, column], np.int32(-1)),
        bary=np.where(grow[..., None], atlas.bary[row, column], np.float32(0)),
    )


@nb.njit(cache=True)
def _nearest_face(q, z, faces, inverse_z, face):
    """Fills 1/z and the face of each pixel. 1/z, not z, is linear in the image."""
    height, width = face.shape
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        if not (z[i] > 0 and z[j] > 0 and z[k] > 0):
            continue
        ax, ay, bx, by, cx, cy = q[i, 0], q[i, 1], q[j, 0], q[j, 1], q[k, 0], q[k, 1]
        area = edge(ax, ay, bx, by, cx, cy)
        if area == 0 or not np.isfinite(area):
            continue
        if area < 0:  # turned away: walk it the other way round
            j, k, bx, by, cx, cy, area = k, j, cx, cy, bx, by, -area
        left, right = first_pixel(ax, bx, cx, width), last_pixel(ax, bx, cx, width)
        top, bottom = first_pixel(ay, by, cy, height), last_pixel(ay, by, cy, height)
        own_a, own_b, own_c = owns_border(bx, by, cx, cy), owns_border(cx, cy, ax, ay), owns_border(ax, ay, bx, by)
        ia, ib, ic = 1 / (z[i] * area), 1 / (z[j] * area), 1 / (z[k] * area)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                wa = edge(bx, by, cx, cy, column, row)
                wb = edge(cx, cy, ax, ay, column, row)
                wc = edge(ax, ay, bx, by, column, row)
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                if (wa == 0 and not own_a) or (wb == 0 and not own_b) or (wc == 0 and not own_c):
                    continue
                nearness = wa * ia + wb * ib + wc * ic
                if nearness > inverse_z[row, column]:
                    inverse_z[row, column] = nearness
                    face[row, column] = f


@nb.njit(cache=True)
def _weights(q, z, faces, inverse_z, face, depth, bary):
    """Fills depth and the weights in space, w_i = (screen weight_i / z_i) / sum, of the faces that won."""
    height, width = face.shape
    for row in range(height):
        for column in range(width):
            f = face[row, column]
            if f < 0:
                continue
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            ax, ay, bx, by, cx, cy = q[i, 0], q[i, 1], q[j, 0], q[j, 1], q[k, 0], q[k, 1]
            wa = edge(bx, by, cx, cy, column, row) / z[i]
            wb = edge(cx, cy, ax, ay, column, row) / z[j]
            wc = edge(ax, ay, bx, by, column, row) / z[k]
            total = wa + wb + wc
            depth[row, column] = 1 / inverse_z[row, column]
            bary[row, column, 0], bary[row, column, 1], bary[row, column, 2] = wa / total, wb / total, wc / total
