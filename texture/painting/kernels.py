"""The two loops of painting: which faces a camera sees whole, and the colours of the texels on them (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np

HIDDEN, WHOLE, MIXED = 0, 1, 2
"""What a camera sees of a face: nothing; all of it, so that no texel need be tested; or a part."""
STEEP = 0.4
"""Tolerances grow with 1/cos as far as this cosine: on a steep surface one pixel spans more depth. Crossed arms, two
instants, surface from the cloud: 0.077 and 0.101 % of the texels of a wrong part, 0.137 and 0.130 % with 0.2, at the
same held-out PSNR."""
LARGE_PX = 256
"""Faces over more pixels than this are not looked at whole: each texel is tested."""
MOST_VIEWS = 64
"""Cameras that one texel's sums have room for."""


@nb.njit(inline="always")
def _passes(limits, at, z, slack, tolerance):
    """Whether a depth is seen at a pixel."""
    return (
        z <= limits[at] + tolerance[0] * slack
        and z <= limits[at + 1] + tolerance[1] * slack
        and z >= limits[at + 2] - tolerance[2] * slack
    )


@nb.njit(cache=True, nogil=True)
def classify(faces, corners, limits, start, shape, least, tolerances, seen):
    """Fills `seen` (faces, views) with HIDDEN, WHOLE or MIXED: exactly what testing every texel would find.

    corners (vertices, views, 4): z, z u, z v in the window's pixels, and the cosine; z <= 0 where not seen.
    limits: the windows' limits one after another, view k's from start[k], of shape[k] rows and columns. tolerances:
    for each view how far behind the mesh, behind what stands in front, and before the measured depth a texel may
    lie, metres.
    """
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for k in range(len(start)):
            seen[f, k] = HIDDEN
            za, zb, zc = corners[a, k, 0], corners[b, k, 0], corners[c, k, 0]
            rows, columns = shape[k, 0], shape[k, 1]
            if not (za > 0 and zb > 0 and zc > 0) or rows == 0:
                continue
            steepest = min(corners[a, k, 3], corners[b, k, 3], corners[c, k, 3])
            flattest = max(corners[a, k, 3], corners[b, k, 3], corners[c, k, 3])
            if flattest < least:
                continue
            ua, ub, uc = corners[a, k, 1] / za, corners[b, k, 1] / zb, corners[c, k, 1] / zc
            va, vb, vc = corners[a, k, 2] / za, corners[b, k, 2] / zb, corners[c, k, 2] / zc
            left, right = min(ua, ub, uc), max(ua, ub, uc)
            top, bottom = min(va, vb, vc), max(va, vb, vc)
            if right < 0 or bottom < 0 or left > columns - 1 or top > rows - 1:
                continue
            inside = left >= 0 and top >= 0 and right <= columns - 1 and bottom <= rows - 1
            c0, c1 = max(int(left + 0.49), 0), min(int(right + 0.51), columns - 1)
            r0, r1 = max(int(top + 0.49), 0), min(int(bottom + 0.51), rows - 1)
            if (c1 - c0 + 1) * (r1 - r0 + 1) > LARGE_PX:
                seen[f, k] = MIXED
                continue
            hidden, in_front, behind = tolerances[k, 0], tolerances[k, 1], tolerances[k, 2]
            near, far = min(za, zb, zc), max(za, zb, zc)
            tight, wide = 1 / max(flattest, STEEP), 1 / max(steepest, STEEP)
            whole, some = inside and steepest >= least, False
            for r in range(r0, r1 + 1):
                for column in range(c0, c1 + 1):
                    at = start[k] + 3 * (r * columns + column)
                    sure = (
                        far <= limits[at] + hidden * tight
                        and far <= limits[at + 1] + in_front * tight
                        and near >= limits[at + 2] - behind * tight
                    )
                    maybe = (
                        near <= limits[at] + hidden * wide
                        and near <= limits[at + 1] + in_front * wide
                        and far >= limits[at + 2] - behind * wide
                    )
                    whole, some = whole and sure, some or maybe
            if whole:
                seen[f, k] = WHOLE
            elif some:
                seen[f, k] = MIXED


