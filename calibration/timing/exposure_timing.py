"""A moving board tells when each row of each image was exposed: the camera's offset and its rolling shutter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardView
from calibration.bundle.problem import BundleSolution
from geometry.camera import Camera
from geometry.rigid import rigid

OFFSET_SIGMA_S = 5e-3
"""Before the board is looked at: free clocks are matched to a few milliseconds, wired ones far better."""
READOUT_SIGMA_S = 30e-3
"""No image takes longer to read than a frame period of 30 Hz."""
MAX_SIGMA_S = 2e-3
"""A board that was held still says nothing: what is less sure than this is left at 0. At 0.5 m/s it is a millimetre."""
STEP_RAD, STEP_M = 1e-5, 1e-5


@dataclass(frozen=True, kw_only=True, slots=True)
class ExposureTiming:
    """When a camera exposes."""

    offset_s: float = 0.0
    """The middle row of its image after the instant."""
    readout_s: float = 0.0
    """The last row after the first; 0: all at once."""
    offset_sigma_s: float = float("inf")
    readout_sigma_s: float = float("inf")

    def delay_s(self, q: Float[np.ndarray, "corners 2"], height: int) -> Float[np.ndarray, "corners"]:
        """When pixels were exposed after the instant, seconds."""
        return self.offset_s + self.readout_s * ((q[:, 1] + 0.5) / height - 0.5)


def at_the_instant(
    views: Iterable[BoardView], timings: Mapping[str, ExposureTiming], cameras: Mapping[str, Camera]
) -> tuple[BoardView, ...]:
    """The views with each corner where it was at the instant, as far as its velocity is known."""
    moved = []
    for view in views:
        timing = timings.get(view.camera)
        if timing is None or view.velocity is None:
            moved.append(view)
            continue
        delay = timing.delay_s(view.q, cameras[view.camera].height)[:, None]
        known = np.isfinite(view.velocity)
        moved.append(replace(view, q=view.q - np.where(known, view.velocity, 0.0) * delay))
    return tuple(moved)


def fit_timing(
    views: Sequence[BoardView],
    solution: BundleSolution,
    corners: Float[np.ndarray, "corners 3"],
    known: Mapping[str, ExposureTiming] | None = None,
) -> dict[str, ExposureTiming]:
    """What the residuals of `views` say of the timing that `known` has not taken off yet; the sum of both.

    `views` are those of the solution, in its order, as corrected with `known`. What a wrong timing looks like (the
    velocity times the delay) is compared with the residuals after the part that another pose of the board would
    explain has been taken off both. An offset common to all cameras cannot be seen: their mean is 0. A camera that saw
    no moving board gets no timing; without any velocity the result is empty.
    """
    known = known or {}
    names = sorted({v.camera for v in views if v.velocity is not None and np.isfinite(v.velocity).all()})
    if not names:
        return dict(known)
    information = np.diag(np.tile([OFFSET_SIGMA_S**-2, READOUT_SIGMA_S**-2], len(names)))
    start = np.array([[t.offset_s, t.readout_s] for t in (known.get(n, ExposureTiming()) for n in names)]).ravel()
    right = -information @ start  # the priors hold for the whole timing, not for what is added
    for members in _by_instant(views):
        rows = [_row(views[k], solution, k, names, corners) for k in members if _usable(views[k], solution)]
        if not rows:
            continue
        board, effect, residual = (np.concatenate(part) for part in zip(*rows))
        basis, _ = np.linalg.qr(board)
        effect = effect - basis @ (basis.T @ effect)
        residual = residual - basis @ (basis.T @ residual)
        information += effect.T @ effect
        right += effect.T @ residual
    covariance = np.linalg.inv(information)
    total = start + covariance @ right
    common = np.eye(len(total)) - np.kron(np.ones((len(names), len(names))) / len(names), np.diag([1.0, 0.0]))
    total, covariance = (common @ total).reshape(-1, 2), common @ covariance @ common.T
    sigma = np.sqrt(np.diag(covariance)).reshape(-1, 2)
    kept = np.where(sigma < MAX_SIGMA_S, total, 0.0)
    return {
        name: ExposureTiming(
            offset_s=float(kept[n, 0]),
            readout_s=float(kept[n, 1]),
            offset_sigma_s=float(sigma[n, 0]),
            readout_sigma_s=float(sigma[n, 1]),
        )
        for n, name in enumerate(names)
    }


def _by_instant(views: Sequence[BoardView]) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for k, view in enumerate(views):
        groups.setdefault(view.instant, []).append(k)
    return list(groups.values())


def _usable(view: BoardView, solution: BundleSolution) -> bool:
    return view.camera in solution.cameras and view.instant in solution.T_world_board


def _row(
    view: BoardView, solution: BundleSolution, index: int, names: Sequence[str], corners: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whitened: how the corners move with the board's six numbers, with the timings, and the residuals."""
    camera, T = solution.cameras[view.camera], solution.T_world_board[view.instant]
    p_board = corners[view.ids]
    weight = np.sqrt(solution.weights[index])[:, None] / view.sigma_px
    board = np.empty((*view.q.shape, 6))
    for axis in range(6):
        step = np.zeros(6)
        step[axis] = STEP_RAD if axis < 3 else STEP_M
        ahead, behind = (_seen(camera, T, sign * step, p_board) for sign in (1, -1))
        board[..., axis] = (ahead - behind) / (2 * step[axis]) * weight
    effect = np.zeros((*view.q.shape, 2 * len(names)))
    if view.velocity is not None and view.camera in names:
        velocity = np.nan_to_num(view.velocity) * weight
        first = 2 * names.index(view.camera)
        effect[..., first] = velocity
        effect[..., first + 1] = velocity * ((view.q[:, 1:] + 0.5) / camera.height - 0.5)
    residual = solution.residuals[index] * weight
    flat = np.isfinite(board).all(-1) & np.isfinite(residual)
    return board[flat], effect[flat], residual[flat]


def _seen(camera: Camera, T_world_board: np.ndarray, step: np.ndarray, p_board: np.ndarray) -> np.ndarray:
    T = T_world_board @ rigid(Rotation.from_rotvec(step[:3]).as_matrix(), step[3:])
    return camera.project(p_board @ T[:3, :3].T + T[:3, 3])
