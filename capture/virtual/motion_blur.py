"""Motion blur of a shaded figure: each pixel is the mean of what passes it while the shutter is open (numba)."""

from __future__ import annotations

import cv2
import numba as nb
import numpy as np
from jaxtyping import Float32, Int32, Integer

from capture.virtual.image_motion import ImageMotion
from capture.virtual.shading import Shaded
from geometry.face_raster.face_image import FaceImage, Window

LEAST_PX = 0.5
"""Smears shorter than this are left out: a pixel's own width hides them."""
IN_FRONT_M = 0.04
"""A still part that is nearer than a moving one by more than this hides it."""
MOST_SAMPLES = 64


def blur(
    shaded: Shaded,
    image: FaceImage,
    faces: Integer[np.ndarray, "faces 3"],
    motion: ImageMotion,
    exposure_s: float,
    height: int,
    width: int,
) -> Shaded:
    """The figure's light averaged over an exposure around the picture's moment, in a window that may have grown.

    `image` is what `shaded` was drawn from. A moving part keeps its light and its outline becomes soft along its way;
    what it hides is the nearest still part of the figure along its way, else what is behind the figure. Returns
    `shaded` itself where nothing moves by half a pixel. After McGuire et al. 2012 (A reconstruction filter for
    plausible motion blur), with the neighbourhood's motion as a mean that fast pixels dominate.
    """
    longest = motion.fastest_px_s * exposure_s
    if longest <= LEAST_PX:
        return shaded
    smear, depth = _smear(image.face, image.subpixels, faces, motion.velocity_px_s * exposure_s, motion.depth_m)
    speed = np.hypot(smear[..., 0], smear[..., 1])
    seen = float(speed.max(initial=0.0))
    if seen <= LEAST_PX:
        return shaded
    reach = int(np.ceil(seen / 2)) + 1
    window, grow = _grown(shaded.window, reach, height, width)
    linear, alpha, smear, depth = (_pad(part, grow) for part in (shaded.linear, shaded.alpha, smear, depth))
    way = _spread(smear, reach)
    blurred, covered = linear.copy(), alpha.copy()
    _gather(linear, alpha, smear, depth, way, blurred, covered)
    return Shaded(linear=blurred, alpha=covered, window=window)


def _grown(window: Window, reach: int, height: int, width: int) -> tuple[Window, tuple[int, int, int, int]]:
    """The window with `reach` more on every side that the image has, and how much that is: top, bottom, left, right."""
    rows, columns = window
    top, left = min(reach, rows.start), min(reach, columns.start)
    bottom, right = min(reach, height - rows.stop), min(reach, width - columns.stop)
    grown = slice(rows.start - top, rows.stop + bottom), slice(columns.start - left, columns.stop + right)
    return grown, (top, bottom, left, right)


def _pad(part: np.ndarray, grow: tuple[int, int, int, int]) -> np.ndarray:
    return cv2.copyMakeBorder(part, *grow, cv2.BORDER_CONSTANT, value=0.0)


