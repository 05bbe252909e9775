"""Multi-path: light that reaches a surface by way of another one, by one-bounce form factors on a coarse grid; numba.

A matt patch j of area A that the camera's light makes as bright as its echo a_j sends to a point i, at distance d and
with angles alpha from both normals, light whose ratio to the direct echo of i is
a_j/pi · cos(alpha_i) cos(alpha_j) A/d² · r_i²/cos(theta_i); its way is (r_j + d + r_i)/2 instead of r_i. The phasors
are added (Fuchs, Multipath interference compensation in time-of-flight camera images, ICPR 2010, section 3).
"""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Bool, Float32

from geometry.face_raster.face_image import Window

SENDER_PX, RECEIVER_PX = 40, 20
"""Spacing of the grids at a width of 640."""
MIN_DISTANCE_M = 0.05
"""Patches nearer than this to each other are one."""
SAME_SURFACE_M = 0.12
"""A pixel takes its error from receivers within this depth of it."""
CURVED_M = 0.03
"""Patches whose opposite neighbours' mean lies off their plane by more than this are no one surface, and left out."""


class Multipath:
    """The distance error of every pixel of one camera."""

    def __init__(
        self, rays: Float32[np.ndarray, "rows columns 2"], phase_per_m: float, strength: float, spread_per_m: float = 0
    ) -> None:
        """`rays` are x/z and y/z of pixel centres.

        A sensor measures at several frequencies: `spread_per_m`, the deviation of their phases a metre, makes light
        that comes much later cancel between them.
        """
        self._spread_per_m = np.float32(spread_per_m)
        self._rays = np.ascontiguousarray(rays)
        self._phase_per_m = np.float32(phase_per_m)
        self._strength = np.float32(strength)
        scale = max(rays.shape[1] / 640, 0.5)
        self._send, self._receive = max(8, round(SENDER_PX * scale)), max(4, round(RECEIVER_PX * scale))

    def added(
        self, z: Float32[np.ndarray, "rows columns"], amplitude: Float32[np.ndarray, "rows columns"]
    ) -> Float32[np.ndarray, "rows columns"]:
        """How much deeper each pixel looks, metres along the optical axis; 0 where nothing is seen."""
        return self.added_in((slice(0, z.shape[0]), slice(0, z.shape[1])), z, amplitude)

    @property
    def grid_px(self) -> int:
        """Windows begin and end at multiples of this many pixels, or at the image's border."""
        return self._receive

    def read_places(self) -> Bool[np.ndarray, "rows columns"]:
        """The pixels of the whole image that errors are worked out from."""
        rows, columns = self._rays.shape[:2]
        read = np.zeros((rows, columns), bool)
        for step in (self._send, self._receive):
            reach = max(step // 4, 2)
            r, c = np.arange(step // 2, rows, step), np.arange(step // 2, columns, step)
            read[np.ix_(r, c)] = True
            for aside in (-reach, reach):
                read[np.ix_(np.clip(r + aside, 0, rows - 1), c)] = True
                read[np.ix_(r, np.clip(c + aside, 0, columns - 1))] = True
        return read

    def added_in(
        self,
        window: Window,
        z: Float32[np.ndarray, "rows columns"],
        amplitude: Float32[np.ndarray, "rows columns"],
    ) -> Float32[np.ndarray, "window_rows window_columns"]:
        """The same in a window (see grid_px) of the whole image; elsewhere only `read_places` are looked at."""
        down, across = window
        step = self._receive
        senders = _patches(z, amplitude, self._rays, self._send)
        receivers = _patches(z, amplitude, self._rays, step)
        rows = len(range(step // 2, z.shape[0], step))
        receivers = receivers.reshape(rows, -1, receivers.shape[1])[
            down.start // step : -(-down.stop // step), across.start // step : -(-across.stop // step)
        ]
        flat = np.ascontiguousarray(receivers).reshape(-1, receivers.shape[2])
        errors = _errors(senders, flat, self._phase_per_m, self._spread_per_m, self._strength)
        errors = errors.reshape(receivers.shape[:2])
        part = np.ascontiguousarray(z[window])
        out = np.zeros(part.shape, np.float32)
        _spread(part, flat[:, 2].reshape(errors.shape), errors, step, out)
        return out


def _patches(z: np.ndarray, amplitude: np.ndarray, rays: np.ndarray, step: int) -> Float32[np.ndarray, "patches 9"]:
    rows, columns = len(range(step // 2, z.shape[0], step)), len(range(step // 2, z.shape[1], step))
    out = np.zeros((rows * columns, 9), np.float32)
    _gather(z, amplitude, rays, step, out)
    return out


@nb.njit(cache=True, error_model="numpy")
def _gather(z, amplitude, rays, step, out):
    """Position (3), normal (3) towards the camera, amplitude, area, distance; z = 0 where there is no surface."""
    rows, columns = z.shape
    reach = max(step // 4, 2)
    n = -1
    for r in range(step // 2, rows, step):
        for c in range(step // 2, columns, step):
            n += 1
            here = z[r, c]
            up, down, left, right = (
                max(r - reach, 0),
                min(r + reach, rows - 1),
                max(c - reach, 0),
                min(c + reach, columns - 1),
            )
            if not here < np.inf:
                continue
            # inverse depth is linear over a plane
            bend = max(abs(1 / z[up, c] + 1 / z[down, c] - 2 / here), abs(1 / z[r, left] + 1 / z[r, right] - 2 / here))
            if not 0.5 * bend * here * here < CURVED_M:
                continue
            ux = rays[r, right, 0] * z[r, right] - rays[r, left, 0] * z[r, left]
            uy = rays[r, right, 1] * z[r, right] - rays[r, left, 1] * z[r, left]
            uz = z[r, right] - z[r, left]
            vx = rays[down, c, 0] * z[down, c] - rays[up, c, 0] * z[up, c]
            vy = rays[down, c, 1] * z[down, c] - rays[up, c, 1] * z[up, c]
            vz = z[down, c] - z[up, c]
            nx, ny, nz = vy * uz - vz * uy, vz * ux - vx * uz, vx * uy - vy * ux
            length = np.sqrt(nx * nx + ny * ny + nz * nz)
            if not length > 0:
                continue
            cells = step * step / ((right - left) * (down - up))
            out[n, 0], out[n, 1], out[n, 2] = rays[r, c, 0] * here, rays[r, c, 1] * here, here
            out[n, 3], out[n, 4], out[n, 5] = nx / length, ny / length, nz / length
            out[n, 6] = amplitude[r, c]
            out[n, 7] = length * cells
            out[n, 8] = np.sqrt(out[n, 0] ** 2 + out[n, 1] ** 2 + here * here)


@nb.njit(cache=True, error_model="numpy", fastmath=True)
def _errors(senders, receivers, k, spread, strength):
    """Error of each receiver along the optical axis; NaN where there is no surface."""
    out = np.full(len(receivers), np.nan, np.float32)
    for i in range(len(receivers)):
        if receivers[i, 2] <= 0:
            continue
        x, y, z = receivers[i, 0], receivers[i, 1], receivers[i, 2]
        nx, ny, nz, r = receivers[i, 3], receivers[i, 4], receivers[i, 5], receivers[i, 8]
        cosine = max(-(nx * x + ny * y + nz * z) / r, 0.1)
        real, imaginary = 1.0, 0.0
        for j in range(len(senders)):
            if senders[j, 2] <= 0:
                continue
            dx, dy, dz = senders[j, 0] - x, senders[j, 1] - y, senders[j, 2] - z
            at_i = nx * dx + ny * dy + nz * dz
            if at_i <= 0:
                continue
            at_j = -(senders[j, 3] * dx + senders[j, 4] * dy + senders[j, 5] * dz)
            if at_j <= 0:
                continue
            square = dx * dx + dy * dy + dz * dz
            if square < MIN_DISTANCE_M**2:
                continue
            longer = 0.5 * (senders[j, 8] + np.sqrt(square) - r)
            kept = 1 - 0.5 * (spread * longer) ** 2  # of the Gaussian's exponential: 0 from where it is 0.37 on
            if kept <= 0:
                continue
            # a patch that is large against its distance sends from its whole area: disc instead of point
            form = at_i * at_j / square / (square + senders[j, 7] / np.pi) * senders[j, 7]
            part = kept * strength * senders[j, 6] / np.pi * form * r * r / cosine
            real += part * np.cos(k * longer)
            imaginary += part * np.sin(k * longer)
        out[i] = np.arctan2(imaginary, real) / k * z / r
    return out


@nb.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
def _spread(z, z_grid, errors, step, out):
    """Errors of the coarse grid at every pixel, from those of its four neighbours that lie on its surface."""
    rows, columns = z.shape
    grid_rows, grid_columns = z_grid.shape
    one, none, reach = np.float32(1), np.float32(0), np.float32(1 / SAME_SURFACE_M)
    least, far = np.float32(1e-6), np.float32(1e9)
    depth = np.empty((grid_rows + 1, grid_columns + 1), np.float32)  # a border that is never near
    error = np.zeros((grid_rows + 1, grid_columns + 1), np.float32)
    depth[:] = far
    for i in range(grid_rows):
        for j in range(grid_columns):
            if errors[i, j] == errors[i, j]:
                depth[i, j], error[i, j] = z_grid[i, j], errors[i, j]
    for r in range(rows):
        y = np.float32((r - step // 2) / step)
        top = min(max(int(np.floor(y)), 0), grid_rows - 1)
        fy = min(max(y - np.float32(top), none), one)
        for c in range(columns):
            here = z[r, c]
            if not here < np.inf:
                continue
            x = np.float32(c - step // 2) / np.float32(step)
            left = min(max(int(np.floor(x)), 0), grid_columns - 1)
            fx = min(max(x - np.float32(left), none), one)
            w00 = max(one - abs(depth[top, left] - here) * reach, none)
            w01 = max(one - abs(depth[top, left + 1] - here) * reach, none)
            w10 = max(one - abs(depth[top + 1, left] - here) * reach, none)
            w11 = max(one - abs(depth[top + 1, left + 1] - here) * reach, none)
            w00 *= (one - fy) * (one - fx) + least
            w01 *= (one - fy) * fx + least
            w10 *= fy * (one - fx) + least
            w11 *= fy * fx + least
            weight = w00 + w01 + w10 + w11
            if weight > 0:
                total = w00 * error[top, left] + w01 * error[top, left + 1]
                total += w10 * error[top + 1, left] + w11 * error[top + 1, left + 1]
                out[r, c] = total / weight
