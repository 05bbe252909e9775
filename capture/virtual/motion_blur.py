"""Motion blur of a shaded figure: each pixel is the mean of what passes it while the shutter is open (numba)."""

from __future__ import annotations

import cv2
import numba as nb
import numpy as np
from jaxtyping import Integer

from capture.virtual.image_motion import ImageMotion
from capture.virtual.shading import Shaded
from geometry.face_raster.face_image import FaceImage, Window

LEAST_PX = 0.5
"""Smears shorter than this are left out: a pixel's own width hides them."""
IN_FRONT_M = 0.04
"""A still part that is nearer than a moving one by more than this hides it."""
MOST_SAMPLES = 24
"""Along the longest ways; shorter ones have a sample a pixel."""


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
    reach = int(np.ceil(longest / 2)) + 1
    window, (top, left, bottom, right) = _grown(shaded.window, reach, height, width)
    linear = cv2.copyMakeBorder(shaded.linear, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    alpha = cv2.copyMakeBorder(shaded.alpha, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    smear, depth = np.zeros((*alpha.shape, 3), np.float32), np.zeros(alpha.shape, np.float32)
    travel = motion.velocity_px_s * np.float32(exposure_s)
    if not _read_faces(image.face, image.subpixels, top, left, faces, travel, motion.depth_m, smear, depth):
        return shaded
    near = cv2.boxFilter(smear, -1, (2 * reach + 1, 2 * reach + 1), normalize=False, borderType=cv2.BORDER_CONSTANT)
    blurred, covered = linear.copy(), alpha.copy()
    _gather(linear, alpha, smear, depth, near, blurred, covered)
    return Shaded(linear=blurred, alpha=covered, window=window)


def _grown(window: Window, reach: int, height: int, width: int) -> tuple[Window, tuple[int, int, int, int]]:
    """The window with `reach` more on every side that the image has, and how much that is: top, left, bottom, right."""
    rows, columns = window
    top, left = min(reach, rows.start), min(reach, columns.start)
    bottom, right = min(reach, height - rows.stop), min(reach, width - columns.stop)
    grown = slice(rows.start - top, rows.stop + bottom), slice(columns.start - left, columns.stop + right)
    return grown, (top, left, bottom, right)


@nb.njit(cache=True, error_model="numpy")
def _read_faces(face, subpixels, top, left, faces, travel, depth_m, smear, depth):
    """Motion and depth of the surface in each pixel, those of a vertex of its face: way times speed, and speed, so that
    sums over a neighbourhood give its motion, the faster the more; 0 where it moves less than LEAST_PX. Says whether
    any moves."""
    rows, columns = face.shape[0] // subpixels, face.shape[1] // subpixels
    found = False
    for r in range(rows):
        for c in range(columns):
            f = -1
            for sample in range(subpixels * subpixels):  # the first that sees the figure stands for all
                f = face[r * subpixels + sample // subpixels, c * subpixels + sample % subpixels]
                if f >= 0:
                    break
            if f < 0:
                continue
            i = faces[f, 0]
            depth[r + top, c + left] = depth_m[i]
            x, y = travel[i, 0], travel[i, 1]
            if x * x + y * y > LEAST_PX * LEAST_PX:
                speed = np.sqrt(x * x + y * y)
                out = smear[r + top, c + left]
                out[0], out[1], out[2] = x * speed, y * speed, speed
                found = True
    return found


@nb.njit(inline="always")
def _still_beyond(alpha, smear, r, c, step_c, step_r, steps):
    """Where the nearest still pixel of the figure is on the way from a moving pixel; row -1 where there is none."""
    for n in range(1, steps + 1):
        rr, cc = int(np.rint(r + n * step_r)), int(np.rint(c + n * step_c))
        if rr < 0 or cc < 0 or rr >= alpha.shape[0] or cc >= alpha.shape[1] or alpha[rr, cc] <= 0:
            return -1, -1
        if smear[rr, cc, 2] == 0 and alpha[rr, cc] >= 1:
            return rr, cc
    return -1, -1


@nb.njit(cache=True, error_model="numpy")
def _gather(linear, alpha, smear, depth, near, blurred, covered):
    rows, columns = alpha.shape
    for r in range(rows):
        for c in range(columns):
            moves = smear[r, c, 2] > 0
            way = smear[r, c] if moves else near[r, c]  # its own motion, else that of what is near
            if way[2] <= LEAST_PX / 2:
                continue
            x, y = way[0] / way[2], way[1] / way[2]
            length = np.sqrt(x * x + y * y)
            if length <= LEAST_PX:
                continue
            still = alpha[r, c] > 0 and not moves
            samples = min(max(int(np.rint(length)), 2), MOST_SAMPLES)
            red, green, blue, cover = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for n in range(samples):
                t = (n + 0.5) / samples - 0.5
                rr = min(max(int(r + t * y + 0.5), 0), rows - 1)
                cc = min(max(int(c + t * x + 0.5), 0), columns - 1)
                speed = smear[rr, cc, 2]
                if speed == 0 or (not moves and speed < 2 * abs(t) * length):  # still, or it does not come this far
                    continue
                if still and depth[r, c] < depth[rr, cc] - IN_FRONT_M:
                    continue
                red += linear[rr, cc, 0]
                green += linear[rr, cc, 1]
                blue += linear[rr, cc, 2]
                cover += alpha[rr, cc]
            share = np.float32(1 / samples)
            red, green, blue, cover = red * share, green * share, blue * share, cover * share
            left = 1 - cover
            if left > 0:
                back_r, back_c = r, c
                if moves:  # what it hides: the still part that its way leads to
                    steps = int(np.ceil(length / 2)) + 2
                    back_r, back_c = _still_beyond(alpha, smear, r, c, x / length, y / length, steps)
                    if back_r < 0:
                        back_r, back_c = _still_beyond(alpha, smear, r, c, -x / length, -y / length, steps)
                if back_r >= 0:
                    red += left * linear[back_r, back_c, 0]
                    green += left * linear[back_r, back_c, 1]
                    blue += left * linear[back_r, back_c, 2]
                    cover += left * alpha[back_r, back_c]
            blurred[r, c, 0], blurred[r, c, 1], blurred[r, c, 2] = red, green, blue
            covered[r, c] = cover
