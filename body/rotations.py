"""Conversions between axis-angle, matrix, 6D and quaternion (wxyz) rotations, batched and differentiable, in torch.

All gradients are finite everywhere, also at the identity and at half a turn. Axis-angle is in radians.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrices (Rodrigues)."""
    squared = (axis_angle * axis_angle).sum(-1)[..., None, None]
    small = squared < _small(axis_angle)
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    sine = torch.where(small, 1 - squared / 6, angle.sin() / angle)
    cosine = torch.where(small, 0.5 - squared / 24, 2 * ((angle / 2).sin() / angle) ** 2)
    outer = axis_angle[..., :, None] * axis_angle[..., None, :]
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity * (1 - cosine * squared) + sine * skew(axis_angle) + cosine * outer


def matrix_to_axis_angle(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """Axis-angle with an angle in [0, pi]; at half a turn one of the two axes."""
    return quaternion_to_axis_angle(matrix_to_quaternion(matrix))


def axis_angle_to_quaternion(axis_angle: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 4"]:
    """Unit quaternions wxyz."""
    squared = (axis_angle * axis_angle).sum(-1, keepdim=True)
    small = squared < _small(axis_angle)
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    sine = torch.where(small, 0.5 - squared / 48, (angle / 2).sin() / angle)
    real = torch.where(small, 1 - squared / 8, (angle / 2).cos())
    return torch.cat([real, sine * axis_angle], -1)


def quaternion_to_axis_angle(wxyz: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3"]:
    """Axis-angle with an angle in [0, pi] of unit quaternions of either sign."""
    wxyz = torch.where(wxyz[..., :1] < 0, -wxyz, wxyz)
    real, imaginary = wxyz[..., :1], wxyz[..., 1:]
    squared = (imaginary * imaginary).sum(-1, keepdim=True)
    small = squared < _small(wxyz)
    sine = torch.where(small, torch.ones_like(squared), squared).sqrt()
    # angle / sin(angle / 2); its series where the sine vanishes
    scale = torch.where(small, 2 + squared / 3, 2 * torch.atan2(sine, real) / sine)
    return scale * imaginary


def quaternion_to_matrix(wxyz: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrices; the quaternions are normalised first."""
    w, x, y, z = torch.nn.functional.normalize(wxyz, dim=-1).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def matrix_to_quaternion(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """Unit quaternions wxyz with w >= 0.

    Each row of the outer product 4 q q^T is the quaternion times one of its entries; the row of the largest entry is
    taken (Shepperd 1978), so that nothing is divided by a small number.
    """
    m = matrix.flatten(-2)
    xx, xy, xz, yx, yy, yz, zx, zy, zz = m.unbind(-1)
    outer = torch.stack(
        [
            1 + xx + yy + zz, zy - yz, xz - zx, yx - xy,
            zy - yz, 1 + xx - yy - zz, xy + yx, xz + zx,
            xz - zx, xy + yx, 1 - xx + yy - zz, yz + zy,
            yx - xy, xz + zx, yz + zy, 1 - xx - yy + zz,
        ],
        -1,
    ).unflatten(-1, (4, 4))  # fmt: skip
    largest = outer.diagonal(dim1=-2, dim2=-1).argmax(-1)[..., None, None]
    row = outer.gather(-2, largest.expand(*largest.shape[:-1], 4)).squeeze(-2)
    wxyz = torch.nn.functional.normalize(row, dim=-1)
    return torch.where(wxyz[..., :1] < 0, -wxyz, wxyz)


def matrix_to_rotation_6d(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 6"]:
    """The first two columns, one after the other (Zhou et al., CVPR 2019)."""
    return matrix[..., :2].transpose(-1, -2).flatten(-2)


def rotation_6d_to_matrix(rotation_6d: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrices by Gram-Schmidt on two columns of any length (Zhou et al., CVPR 2019)."""
    a, b = rotation_6d[..., :3], rotation_6d[..., 3:]
    x = torch.nn.functional.normalize(a, dim=-1)
    y = torch.nn.functional.normalize(b - (x * b).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)


def skew(v: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Matrices with skew(v) @ p = v x p."""
    x, y, z = v.unbind(-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).unflatten(-1, (3, 3))


def _small(like: Tensor) -> float:
    """Squared angle below which a series of two terms is exact to the dtype: the next term is its square / 100."""
    return torch.finfo(like.dtype).eps ** 0.5
