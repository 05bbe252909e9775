"""Points over time as a body can move: smoothed no more than the clip's own motion allows, gaps with growing spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

WINDOW_S = 0.2
"""Time around an instant over which its motion is measured: a kick lasts three of them."""
LEAST_ACCELERATION = 0.5
"""m/s², of a person who stands still: sway."""
GAP_ACCELERATION = 20.0
"""m/s², of a part while nothing is seen of it: what arms and legs do in a walk."""
QUIETEST = 0.2
"""Share of joints and windows that are taken to be nearly still, from which the noise of detections is measured."""
QUIETEST_OF_NOISE = 0.7
"""What that share of windows shows of pure noise: so much do 13 instants differ by chance."""
CHANCE = 1.35
"""Second differences up to so many times the noise's own, squared, are no motion: what 13 instants of noise reach."""
STRIDES = (1, 2, 4)
"""Instants over which second differences are taken: quick motion shows in short ones, slow motion only in long ones."""
LEAST_NOISE = 0.05
"""The least share of a covariance that is taken for noise from image to image; the rest are errors that stay."""


@dataclass(frozen=True, slots=True)
class Smoothed:
    """Points at every instant, with what is left of their noise; NaN for a point that is never known."""

    p: Float[np.ndarray, "instants joints 3"]
    covariance: Float[np.ndarray, "instants joints 3 3"]
    noise: float
    """Which share of the given covariances changes from image to image; smoothing takes away nothing else."""


def smooth(
    p: Float[np.ndarray, "instants joints 3"],
    covariance: Float[np.ndarray, "instants joints 3 3"],
    time_s: Float[np.ndarray, "instants"],
) -> Smoothed:
    """A Rauch–Tung–Striebel smoother of each joint with white-noise acceleration (Bar-Shalom, Estimation, 6.2.2).

    How much acceleration is measured around each instant from the points themselves, less their noise: fast motion is
    hardly smoothed, a still person strongly. p and covariance: NaN where nothing is known. Between known points the
    result is the likeliest path and its spread.
    """
    known = np.asarray(np.isfinite(p).all(-1) & np.isfinite(covariance).all((-2, -1)))
    if len(p) < 4:
        return Smoothed(np.where(known[..., None], p, np.nan), covariance.copy(), 1.0)
    noise = noise_share(p, covariance, known, time_s)
    q = _motion(p, noise * covariance, known, time_s)
    safe_p = np.where(known[..., None], p, 0.0)
    safe_R = np.where(known[..., None, None], noise * covariance, np.eye(3))
    x, P = _forward_backward(safe_p, safe_R, known, q, time_s)
    lasting = (1 - noise) * _nearest_known(covariance, known)
    ever = np.asarray(known.any(0))
    return Smoothed(
        np.where(ever[:, None], x[..., :3], np.nan),
        np.where(ever[:, None, None], P[..., :3, :3] + lasting, np.nan),
        noise,
    )


def noise_share(
    p: Float[np.ndarray, "instants joints 3"],
    covariance: Float[np.ndarray, "instants joints 3 3"],
    known: Bool[np.ndarray, "instants joints"],
    time_s: Float[np.ndarray, "instants"],
) -> float:
    """Variance of the third difference over what the covariances predict, where the points move least; at most 1.

    A detector's error has a part that stays while the pose stays: differences over time do not see it.
    """
    steps = np.diff(time_s)
    even = np.ptp(np.stack([steps[:-2], steps[1:-1], steps[2:]]), axis=0) < 0.2 * np.median(steps)
    d3 = p[3:] - 3 * p[2:-1] + 3 * p[1:-2] - p[:-3]
    trace = np.trace(covariance, axis1=-2, axis2=-1)
    expected = trace[3:] + 9 * trace[2:-1] + 9 * trace[1:-2] + trace[:-3]
    all_known = known[3:] & known[2:-1] & known[1:-2] & known[:-3] & even[:, None]
    ratio = np.where(all_known, (d3**2).sum(-1) / np.where(all_known, expected, 1.0), np.nan)
    window = _window(time_s)
    smooth_ratio = _moving_mean(ratio, window)
    values = smooth_ratio[np.isfinite(smooth_ratio)]
    if not values.size:
        return 1.0
    return float(np.clip(np.quantile(values, QUIETEST) / QUIETEST_OF_NOISE, LEAST_NOISE, 1.0))


def _motion(
    p: Float[np.ndarray, "instants joints 3"],
    noise: Float[np.ndarray, "instants joints 3 3"],
    known: Bool[np.ndarray, "instants joints"],
    time_s: Float[np.ndarray, "instants"],
) -> Float[np.ndarray, "steps joints"]:
    """Density of the acceleration, m²/s³, for the step after each instant."""
    density = np.full(p.shape[:2], np.nan)
    for stride in STRIDES:
        if len(p) > 2 * stride:
            density = np.fmax(density, _motion_at(p, noise, known, time_s, stride))
    step = float(np.median(np.diff(time_s)))
    density = np.where(np.isfinite(density), density, GAP_ACCELERATION**2 * step)
    density = np.maximum(density, LEAST_ACCELERATION**2 * step)
    density = (density[1:] + density[:-1]) / 2
    gap = ~(known[:-1] & known[1:])
    return np.where(gap, np.maximum(density, GAP_ACCELERATION**2 * step), density)


