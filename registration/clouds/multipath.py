"""How much deeper people look by light that came by way of another surface, mostly the floor onto legs (numba).

One bounce between matt surfaces, from the depth image itself (Fuchs, Multipath interference compensation in
time-of-flight camera images, ICPR 2010): a patch of area A at distance r_j from the camera, which the camera's own
light meets at a cosine c_j, sends the point at r_i, whose surface has the cosine c_i, the part

    reflectance / pi · cos(at j) cos(at i) A / d² · (c_j / r_j²) / (c_i / r_i²)

of its direct echo, by a way that is (r_j + d - r_i) / 2 longer. The phase of the sum tells how much deeper the point
looks. What is not known is how bright the room is, and what frequencies the device mixes.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Float32

REFLECTANCE = 0.2
"""Of the room in near infrared. In three simulated rooms 0.2 to 0.25 leave the least error on legs; a half more or less
leaves half of the error that there was."""
PHASE_PER_M = 2 * np.pi * 200e6 / 299_792_458 * 2
"""Phase of a metre of distance at 200 MHz, the lower of the frequencies at which the Azure Kinect's chip was shown
(Bamji et al., ISSCC 2018)."""
SPREAD = 0.25
"""Frequencies differ by this part; light that comes late then cancels between them."""
SENDER_PX, RECEIVER_PX = 32, 10
"""Spacing of the patches that send, over the whole image, and of the points that receive, on the people."""
SAME_M = 0.1
"""A pixel takes its error from receivers that are this close in depth."""
NEAREST_M = 0.08
"""Patches nearer than this are one surface."""


def multipath_error(
    depth_m: Float[np.ndarray, "height width"],
    rays: Float[np.ndarray, "height width 2"],
    mask: Bool[np.ndarray, "height width"],
    box: tuple[slice, slice],
    reflectance: float = REFLECTANCE,
) -> Float32[np.ndarray, "rows columns"]:
    """How much too deep each pixel of the box is, metres along the optical axis; 0 where nothing is known.

    depth_m: the whole image with the room, NaN where missing; mask: the people, who receive.
    """
    depth = np.ascontiguousarray(depth_m, np.float32)
    senders = _patches(depth, rays, SENDER_PX, slice(0, depth.shape[0]), slice(0, depth.shape[1]))
    senders = senders[senders[:, 2] > 0]
    receivers = _patches(depth, rays, RECEIVER_PX, *box)
    error = np.full(len(receivers), np.nan)
    _receive(senders, receivers, reflectance, PHASE_PER_M, SPREAD, error)
    rows, columns = box
    shape = (len(range(rows.start, rows.stop, RECEIVER_PX)), len(range(columns.start, columns.stop, RECEIVER_PX)))
    out = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    grid = receivers[:, 2].reshape(shape)
    _interpolate(depth[box], np.ascontiguousarray(mask[box]), grid, error.reshape(shape), RECEIVER_PX, out)
    return out


def _patches(depth: np.ndarray, rays: np.ndarray, step: int, rows: slice, columns: slice) -> np.ndarray:
    """(patches, 9): position, normal to the camera's side, area, cosine, distance; position 0 where there is none."""
    count = len(range(rows.start, rows.stop, step)) * len(range(columns.start, columns.stop, step))
    out = np.zeros((count, 9))
    _gather(depth, rays, step, rows.start, rows.stop, columns.start, columns.stop, max(step // 4, 3), out)
    return out


@nb.njit(cache=True, error_model="numpy")
def _gather(depth, rays, step, top, bottom, left, right, reach, out):
    height, width = depth.shape
    m = -1
    for i in range(top, bottom, step):
        for j in range(left, right, step):
            m += 1
            a, b = max(i - reach, 0), min(i + reach, height - 1)
            c, d = max(j - reach, 0), min(j + reach, width - 1)
            z = depth[i, j]
            u, v, s, t = depth[a, j], depth[b, j], depth[i, c], depth[i, d]
            # inverse depth is linear over a plane; what bends more than 3 cm is no single surface (also NaN)
            bend = max(abs(1 / u + 1 / v - 2 / z), abs(1 / s + 1 / t - 2 / z))
            if not 0.5 * bend * z * z < 0.03:
                continue
            px = rays[i, d, 0] * t - rays[i, c, 0] * s
            py = rays[i, d, 1] * t - rays[i, c, 1] * s
            pz = t - s
            qx = rays[b, j, 0] * v - rays[a, j, 0] * u
            qy = rays[b, j, 1] * v - rays[a, j, 1] * u
            qz = v - u
            nx, ny, nz = qy * pz - qz * py, qz * px - qx * pz, qx * py - qy * px
            length = np.sqrt(nx * nx + ny * ny + nz * nz)
            if not length > 0:
                continue
            x, y = rays[i, j, 0] * z, rays[i, j, 1] * z
            r = np.sqrt(x * x + y * y + z * z)
            out[m, 0], out[m, 1], out[m, 2] = x, y, z
            out[m, 3], out[m, 4], out[m, 5] = nx / length, ny / length, nz / length
            out[m, 6] = length * step * step / ((d - c) * (b - a))
            out[m, 7] = max(-(nx * x + ny * y + nz * z) / (length * r), 0.1)
            out[m, 8] = r


@nb.njit(cache=True, error_model="numpy")
def _receive(senders, receivers, reflectance, k, spread, error):
    for i in range(len(receivers)):
        p = receivers[i]
        if not p[2] > 0:
            continue
        real, imaginary = 1.0, 0.0
        for j in range(len(senders)):
            s = senders[j]
            dx, dy, dz = s[0] - p[0], s[1] - p[1], s[2] - p[2]
            at_p = p[3] * dx + p[4] * dy + p[5] * dz
            at_s = -(s[3] * dx + s[4] * dy + s[5] * dz)
            square = dx * dx + dy * dy + dz * dz
            if at_p <= 0 or at_s <= 0 or square < NEAREST_M * NEAREST_M:
                continue
            longer = 0.5 * (s[8] + np.sqrt(square) - p[8])
            late = spread * k * longer
            if late > 3:
                continue
            # a patch that is large against its distance sends as a disc
            form = at_p * at_s / square * s[6] / (square + s[6] / np.pi)
            part = reflectance / np.pi * form * (s[7] / (s[8] * s[8])) * (p[8] * p[8] / p[7])
            part *= np.exp(-0.5 * late * late)
            real += part * np.cos(k * longer)
            imaginary += part * np.sin(k * longer)
        error[i] = np.arctan2(imaginary, real) / k * p[2] / p[8]


@nb.njit(cache=True, error_model="numpy")
def _interpolate(depth, mask, grid, error, step, out):
    """Bilinear between the receivers of the pixel's own surface."""
    rows, columns = grid.shape
    for i in range(depth.shape[0]):
        for j in range(depth.shape[1]):
            if not mask[i, j]:
                continue
            y, x = i / step, j / step
            top, left = min(int(y), rows - 1), min(int(x), columns - 1)
            total, weight = 0.0, 0.0
            for a in range(top, min(top + 2, rows)):
                for b in range(left, min(left + 2, columns)):
                    near = 1 - abs(grid[a, b] - depth[i, j]) / SAME_M
                    if near > 0 and error[a, b] == error[a, b]:
                        w = near * ((1 - abs(y - a)) * (1 - abs(x - b)) + 1e-6)
                        total += w * error[a, b]
                        weight += w
            if weight > 0:
                out[i, j] = total / weight
