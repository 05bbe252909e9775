"""Rotation conversions: round trips, group laws, gradients where formulas divide by zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from body.rotations import (
    axis_angle_to_matrix,
    axis_angle_to_quaternion,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    matrix_to_rotation_6d,
    quaternion_to_axis_angle,
    quaternion_to_matrix,
    rotation_6d_to_matrix,
    skew,
)

ROUNDING = 1e-12
"""A few hundred float64 roundings of numbers near one."""

angles = st.one_of(st.floats(0, np.pi), st.sampled_from([0.0, 1e-12, 1e-8, 1e-5, 1e-4, 1e-3, np.pi - 1e-6, np.pi]))


@st.composite
def axis_angles(draw: st.DrawFn) -> torch.Tensor:
    axis = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(size=3)
    if draw(st.booleans()):
        axis = np.eye(3)[draw(st.integers(0, 2))]
    return torch.tensor(axis / np.linalg.norm(axis) * draw(angles))


@given(axis_angles())
@settings(deadline=None)
def test_every_representation_returns_the_same_matrix(axis_angle: torch.Tensor) -> None:
    R = axis_angle_to_matrix(axis_angle)
    expected = Rotation.from_rotvec(axis_angle.numpy()).as_matrix()
    np.testing.assert_allclose(R.numpy(), expected, atol=ROUNDING)
    for back in (
        axis_angle_to_matrix(matrix_to_axis_angle(R)),
        quaternion_to_matrix(matrix_to_quaternion(R)),
        quaternion_to_matrix(axis_angle_to_quaternion(axis_angle)),
        rotation_6d_to_matrix(matrix_to_rotation_6d(R)),
    ):
        np.testing.assert_allclose(back.numpy(), expected, atol=ROUNDING)


@given(axis_angles())
@settings(deadline=None)
def test_axis_angle_survives_below_half_a_turn(axis_angle: torch.Tensor) -> None:
    if axis_angle.norm() > np.pi - 1e-4:
        return  # both axes are right
    back = matrix_to_axis_angle(axis_angle_to_matrix(axis_angle))
    np.testing.assert_allclose(back.numpy(), axis_angle.numpy(), atol=1e-10)


@given(axis_angles(), axis_angles())
@settings(deadline=None)
def test_composition_inverse_and_determinant(a: torch.Tensor, b: torch.Tensor) -> None:
    A, B = axis_angle_to_matrix(a), axis_angle_to_matrix(b)
    identity = np.eye(3)
    np.testing.assert_allclose((A @ A.mT).numpy(), identity, atol=ROUNDING)
    np.testing.assert_allclose(axis_angle_to_matrix(-a).numpy(), A.mT.numpy(), atol=ROUNDING)
    np.testing.assert_allclose(torch.linalg.det(A).item(), 1, atol=ROUNDING)
    # R exp(b) R^T = exp(R b)
    np.testing.assert_allclose((A @ B @ A.mT).numpy(), axis_angle_to_matrix(A @ b).numpy(), atol=ROUNDING)
    np.testing.assert_allclose((A @ skew(b) @ A.mT).numpy(), skew(A @ b).numpy(), atol=ROUNDING)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("angle", [0.0, 1e-20, 1e-8, 1e-4, 1.0, np.pi - 1e-7, np.pi])
def test_gradients_are_finite_everywhere(angle: float, dtype: torch.dtype) -> None:
    axis_angle = torch.tensor([[angle, 0, 0], [0.6 * angle, 0, -0.8 * angle]], dtype=dtype)
    R = axis_angle_to_matrix(axis_angle)
    cases = [
        (axis_angle_to_matrix, axis_angle),
        (axis_angle_to_quaternion, axis_angle),
        (matrix_to_axis_angle, R),
        (matrix_to_quaternion, R),
        (quaternion_to_axis_angle, matrix_to_quaternion(R)),
        (quaternion_to_matrix, matrix_to_quaternion(R)),
        (rotation_6d_to_matrix, matrix_to_rotation_6d(R)),
    ]
    for convert, value in cases:
        value = value.detach().requires_grad_()
        convert(value).square().sum().backward()
        assert value.grad is not None
        assert torch.isfinite(value.grad).all(), convert.__name__


@pytest.mark.parametrize("angle", [0.0, 1e-5, 1e-3, 0.5, 3.0])
def test_gradients_agree_with_differences(angle: float) -> None:
    axis_angle = torch.tensor([0.36, 0.48, 0.8], dtype=torch.float64) * angle
    axis_angle.requires_grad_()
    assert torch.autograd.gradcheck(axis_angle_to_matrix, axis_angle)
    assert torch.autograd.gradcheck(lambda a: matrix_to_axis_angle(axis_angle_to_matrix(a)), axis_angle)


def test_quaternions_of_either_sign_mean_the_same() -> None:
    wxyz = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    wxyz = torch.nn.functional.normalize(wxyz, dim=-1)
    torch.testing.assert_close(quaternion_to_axis_angle(wxyz), quaternion_to_axis_angle(-wxyz))
    assert (matrix_to_quaternion(quaternion_to_matrix(wxyz))[:, 0] >= 0).all()
    assert (quaternion_to_axis_angle(wxyz).norm(dim=-1) <= np.pi + ROUNDING).all()


def test_6d_takes_columns_of_any_length() -> None:
    R = axis_angle_to_matrix(torch.tensor([0.3, -1.0, 0.4], dtype=torch.float64))
    columns = torch.cat([3 * R[:, 0], 0.5 * R[:, 1] + 2 * R[:, 0]])
    torch.testing.assert_close(rotation_6d_to_matrix(columns), R)


@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 100))
def test_six_numbers_make_a_rotation_whatever_their_size(seed: int, scale: float) -> None:
    six = torch.randn(5, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    R = rotation_6d_to_matrix(scale * six)
    torch.testing.assert_close(R.mT @ R, torch.eye(3, dtype=R.dtype).expand(5, 3, 3), atol=1e-9, rtol=0)
    assert torch.linalg.det(R).min() > 0
    torch.testing.assert_close(R[..., 0], torch.nn.functional.normalize(six[..., :3], dim=-1), atol=1e-9, rtol=0)
