"""Light that leaves a figure towards a camera: texture, lamps and smooth outlines from drawn face indices (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, Real

from capture.virtual.backdrop import INFRARED, INFRARED_FLOOR
from capture.virtual.light import GROUND, LAMPS, SKY, WRAP, linear_from_srgb
from capture.virtual.paint import Paint
from geometry.camera import Camera
from geometry.face_raster.exact_depth import limit_weights, meet_face, moved_ray, points_in_camera, ray_steps
from geometry.face_raster.face_image import FaceImage, Window

EDGE_STEP_M = 0.03
"""Pixels whose samples see faces that differ by more than this in depth are shaded at every sample."""
MIN_COSINE = 0.02
"""A surface seen edge-on still sends this part of its infrared echo: as backdrop.infrared_echo."""
_LINEAR = linear_from_srgb(np.arange(256)).astype(np.float32)
_NO_OFFSET, _NO_OCCLUSION = np.zeros((0, 2), np.float32), np.zeros(0, np.float32)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lighting:
    """The lamps and the light from all around."""

    directions: Float32[np.ndarray, "lamps 3"]
    """Unit vectors towards the lamps, world."""
    powers: Float32[np.ndarray, "lamps 3"]
    """Linear RGB."""
    sky: Float32[np.ndarray, "3"]
    """Linear RGB on a surface that faces up."""
    ground: Float32[np.ndarray, "3"]
    """Linear RGB on a surface that faces down."""
    wrap: float
    """How far a lamp's light reaches round a surface."""

    @classmethod
    def of_room(cls) -> Lighting:
        """The lamps of light.py."""
        directions = np.array([direction / np.linalg.norm(direction) for direction, _ in LAMPS], np.float32)
        powers = np.array([power for _, power in LAMPS], np.float32)
        return cls(
            directions=directions,
            powers=powers,
            sky=SKY.astype(np.float32),
            ground=GROUND.astype(np.float32),
            wrap=WRAP,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shaded:
    """A figure's light in a window of an image, to be laid over what is behind it."""

    linear: Float32[np.ndarray, "rows columns 3"]
    """Linear RGB, already multiplied by alpha."""
    alpha: Float32[np.ndarray, "rows columns"]
    """Part of each pixel that the figure covers."""
    window: Window


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Echo:
    """What a time-of-flight sensor's samples meet of a figure."""

    depth: Float32[np.ndarray, "sample_rows sample_columns"]
    """Metres along the optical axis; inf where there is no figure."""
    amplitude: Float32[np.ndarray, "sample_rows sample_columns"]
    """Reflectance times cosine over squared depth; 0 where there is no figure."""
    window: Window


def shade(
    image: FaceImage,
    camera: Camera,
    vertices_world: Real[np.ndarray, "vertices 3"],
    normals: Float32[np.ndarray, "vertices 3"],
    paint: Paint,
    lighting: Lighting,
    rays: Float[np.ndarray, "height width 2"],
    light_left: Real[np.ndarray, "vertices"] | None = None,
    vertex_offset_px: Real[np.ndarray, "vertices 2"] | None = None,
) -> Shaded:
    """The figure's light in the image's window.

    A pixel inside the figure is shaded once, at its centre; one at an outline (or where the figure hides itself) is the
    mean of its samples, so draw with subpixels=2 for smooth outlines. `normals` are unit, world; those of faces seen
    from behind are turned. `light_left` (0 … 1, None: 1) is what nearby surfaces leave of the light at each vertex.
    `rays` and `vertex_offset_px` as for exact_depth. Textures are read from the level whose texels are of pixel size.
    """
    rows, columns = (part.stop - part.start for part in image.window)
    linear, alpha = np.zeros((rows, columns, 3), np.float32), np.zeros((rows, columns), np.float32)
    _shade(
        image.face,
        image.window[0].start,
        image.window[1].start,
        image.subpixels,
        camera.K[0, 0] * camera.K[1, 1],
        points_in_camera(camera, vertices_world),
        normals,
        (paint.faces, paint.uv, paint.uv_faces, paint.texels, paint.levels, paint.texel_area),
        (lighting.directions, lighting.powers, lighting.sky, lighting.ground, np.float32(lighting.wrap)),
        rays,
        _NO_OCCLUSION if light_left is None else np.ascontiguousarray(light_left, np.float32),
        _NO_OFFSET if vertex_offset_px is None else np.ascontiguousarray(vertex_offset_px, np.float32),
        _LINEAR,
        linear,
        alpha,
    )
    return Shaded(linear=linear, alpha=alpha, window=image.window)


def infrared_amplitude(
    image: FaceImage,
    camera: Camera,
    vertices_world: Real[np.ndarray, "vertices 3"],
    paint: Paint,
    rays: Float[np.ndarray, "height width 2"],
) -> Echo:
    """Exact depth (as exact_depth) and strength of the infrared echo at every sample, in one pass."""
    depth, amplitude = np.empty(image.face.shape, np.float32), np.empty(image.face.shape, np.float32)
    _echo(
        image.face,
        image.window[0].start,
        image.window[1].start,
        image.subpixels,
        camera.K[0, 0] * camera.K[1, 1],
        points_in_camera(camera, vertices_world),
        (paint.faces, paint.uv, paint.uv_faces, paint.texels, paint.levels, paint.texel_area),
        paint.infrared,
        rays,
        _LINEAR,
        depth,
        amplitude,
    )
    return Echo(depth=depth, amplitude=amplitude, window=image.window)


@nb.njit(inline="always")
def _texel(paint, f, u, v, footprint, to_linear):
    """Linear RGB of a face's texture, bilinear, at the level whose texels are nearest to `footprint` texels in area."""
    uv, uv_faces, texels, levels = paint[1], paint[2], paint[3], paint[4]
    level = 0
    while footprint > 2 and level < len(levels) - 1:  # the next level has a quarter of the texels: switch half-way
        footprint *= 0.25
        level += 1
    a, b, c = uv_faces[f, 0], uv_faces[f, 1], uv_faces[f, 2]
    w = 1 - u - v
    start, rows, columns = levels[level, 0], levels[level, 1], levels[level, 2]
    x = (w * uv[a, 0] + u * uv[b, 0] + v * uv[c, 0]) * columns - 0.5
    y = (1 - (w * uv[a, 1] + u * uv[b, 1] + v * uv[c, 1])) * rows - 0.5
    x, y = min(max(x, 0.0), columns - 1.0), min(max(y, 0.0), rows - 1.0)
    column, row = int(x), int(y)
    right, down = np.float32(x - column), np.float32(y - row)
    here = start + row * columns + column
    beside = 1 if column + 1 < columns else 0
    below = columns if row + 1 < rows else 0
    w00, w01 = (1 - right) * (1 - down), right * (1 - down)
    w10, w11 = (1 - right) * down, right * down
    p, q, r, s = here, here + beside, here + below, here + below + beside
    return (
        w00 * to_linear[texels[p, 0]]
        + w01 * to_linear[texels[q, 0]]
        + w10 * to_linear[texels[r, 0]]
        + w11 * to_linear[texels[s, 0]],
        w00 * to_linear[texels[p, 1]]
        + w01 * to_linear[texels[q, 1]]
        + w10 * to_linear[texels[r, 1]]
        + w11 * to_linear[texels[s, 1]],
        w00 * to_linear[texels[p, 2]]
        + w01 * to_linear[texels[q, 2]]
        + w10 * to_linear[texels[r, 2]]
        + w11 * to_linear[texels[s, 2]],
    )


@nb.njit(inline="always")
def _footprint(texel_area, nx, ny, nz, z, pixels_per_unit):
    """Texels in the square that a sample sees at depth z: the face's texels per square metre times the square's."""
    area = 0.5 * np.sqrt(nx * nx + ny * ny + nz * nz)
    return texel_area * z * z / max(area * pixels_per_unit, 1e-12)


@nb.njit(inline="always")
def _light(normals, paint, lighting, left, to_linear, f, meeting, x, y, pixels_per_unit):
    """Linear RGB that leaves face f where a ray meets it."""
    faces, texel_area = paint[0], paint[5]
    directions, powers, sky, ground, wrap = lighting
    i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
    z, u, v, nx, ny, nz = meeting
    u, v = limit_weights(u, v)
    w = 1 - u - v
    red, green, blue = _texel(paint, f, u, v, _footprint(texel_area[f], nx, ny, nz, z, pixels_per_unit), to_linear)
    mx = w * normals[i, 0] + u * normals[j, 0] + v * normals[k, 0]
    my = w * normals[i, 1] + u * normals[j, 1] + v * normals[k, 1]
    mz = w * normals[i, 2] + u * normals[j, 2] + v * normals[k, 2]
    scale = 1 / max(np.sqrt(mx * mx + my * my + mz * mz), 1e-9)
    if nx * x + ny * y + nz > 0:  # seen from behind
        scale = -scale
    mx, my, mz = mx * scale, my * scale, mz * scale
    up = (mz + 1) / 2
    light_r = ground[0] + (sky[0] - ground[0]) * up
    light_g = ground[1] + (sky[1] - ground[1]) * up
    light_b = ground[2] + (sky[2] - ground[2]) * up
    for lamp in range(len(directions)):
        cosine = mx * directions[lamp, 0] + my * directions[lamp, 1] + mz * directions[lamp, 2]
        reach = max((cosine + wrap) / (1 + wrap), 0.0)
        light_r += reach * powers[lamp, 0]
        light_g += reach * powers[lamp, 1]
        light_b += reach * powers[lamp, 2]
    kept = 1.0
    if len(left):
        kept = w * left[i] + u * left[j] + v * left[k]
    return red * light_r * kept, green * light_g * kept, blue * light_b * kept


@nb.njit(inline="always")
def _sample_ray(steps, offset, down, right, i, j, k):
    """The ray of a sample, moved back by its face's mean offset."""
    if len(offset):
        right -= (offset[i, 0] + offset[j, 0] + offset[k, 0]) / 3
        down -= (offset[i, 1] + offset[j, 1] + offset[k, 1]) / 3
    return moved_ray(steps, down, right)


@nb.njit(inline="always")
def _outline(face, first_row, first_column, subpixels, p_camera, faces):
    """-1: no sample of the pixel sees a face; 1: some see none, or faces that lie apart in depth; 0: one surface."""
    first = face[first_row, first_column]
    empty, mixed = 0, False
    for r in range(first_row, first_row + subpixels):
        for c in range(first_column, first_column + subpixels):
            f = face[r, c]
            empty += f < 0
            mixed |= f != first
    if empty:
        return 1 if mixed else -1
    if not mixed:
        return 0
    nearest, farthest = np.inf, -np.inf
    for r in range(first_row, first_row + subpixels):
        for c in range(first_column, first_column + subpixels):
            z = p_camera[faces[face[r, c], 0], 2]
            nearest, farthest = min(nearest, z), max(farthest, z)
    return 1 if farthest - nearest > EDGE_STEP_M else 0


@nb.njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def _shade(
    face, row0, column0, subpixels, focal2, p_camera, normals, paint, lighting, rays, left, offset, to_linear,
    linear, alpha,
):  # fmt: skip
    if subpixels == 2:  # a constant lets the compiler unroll the loops over samples: twice as fast
        _shade_window(
            face, row0, column0, 2, focal2, p_camera, normals, paint, lighting, rays, left, offset, to_linear,
            linear, alpha,
        )  # fmt: skip
    else:
        _shade_window(
            face, row0, column0, subpixels, focal2, p_camera, normals, paint, lighting, rays, left, offset, to_linear,
            linear, alpha,
        )  # fmt: skip


@nb.njit(inline="always")
def _shade_window(
    face, row0, column0, subpixels, focal2, p_camera, normals, paint, lighting, rays, left, offset, to_linear,
    linear, alpha,
):  # fmt: skip
    faces = paint[0]
    shift, step = 0.5 * (subpixels - 1) / subpixels, 1 / subpixels
    share = np.float32(step * step)
    for r in range(linear.shape[0]):
        first_row = r * subpixels
        for c in range(linear.shape[1]):
            first_column = c * subpixels
            kind = _outline(face, first_row, first_column, subpixels, p_camera, faces)
            if kind < 0:
                continue
            steps = ray_steps(rays, row0 + r, column0 + c)
            # Inside, the pixel's centre lies in the face of one of its samples, or in a tiny one between them.
            best, least, last = np.int64(-1), np.inf, np.int64(-1)
            x, y, meeting = 0.0, 0.0, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
            for sample_row in range(first_row, first_row + subpixels):
                for sample_column in range(first_column, first_column + subpixels):
                    f = np.int64(face[sample_row, sample_column])
                    if f < 0 or (kind == 0 and (f == last or least <= 0)):
                        continue
                    last = f
                    i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
                    down, right = 0.0, 0.0
                    if kind == 1:
                        down = (sample_row - first_row) * step - shift
                        right = (sample_column - first_column) * step - shift
                    sx, sy = _sample_ray(steps, offset, down, right, i, j, k)
                    found = meet_face(p_camera, i, j, k, sx, sy)
                    if kind == 0:
                        outside = max(-found[1], -found[2], found[1] + found[2] - 1)
                        if outside < least:
                            best, least, x, y, meeting = f, outside, sx, sy, found
                    elif np.isfinite(found[0]):
                        color = _light(normals, paint, lighting, left, to_linear, f, found, sx, sy, focal2)
                        linear[r, c, 0] += share * color[0]
                        linear[r, c, 1] += share * color[1]
                        linear[r, c, 2] += share * color[2]
                        alpha[r, c] += share
            if best >= 0:
                color = _light(normals, paint, lighting, left, to_linear, best, meeting, x, y, focal2)
                linear[r, c, 0], linear[r, c, 1], linear[r, c, 2] = color
                alpha[r, c] = 1


@nb.njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def _echo(
    face, row0, column0, subpixels, focal2, p_camera, paint, infrared, rays, to_linear, depth, amplitude
):  # fmt: skip
    faces, texel_area = paint[0], paint[5]
    shift, step, pixels_per_unit = 0.5 * (subpixels - 1) / subpixels, 1 / subpixels, focal2 * subpixels * subpixels
    depth[:] = np.inf
    amplitude[:] = 0
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
                    x, y = moved_ray(steps, down, right)
                    z, u, v, nx, ny, nz = meet_face(p_camera, faces[f, 0], faces[f, 1], faces[f, 2], x, y)
                    if not np.isfinite(z):
                        continue
                    u, v = limit_weights(u, v)
                    footprint = _footprint(texel_area[f], nx, ny, nz, z, pixels_per_unit)
                    red, green, blue = _texel(paint, f, u, v, footprint, to_linear)
                    reflectance = INFRARED_FLOOR + red * INFRARED[0] + green * INFRARED[1] + blue * INFRARED[2]
                    length = np.sqrt((nx * nx + ny * ny + nz * nz) * (x * x + y * y + 1))
                    cosine = abs(nx * x + ny * y + nz) / max(length, 1e-30)
                    depth[sample_row, sample_column] = z
                    amplitude[sample_row, sample_column] = reflectance * infrared[f] * max(cosine, MIN_COSINE) / (z * z)