def _motion_at(
    p: Float[np.ndarray, "instants joints 3"],
    noise: Float[np.ndarray, "instants joints 3 3"],
    known: Bool[np.ndarray, "instants joints"],
    time_s: Float[np.ndarray, "instants"],
    stride: int,
) -> Float[np.ndarray, "instants joints"]:
    """That density from second differences over `stride` instants; NaN where there is none, 0 where it is noise."""
    here = slice(stride, -stride)
    before = (time_s[here] - time_s[: -2 * stride])[:, None, None]
    after = (time_s[2 * stride :] - time_s[here])[:, None, None]
    dt = (before + after) / 2
    d2 = ((p[2 * stride :] - p[here]) / after - (p[here] - p[: -2 * stride]) / before) * dt
    trace = np.trace(noise, axis1=-2, axis2=-1)
    there = known[2 * stride :] & known[here] & known[: -2 * stride]
    reach = _window(time_s)
    seen = _moving_mean(np.where(there, (d2**2).sum(-1), np.nan), reach)
    expected = trace[2 * stride :] + 4 * trace[here] + trace[: -2 * stride]
    by_chance = _moving_mean(np.where(there, expected, np.nan), reach)
    # what is there by chance weighs little at the longest stride, which alone shows slow motion
    least = 1.0 if stride == STRIDES[-1] else CHANCE
    excess = np.where(seen > least * by_chance, seen - by_chance, 0.0) / 3
    density = np.where(np.isfinite(seen), excess, np.nan) * 1.5 / dt[..., 0] ** 3
    return np.pad(density, ((stride, stride), (0, 0)), mode="edge")


def _forward_backward(
    z: Float[np.ndarray, "instants joints 3"],
    R: Float[np.ndarray, "instants joints 3 3"],
    known: Bool[np.ndarray, "instants joints"],
    q: Float[np.ndarray, "steps joints"],
    time_s: Float[np.ndarray, "instants"],
) -> tuple[Float[np.ndarray, "instants joints 6"], Float[np.ndarray, "instants joints 6 6"]]:
    """Smoothed position and velocity with their covariance, of all joints at once."""
    T, J = known.shape
    x, P = np.zeros((T, J, 6)), np.zeros((T, J, 6, 6))
    ahead_x, ahead_P = np.zeros((T, J, 6)), np.zeros((T, J, 6, 6))
    first = np.where(known.any(0), known.argmax(0), 0)
    state = np.concatenate([z[first, np.arange(J)], np.zeros((J, 3))], -1)
    spread = np.zeros((J, 6, 6))
    spread[:, range(3), range(3)], spread[:, range(3, 6), range(3, 6)] = 1.0**2, 10.0**2
    F = np.eye(6)
    for t in range(T):
        if t:
            F, Q = _step(float(time_s[t] - time_s[t - 1]), q[t - 1])
            state, spread = state @ F.T, F @ spread @ F.T + Q
        ahead_x[t], ahead_P[t] = state, spread
        gain = np.where(known[t, :, None, None], spread[:, :, :3] @ np.linalg.inv(spread[:, :3, :3] + R[t]), 0.0)
        state = state + (gain @ (z[t] - state[:, :3])[..., None])[..., 0]
        spread = spread - gain @ spread[:, :3]
        spread = (spread + np.swapaxes(spread, -1, -2)) / 2
        x[t], P[t] = state, spread
    for t in range(T - 2, -1, -1):
        F, _ = _step(float(time_s[t + 1] - time_s[t]), q[t])
        back = P[t] @ F.T @ np.linalg.inv(ahead_P[t + 1])
        x[t] += (back @ (x[t + 1] - ahead_x[t + 1])[..., None])[..., 0]
        P[t] += back @ (P[t + 1] - ahead_P[t + 1]) @ np.swapaxes(back, -1, -2)
    return x, P


def _step(dt: float, q: Float[np.ndarray, "joints"]) -> tuple[np.ndarray, np.ndarray]:
    """Transition of position and velocity over `dt` and its noise."""
    one, zero = np.eye(3), np.zeros((3, 3))
    F = np.block([[one, dt * one], [zero, one]])
    Q = np.block([[dt**3 / 3 * one, dt**2 / 2 * one], [dt**2 / 2 * one, dt * one]])
    return F, q[:, None, None] * Q


def _window(time_s: Float[np.ndarray, "instants"]) -> int:
    """Instants to each side that are within WINDOW_S."""
    return max(1, round(WINDOW_S / float(np.median(np.diff(time_s)))))


def _moving_mean(values: Float[np.ndarray, "n joints"], reach: int) -> Float[np.ndarray, "n joints"]:
    """Mean over `reach` rows to each side, of what is finite; NaN without any."""
    finite = np.isfinite(values)
    total = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), np.where(finite, values, 0.0)]), axis=0)
    count = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), finite]), axis=0)
    n = len(values)
    low, high = np.maximum(np.arange(n) - reach, 0), np.minimum(np.arange(n) + reach + 1, n)
    many = count[high] - count[low]
    return np.where(many > 0, (total[high] - total[low]) / np.maximum(many, 1), np.nan)


def _nearest_known(
    covariance: Float[np.ndarray, "instants joints 3 3"], known: Bool[np.ndarray, "instants joints"]
) -> Float[np.ndarray, "instants joints 3 3"]:
    """The covariance of the nearest instant at which the joint is known; zeros for one that never is."""
    T = len(known)
    out = np.zeros_like(covariance)
    for j in np.flatnonzero(known.any(0)):
        at = np.flatnonzero(known[:, j])
        nearest = at[np.abs(np.arange(T)[:, None] - at).argmin(1)]
        out[:, j] = covariance[nearest, j]
    return out
