"""Rauch–Tung–Striebel smoothing of places that move with nearly constant velocity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import cho_factor, cho_solve

START_PLACE: Final = 10.0
START_SPEED: Final = 20.0
"""Standard deviations before the first frame: nothing is known (radians, metres; per second)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measured:
    """What frames say of places, each with its covariance."""

    places: Float[np.ndarray, "frames n"]
    covariance: Float[np.ndarray, "frames n n"]
    seen: Bool[np.ndarray, "frames"]
    """Frames that say nothing are bridged."""
    time_s: Float[np.ndarray, "frames"]
    """Rising."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Smoothed:
    """Places and velocities given all frames."""

    places: Float[np.ndarray, "frames n"]
    velocities: Float[np.ndarray, "frames n"]
    covariance: Float[np.ndarray, "frames n n"] | None
    """Of the places; None where it was not asked for."""


@dataclass(kw_only=True)
class _Filtered:
    mean: np.ndarray
    covariance: np.ndarray
    predicted: np.ndarray
    predicted_covariance: np.ndarray


def smooth(
    measured: Measured,
    density: Float[np.ndarray, "n"] | Float[np.ndarray, "steps n"],
    moved: Float[np.ndarray, "steps n"] | None = None,
    *,
    with_covariance: bool = True,
) -> Smoothed:
    """Places and velocities of a motion whose acceleration is white noise of that spectral density (Rauch 1965).

    density: one for the clip, or one for the way from each frame to the next.
    moved: how far the origins of the places moved from each frame to the next; a place is what it was, plus its way,
    less that. n is 75 for a body, and a frame takes about n³ / 10 ns of a core's time without covariances, three times
    as much with them.
    """
    T, n = measured.places.shape
    moved = np.zeros((max(T - 1, 0), n)) if moved is None else moved
    density = np.broadcast_to(density, (max(T - 1, 0), n))
    filtered = _forward(measured, density, moved)
    mean = np.empty((T, 2 * n))
    covariance = np.empty((T, n, n)) if with_covariance else None
    m, P = filtered[-1].mean, filtered[-1].covariance
    mean[-1] = m
    if covariance is not None:
        covariance[-1] = P[:n, :n]
    steps = np.diff(measured.time_s)
    for t in range(T - 2, -1, -1):
        now, later = filtered[t], filtered[t + 1]
        factor = cho_factor(later.predicted_covariance, lower=True, check_finite=False)
        ahead = _ahead(now.covariance, steps[t])
        if covariance is None:
            m = now.mean + ahead.T @ cho_solve(factor, m - later.predicted, check_finite=False)
        else:
            gain = cho_solve(factor, ahead, check_finite=False).T
            m = now.mean + gain @ (m - later.predicted)
            P = now.covariance + gain @ (P - later.predicted_covariance) @ gain.T
            covariance[t] = (P[:n, :n] + P[:n, :n].T) / 2
        mean[t] = m
    return Smoothed(places=mean[:, :n], velocities=mean[:, n:], covariance=covariance)


def _forward(measured: Measured, density: np.ndarray, moved: np.ndarray) -> list[_Filtered]:
    """The Kalman filter: each frame before and after it is looked at."""
    T, n = measured.places.shape
    steps = np.diff(measured.time_s)
    m = np.zeros(2 * n)
    P = np.diag(np.repeat([START_PLACE**2, START_SPEED**2], n))
    found = []
    for t in range(T):
        if t:
            dt = steps[t - 1]
            m = np.r_[m[:n] + dt * m[n:] - moved[t - 1], m[n:]]
            P = _ahead(_ahead(P, dt).T, dt)
            P = (P + P.T) / 2
            for i, k, factor in ((0, 0, dt**3 / 3), (0, n, dt**2 / 2), (n, 0, dt**2 / 2), (n, n, dt)):
                P[np.arange(i, i + n), np.arange(k, k + n)] += factor * density[t - 1]
        before, P_before = m, P
        if measured.seen[t]:
            S = P[:n, :n] + measured.covariance[t]
            gain = cho_solve(cho_factor(S, lower=True, check_finite=False), P[:n], check_finite=False).T
            m = m + gain @ (measured.places[t] - m[:n])
            P = P - gain @ P[:n]
            P = (P + P.T) / 2
        found.append(_Filtered(mean=m, covariance=P, predicted=before, predicted_covariance=P_before))
    return found


def _ahead(P: Float[np.ndarray, "states states"], dt: float) -> Float[np.ndarray, "states states"]:
    """F P with F of constant velocity."""
    n = len(P) // 2
    out = P.copy()
    out[:n] += dt * P[n:]
    return out
