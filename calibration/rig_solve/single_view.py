"""Where a board is from one image: its two possible places, and whether it is mirrored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardView
from geometry.camera import Camera
from geometry.rigid import inverse, rigid, rotation_angle, transform

SECOND_BELIEVABLE = 3.0
"""A flat thing seen from afar can be turned about its middle and look almost the same. The second place is kept while
its residual is below this many times the first's. Corners of 0.1 px at 720p: the default board at 1 to 4 m never has a
second place in 600 views; one of a quarter its size at 3 to 5 m has it in 99 of 100, the first is the true one in 95,
and one of both is in 599 of 600."""
SAME_RAD = 0.02
"""Two places nearer than this are one minimum, reached twice."""
LEAST_CORNERS = 4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PlacedView:
    """A view, and where it puts the board."""

    view: BoardView
    Ts_camera_board: tuple[Float[np.ndarray, "4 4"], ...]
    """The believable places, the best first: one or two."""
    rms_px: float
    """Of the residuals of the first, along an axis."""
    mirrored: bool
    """The corners run the wrong way round, as in a mirror; the places mean nothing then."""


def place_view(camera: Camera, corners: Float[np.ndarray, "corners 3"], view: BoardView) -> PlacedView | None:
    """The board's place from one view, by the infinitesimal method for planes (Collins and Bartoli, 2014), refined.

    A view of a two-sided board is reduced to the side with more corners. None with fewer than LEAST_CORNERS corners,
    or where they lie on one line.
    """
    view = one_side(corners, view)
    xy = camera.normalize(view.q)
    good = np.isfinite(xy).all(-1)
    if good.sum() < LEAST_CORNERS:
        return None
    p_board, xy = corners[view.ids[good]], xy[good]
    spread = np.linalg.svd(p_board[:, :2] - p_board[:, :2].mean(0), compute_uv=False)
    if spread[1] < 1e-3 * spread[0]:
        return None
    K = np.diag([camera.K[0, 0], camera.K[1, 1], 1.0])
    flat = np.ascontiguousarray(p_board - [0, 0, p_board[0, 2]])
    q_ideal = np.ascontiguousarray(xy * np.diag(K)[:2])
    _, turns, shifts, _ = cv2.solvePnPGeneric(flat, q_ideal, K, None, flags=cv2.SOLVEPNP_IPPE)
    found = []
    for turn, shift in zip(turns, shifts, strict=True):
        turn, shift = cv2.solvePnPRefineLM(flat, q_ideal, K, None, turn, shift)
        T = rigid(cv2.Rodrigues(turn)[0], shift[:, 0]) @ rigid(np.eye(3), np.array([0, 0, -p_board[0, 2]]))
        p_camera = transform(T, p_board)
        if np.isfinite(T).all() and (p_camera[:, 2] > 0).all():
            residual = p_camera[:, :2] / p_camera[:, 2:] * np.diag(K)[:2] - q_ideal
            found.append((float(np.sqrt((residual**2).mean())), T))
    if not found:
        return None
    found.sort(key=lambda pair: pair[0])
    best = found[0][0]
    believable = [T for rms, T in found if rms <= SECOND_BELIEVABLE * max(best, view.sigma_px)]
    if len(believable) == 2 and rotation_angle(inverse(believable[0]) @ believable[1]) < SAME_RAD:
        del believable[1]
    return PlacedView(view=view, Ts_camera_board=tuple(believable), rms_px=best, mirrored=_mirrored(p_board, xy))


def place_views(
    cameras: Mapping[str, Camera], corners: Float[np.ndarray, "corners 3"], views: tuple[BoardView, ...]
) -> tuple[PlacedView, ...]:
    """All views that can be placed, of the cameras given."""
    placed = (place_view(cameras[view.camera], corners, view) for view in views if view.camera in cameras)
    return tuple(found for found in placed if found is not None)


def one_side(corners: Float[np.ndarray, "corners 3"], view: BoardView) -> BoardView:
    """The view with the corners of one side only: of a two-sided board one image shows one."""
    back = corners[view.ids, 2] > 0
    if not back.any() or back.all():
        return view
    return with_corners(view, back if back.mean() > 0.5 else ~back)


def with_corners(view: BoardView, kept: np.ndarray) -> BoardView:
    """The view with a part of its corners."""
    velocity = None if view.velocity is None else view.velocity[kept]
    return replace(view, ids=view.ids[kept], q=view.q[kept], velocity=velocity)


def relative(T_a_board: Float[np.ndarray, "4 4"], T_b_board: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """T_a_b of two cameras that see one board."""
    return T_a_board @ inverse(T_b_board)


def _mirrored(p_board: np.ndarray, xy: np.ndarray) -> bool:
    """Whether the corners run round in the image against the way that the visible side of the board has them."""
    affine = np.linalg.lstsq(p_board[:, :2] - p_board[:, :2].mean(0), xy - xy.mean(0), rcond=None)[0]
    seen_from_behind = p_board[0, 2] > 0
    return bool((np.linalg.det(affine) < 0) != seen_from_behind)
