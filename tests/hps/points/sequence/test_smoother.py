"""The smoother against the least squares that it stands for."""

from __future__ import annotations

import numpy as np
import pytest

from hps.points.sequence.smoother import START_PLACE, START_SPEED, Measured, smooth

T, N = 9, 3


@pytest.fixture
def measured() -> Measured:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(T, N, N))
    seen = np.ones(T, bool)
    seen[[3, 4]] = False
    return Measured(
        places=np.where(seen[:, None], rng.normal(size=(T, N)), np.nan),
        covariance=root @ root.swapaxes(1, 2) + 0.1 * np.eye(N),
        seen=seen,
        time_s=np.cumsum(rng.uniform(0.02, 0.3, T)),
    )


def dense(measured: Measured, density: np.ndarray, moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of all places and velocities at once, from the normal equations of the whole clip."""
    A, b = np.zeros((T * 2 * N, T * 2 * N)), np.zeros(T * 2 * N)
    A[: 2 * N, : 2 * N] += np.diag(1 / np.repeat([START_PLACE, START_SPEED], N) ** 2)
    for t in np.flatnonzero(measured.seen):
        own = slice(2 * N * t, 2 * N * t + N)
        W = np.linalg.inv(measured.covariance[t])
        A[own, own] += W
        b[own] += W @ measured.places[t]
    for t, dt in enumerate(np.diff(measured.time_s)):
        F = np.block([[np.eye(N), dt * np.eye(N)], [np.zeros((N, N)), np.eye(N)]])
        Q = np.kron(np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]]), np.diag(density))
        J = np.zeros((2 * N, T * 2 * N))
        J[:, 2 * N * t : 2 * N * (t + 1)] = -F
        J[:, 2 * N * (t + 1) : 2 * N * (t + 2)] = np.eye(2 * N)
        W = np.linalg.inv(Q)
        A += J.T @ W @ J
        b -= J.T @ W @ np.r_[moved[t], np.zeros(N)]
    return np.linalg.solve(A, b).reshape(T, 2 * N), np.linalg.inv(A)


def test_it_is_the_least_squares_of_the_whole_clip(measured: Measured) -> None:
    rng = np.random.default_rng(1)
    density, moved = rng.uniform(0.5, 5, N), 0.1 * rng.normal(size=(T - 1, N))
    found = smooth(measured, density, moved)
    mean, covariance = dense(measured, density, moved)
    np.testing.assert_allclose(found.places, mean[:, :N], atol=1e-8)  # rounding of two solutions of one system
    np.testing.assert_allclose(found.velocities, mean[:, N:], atol=1e-7)
    assert found.covariance is not None
    for t in range(T):
        own = slice(2 * N * t, 2 * N * t + N)
        np.testing.assert_allclose(found.covariance[t], covariance[own, own], atol=1e-7)


def test_means_are_the_same_without_covariances(measured: Measured) -> None:
    quick = smooth(measured, np.ones(N), with_covariance=False)
    np.testing.assert_allclose(quick.places, smooth(measured, np.ones(N)).places, atol=1e-9)
    assert quick.covariance is None


def test_a_gap_is_crossed_with_the_velocity_around_it_and_is_less_certain(measured: Measured) -> None:
    time = np.arange(12) / 30
    seen = np.ones(12, bool)
    seen[5:8] = False
    line = np.stack([2 * time, -time, 0 * time], 1)
    told = Measured(
        places=np.where(seen[:, None], line, np.nan), covariance=np.tile(1e-4 * np.eye(N), (12, 1, 1)), seen=seen,
        time_s=time,
    )  # fmt: skip
    found = smooth(told, np.ones(N))
    np.testing.assert_allclose(found.places, line, atol=1e-4)  # the start's speed prior pulls by 1e-5
    assert found.covariance is not None
    spread = found.covariance[:, 0, 0]
    assert spread[6] > spread[4]
    assert spread[6] > spread[8]
