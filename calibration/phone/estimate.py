"""The most likely drift and time offset of a phone, given views of the board: a smoother over knots in time.

The state is a turn and a shift of ARKit's world at each knot, a random walk between them, and the time by which the
phone's clock is off. How fast the walk is and how far views scatter is estimated too, by expectation maximisation: a
phone that is carried about drifts several times faster than one that is held still.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float

from calibration.phone.board_path import BoardAt, BoardPath
from calibration.phone.drift_model import DriftModel, knot_parts, knot_times, walk_information
from calibration.phone.phone_path import PhonePath
from calibration.phone.view_pose import ViewPose, cross, log_of, turned
from geometry.rigid import inverse

KERNEL = 3.0
"""Distance, in sigmas a number, at which a view counts a quarter (Geman–McClure)."""
ROUNDS, STEPS = 12, 6
CONVERGED = 1e-3
"""Step, in sigmas, at which a round ends."""
SETTLED = 0.02
"""Relative change of the walk's speed at which the rounds end."""
SPEEDS = (0.3, 30.0)
"""Slowest and fastest walk, as multiples of the one told."""
TOLD_COUNT = 60
"""As many numbers as the walk's told speed is worth, when it is estimated."""
MOTION_SIGMA_S = 0.005
"""A board in motion is bent by shutters that roll: as unsure as where it was this much earlier or later. Of a phone's
readout of 10 to 16 ms and a Kinect's of 20 ms, what is left when the middle row is taken for all."""
ALIKE_S = 0.3
"""Views nearer in time err alike, because board and cameras stand nearly the same way: together they count as one."""
MEDIAN = 0.891
"""Of chi-squared with 6 degrees of freedom, over 6."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneOptions:
    """What is known beforehand."""

    drift: DriftModel = field(default_factory=DriftModel)
    offset_sigma_s: float = 0.02
    """Of the phone's time on the session's clock. Over Wi-Fi the two ways of a message differ by this."""
    fewest_views: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A view of the board in one frame."""

    frame: int
    pose: ViewPose
    choice: int = 0
    """Which of its two places is taken."""

    @property
    def T_board_camera(self) -> np.ndarray:
        return self.pose.Ts_board_camera[self.choice]

    @property
    def covariance(self) -> np.ndarray:
        return self.pose.covariances[self.choice]


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """The smoother's result."""

    moved: Float[np.ndarray, "frames 6"]
    """Turn about `pivot` and shift of ARKit's world at each frame of the path, world axes."""
    pivot: Float[np.ndarray, "3"]
    offset_s: float
    offset_sigma_s: float
    weights: Float[np.ndarray, "views"]
    residual: Float[np.ndarray, "views 6"]
    """Of the views: turn and shift, camera axes."""
    known: Bool[np.ndarray, "views"]
    """Views at times at which the board's place was known."""
    covariance: Float[np.ndarray, "numbers numbers"]
    """Of the knots' numbers and the offset."""
    parts: Float[np.ndarray, "frames knots"]
    """Which knots make the drift of a frame."""
    view_scale: float
    """How much farther views scatter than was told; 1 at least."""
    drift: DriftModel
    """With the speed that was found."""

    def sigmas(
        self, Ts_world_camera: Float[np.ndarray, "frames 4 4"]
    ) -> tuple[Float[np.ndarray, "frames"], Float[np.ndarray, "frames"]]:
        """Of each frame's centre (metres) and rotation, root mean square over the axes, its own jitter included."""
        metres, radians = np.zeros(len(self.parts)), np.zeros(len(self.parts))
        for f, part in enumerate(self.parts):
            knots = np.flatnonzero(part)
            columns = np.concatenate([np.arange(6) + 6 * k for k in knots])
            mix = np.concatenate([part[k] * np.eye(6) for k in knots], 1)
            C = mix @ self.covariance[np.ix_(columns, columns)] @ mix.T
            lever = np.concatenate([-cross(Ts_world_camera[f, :3, 3] - self.pivot), np.eye(3)], 1)
            metres[f] = np.sqrt(np.trace(lever @ C @ lever.T) / 3 + self.drift.jitter_m**2)
            radians[f] = np.sqrt(np.trace(C[:3, :3]) / 3 + self.drift.jitter_rad**2)
        return metres, radians


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Residuals of the views and how they change."""

    e: np.ndarray
    """(views, 6): rotation and place of the view's camera in the solved one."""
    J: np.ndarray
    """(views, 6, 7): with turn and shift of ARKit's world at that time, and with the time offset."""
    information: np.ndarray
    known: np.ndarray


