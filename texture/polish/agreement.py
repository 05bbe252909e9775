"""How far cameras disagree on the grey of surface points, and in which direction each must move (numba).

Zhou and Koltun, "Color Map Optimization for 3D Reconstruction with Consumer Depth Cameras" (2014), with the points'
own grey values eliminated from the equations, so that cameras that see the same points are moved together, and with a
gain and an offset of each camera's grey.
"""

from __future__ import annotations

import cv2
import numba as nb
import numpy as np
from jaxtyping import Float

from geometry.distortion import distort_point
from texture.polish.sampling import Samples

PARAMETERS = 8
"""Of each camera: turn about the middle of the points (rad), shift (m), gain, offset (units of `GREY`)."""
GREY = 100.0
"""Levels: the unit of the offset, so that all parameters have a like size."""
BRIGHT = 250.0
"""Levels above which a pixel may be clipped."""


class Agreement:
    """The disagreement of all cameras at one blur of their pictures, as a function of their parameters."""

    def __init__(self, samples: Samples, middle: Float[np.ndarray, "3"], blur_px: float) -> None:
        """Blurs the pictures. The middle is what cameras turn the world about."""
        self._samples, self._middle = samples, np.asarray(middle, np.float64)
        blurred = [cv2.GaussianBlur(p.grey.astype(np.float32), (0, 0), blur_px) for p in samples.pictures]
        sizes = [image.size for image in blurred]
        self._pixels = np.concatenate([image.ravel() for image in blurred] or [np.empty(0, np.float32)])
        offset = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        self._windows = np.array(
            [[p.camera, o, *p.grey.shape, p.left, p.top] for p, o in zip(samples.pictures, offset)], np.int64
        ).reshape(-1, 6)
        self._K = np.stack([np.asarray(camera.K, np.float64) for camera in samples.cameras])
        self._distortion = np.stack([np.asarray(camera.distortion, np.float64) for camera in samples.cameras])

    def equations(
        self, Ts_camera_world: Float[np.ndarray, "cameras 4 4"], tone: Float[np.ndarray, "cameras 2"], scale: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Normal matrix and gradient over all cameras' parameters, levels^2, and sightings' residuals, NaN where none.

        `scale` is the residual, in levels, at which a sighting counts a quarter.
        """
        n = PARAMETERS * len(self._K)
        H, g = np.zeros((n, n)), np.zeros(n)
        residual = np.full(len(self._samples.picture), np.nan)
        s = self._samples
        _accumulate(
            s.points,
            self._middle,
            s.start,
            s.picture,
            s.weight,
            self._windows,
            self._pixels,
            Ts_camera_world,
            self._K,
            self._distortion,
            tone,
            scale,
            H,
            g,
            residual,
            np.empty((len(self._windows), PARAMETERS + 4)),
        )
        return H, g, residual


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _accumulate(
    points, middle, start, picture, weight, windows, pixels, Ts, Ks, distortions, tone, scale, H, g, residual, J
):
    """Adds every point's share; see `tests/texture/test_polish_cameras.py` for the same in plain numpy.

    J: room for each sighting of one point: its derivatives, then grey, weight, camera and number.
    """
    for i in range(len(points)):
        count = 0
        for s in range(start[i], start[i + 1]):
            camera, offset, rows = windows[picture[s], 0], windows[picture[s], 1], windows[picture[s], 2]
            columns, left, top = windows[picture[s], 3], windows[picture[s], 4], windows[picture[s], 5]
            T, K = Ts[camera], Ks[camera]
            px, py, pz = points[i, 0], points[i, 1], points[i, 2]
            X = T[0, 0] * px + T[0, 1] * py + T[0, 2] * pz + T[0, 3]
            Y = T[1, 0] * px + T[1, 1] * py + T[1, 2] * pz + T[1, 3]
            Z = T[2, 0] * px + T[2, 1] * py + T[2, 2] * pz + T[2, 3]
            x, y = distort_point(X / Z, Y / Z, distortions[camera])
            u = K[0, 0] * x + K[0, 1] * y + K[0, 2] - left
            v = K[1, 0] * x + K[1, 1] * y + K[1, 2] - top
            if not (u >= 0 and v >= 0 and u < columns - 1 and v < rows - 1):
                continue
            c, r = int(u), int(v)
            fu, fv, base = u - c, v - r, offset + r * columns + c
            a, b = pixels[base], pixels[base + 1]
            d, e = pixels[base + columns], pixels[base + columns + 1]
            grey = (a * (1 - fu) + b * fu) * (1 - fv) + (d * (1 - fu) + e * fu) * fv
            if grey > BRIGHT:
                continue
            gain = tone[camera, 0]
            du = gain * ((b - a) * (1 - fv) + (e - d) * fv) * K[0, 0] / Z
            dv = gain * ((d - a) * (1 - fu) + (e - b) * fu) * K[1, 1] / Z
            along = -(du * X + dv * Y) / Z
            # how grey changes as the point moves in the world
            wx = T[0, 0] * du + T[1, 0] * dv + T[2, 0] * along
            wy = T[0, 1] * du + T[1, 1] * dv + T[2, 1] * along
            wz = T[0, 2] * du + T[1, 2] * dv + T[2, 2] * along
            px, py, pz = px - middle[0], py - middle[1], pz - middle[2]
            J[count, 0], J[count, 1], J[count, 2] = py * wz - pz * wy, pz * wx - px * wz, px * wy - py * wx
            J[count, 3], J[count, 4], J[count, 5] = wx, wy, wz
            J[count, 6], J[count, 7] = grey, GREY
            J[count, 8], J[count, 9] = gain * grey + GREY * tone[camera, 1], weight[s]
            J[count, 10], J[count, 11] = camera, s
            count += 1
        if count < 2:
            continue
        total, mean = 0.0, 0.0
        for k in range(count):
            total, mean = total + J[k, 9], mean + J[k, 9] * J[k, 8]
        mean /= total
        total, robust_mean = 0.0, 0.0
        for k in range(count):
            J[k, 9] /= (1 + ((J[k, 8] - mean) / scale) ** 2) ** 2
            total, robust_mean = total + J[k, 9], robust_mean + J[k, 9] * J[k, 8]
        robust_mean /= total
        for k in range(count):
            first, error = PARAMETERS * int(J[k, 10]), J[k, 8] - robust_mean
            residual[int(J[k, 11])] = error
            for m in range(PARAMETERS):
                g[first + m] += J[k, 9] * J[k, m] * error
            for j in range(count):
                second, factor = PARAMETERS * int(J[j, 10]), -J[k, 9] * J[j, 9] / total
                if j == k:
                    factor += J[k, 9]
                for m in range(PARAMETERS):
                    for n in range(PARAMETERS):
                        H[first + m, second + n] += factor * J[k, m] * J[j, n]
