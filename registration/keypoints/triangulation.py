"""Robust triangulation of many points at once, with the cameras chosen for each point and a covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float

from geometry.camera import Camera
from registration.errors import RegistrationError
from registration.keypoints.projection import project_all, project_with_jacobian, rays


@dataclass(frozen=True, kw_only=True, slots=True)
class TriangulationOptions:
    """How views are chosen. Residuals are in units of the pixel sigma of their view."""

    max_residual: float = 5.0
    """A view that is further from the point is not used. Detectors err with heavier tails than a Gaussian's."""
    kernel: float = 2.0
    """Residual at which a view counts a quarter as much as a perfect one (Geman–McClure) while views are chosen."""
    min_angle: float = np.radians(4.0)
    """Two rays that meet at less than this do not fix a point, radians."""
    iterations: int = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Triangulation:
    """Points in the world, NaN where fewer than two views agree."""

    p_world: Float[np.ndarray, "*points 3"]
    covariance: Float[np.ndarray, "*points 3 3"]
    """Of each point, m², from the pixel sigmas of the views that are used."""
    used: Bool[np.ndarray, "*points cameras"]
    reprojection_px: Float[np.ndarray, "*points cameras"]
    """Distance to the pixel that was seen, also in the views that are not used; NaN where nothing was seen."""

    @property
    def sigma(self) -> Float[np.ndarray, "*points"]:
        """Standard deviation of each point, metres, as the root mean square over the three axes."""
        return np.sqrt(np.trace(self.covariance, axis1=-2, axis2=-1) / 3)