def estimate(
    path: PhonePath, seen: list[Seen], where: BoardPath, T0: Float[np.ndarray, "4 4"], options: PhoneOptions
) -> Estimate:
    """From a start T_world_arkit near enough that views mean what they seem to."""
    knots = knot_times(path)
    frames = np.array([s.frame for s in seen])
    parts = knot_parts(knots, path.seconds[frames])
    told = walk_information(knots, path, T0[:3, 1], options.drift)  # ARKit's y is up
    n = 6 * len(knots)
    x, offset, speed, scale = np.zeros((len(knots), 6)), 0.0, 1.0, 1.0
    pivot = (T0 @ np.append(path.Ts_arkit_camera[frames, :3, 3].mean(0), 1))[:3]
    share = _shares(path.seconds[frames])
    rows, weights, covariance, d2 = None, np.ones(len(seen)), np.eye(n + 1), np.ones(len(seen))
    for _ in range(ROUNDS):
        prior = np.zeros((n + 1, n + 1))
        prior[:n, :n] = told / speed**2
        prior[n, n] = 1 / options.offset_sigma_s**2
        H = prior
        for _ in range(STEPS):
            rows = _rows(path, seen, where, T0, parts @ x, offset, pivot, options)
            d2 = np.einsum("vi,vij,vj->v", rows.e, rows.information, rows.e) / 6
            weights = np.where(rows.known, 1 / (1 + d2 / (scale**2 * KERNEL**2)) ** 2, 0)
            H, g = _normal_equations(rows, parts, share * weights / scale**2, prior, np.append(x.ravel(), offset))
            step = -np.linalg.solve(H, g)
            x, offset = x + step[:n].reshape(-1, 6), offset + float(step[n])
            if float(np.sqrt(step @ H @ step)) < CONVERGED:
                break
        covariance = np.linalg.inv(H)
        before = speed
        expected = x.ravel() @ told @ x.ravel() + np.trace(told @ covariance[:n, :n])
        speed = float(np.clip(np.sqrt((expected + TOLD_COUNT) / (n - 6 + TOLD_COUNT)), *SPEEDS))
        assert rows is not None
        scale = float(np.sqrt(max(1.0, np.median(d2[rows.known]) / MEDIAN))) if rows.known.any() else 1.0
        if abs(speed / before - 1) < SETTLED:
            break
    assert rows is not None
    return Estimate(
        moved=knot_parts(knots, path.seconds) @ x,
        pivot=pivot,
        offset_s=offset,
        offset_sigma_s=float(np.sqrt(covariance[n, n])),
        weights=weights,
        residual=rows.e,
        known=rows.known,
        covariance=covariance,
        parts=knot_parts(knots, path.seconds),
        view_scale=scale,
        drift=replace(
            options.drift,
            m_per_root_m=speed * options.drift.m_per_root_m,
            m_per_root_s=speed * options.drift.m_per_root_s,
            heading_rad_per_root_s=speed * options.drift.heading_rad_per_root_s,
            tilt_rad_per_root_s=speed * options.drift.tilt_rad_per_root_s,
        ),
    )


def _shares(seconds: np.ndarray) -> np.ndarray:
    """Which part of a whole view each one counts."""
    near = np.abs(seconds[:, None] - seconds) < ALIKE_S / 2
    return 1.0 / near.sum(1)


def _normal_equations(
    rows: _Rows, parts: np.ndarray, weights: np.ndarray, prior: np.ndarray, state: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Information and gradient of the state."""
    n = len(state) - 1
    H, g = prior.copy(), prior @ state
    for v in np.flatnonzero(weights):
        near = np.flatnonzero(parts[v])
        columns = np.concatenate([*(np.arange(6) + 6 * k for k in near), [n]])
        J = np.concatenate([*(parts[v, k] * rows.J[v, :, :6] for k in near), rows.J[v, :, 6:]], 1)
        JtW = weights[v] * J.T @ rows.information[v]
        H[np.ix_(columns, columns)] += JtW @ J
        g[columns] += JtW @ rows.e[v]
    return H, g


def _rows(
    path: PhonePath, seen: list[Seen], where: BoardPath, T0: np.ndarray, moved: np.ndarray, offset: float,
    pivot: np.ndarray, options: PhoneOptions,
) -> _Rows:  # fmt: skip
    frames = [s.frame for s in seen]
    at = [where.at(float(path.time_us[frame]) + 1e6 * offset) for frame in frames]
    known = np.array([b is not None for b in at])
    nowhere = BoardAt(T_world_board=np.eye(4), velocity=np.zeros(6), covariance=np.eye(6))
    boards = [b or nowhere for b in at]
    T_world_board = np.stack([b.T_world_board for b in boards])
    predicted = turned(T0 @ path.Ts_arkit_camera[frames], moved, pivot)
    measured = T_world_board @ np.stack([s.T_board_camera for s in seen])
    Rt = np.swapaxes(predicted[:, :3, :3], 1, 2)
    by_board = np.zeros((len(seen), 6, 6))
    by_board[:, :3, :3] = by_board[:, 3:, 3:] = Rt
    by_board[:, 3:, :3] = -Rt @ cross(measured[:, :3, 3] - T_world_board[:, :3, 3])
    J = np.zeros((len(seen), 6, 7))
    J[:, :3, :3] = J[:, 3:, 3:6] = -Rt
    J[:, 3:, :3] = Rt @ cross(measured[:, :3, 3] - pivot)
    J[:, :, 6] = np.einsum("nij,nj->ni", by_board, np.stack([b.velocity for b in boards]))
    spread = by_board @ np.stack([b.covariance for b in boards]) @ np.swapaxes(by_board, 1, 2)
    spread += MOTION_SIGMA_S**2 * J[:, :, 6:] * J[:, None, :, 6]
    jitter = np.diag([options.drift.jitter_rad**2] * 3 + [options.drift.jitter_m**2] * 3)
    information = np.linalg.inv(np.stack([s.covariance for s in seen]) + jitter + spread)
    return _Rows(log_of(inverse(predicted) @ measured), J, information, known)
