"""Places a phone: views of the board and its own poses, joined by one transform, a slow drift and a time offset.

The state is a turn and a shift of ARKit's world at knots in time, a random walk between them, and the time by which the
phone's clock is off. Each view of the board gives a place of its camera with a full covariance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardView
from calibration.errors import CalibrationError
from calibration.phone.board_path import BoardAt, BoardPath
from calibration.phone.drift_model import DriftModel, knot_parts, knot_times, walk_information
from calibration.phone.phone_path import PhonePath
from calibration.phone.placement import PhonePlacement
from calibration.phone.verdicts import verdicts_on
from calibration.phone.view_pose import ViewPose, cross, log_of, turned, view_pose
from capture.board import Board
from geometry.rigid import inverse, rigid

KERNEL = 3.0
"""Distance, in sigmas a number, at which a view counts a quarter (Geman–McClure)."""
ITERATIONS = 25
CONVERGED = 1e-4
"""Largest step, in sigmas, at which the iteration ends."""
START_TRIALS = 60
START_M, START_RAD = 0.05, np.deg2rad(4.0)
"""Views agree with a start within these: drift and time offset are still in them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneOptions:
    """What is known beforehand."""

    drift: DriftModel = field(default_factory=DriftModel)
    offset_sigma_s: float = 0.02
    """Of the phone's time on the session's clock. Over Wi-Fi the two ways of a message differ by this."""
    fewest_views: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
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


def place_phone(
    path: PhonePath,
    views: Mapping[int, BoardView],
    board: Board,
    where: BoardPath,
    options: PhoneOptions = PhoneOptions(),
) -> PhonePlacement:
    """Every frame's camera in the world of `where`.

    `views` are of the phone's colour images, by frame of the path. Views that contradict the rest are left out and
    counted. Raises CalibrationError when too few views fall into times at which the board's place is known.
    """
    seen = []
    for frame, view in sorted(views.items()):
        pose = view_pose(path.camera(frame), board.corners, view)
        if pose is not None:
            seen.append(_Seen(frame, pose))
    placed = [(s, where.at(float(path.time_us[s.frame]))) for s in seen]
    known = [(s, at) for s, at in placed if at is not None]
    if len(known) < options.fewest_views:
        raise CalibrationError(
            f"{path.name}: the board was seen in {len(seen)} of {len(path)} frames, in {len(known)} of them while its "
            f"place was known; at least {options.fewest_views} needed: show it to the phone and the rig together"
        )
    T0, seen = _start(path, [s for s, _ in known], [at for _, at in known])
    return _solved(path, seen, where, T0, options)


def _start(path: PhonePath, seen: list[_Seen], at: list[BoardAt]) -> tuple[np.ndarray, list[_Seen]]:
    """T_world_arkit that the most views agree with, and which of its two places each view then means."""
    T_arkit_camera = path.Ts_arkit_camera[[s.frame for s in seen]]
    T_world_board = np.stack([b.T_world_board for b in at])
    both = [np.stack([s.pose.Ts_board_camera[n] for s in seen]) for n in (0, -1)]
    proposals = [T_world_board @ T @ inverse(T_arkit_camera) for T in both]
    some = np.unique(np.linspace(0, len(seen) - 1, START_TRIALS).round().astype(int))
    best, choices, most = proposals[0][0], np.zeros(len(seen), int), -1.0
    for candidate in [T[n] for T in proposals for n in some]:
        off = np.stack([_distances(candidate, T, T_arkit_camera[:, :3, 3]) for T in proposals])
        agreed = float((1 / (1 + off.min(0) ** 2)).sum())
        if agreed > most:
            best, most, choices = candidate, agreed, np.where(off[1] < off[0], 1, 0)
    return best, [replace(s, choice=int(c)) for s, c in zip(seen, choices, strict=True)]