def triangulate(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "*points cameras 2"],
    sigma_px: Float[np.ndarray, "*points cameras"],
    options: TriangulationOptions | None = None,
) -> Triangulation:
    """The points that are seen at the pixels `q`, NaN where a camera does not see a point.

    Every pair of rays and all rays together propose a point; the proposal that the most views agree with (by a robust
    cost) is refined by Gauss–Newton on the pixels with the distortion, then each point drops the views that do not fit.
    Raises RegistrationError for fewer than two cameras.
    """
    options = options or TriangulationOptions()
    if len(cameras) < 2:
        raise RegistrationError(f"triangulation needs at least 2 cameras, got {len(cameras)}; leave fewer out")
    shape = q.shape[:-2]
    q = np.asarray(q, np.float64).reshape(-1, len(cameras), 2)
    sigma = np.broadcast_to(np.asarray(sigma_px, np.float64), (*shape, len(cameras))).reshape(-1, len(cameras))
    seen = np.isfinite(q).all(-1) & np.isfinite(sigma)
    chunk = max(1, 200_000 // len(cameras) ** 2)
    parts = [_triangulate(cameras, q[i : i + chunk], sigma[i : i + chunk], seen[i : i + chunk], options)
             for i in range(0, max(len(q), 1), chunk)]  # fmt: skip
    p, covariance, used, error = (np.concatenate(arrays) for arrays in zip(*parts))
    return Triangulation(
        p_world=p.reshape(*shape, 3),
        covariance=covariance.reshape(*shape, 3, 3),
        used=used.reshape(*shape, len(cameras)),
        reprojection_px=error.reshape(*shape, len(cameras)),
    )


def _triangulate(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "n cameras 2"],
    sigma: Float[np.ndarray, "n cameras"],
    seen: Bool[np.ndarray, "n cameras"],
    options: TriangulationOptions,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Point, covariance, used views and reprojection error."""
    p = _best_proposal(cameras, q, sigma, seen, options)
    for _ in range(options.iterations):
        r, JtJ, Jtr = _normal_equations(cameras, p, q, sigma, seen)
        weight = np.where(seen & np.isfinite(r), 1 / (1 + (r / options.kernel) ** 2) ** 2, 0)
        p = p - _solve(np.einsum("nc,ncij->nij", weight, JtJ), np.einsum("nc,nci->ni", weight, Jtr))
    used = np.asarray(seen & (_residual(cameras, p, q, sigma) < options.max_residual))
    for _ in range(len(cameras)):
        p = _refit(cameras, p, q, sigma, used, 3)
        r = np.where(used, np.nan_to_num(_residual(cameras, p, q, sigma), nan=np.inf), -1)
        worst = r.argmax(1)
        drop = (r.max(1) > options.max_residual) & (used.sum(1) > 2)
        if not drop.any():
            break
        used[drop, worst[drop]] = False
    r = _residual(cameras, p, q, sigma)
    bad = np.asarray((used.sum(1) < 2) | ~(np.where(used, r, 0) <= options.max_residual).all(1))
    bad = np.asarray(bad | ~(_widest_angle(cameras, p, used) >= options.min_angle))
    p = np.where(bad[:, None], np.nan, p)
    used &= ~bad[:, None]
    _, JtJ, _ = _normal_equations(cameras, p, q, sigma, used)
    information = np.where(bad[:, None, None], np.eye(3), JtJ.sum(1))
    covariance = np.where(bad[:, None, None], np.nan, np.linalg.inv(information))
    return p, covariance, used, np.linalg.norm(project_all(cameras, p) - q, axis=-1)


def _best_proposal(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "n cameras 2"],
    sigma: Float[np.ndarray, "n cameras"],
    seen: Bool[np.ndarray, "n cameras"],
    options: TriangulationOptions,
) -> Float[np.ndarray, "n 3"]:
    """Of the points nearest to each pair of rays and to all rays, the one with the lowest robust cost."""
    v = rays(cameras, np.where(seen[..., None], q, np.nan))
    good = np.asarray(np.isfinite(v).all(-1))
    v = np.where(good[..., None], v, 0)
    A = np.where(good[..., None, None], np.eye(3) - v[..., :, None] * v[..., None, :], 0)  # projects off the ray
    b = np.einsum("ncij,cj->nci", A, np.stack([camera.center for camera in cameras]))
    # a view that guesses a hidden joint agrees easily, and several guess alike: it has less of a say
    say = np.where(seen, np.nanmin(np.where(seen, sigma, np.inf), axis=1, keepdims=True) / sigma, 0.0)
    best, best_cost = np.full((len(q), 3), np.nan), np.full(len(q), np.inf)
    everything = tuple(range(len(cameras)))
    for views in [everything, *(combinations(everything, 2) if len(cameras) > 2 else [])]:
        members = list(views)
        p = _solve(A[:, members].sum(1), b[:, members].sum(1))
        if len(members) == 2:
            cosine = np.einsum("ni,ni->n", v[:, members[0]], v[:, members[1]])
            bad = ~good[:, members].all(1) | (np.abs(cosine) > np.cos(options.min_angle))
        else:
            bad = good.sum(1) < 2
        r2 = np.nan_to_num(_residual(cameras, p, q, sigma) ** 2, nan=np.inf)
        # a point behind a camera that claims to see it costs as much as any other outlier
        cost = np.where(seen, say * (1 - 1 / (1 + r2 / options.kernel**2)), 0).sum(1)
        better = ~bad & (cost < best_cost)
        best, best_cost = np.where(better[:, None], p, best), np.where(better, cost, best_cost)
    return best


def _refit(
    cameras: Sequence[Camera],
    p: Float[np.ndarray, "n 3"],
    q: Float[np.ndarray, "n cameras 2"],
    sigma: Float[np.ndarray, "n cameras"],
    used: Bool[np.ndarray, "n cameras"],
    iterations: int,
) -> Float[np.ndarray, "n 3"]:
    """Gauss–Newton over the used views, all weighted by their sigma."""
    for _ in range(iterations):
        _, JtJ, Jtr = _normal_equations(cameras, p, q, sigma, used)
        p = p - _solve(JtJ.sum(1), Jtr.sum(1))
    return p


def _normal_equations(
    cameras: Sequence[Camera],
    p: Float[np.ndarray, "n 3"],
    q: Float[np.ndarray, "n cameras 2"],
    sigma: Float[np.ndarray, "n cameras"],
    used: Bool[np.ndarray, "n cameras"],
) -> tuple[Float[np.ndarray, "n cameras"], Float[np.ndarray, "n cameras 3 3"], Float[np.ndarray, "n cameras 3"]]:
    """Residual in sigmas, JᵀJ and Jᵀr of each view; zeros for the views that are not used."""
    n, count = q.shape[:2]
    r, JtJ, Jtr = np.full((n, count), np.nan), np.zeros((n, count, 3, 3)), np.zeros((n, count, 3))
    for c, camera in enumerate(cameras):
        predicted, J = project_with_jacobian(camera, p)
        e = (predicted - q[:, c]) / sigma[:, c, None]
        J = J / sigma[:, c, None, None]
        ok = used[:, c] & np.isfinite(e).all(-1) & np.isfinite(J).all((-2, -1))
        e, J = np.where(ok[:, None], e, 0), np.where(ok[:, None, None], J, 0)
        r[:, c] = np.where(ok, np.linalg.norm(e, axis=-1), np.nan)
        JtJ[:, c], Jtr[:, c] = np.einsum("nki,nkj->nij", J, J), np.einsum("nki,nk->ni", J, e)
    return r, JtJ, Jtr


def _residual(
    cameras: Sequence[Camera],
    p: Float[np.ndarray, "n 3"],
    q: Float[np.ndarray, "n cameras 2"],
    sigma: Float[np.ndarray, "n cameras"],
) -> Float[np.ndarray, "n cameras"]:
    return np.linalg.norm(project_all(cameras, p) - q, axis=-1) / sigma


def _solve(A: Float[np.ndarray, "n 3 3"], b: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """A⁻¹ b, with a damping far below any real information so that no system is singular."""
    scale = np.trace(A, axis1=-2, axis2=-1)[:, None, None] / 3
    damped = A + np.where(scale > 0, 1e-9 * scale, 1.0) * np.eye(3)
    return np.linalg.solve(damped, b[..., None])[..., 0]


def _widest_angle(
    cameras: Sequence[Camera], p: Float[np.ndarray, "n 3"], used: Bool[np.ndarray, "n cameras"]
) -> Float[np.ndarray, "n"]:
    """The largest angle, 0 to π/2, at which two used rays meet."""
    v = p[:, None] - np.stack([camera.center for camera in cameras])
    v = np.where(used[..., None], v / np.linalg.norm(v, axis=-1, keepdims=True), 0)
    cosine = np.abs(np.einsum("nci,ndi->ncd", v, v))
    pairs = used[:, :, None] & used[:, None, :]
    return np.arccos(np.clip(np.where(pairs, cosine, 1).min((1, 2)), 0, 1))
