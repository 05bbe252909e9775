"""What a solved rig makes of boards that it did not see: lengths, flatness and agreement in millimetres."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from calibration.rig import device_of
from calibration.rig_solve.board_places import place_boards
from calibration.rig_solve.result import HeldOut
from calibration.rig_solve.single_view import place_views
from calibration.rig_solve.view_residuals import LEAST_SIGMA_PX, refine_board
from geometry.camera import Camera
from geometry.rigid import transform

LEAST_RAYS_RAD = np.deg2rad(10.0)
"""Rays that meet at a smaller angle do not tell how far a corner is."""
LEAST_POINTS = 6
"""Of a board, for its plane and its place."""
OTHERS = 2
"""Devices that must place a board before another device's camera is judged by it: one alone does not know how far it
is away."""
GROSS_PX = 5.0
"""A view that lies this far off everywhere was found wrongly: it judges nobody."""


def judge(
    cameras: Mapping[str, Camera], corners: Float[np.ndarray, "corners 3"], views: Sequence[BoardView]
) -> HeldOut:
    """Triangulates the corners of boards across cameras, and compares each camera with where the others put them."""
    placed = place_views(cameras, corners, tuple(view for view in views if view.camera in cameras))
    starts = place_boards(cameras, corners.mean(0), placed)
    by_instant: dict[int, list[BoardView]] = defaultdict(list)
    for one in placed:
        if _near(cameras[one.view.camera], corners, starts[one.view.instant], one.view):
            by_instant[one.view.instant].append(one.view)
    judged, points, flat, fit, lengths = [], 0, [], [], []
    for instant, together in by_instant.items():
        ids, p_world = triangulate(cameras, together)
        if not len(ids):
            continue
        judged.append(instant)
        points += len(ids)
        lengths.append(_neighbours(corners[ids], p_world))
        if len(ids) >= LEAST_POINTS:
            flat.append(_from_plane(p_world))
            fit.append(_from_board(corners[ids], p_world))
    cross = _cross(cameras, corners, by_instant, starts)
    length, true = np.concatenate(lengths, 1) if lengths else np.zeros((2, 0))
    return HeldOut(
        instants=tuple(judged),
        points=points,
        square_mm=_rms_mm(length - true),
        scale=float(length.sum() / true.sum()) if length.size else float("nan"),
        planarity_mm=_rms_mm(np.concatenate(flat) if flat else np.zeros(0)),
        fit_mm=_rms_mm(np.concatenate(fit) if fit else np.zeros(0)),
        cross_mm={name: _rms_mm(np.array(offsets)) for name, offsets in cross.items()},
        cross_boards={name: len(offsets) for name, offsets in cross.items()},
    )


def triangulate(
    cameras: Mapping[str, Camera], views: Sequence[BoardView]
) -> tuple[np.ndarray, Float[np.ndarray, "points 3"]]:
    """Ids and places in the world of the corners that rays of at least LEAST_RAYS_RAD meet at.

    The point nearest to its rays, each weighted by what a pixel is at its distance.
    """
    rays: dict[int, list[tuple[np.ndarray, np.ndarray, float]]] = defaultdict(list)
    for view in views:
        camera = cameras[view.camera]
        xy = camera.normalize(view.q)
        v = np.concatenate([xy, np.ones((len(xy), 1))], 1)
        v_world = v / np.linalg.norm(v, axis=-1, keepdims=True) @ camera.T_world_camera[:3, :3].T
        for corner, direction in zip(view.ids.tolist(), v_world, strict=True):
            if np.isfinite(direction).all():
                rays[corner].append((camera.center, direction, camera.K[0, 0] / max(view.sigma_px, LEAST_SIGMA_PX)))
    ids, points = [], []
    for corner, those in rays.items():
        c, v, sharp = (np.array(part) for part in zip(*those, strict=True))
        if np.arccos(np.clip((v @ v.T).min(), -1, 1)) < LEAST_RAYS_RAD:
            continue
        across = np.eye(3) - v[:, :, None] * v[:, None, :]
        p, weight = np.zeros(3), np.ones(len(v))
        for _ in range(3):
            N = np.einsum("n,nij->ij", weight, across)
            p = np.linalg.solve(N, np.einsum("n,nij,nj->i", weight, across, c))
            weight = (sharp / np.linalg.norm(p - c, axis=-1)) ** 2
        ids.append(corner)
        points.append(p)
    return np.array(ids, int), np.array(points).reshape(-1, 3)


def _neighbours(p_board: np.ndarray, p_world: np.ndarray) -> np.ndarray:
    """(2, pairs) found and true distance of corners that are nearest neighbours on the board."""
    true = np.linalg.norm(p_board[:, None] - p_board[None], axis=-1)
    found = np.linalg.norm(p_world[:, None] - p_world[None], axis=-1)
    upper = np.triu(np.ones_like(true, bool), 1)
    if not upper.any():
        return np.zeros((2, 0))
    near = upper & (true < 1.01 * true[upper].min())
    return np.stack([found[near], true[near]])


def _from_plane(p: np.ndarray) -> np.ndarray:
    """Distances from the best plane; scaled so that a plane's three numbers do not flatter them."""
    centred = p - p.mean(0)
    away = centred @ np.linalg.svd(centred)[2][2]
    return away * np.sqrt(len(p) / (len(p) - 3))


def _from_board(p_board: np.ndarray, p_world: np.ndarray) -> np.ndarray:
    """Distances from the corners of the best placed board."""
    a, b = p_board - p_board.mean(0), p_world - p_world.mean(0)
    u, _, vt = np.linalg.svd(a.T @ b)
    R = vt.T @ np.diag([1, 1, np.linalg.det(vt.T @ u.T)]) @ u.T
    return np.linalg.norm(b - a @ R.T, axis=-1) * np.sqrt(3 * len(a) / (3 * len(a) - 6))


def _cross(
    cameras: Mapping[str, Camera],
    corners: np.ndarray,
    by_instant: Mapping[int, Sequence[BoardView]],
    starts: Mapping[int, np.ndarray],
) -> dict[str, list[float]]:
    """By camera, for each board that others place, how far off the camera sees it, metres."""
    offsets: dict[str, list[float]] = defaultdict(list)
    for instant, together in by_instant.items():
        for device in {device_of(view.camera) for view in together}:
            others = [view for view in together if device_of(view.camera) != device]
            if len({device_of(view.camera) for view in others}) < OTHERS:
                continue
            T = refine_board(dict(cameras), corners, others, starts[instant])
            for view in together:
                if T is not None and device_of(view.camera) == device:
                    camera = cameras[view.camera]
                    p_camera = transform(camera.T_camera_world @ T, corners[view.ids])
                    off = (view.q - camera.project_camera(p_camera)) / camera.K[0, 0] * p_camera[:, 2:]
                    offsets[view.camera].append(float(np.linalg.norm(off.mean(0))))
    return dict(offsets)


def _near(camera: Camera, corners: np.ndarray, T_world_board: np.ndarray, view: BoardView) -> bool:
    away = np.linalg.norm(camera.project(transform(T_world_board, corners[view.ids])) - view.q, axis=-1)
    return bool(np.median(away) < max(GROSS_PX, 0.01 * camera.width))


def _rms_mm(metres: np.ndarray) -> float:
    return 1e3 * float(np.sqrt((metres**2).mean())) if metres.size else float("nan")