def _spread(smear: Float32[np.ndarray, "rows columns 2"], reach: int) -> Float32[np.ndarray, "rows columns 2"]:
    """Each pixel's motion: its own where it moves, else that of moving pixels within reach, the faster the more."""
    speed = np.hypot(smear[..., 0], smear[..., 1])
    moves = speed > LEAST_PX
    weight = np.where(moves, speed, np.float32(0))
    size = (2 * reach + 1, 2 * reach + 1)
    total = cv2.boxFilter(weight, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
    mean = cv2.boxFilter(smear * weight[..., None], -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
    near = total > LEAST_PX / 2
    mean = np.where(near[..., None], mean / np.where(near, total, np.float32(1))[..., None], np.float32(0))
    return np.where(moves[..., None], smear, mean).astype(np.float32)


def _smear(
    face: Int32[np.ndarray, "sample_rows sample_columns"],
    subpixels: int,
    faces: Integer[np.ndarray, "faces 3"],
    travel: Float32[np.ndarray, "vertices 2"],
    depth_m: Float32[np.ndarray, "vertices"],
) -> tuple[Float32[np.ndarray, "rows columns 2"], Float32[np.ndarray, "rows columns"]]:
    """Way during the exposure (columns, rows) and depth of the surface that each pixel sees; 0 where there is none."""
    rows, columns = face.shape[0] // subpixels, face.shape[1] // subpixels
    smear, depth = np.zeros((rows, columns, 2), np.float32), np.zeros((rows, columns), np.float32)
    _read_faces(face, subpixels, faces, travel, depth_m, smear, depth)
    return smear, depth


@nb.njit(cache=True)
def _read_faces(face, subpixels, faces, travel, depth_m, smear, depth):
    for r in range(depth.shape[0]):
        for c in range(depth.shape[1]):
            nearest = np.inf
            for sample in range(subpixels * subpixels):
                f = face[r * subpixels + sample // subpixels, c * subpixels + sample % subpixels]
                if f < 0:
                    continue
                i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
                z = depth_m[i]
                if z < nearest:
                    nearest = z
                    depth[r, c] = z
                    smear[r, c, 0] = (travel[i, 0] + travel[j, 0] + travel[k, 0]) / 3
                    smear[r, c, 1] = (travel[i, 1] + travel[j, 1] + travel[k, 1]) / 3


@nb.njit(inline="always")
def _still_beyond(alpha, smear, r, c, step_c, step_r, steps, least2):
    """Where the nearest still pixel of the figure is on the way from a moving pixel; row -1 where there is none."""
    for n in range(1, steps + 1):
        rr, cc = int(np.rint(r + n * step_r)), int(np.rint(c + n * step_c))
        if rr < 0 or cc < 0 or rr >= alpha.shape[0] or cc >= alpha.shape[1] or alpha[rr, cc] <= 0:
            return -1, -1
        if smear[rr, cc, 0] * smear[rr, cc, 0] + smear[rr, cc, 1] * smear[rr, cc, 1] <= least2 and alpha[rr, cc] >= 1:
            return rr, cc
    return -1, -1


@nb.njit(cache=True)
def _gather(linear, alpha, smear, depth, way, blurred, covered):
    rows, columns = alpha.shape
    least2 = LEAST_PX * LEAST_PX
    for r in range(rows):
        for c in range(columns):
            x, y = way[r, c, 0], way[r, c, 1]
            length2 = x * x + y * y
            if length2 <= least2:
                continue
            moves = smear[r, c, 0] * smear[r, c, 0] + smear[r, c, 1] * smear[r, c, 1] > least2
            still = alpha[r, c] > 0 and not moves
            length = np.sqrt(length2)
            samples = min(int(np.ceil(length)) + 1, MOST_SAMPLES)
            red, green, blue, cover = 0.0, 0.0, 0.0, 0.0
            for n in range(samples):
                t = (n + 0.5) / samples - 0.5
                rr, cc = int(np.rint(r + t * y)), int(np.rint(c + t * x))
                if rr < 0 or cc < 0 or rr >= rows or cc >= columns:
                    rr, cc = min(max(rr, 0), rows - 1), min(max(cc, 0), columns - 1)
                sx, sy = smear[rr, cc, 0], smear[rr, cc, 1]
                if sx * sx + sy * sy <= least2 or alpha[rr, cc] <= 0:
                    continue
                if not moves and (sx * sx + sy * sy) < 4 * t * t * length2:  # it does not come as far as here
                    continue
                if still and depth[r, c] < depth[rr, cc] - IN_FRONT_M:
                    continue
                red += linear[rr, cc, 0]
                green += linear[rr, cc, 1]
                blue += linear[rr, cc, 2]
                cover += alpha[rr, cc]
            red, green, blue, cover = red / samples, green / samples, blue / samples, cover / samples
            back_r, back_c = r, c
            if moves:  # what it hides: the still part that its way leads to, the nearer end first
                steps = int(np.ceil(length / 2)) + 2
                back_r, back_c = _still_beyond(alpha, smear, r, c, x / length, y / length, steps, least2)
                if back_r < 0:
                    back_r, back_c = _still_beyond(alpha, smear, r, c, -x / length, -y / length, steps, least2)
            if back_r >= 0:
                left = 1 - cover
                red += left * linear[back_r, back_c, 0]
                green += left * linear[back_r, back_c, 1]
                blue += left * linear[back_r, back_c, 2]
                cover += left * alpha[back_r, back_c]
            blurred[r, c, 0], blurred[r, c, 1], blurred[r, c, 2] = red, green, blue
            covered[r, c] = cover
