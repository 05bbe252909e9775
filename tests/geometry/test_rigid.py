"""Rigid transforms form a group, and keep what rigid motions keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geometry.errors import GeometryError
from geometry.rigid import from_rotvec, inverse, is_rigid, look_at, rigid, rotate, rotation_angle, transform

EXACT = 1e-12  # a few roundings of float64 at magnitudes below 100
vectors = arrays(np.float64, 3, elements=st.floats(-3, 3))
motions = st.builds(from_rotvec, vectors, vectors)


@given(motions, motions, motions)
def test_composition_is_associative(a, b, c):
    np.testing.assert_allclose((a @ b) @ c, a @ (b @ c), atol=EXACT)


@given(motions)
def test_inverse_undoes_from_both_sides(T):
    np.testing.assert_allclose(T @ inverse(T), np.eye(4), atol=EXACT)
    np.testing.assert_allclose(inverse(T) @ T, np.eye(4), atol=EXACT)
    np.testing.assert_allclose(inverse(inverse(T)), T, atol=EXACT)


@given(motions, motions)
def test_group_is_closed_and_inverse_reverses_order(a, b):
    assert is_rigid(a @ b)
    np.testing.assert_allclose(inverse(a @ b), inverse(b) @ inverse(a), atol=EXACT)


@given(motions, motions, vectors, vectors)
def test_action_composes_and_keeps_distances(a, b, p, q):
    np.testing.assert_allclose(transform(a @ b, p), transform(a, transform(b, p)), atol=EXACT)
    assert np.linalg.norm(transform(a, p) - transform(a, q)) == pytest.approx(np.linalg.norm(p - q), abs=EXACT)
    np.testing.assert_allclose(rotate(a, p - q), transform(a, p) - transform(a, q), atol=EXACT)


@given(vectors.filter(lambda v: np.linalg.norm(v) < np.pi), vectors)
def test_rotation_angle_is_the_length_of_the_rotation_vector(rotvec, t):
    # near a half turn the angle is the arc cosine of a number near -1: half the digits are left
    assert rotation_angle(from_rotvec(rotvec, t)) == pytest.approx(np.linalg.norm(rotvec), abs=1e-7)


def test_batches_agree_with_single_transforms():
    rng = np.random.default_rng(0)
    singles = [from_rotvec(rng.normal(size=3), rng.normal(size=3)) for _ in range(6)]
    batch = np.stack(singles).reshape(2, 3, 4, 4)
    np.testing.assert_allclose(inverse(batch).reshape(6, 4, 4), [inverse(T) for T in singles], atol=EXACT)
    np.testing.assert_allclose(rotation_angle(batch).ravel(), [rotation_angle(T) for T in singles], atol=EXACT)
    np.testing.assert_array_equal(rigid(batch[..., :3, :3], batch[..., :3, 3]), batch)


@given(vectors, vectors)
def test_look_at_puts_the_target_on_the_axis_and_the_horizon_level(eye, target):
    line = target - eye
    if np.hypot(line[0], line[1]) < 1e-3:
        return
    T = look_at(eye, target)
    assert is_rigid(T)
    np.testing.assert_allclose(transform(inverse(T), target), [0, 0, np.linalg.norm(line)], atol=1e-11)
    assert T[2, 0] == pytest.approx(0, abs=EXACT)  # x is horizontal
    assert T[2, 1] < 0  # y points down


def test_look_at_refuses_a_view_along_up():
    with pytest.raises(GeometryError, match="move the eye"):
        look_at(np.array([0.0, 0, 2]), np.array([0.0, 0, 0]))


@pytest.mark.parametrize(
    "T",
    [np.diag([1.0, 1, -1, 1]), np.diag([1.0, 1, 1.01, 1]), np.full((4, 4), np.nan), np.diag([1.0, 1, 1, 2])],
    ids=["mirror", "scale", "nan", "homogeneous row"],
)
def test_is_rigid_refuses(T):
    assert not is_rigid(T)
