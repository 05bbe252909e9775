"""Devices that were pushed while the board was carried: their views fit one place before a moment and another after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from calibration.rig import device_of
from calibration.rig_solve.view_residuals import ViewResiduals, moved_by, view_residuals
from geometry.camera import Camera

LEAST_SIDE = 5
"""Boards before and after, at least: fewer are outliers, not a move."""
LEAST_M = 1.5e-3
"""A smaller push, at the middle of the volume or of the device itself, is not told from what lenses leave."""
LEAST_SIGNIFICANCE = 150.0
"""Squared difference of the two places over its own covariance, six numbers, best of all moments."""
ARM_M = 0.5
"""A turn by w shifts what a device sees by about this times w around the middle."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Push:
    """A device that moved: small motions of the world about `about`, from the place in the solution."""

    device: str
    instant: int
    """The first at the later place."""
    before: Float[np.ndarray, "6"]
    after: Float[np.ndarray, "6"]
    about: Float[np.ndarray, "3"]
    boards_before: int
    boards_after: int
    significance: float


def find_pushes(
    cameras: Mapping[str, Camera],
    T_world_board: Mapping[int, Float[np.ndarray, "4 4"]],
    corners: Float[np.ndarray, "corners 3"],
    views: Sequence[BoardView],
    about: Float[np.ndarray, "3"],
) -> list[Push]:
    """Devices that may have been pushed, the surest first. When one was, its neighbours are among them: to each other,
    both have moved.

    At each instant the other devices say where the board is, and the device says where it would have to be for its
    own views: the difference, with both covariances, is one measurement of the device's place.
    """
    by_instant: dict[int, dict[str, list[ViewResiduals]]] = defaultdict(lambda: defaultdict(list))
    for view in views:
        one = view_residuals(cameras[view.camera], corners, T_world_board[view.instant], view, about)
        if one is not None:
            by_instant[view.instant][device_of(view.camera)].append(one)
    measured: dict[str, list[tuple[int, np.ndarray, np.ndarray]]] = defaultdict(list)
    for instant in sorted(by_instant):
        terms = {device: _sum(of_device) for device, of_device in by_instant[instant].items()}
        for device, (H, g) in terms.items():
            H_others = sum((terms[other][0] for other in terms if other != device), np.zeros((6, 6)))
            g_others = sum((terms[other][1] for other in terms if other != device), np.zeros(6))
            if not H_others.any():
                continue
            share = H_others @ np.linalg.inv(H + H_others)
            measured[device].append((instant, share @ H, g_others - share @ (g + g_others)))
    pushes = (_split(device, of_device, about) for device, of_device in measured.items())
    return sorted((push for push in pushes if push), key=lambda push: -push.significance)


def place_device(
    cameras: Mapping[str, Camera],
    T_world_board: Mapping[int, Float[np.ndarray, "4 4"]],
    corners: Float[np.ndarray, "corners 3"],
    views: Sequence[BoardView],
    iterations: int = 10,
) -> dict[str, Camera]:
    """One device's cameras, moved together to where their views of known boards fit best."""
    placed = dict(cameras)
    for _ in range(iterations):
        about = np.mean([camera.center for camera in placed.values()], axis=0)
        H, g = 1e-9 * np.eye(6), np.zeros(6)
        for view in views:
            if view.instant in T_world_board:
                one = view_residuals(placed[view.camera], corners, T_world_board[view.instant], view, about)
                if one is not None:
                    H_view, g_view = one.normal(one.weights)
                    H, g = H + H_view, g + g_view
        step = -np.linalg.solve(H, g)
        placed = {name: camera.at(moved_by(step, about, camera.T_world_camera)) for name, camera in placed.items()}
        if np.linalg.norm(step) < 1e-9:
            break
    return placed


def _sum(residuals: Sequence[ViewResiduals]) -> tuple[np.ndarray, np.ndarray]:
    parts = [one.normal(one.weights) for one in residuals]
    return sum((H for H, _ in parts), np.zeros((6, 6))), sum((g for _, g in parts), np.zeros(6))


def _split(device: str, measured: list[tuple[int, np.ndarray, np.ndarray]], about: np.ndarray) -> Push | None:
    """The moment that parts the measurements best, if the two parts differ surely and visibly."""
    if len(measured) < 2 * LEAST_SIDE:
        return None
    H, s = np.array([m[1] for m in measured]), np.array([m[2] for m in measured])
    H_before, s_before = np.cumsum(H, 0), np.cumsum(s, 0)
    moments = np.arange(LEAST_SIDE, len(measured) - LEAST_SIDE + 1)
    fit_before = _explained(H_before[moments - 1], s_before[moments - 1])
    fit_after = _explained(H_before[-1] - H_before[moments - 1], s_before[-1] - s_before[moments - 1])
    moment = int(moments[(fit_before + fit_after).argmax()])
    before, C_before = _place(H[:moment], s[:moment])
    after, C_after = _place(H[moment:], s[moment:])
    push = after - before
    significance = float(push @ np.linalg.pinv(C_before + C_after, rcond=1e-10, hermitian=True) @ push)
    far = max(np.linalg.norm(push[3:]), ARM_M * np.linalg.norm(push[:3]))
    if far < LEAST_M or significance < LEAST_SIGNIFICANCE:
        return None
    return Push(
        device=device,
        instant=measured[moment][0],
        before=before,
        after=after,
        about=about,
        boards_before=moment,
        boards_after=len(measured) - moment,
        significance=significance,
    )


def _explained(H: np.ndarray, s: np.ndarray) -> np.ndarray:
    """How much of the squared residuals a common place takes away."""
    return np.einsum("ni,ni->n", s, np.linalg.solve(H + 1e-9 * np.eye(6), s[..., None])[..., 0])


def _place(H: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The common place and its covariance from the scatter of the boards (not from the corners' sigmas: what a lens
    leaves is alike all over a view), as the sandwich estimator gives it."""
    inverse = np.linalg.inv(H.sum(0) + 1e-9 * np.eye(6))
    x = inverse @ s.sum(0)
    left = s - H @ x
    scatter = left.T @ left * len(H) / max(len(H) - 2, 1)
    return x, inverse @ (scatter + H.sum(0)) @ inverse
