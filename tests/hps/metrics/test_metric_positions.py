"""Metrics: zero on equal bodies, invariance, and known offsets."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hps.errors import HpsError
from hps.metrics import acceleration_error_mm, mpjpe_mm, pa_mpjpe_mm, pa_pve_mm, procrustes, pve_mm

ROUNDING_MM = 1e-9  # float64 over coordinates of some metres


def _points(seed: int, frames: int = 4, points: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, (frames, points, 3))


@given(st.integers(0, 2**32 - 1))
def test_every_metric_is_zero_on_equal_bodies(seed):
    p = _points(seed)
    for metric in (mpjpe_mm, pa_mpjpe_mm, pve_mm, pa_pve_mm, acceleration_error_mm):
        assert metric(p, p) == pytest.approx(0, abs=ROUNDING_MM)
    assert mpjpe_mm(p, p, root=0) == pytest.approx(0, abs=ROUNDING_MM)


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5.0))
def test_pa_mpjpe_ignores_a_similarity_of_the_estimate(seed, scale):
    p, truth = _points(seed), _points(seed + 1)
    rng = np.random.default_rng(seed)
    moved = scale * p @ Rotation.random(rng=rng).as_matrix().T + rng.normal(0, 3, 3)
    assert pa_mpjpe_mm(moved, truth) == pytest.approx(pa_mpjpe_mm(p, truth), rel=1e-9)
    assert pa_mpjpe_mm(p, truth * 1.0) == pytest.approx(pa_pve_mm(p, truth), rel=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_pa_mpjpe_never_mirrors(seed):
    p = _points(seed)
    assert (pa_mpjpe_mm(p * [-1, 1, 1], p) > 10).all()  # a random body is far from its mirror image


def test_procrustes_is_a_least_squares_optimum():
    p, truth = _points(3), _points(4)
    best = ((procrustes(p, truth) - truth) ** 2).sum((1, 2))
    rng = np.random.default_rng(5)
    for _ in range(50):
        moved = procrustes(p, truth)
        center = moved.mean(1, keepdims=True)
        nudge = Rotation.from_rotvec(rng.normal(0, 0.05, 3)).as_matrix()
        other = (moved - center) @ nudge.T * rng.normal(1, 0.05) + center + rng.normal(0, 0.01, 3)
        assert (((other - truth) ** 2).sum((1, 2)) >= best).all()


def test_a_known_offset_is_measured_in_millimetres():
    truth = _points(0)
    moved = truth + [0.003, 0.0, 0.004]
    assert mpjpe_mm(moved, truth) == pytest.approx(5.0)
    assert pve_mm(moved, truth) == pytest.approx(5.0)
    assert mpjpe_mm(moved, truth, root=0) == pytest.approx(0, abs=ROUNDING_MM)
    assert pve_mm(moved, truth, offset=np.tile([-0.003, 0, -0.004], (4, 1))) == pytest.approx(0, abs=ROUNDING_MM)
    assert acceleration_error_mm(moved, truth) == pytest.approx(0, abs=ROUNDING_MM)


def test_acceleration_error_of_a_shaken_frame():
    truth = np.zeros((5, 24, 3))
    shaken = truth.copy()
    shaken[2, :, 1] = 0.01
    assert acceleration_error_mm(shaken, truth) == pytest.approx([10, 20, 10])
    assert acceleration_error_mm(shaken, truth, rate_hz=30.0) == pytest.approx([9000, 18000, 9000])


def test_a_missing_joint_is_not_left_out_of_the_mean():
    truth = _points(0)
    estimate = truth.copy()
    estimate[1, 5] = np.nan
    for metric in (mpjpe_mm, pa_mpjpe_mm):
        assert list(np.isnan(metric(estimate, truth))) == [False, True, False, False]


def test_a_collapsed_estimate_is_only_moved():
    truth = _points(1)
    collapsed = np.zeros_like(truth)
    spread = 1000 * np.linalg.norm(truth - truth.mean(1, keepdims=True), axis=-1).mean(-1)
    assert pa_mpjpe_mm(collapsed, truth) == pytest.approx(spread)


def test_bad_input_is_named():
    with pytest.raises(HpsError, match=r"estimate \(4, 24, 3\) and truth \(3, 24, 3\)"):
        inspect.unwrap(mpjpe_mm)(_points(0), _points(0)[:3])  # the tests' shape check would see it first
    with pytest.raises(HpsError, match="at least 3 frames, there are 2"):
        acceleration_error_mm(_points(0)[:2], _points(0)[:2])
