"""Where the board was while a phone looked at it: still, or carried before the rig's calibrated cameras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardTake, BoardView
from calibration.errors import CalibrationError
from calibration.phone.view_pose import board_information
from calibration.rig_solve.single_view import place_view
from geometry.camera import Camera
from geometry.rigid import rigid

LONGEST_GAP_US = 120_000
"""Between two known places of a carried board: a carried board is 2 mm off the straight way within it."""
STILL_SIGMA_M, STILL_SIGMA_RAD = 5e-4, np.deg2rad(0.02)
"""Of a board that lies still, unless told."""
ITERATIONS = 8
CONVERGED = 1e-4
"""Squared step, in sigmas."""
CORRELATED = 4.0
"""Variances of a board's place are this many times what independent corners would give: the rig's own calibration errs
by the same in neighbouring images."""
FARTHEST_SIGMAS = 6.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoardAt:
    """A board at one moment."""

    T_world_board: Float[np.ndarray, "4 4"]
    velocity: Float[np.ndarray, "6"]
    """Turning (radians a second, about the board's origin, world axes) and moving (metres a second)."""
    covariance: Float[np.ndarray, "6 6"]
    """Of the same six, without the second."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoardPath:
    """Places of a board by time."""

    time_us: Int64[np.ndarray, "places"]
    Ts_world_board: Float[np.ndarray, "places 4 4"]
    covariances: Float[np.ndarray, "places 6 6"]
    """Of (rotation, place of the origin), world axes."""
    still: bool = False
    """One place, for all times."""

    def at(self, time_us: float) -> BoardAt | None:
        """The board at a time, on a straight way between its known places; None where they are too far apart."""
        if self.still:
            return BoardAt(T_world_board=self.Ts_world_board[0], velocity=np.zeros(6), covariance=self.covariances[0])
        after = int(np.clip(np.searchsorted(self.time_us, time_us), 1, len(self.time_us) - 1))
        t0, t1 = self.time_us[after - 1], self.time_us[after]
        if len(self.time_us) < 2 or t1 - t0 > LONGEST_GAP_US or not t0 - 1000 <= time_us <= t1 + 1000:
            return None
        T0, T1 = self.Ts_world_board[after - 1], self.Ts_world_board[after]
        part, seconds = (time_us - t0) / (t1 - t0), (t1 - t0) * 1e-6
        turn = Rotation.from_matrix(T1[:3, :3] @ T0[:3, :3].T).as_rotvec()
        shift = T1[:3, 3] - T0[:3, 3]
        R = Rotation.from_rotvec(part * turn).as_matrix() @ T0[:3, :3]
        near = self.covariances[after - 1 if part < 0.5 else after]
        return BoardAt(
            T_world_board=rigid(R, T0[:3, 3] + part * shift),
            velocity=np.concatenate([turn, shift]) / seconds,
            covariance=near,
        )


def still_board(
    T_world_board: Float[np.ndarray, "4 4"], sigma_m: float = STILL_SIGMA_M, sigma_rad: float = STILL_SIGMA_RAD
) -> BoardPath:
    """A board that lies somewhere, known to the sigmas along and about each axis."""
    return BoardPath(
        time_us=np.zeros(1, np.int64),
        Ts_world_board=T_world_board[None],
        covariances=np.diag([sigma_rad**2] * 3 + [sigma_m**2] * 3)[None],
        still=True,
    )


def board_path(take: BoardTake, cameras: Mapping[str, Camera], without: tuple[str, ...] = ()) -> BoardPath:
    """The board at every instant at which calibrated cameras of the rig saw it, from all of them together.

    `without` names devices whose views do not count, the phones. Views that do not fit the others are left out. Raises
    CalibrationError when the cameras never saw the board.
    """
    by_instant: dict[int, list[BoardView]] = {}
    for view in take.views:
        if view.camera in cameras and view.camera.partition("/")[0] not in without:
            by_instant.setdefault(view.instant, []).append(view)
    times, places, covariances = [], [], []
    for instant in sorted(by_instant):
        found = _board_at(by_instant[instant], take, cameras)
        if found is not None and instant in take.time_us:
            places.append(found[0])
            covariances.append(found[1])
            times.append(take.time_us[instant])
    if not times:
        raise CalibrationError(
            "no calibrated camera of the rig saw the board of this take; show it to phone and rig together"
        )
    return BoardPath(
        time_us=np.array(times, np.int64), Ts_world_board=np.stack(places), covariances=np.stack(covariances)
    )


def _board_at(
    views: list[BoardView], take: BoardTake, cameras: Mapping[str, Camera]
) -> tuple[np.ndarray, np.ndarray] | None:
    """T_world_board and its covariance."""
    corners = take.board.corners
    starts = []
    for view in views:
        placed = place_view(cameras[view.camera], corners, view)
        if placed is not None and not placed.mirrored:
            starts += [cameras[view.camera].T_world_camera @ T for T in placed.Ts_camera_board]
    best = min(starts, key=lambda T: _cost(views, corners, cameras, T), default=None)
    if best is None:
        return None
    T, H = best, np.eye(6)
    for _ in range(ITERATIONS):
        H, g = np.zeros((6, 6)), np.zeros(6)
        for view in views:
            part, gradient, off = board_information(cameras[view.camera], corners[view.ids], view, T)
            weight = 1 / (1 + (off / FARTHEST_SIGMAS) ** 2) ** 2
            H, g = H + weight * part, g + weight * gradient
        if np.linalg.eigvalsh(H)[0] <= 0:
            return None
        step = -np.linalg.solve(H, g)
        T = rigid(Rotation.from_rotvec(step[:3]).as_matrix() @ T[:3, :3], T[:3, 3] + step[3:])
        if step @ H @ step < CONVERGED:
            break
    return T, CORRELATED * np.linalg.inv(H)


def _cost(views: list[BoardView], corners: np.ndarray, cameras: Mapping[str, Camera], T: np.ndarray) -> float:
    off = np.array([board_information(cameras[view.camera], corners[view.ids], view, T)[2] for view in views])
    return float((1 - 1 / (1 + (off / FARTHEST_SIGMAS) ** 2)).sum())