def _distances(T: np.ndarray, others: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Between transforms of cameras at some centres, in units of START_M and START_RAD."""
    shift = np.einsum("nij,nj->ni", T[:3, :3] - others[:, :3, :3], centers) + T[:3, 3] - others[:, :3, 3]
    cosine = (np.einsum("ij,nij->n", T[:3, :3], others[:, :3, :3]) - 1) / 2
    return np.hypot(np.linalg.norm(shift, axis=-1) / START_M, np.arccos(np.clip(cosine, -1, 1)) / START_RAD)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Residuals of the views and how they change."""

    e: np.ndarray
    """(views, 6): rotation and place of the view's camera in the solved one."""
    J: np.ndarray
    """(views, 6, 7): with turn and shift of ARKit's world at that time, and with the time offset."""
    information: np.ndarray
    known: np.ndarray


def _solved(
    path: PhonePath, seen: list[_Seen], where: BoardPath, T0: np.ndarray, options: PhoneOptions
) -> PhonePlacement:
    knots = knot_times(path)
    frames = np.array([s.frame for s in seen])
    parts = knot_parts(knots, path.seconds[frames])
    up = T0[:3, 1]  # ARKit's y
    prior = walk_information(knots, path, up, options.drift)
    n = 6 * len(knots)
    x, offset = np.zeros((len(knots), 6)), 0.0
    pivot = (T0 @ np.append(path.Ts_arkit_camera[frames, :3, 3].mean(0), 1))[:3]
    weights, H, rows, d2 = np.ones(len(seen)), np.eye(n + 1), None, np.zeros(len(seen))
    for iteration in range(ITERATIONS):
        rows = _rows(path, seen, where, T0, parts @ x, offset, pivot, options)
        d2 = np.einsum("vi,vij,vj->v", rows.e, rows.information, rows.e) / 6
        scale = max(1.0, float(np.median(d2[rows.known])) / 0.89)  # the median of chi-squared of 6, over 6
        weights = np.where(rows.known, 1 / (1 + d2 / (scale * KERNEL**2)) ** 2, 0)
        H, g = np.zeros((n + 1, n + 1)), np.zeros(n + 1)
        H[:n, :n], g[:n] = prior, prior @ x.ravel()
        H[n, n] = 1 / options.offset_sigma_s**2
        g[n] = offset * H[n, n]
        for v in np.flatnonzero(rows.known):
            where_knots = np.flatnonzero(parts[v])
            columns = np.concatenate([np.arange(6) + 6 * k for k in where_knots] + [[n]])
            J = np.concatenate([parts[v, k] * rows.J[v, :, :6] for k in where_knots] + [rows.J[v, :, 6:7]], 1)
            JtW = weights[v] * J.T @ rows.information[v] / scale
            H[np.ix_(columns, columns)] += JtW @ J
            g[columns] += JtW @ rows.e[v]
        step = -np.linalg.solve(H, g)
        x, offset = x + step[:n].reshape(-1, 6), offset + float(step[n])
        if iteration > 3 and float(np.sqrt(step @ H @ step)) < CONVERGED:
            break
    assert rows is not None
    sigma_scale = float(np.sqrt(max(1.0, np.median(d2[rows.known]) / 0.89)))
    return _placement(path, seen, where, T0, x, offset, pivot, rows, weights, np.linalg.inv(H), sigma_scale, options)


def _rows(
    path: PhonePath, seen: list[_Seen], where: BoardPath, T0: np.ndarray, moved: np.ndarray, offset: float,
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
    jitter = np.diag([options.drift.jitter_rad**2] * 3 + [options.drift.jitter_m**2] * 3)
    information = np.linalg.inv(np.stack([s.covariance for s in seen]) + jitter + spread)
    return _Rows(log_of(inverse(predicted) @ measured), J, information, known)


def _placement(
    path: PhonePath, seen: list[_Seen], where: BoardPath, T0: np.ndarray, x: np.ndarray, offset: float,
    pivot: np.ndarray, rows: _Rows, weights: np.ndarray, covariance: np.ndarray, sigma_scale: float,
    options: PhoneOptions,
) -> PhonePlacement:  # fmt: skip
    knots = knot_times(path)
    parts = knot_parts(knots, path.seconds)
    moved = parts @ x
    own = T0 @ path.Ts_arkit_camera
    placed = turned(own, moved, pivot)
    frames = np.array([s.frame for s in seen])
    used = weights > 0.1
    fitted = frames[used] if used.any() else frames
    T_world_arkit = _best_rigid(path.Ts_arkit_camera[fitted], placed[fitted])
    one = T_world_arkit @ path.Ts_arkit_camera
    sigma = _sigmas(parts, covariance, placed, pivot, options)
    shifts = np.full((len(seen), 3), np.nan)
    if where.still:
        places = np.stack([(path.Ts_arkit_camera[s.frame] @ inverse(s.T_board_camera))[:3, 3] for s in seen])
        shifts = 1000 * (places - np.median(places, axis=0))
    placement = PhonePlacement(
        path=path,
        T_world_arkit=T_world_arkit,
        Ts_world_camera=placed,
        sigma_m=sigma[0] * sigma_scale,
        sigma_rad=sigma[1] * sigma_scale,
        drift_m=np.linalg.norm(one[:, :3, 3] - placed[:, :3, 3], axis=-1),
        time_offset_s=offset,
        time_offset_sigma_s=float(np.sqrt(covariance[-1, -1])) * (1.0 if where.still else sigma_scale),
        frames=frames,
        used=used,
        residual_mm=np.where(rows.known, 1000 * np.linalg.norm(rows.e[:, 3:], axis=-1), np.nan),
        residual_deg=np.where(rows.known, np.rad2deg(np.linalg.norm(rows.e[:, :3], axis=-1)), np.nan),
        board_shift_mm=shifts,
        sigma_scale=sigma_scale,
    )
    return replace(placement, verdicts=verdicts_on(placement, still_board=where.still))


def _best_rigid(Ts_arkit_camera: np.ndarray, Ts_world_camera: np.ndarray) -> np.ndarray:
    """T_world_arkit between two sets of places: the mean turn, and the shift that fits the centres."""
    R = Rotation.from_matrix(Ts_world_camera[:, :3, :3] @ np.swapaxes(Ts_arkit_camera[:, :3, :3], 1, 2)).mean()
    t = Ts_world_camera[:, :3, 3].mean(0) - R.as_matrix() @ Ts_arkit_camera[:, :3, 3].mean(0)
    return rigid(R.as_matrix(), t)


def _sigmas(
    parts: Float[np.ndarray, "frames knots"], covariance: np.ndarray, placed: np.ndarray, pivot: np.ndarray,
    options: PhoneOptions,
) -> tuple[Float[np.ndarray, "frames"], Float[np.ndarray, "frames"]]:  # fmt: skip
    """Of each frame's centre (metres) and rotation, root mean square over the axes, its own jitter included."""
    metres, radians = np.zeros(len(parts)), np.zeros(len(parts))
    for f, part in enumerate(parts):
        knots = np.flatnonzero(part)
        columns = np.concatenate([np.arange(6) + 6 * k for k in knots])
        mix = np.concatenate([part[k] * np.eye(6) for k in knots], 1)
        C = mix @ covariance[np.ix_(columns, columns)] @ mix.T
        lever = np.concatenate([-cross(placed[f, :3, 3] - pivot), np.eye(3)], 1)
        metres[f] = np.sqrt(np.trace(lever @ C @ lever.T) / 3 + options.drift.jitter_m**2)
        radians[f] = np.sqrt(np.trace(C[:3, :3]) / 3 + options.drift.jitter_rad**2)
    return metres, radians
