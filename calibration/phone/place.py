"""Places a phone: views of the board and its own poses, joined by one transform, a slow drift and a time offset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardView
from calibration.errors import CalibrationError
from calibration.phone.board_path import BoardAt, BoardPath
from calibration.phone.estimate import Estimate, PhoneOptions, Seen, estimate
from calibration.phone.phone_path import PhonePath
from calibration.phone.placement import PhonePlacement
from calibration.phone.verdicts import verdicts_on
from calibration.phone.view_pose import turned, view_pose
from capture.board import Board
from geometry.rigid import inverse, rigid

START_TRIALS = 60
START_M, START_RAD = 0.05, np.deg2rad(4.0)
"""Views agree with a start within these: drift and time offset are still in them."""


def place_phone(
    path: PhonePath,
    views: Mapping[int, BoardView],
    board: Board,
    where: BoardPath,
    options: PhoneOptions | None = None,
) -> PhonePlacement:
    """Every frame's camera in the world of `where`.

    `views` are of the phone's colour images, by frame of the path. Views that contradict the rest are left out and
    counted. Raises CalibrationError when too few views fall into times at which the board's place is known.
    """
    options = options or PhoneOptions()
    seen = []
    for frame, view in sorted(views.items()):
        pose = view_pose(path.camera(frame), board.corners, view)
        if pose is not None:
            seen.append(Seen(frame, pose))
    placed = [(s, where.at(float(path.time_us[s.frame]))) for s in seen]
    known = [(s, at) for s, at in placed if at is not None]
    if len(known) < options.fewest_views:
        raise CalibrationError(
            f"{path.name}: the board was seen in {len(seen)} of {len(path)} frames, in {len(known)} of them while its "
            f"place was known; at least {options.fewest_views} needed: show it to the phone and the rig together"
        )
    T0, seen = _start(path, [s for s, _ in known], [at for _, at in known])
    return _placement(path, seen, where.still, T0, estimate(path, seen, where, T0, options))


def _start(path: PhonePath, seen: list[Seen], at: list[BoardAt]) -> tuple[np.ndarray, list[Seen]]:
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


def _placement(path: PhonePath, seen: list[Seen], still_board: bool, T0: np.ndarray, found: Estimate) -> PhonePlacement:
    placed = turned(T0 @ path.Ts_arkit_camera, found.moved, found.pivot)
    frames = np.array([s.frame for s in seen])
    used = found.weights > 0.1
    fitted = frames[used] if used.any() else frames
    T_world_arkit = _best_rigid(path.Ts_arkit_camera[fitted], placed[fitted])
    one = T_world_arkit @ path.Ts_arkit_camera
    sigma_m, sigma_rad = found.sigmas(placed)
    shifts = np.full((len(seen), 3), np.nan)
    if still_board:
        T_camera_board = inverse(np.stack([s.T_board_camera for s in seen]))
        places = (path.Ts_arkit_camera[frames] @ T_camera_board)[:, :3, 3]
        shifts = 1000 * (places - np.median(places, axis=0))
    placement = PhonePlacement(
        path=path,
        T_world_arkit=T_world_arkit,
        Ts_world_camera=placed,
        sigma_m=sigma_m,
        sigma_rad=sigma_rad,
        drift_m=np.linalg.norm(one[:, :3, 3] - placed[:, :3, 3], axis=-1),
        time_offset_s=found.offset_s,
        time_offset_sigma_s=found.offset_sigma_s,
        frames=frames,
        used=used,
        residual_mm=np.where(found.known, 1000 * np.linalg.norm(found.residual[:, 3:], axis=-1), np.nan),
        residual_deg=np.where(found.known, np.rad2deg(np.linalg.norm(found.residual[:, :3], axis=-1)), np.nan),
        board_shift_mm=shifts,
        sigma_scale=found.view_scale,
    )
    return replace(placement, verdicts=verdicts_on(placement, still_board=still_board))


def _best_rigid(Ts_arkit_camera: np.ndarray, Ts_world_camera: np.ndarray) -> np.ndarray:
    """T_world_arkit between two sets of places: the mean turn, and the shift that fits the centres."""
    R = Rotation.from_matrix(Ts_world_camera[:, :3, :3] @ np.swapaxes(Ts_arkit_camera[:, :3, :3], 1, 2)).mean()
    t = Ts_world_camera[:, :3, 3].mean(0) - R.as_matrix() @ Ts_arkit_camera[:, :3, 3].mean(0)
    return rigid(R.as_matrix(), t)