@nb.njit(cache=True, nogil=True)
def blend_texels(
    face, bary, faces, corners, seen, images, first, limits, start, shape, quality,
    enlarge, least, tolerances, clip, outlier, colors, weight, source, views, spread,
):  # fmt: skip
    """Fills the five arrays of a Blend; see `tests/texture/test_painting_texels.py` for the same in plain numpy.

    images: the windows' pixels one after another, view k's from first[k], `enlarge` times as many rows and columns as
    its limits have.
    """
    w = np.empty(MOST_VIEWS, np.float32)
    rgb = np.empty((MOST_VIEWS, 3), np.float32)
    which = np.empty(MOST_VIEWS, np.int64)
    one, zero = np.float32(1), np.float32(0)
    for i in range(len(face)):
        f = face[i]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ba, bb, bc = bary[i, 0], bary[i, 1], bary[i, 2]
        count = 0
        for k in range(len(start)):
            if seen[f, k] == HIDDEN:
                continue
            ca, cb, cc = corners[a, k], corners[b, k], corners[c, k]
            cosine = ba * ca[3] + bb * cb[3] + bc * cc[3]
            z = ba * ca[0] + bb * cb[0] + bc * cc[0]
            u = (ba * ca[1] + bb * cb[1] + bc * cc[1]) / z
            v = (ba * ca[2] + bb * cb[2] + bc * cc[2]) / z
            rows, columns = shape[k, 0], shape[k, 1]
            if seen[f, k] == MIXED:
                if cosine < least or not (u >= 0 and v >= 0 and u <= columns - 1 and v <= rows - 1):
                    continue
                at = start[k] + 3 * (int(v + 0.5) * columns + int(u + 0.5))
                slack = one / max(cosine, np.float32(STEEP))
                if not _passes(limits, at, z, slack, tolerances[k]):
                    continue
            if enlarge > 1:  # pixel centres of the enlarged image
                u = max((u + np.float32(0.5)) * enlarge - np.float32(0.5), zero)
                v = max((v + np.float32(0.5)) * enlarge - np.float32(0.5), zero)
            wide = columns * enlarge
            left, top = max(min(int(u), wide - 2), 0), max(min(int(v), rows * enlarge - 2), 0)
            fu, fv = min(max(u - left, zero), one), min(max(v - top, zero), one)
            upper = first[k] + 3 * (top * wide + left)
            lower = upper + 3 * wide
            brightest = zero
            for channel in range(3):
                over = images[upper + channel] * (one - fu) + images[upper + 3 + channel] * fu
                under = images[lower + channel] * (one - fu) + images[lower + 3 + channel] * fu
                value = over * (one - fv) + under * fv
                rgb[count, channel] = value
                brightest = max(brightest, value)
            squared = cosine * cosine
            w[count] = quality[k] * squared * squared / (z * z)
            if brightest > np.float32(252):
                w[count] *= clip
            which[count] = k
            count += 1
        total, red, green, blue = zero, zero, zero, zero
        for n in range(count):
            total += w[n]
            red += w[n] * rgb[n, 0]
            green += w[n] * rgb[n, 1]
            blue += w[n] * rgb[n, 2]
        weight[i], source[i], views[i], spread[i] = total, 0, count, zero
        if total <= 0:
            colors[i, 0], colors[i, 1], colors[i, 2] = zero, zero, zero
            continue
        red, green, blue = red / total, green / total, blue / total
        if outlier > 0 and count > 2:
            for _ in range(2):
                kept, r, g, bl = zero, zero, zero, zero
                for n in range(count):
                    apart = (rgb[n, 0] - red) ** 2 + (rgb[n, 1] - green) ** 2 + (rgb[n, 2] - blue) ** 2
                    share = w[n] / (one + apart / (3 * outlier * outlier))
                    kept += share
                    r += share * rgb[n, 0]
                    g += share * rgb[n, 1]
                    bl += share * rgb[n, 2]
                red, green, blue = r / kept, g / kept, bl / kept
        best, apart = zero, zero
        for n in range(count):
            apart += w[n] * ((rgb[n, 0] - red) ** 2 + (rgb[n, 1] - green) ** 2 + (rgb[n, 2] - blue) ** 2)
            if w[n] > best:
                best, source[i] = w[n], which[n] + 1
        if count > 1:
            spread[i] = np.sqrt(apart / (3 * total))
        colors[i, 0], colors[i, 1], colors[i, 2] = red, green, blue
