"""What a picture says: each keypoint was detected about where the camera sees the body's point, if it errs as a t."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numba
import numpy as np
from jaxtyping import Float

from hps.points.fitting.equations import Equations
from hps.points.fitting.state import PARENT_ARRAY, BodyStates, rest_points
from registration.fit.accumulate import add_row, mirror
from registration.fit.posing import Frames
from registration.fit.posing_kernels import add_shape_row, collect_point, finish_row, skin_clip
from registration.fit.rest import RestBody

NEAREST_M: Final = 0.1
"""Points nearer to the camera, or behind it, are projected as if they were there: far off, but with a finite cost."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReprojectionTerm:
    """Keypoints of a batch of bodies, one picture each."""

    q: Float[np.ndarray, "batch keypoints 2"]
    information: Float[np.ndarray, "batch keypoints"]
    """1 / sigma², 1/px²; 0 for those that were not seen."""
    points: RestBody
    K: Float[np.ndarray, "batch 3 3"]
    Ts_camera_frame: Float[np.ndarray, "batch 4 4"]
    freedom: float
    """Of the t distribution of a keypoint's error over its sigma."""
    redundancy: float

    def add(self, equations: Equations, states: BodyStates, frames: Frames) -> None:
        """Adds the term of every body, linearised with the t distribution's weights.

        The pose correctives' change with the pose is left out of the derivative, not of the distance.
        """
        rest, away, J, of_zoom = self._away(states, frames)
        ratio = 1 + (away**2).sum(-1) * self.information / self.freedom
        information = (self.freedom + 2) / self.freedom * self.information / ratio / self.redundancy
        _add(
            equations.A, equations.b, rest, self.points.carriers, self.points.weights, self.points.directions,
            information, away, J, of_zoom, states.zoom is not None,
            frames.R, frames.R_parent, frames.t, frames.joints, frames.d_t, PARENT_ARRAY,
        )  # fmt: skip
        equations.cost[:] += 0.5 * (self.freedom + 2) / self.redundancy * np.log(ratio).sum(1)

    def distances(self, states: BodyStates, frames: Frames) -> Float[np.ndarray, "batch keypoints"]:
        """From where the camera sees the bodies' points to the keypoints, pixels; NaN for those that were not seen."""
        distance = np.linalg.norm(self._away(states, frames)[1], axis=-1)
        return np.where(self.information > 0, distance, np.nan)

    def rows(self, which: np.ndarray) -> ReprojectionTerm:
        """Of some of the bodies."""
        some: dict[str, Any] = {n: getattr(self, n)[which] for n in ("q", "information", "K", "Ts_camera_frame")}
        return replace(self, **some)

    def _away(self, states: BodyStates, frames: Frames) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Rest points; detections from projections; the projections' change with the point, and with the zoom."""
        rest = rest_points(states, self.points)
        p = skin_clip(rest, frames.R, frames.t, self.points.carriers, self.points.weights)
        R = self.Ts_camera_frame[:, :3, :3]
        p_camera = p @ R.transpose(0, 2, 1) + self.Ts_camera_frame[:, None, :3, 3]
        ahead = p_camera[..., 2] > NEAREST_M
        z = np.where(ahead, p_camera[..., 2], NEAREST_M)
        xy = p_camera[..., :2] / z[..., None]
        scale = np.ones(len(p)) if states.zoom is None else np.exp(states.zoom)
        lens = scale[:, None, None] * self.K[:, :2, :2]
        of_zoom = xy @ lens.transpose(0, 2, 1)
        of_plane = np.zeros((*p.shape[:2], 2, 3))
        of_plane[..., 0, 0] = of_plane[..., 1, 1] = 1 / z
        of_plane[..., 2] = -xy / z[..., None] * ahead[..., None]
        away = self.q - of_zoom - self.K[:, None, :2, 2]
        return (
            rest,
            np.where(self.information[..., None] > 0, away, 0.0),
            lens[:, None] @ of_plane @ R[:, None],
            of_zoom,
        )


@numba.njit(cache=True, nogil=True)
def _add(
    A, b, rest, carriers, weights, shape, information, away, J, of_zoom, zooms, R, R_parent, t, joints, d_t, parents
):  # fmt: skip
    size = A.shape[1]
    first = 3 * joints.shape[1] + 3
    row, index = np.zeros(size), np.empty(size, np.int64)
    moment, weight = np.empty((joints.shape[1], 3)), np.empty(joints.shape[1])
    for body in range(len(A)):
        for n in range(rest.shape[1]):
            if information[body, n] <= 0.0:
                continue
            for k in range(2):
                direction = J[body, n, k]
                row[:] = 0.0
                moment[:], weight[:] = 0.0, 0.0
                collect_point(rest[body, n], 1.0, carriers[n], weights[n], R[body], t[body], moment, weight)
                add_shape_row(1.0, carriers[n], weights[n], shape[n], direction, R[body], row, first)
                finish_row(moment, weight, direction, R_parent[body], joints[body], d_t[body], parents, row)
                if zooms:
                    row[size - 1] = of_zoom[body, n, k]
                add_row(A[body], b[body], row, information[body, n], away[body, n, k], index)
        mirror(A[body])
