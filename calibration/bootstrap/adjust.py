"""Cameras and points adjusted together: robust Levenberg–Marquardt with the points eliminated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation

from geometry.rigid import transform

NUMBERS = 7
"""Of a camera: rotation in its own axes, centre, logarithm of the focal length."""
KERNEL = 2.0
"""Residual, in sigmas, at which an observation counts a quarter (Geman–McClure): beyond it are limbs that the detector
confused."""
ITERATIONS = 60
CONVERGED = 1e-5
"""Relative fall of the cost at which the adjustment ends."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sightings:
    """Points seen by cameras, on a grid; NaN where a camera does not see a point."""

    m: Float[np.ndarray, "points cameras 2"]
    """Undistorted pixels from the principal point, at the focal length `focal_px`."""
    sigma_px: Float[np.ndarray, "points cameras"]
    focal_px: Float[np.ndarray, "cameras"]

    @property
    def seen(self) -> Bool[np.ndarray, "points cameras"]:
        """Which entries are there."""
        return np.asarray(np.isfinite(self.m).all(-1) & np.isfinite(self.sigma_px))

    def of(self, cameras: Int[np.ndarray, "some"]) -> Sightings:
        """Those of some cameras."""
        return Sightings(m=self.m[:, cameras], sigma_px=self.sigma_px[:, cameras], focal_px=self.focal_px[cameras])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Placed:
    """Cameras and points in one world of any scale."""

    R_camera_world: Float[np.ndarray, "cameras 3 3"]
    center: Float[np.ndarray, "cameras 3"]
    log_focal: Float[np.ndarray, "cameras"]
    """Logarithm of the focal length less that of `Sightings.focal_px`."""
    p_world: Float[np.ndarray, "points 3"]
    """NaN where fewer than two cameras see a point."""

    def scaled(self, factor: float) -> Placed:
        """The same world, larger."""
        return replace(self, center=self.center * factor, p_world=self.p_world * factor)

    def moved(self, T_new_world: Float[np.ndarray, "4 4"]) -> Placed:
        """The same cameras and points in another world."""
        return replace(
            self,
            R_camera_world=self.R_camera_world @ T_new_world[:3, :3].T,
            center=transform(T_new_world, self.center),
            p_world=transform(T_new_world, self.p_world),
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Adjusted:
    """The minimum."""

    placed: Placed
    weights: Float[np.ndarray, "points cameras"]
    """What the robust loss left of each sighting; 0 where there is none."""
    residual_px: Float[np.ndarray, "points cameras 2"]
    """Predicted less seen."""
    cost: float
    information: Float[np.ndarray, "numbers numbers"]
    """Of all cameras' numbers, the points eliminated; singular along the choice of the world."""
    basis: Float[np.ndarray, "numbers free"]
    """Which of the numbers were free; a column for a focal length that cameras share."""
    gradient_by_point: Float[np.ndarray, "points numbers"]
    """What each point adds to the reduced gradient, for a covariance that allows for errors that points share."""
    converged: bool


def adjust(
    sightings: Sightings,
    start: Placed,
    *,
    focal_sigma: Float[np.ndarray, "cameras"] | None = None,
    focal_group: Int[np.ndarray, "cameras"] | None = None,
    kernel: float = KERNEL,
    iterations: int = ITERATIONS,
) -> Adjusted:
    """The cameras and points that explain the sightings.

    `focal_sigma` is the standard deviation of each logarithm of a focal length about 0, 0 to hold it (the default);
    cameras of one `focal_group` share it. The seven freedoms of the world stay near those of `start`.
    """
    C = sightings.m.shape[1]
    sigma_f = np.zeros(C) if focal_sigma is None else focal_sigma
    B = _basis(sigma_f, np.arange(C) if focal_group is None else focal_group)
    prior = np.zeros(NUMBERS * C)
    prior[NUMBERS - 1 :: NUMBERS] = np.where(sigma_f > 0, 1 / np.maximum(sigma_f, 1e-9) ** 2, 0)
    state, damping, converged = start, 1e-4, False
    system = _system(sightings, state, kernel, prior)
    for _ in range(iterations):
        H, g = B.T @ system.S @ B, B.T @ system.g
        N = B.T @ _freedoms(state)
        gauge = N @ N.T * np.trace(H) / len(H)
        while True:
            step = -B @ np.linalg.solve(H + gauge + damping * np.diag(np.diag(H) + 1e-12), g)
            moved = _moved(state, step, system, damping)
            tried = _system(sightings, moved, kernel, prior)
            if tried.cost < system.cost or damping > 1e8:
                break
            damping *= 5
        fall = system.cost - tried.cost
        if fall <= 0:
            converged = True
            break
        state, converged = moved, fall < CONVERGED * system.cost
        system, damping = tried, max(damping / 5, 1e-10)
        if converged:
            break
    return Adjusted(
        placed=state,
        weights=system.weights,
        residual_px=system.residual,
        cost=system.cost,
        information=system.S,
        basis=B,
        gradient_by_point=system.by_point,
        converged=converged,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _System:
    """Normal equations with the points eliminated, and what it takes to find the points' steps."""

    S: np.ndarray
    g: np.ndarray
    by_point: np.ndarray
    cost: float
    weights: np.ndarray
    residual: np.ndarray
    W: np.ndarray
    """(points, camera numbers, 3)"""
    V: np.ndarray
    """(points, 3, 3), not yet damped"""
    gp: np.ndarray


def _system(sightings: Sightings, state: Placed, kernel: float, prior: np.ndarray) -> _System:
    P, C = sightings.sigma_px.shape
    p_cam = np.einsum("cij,pcj->pci", state.R_camera_world, state.p_world[:, None] - state.center)
    z = p_cam[..., 2]
    ok = sightings.seen & (z > 0)
    z = np.where(ok, z, 1.0)
    x, y = np.where(ok, p_cam[..., 0], 0) / z, np.where(ok, p_cam[..., 1], 0) / z
    f = sightings.focal_px * np.exp(state.log_focal)
    residual = np.stack([f * x, f * y], -1) - sightings.m
    r2 = np.where(ok, (residual**2).sum(-1) / sightings.sigma_px**2, 0)
    lost = int((sightings.seen & ~ok & np.isfinite(state.p_world[:, None, 0])).sum())
    k2 = kernel**2
    # a point behind a camera that sees it costs as much as any outlier
    robust = (k2 * r2 / (k2 + r2)).sum() + k2 * lost
    cost = 0.5 * float(robust + (prior[NUMBERS - 1 :: NUMBERS] * state.log_focal**2).sum())
    weights = np.where(ok, 1 / (1 + r2 / k2) ** 2, 0)
    A = np.zeros((P, C, 2, 3))  # d pixel / d p_cam
    A[..., 0, 0] = A[..., 1, 1] = f / z
    A[..., 0, 2], A[..., 1, 2] = -f * x / z, -f * y / z
    p = np.where(ok[..., None], p_cam, 0)
    cross = np.zeros((P, C, 3, 3))
    cross[..., 0, 1], cross[..., 0, 2], cross[..., 1, 2] = -p[..., 2], p[..., 1], -p[..., 0]
    cross -= np.swapaxes(cross, -1, -2)
    Jp = A @ state.R_camera_world
    J = np.concatenate([A @ cross, -Jp, np.stack([f * x, f * y], -1)[..., None]], -1)
    w = np.where(ok, weights / sightings.sigma_px**2, 0)
    r = np.where(ok[..., None], residual, 0)
    Jw = J * w[..., None, None]
    n = C * NUMBERS
    W = (np.swapaxes(Jw, -1, -2) @ Jp).reshape(P, n, 3)
    V = np.einsum("pcki,pckj->pij", Jp * w[..., None, None], Jp)
    gp = np.einsum("pcki,pck->pi", Jp, r * w[..., None])
    WV = W @ _inverted(V)
    S = np.diag(prior) - np.moveaxis(WV, 1, 0).reshape(n, -1) @ np.moveaxis(W, 1, 0).reshape(n, -1).T
    for c in range(C):
        at = slice(NUMBERS * c, NUMBERS * (c + 1))
        S[at, at] += Jw[:, c].reshape(-1, NUMBERS).T @ J[:, c].reshape(-1, NUMBERS)
    by_point = np.einsum("pcki,pck->pci", Jw, r).reshape(P, -1) - np.einsum("pni,pi->pn", WV, gp)
    focal = np.zeros(n)
    focal[NUMBERS - 1 :: NUMBERS] = state.log_focal
    return _System(S, by_point.sum(0) + prior * focal, by_point, cost, weights, residual, W, V, gp)


def _inverted(V: np.ndarray) -> np.ndarray:
    """Inverses, with a damping far below any real information; zero where a point has none."""
    scale = np.trace(V, axis1=-2, axis2=-1)[:, None, None]
    damped = V + np.where(scale > 0, 1e-9 * scale, 1) * np.eye(3)
    return np.where(scale > 0, np.linalg.inv(damped), 0)


def _moved(state: Placed, step: np.ndarray, system: _System, damping: float) -> Placed:
    by_camera = step.reshape(-1, NUMBERS)
    V = system.V + damping * np.einsum("pii->pi", system.V)[:, :, None] * np.eye(3)
    dp = -np.einsum("pij,pj->pi", _inverted(V), system.gp + np.einsum("pni,n->pi", system.W, step))
    turn = Rotation.from_rotvec(-by_camera[:, :3]).as_matrix()
    return Placed(
        R_camera_world=turn @ state.R_camera_world,
        center=state.center + by_camera[:, 3:6],
        log_focal=state.log_focal + by_camera[:, 6],
        p_world=state.p_world + dp,
    )


def freedoms(state: Placed) -> Float[np.ndarray, "numbers 7"]:
    """How the cameras' numbers change with the world: three turns, three shifts, its scale. Not orthogonal."""
    C = len(state.center)
    N = np.zeros((C, NUMBERS, 7))
    N[:, :3, :3] = state.R_camera_world
    middle = state.center - state.center.mean(0)
    for axis in range(3):
        N[:, 3:6, axis] = np.cross(np.eye(3)[axis], middle)
    N[:, 3:6, 3:6] = np.eye(3)
    N[:, 3:6, 6] = middle
    return N.reshape(-1, 7)


def _freedoms(state: Placed) -> np.ndarray:
    return np.linalg.qr(freedoms(state))[0]


def _basis(sigma_f: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Columns: every number that is free; one for the focal lengths of a group."""
    C = len(sigma_f)
    columns = []
    for c in range(C):
        for n in range(6):
            columns.append(np.eye(NUMBERS * C)[NUMBERS * c + n])
    for g in np.unique(group[sigma_f > 0]):
        column = np.zeros(NUMBERS * C)
        column[NUMBERS * np.flatnonzero((group == g) & (sigma_f > 0)) + 6] = 1
        columns.append(column)
    return np.stack(columns, -1)
