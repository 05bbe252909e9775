"""Triangles to depth images in torch: every sample that a triangle may cover is tried, the nearest one is kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hps.synthesis.torch_clouds.optics import Windows

SLACK = 1e-4
"""Samples this far outside a triangle, as a part of it, belong to it too: float32 leaves cracks between neighbours."""

INFINITE = 0x7F800000
"""Bits of float32 infinity."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """What the samples of all images see."""

    depth: Float[Tensor, "images rows columns"]
    """Metres; inf where there is nothing."""
    face: Int[Tensor, "images rows columns"]
    """-1 where there is none."""


def draw(
    pixels: Float[Tensor, "points 2"],
    z: Float[Tensor, "points"],
    faces: Int[Tensor, "faces 3"],
    image: Int[Tensor, "faces"],
    windows: Windows,
    samples: int = 1,
) -> Drawn:
    """Depth and face at samples x samples places of each pixel of the windows.

    Both sides of faces are drawn. Inverse depth is linear over a face in its image, which is exact without distortion;
    edges are straight between their projected ends. Faces with a vertex at NaN are left out.
    """
    images, height, width = len(windows.row), samples * windows.height, samples * windows.width
    device = pixels.device
    origin = torch.stack([windows.column, windows.row], -1)
    place = (pixels[faces] - origin[image][:, None]) * samples + 0.5 * (samples - 1)
    low = torch.nan_to_num(place.amin(1), nan=1e9).clamp(-1e6, 1e6).ceil().clamp(min=0).long()
    limit = torch.tensor([width - 1, height - 1], device=device)
    high = torch.nan_to_num(place.amax(1), nan=-1e9).clamp(-1e6, 1e6).floor().long().minimum(limit)
    low, high = low.minimum(limit + 1), high.maximum(torch.full_like(high, -1))
    across, down = (high - low + 1).clamp(min=0).unbind(-1)
    kept = torch.nonzero(across * down).squeeze(1)
    counts = (across * down)[kept]
    owner = torch.repeat_interleave(torch.arange(len(kept), device=device), counts)
    within = torch.arange(len(owner), device=device, dtype=torch.int32)
    within -= (counts.cumsum(0) - counts).to(torch.int32).index_select(0, owner)
    wide = across[kept].to(torch.int32).index_select(0, owner)
    row = torch.div(within, wide, rounding_mode="floor")
    column = within - row * wide
    planes = _planes(place[kept] - low[kept][:, None], z[faces[kept]])
    x, y = column.float(), row.float()  # from the face's own first sample: float32 holds small numbers exactly
    b, c, inverse = (_at(planes[3 * n : 3 * n + 3], owner, x, y) for n in range(3))
    depth = 1 / inverse
    inside = (b >= -SLACK) & (c >= -SLACK) & (b + c <= 1 + SLACK) & (depth > 0)
    chosen = torch.nonzero(inside).squeeze(1)
    face = kept[owner[chosen]]
    first = (image[face] * height + low[face, 1]) * width + low[face, 0]
    where = first + row[chosen] * width + column[chosen]
    key = (depth[chosen].view(torch.int32).long() << 32) | face  # floats above 0 are ordered as their bits
    nothing = (INFINITE << 32) | (2**32 - 1)
    image_keys = torch.full((images * height * width,), nothing, dtype=torch.int64, device=device)
    image_keys.scatter_reduce_(0, where, key, "amin")
    nearest = (image_keys >> 32).to(torch.int32).view(torch.float32)
    found = (image_keys & (2**32 - 1)).where(image_keys != nothing, -1)
    return Drawn(depth=nearest.view(images, height, width), face=found.view(images, height, width))


def _at(plane: Float[Tensor, "3 faces"], face: Tensor, x: Tensor, y: Tensor) -> Tensor:
    right, down, first = (coefficient.index_select(0, face) for coefficient in plane)
    return first.addcmul_(right, x).addcmul_(down, y)


def _planes(place: Float[Tensor, "faces 3 2"], z: Float[Tensor, "faces 3"]) -> Float[Tensor, "9 faces"]:
    """Coefficients of x, y and 1: of the weights of the second and third corner, and of inverse depth."""
    (ax, ay), (bx, by), (cx, cy) = (place[:, n].unbind(-1) for n in range(3))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    scale = torch.where(area.abs() > 1e-12, 1 / area, torch.nan)
    b0, b1 = (cy - ay) * scale, -(cx - ax) * scale
    c0, c1 = -(by - ay) * scale, (bx - ax) * scale
    b2, c2 = -(b0 * ax + b1 * ay), -(c0 * ax + c1 * ay)
    first = 1 / z[:, 0]
    to_b, to_c = 1 / z[:, 1] - first, 1 / z[:, 2] - first
    inverse = b0 * to_b + c0 * to_c, b1 * to_b + c1 * to_c, first + b2 * to_b + c2 * to_c
    return torch.stack([b0, b1, b2, c0, c1, c2, *inverse])


def exact(
    drawn: Drawn, p_camera: Float[Tensor, "points 3"], faces: Int[Tensor, "faces 3"], rays: Tensor
) -> Float[Tensor, "images rows columns"]:
    """Depth where each sample's ray meets the plane of its face, within the depths of the face's corners, metres.

    `rays`: (images, rows, columns, 2), x/z and y/z of the samples. Exact under lens distortion.
    """
    image, row, column = torch.nonzero(drawn.face >= 0, as_tuple=True)
    corners = p_camera[faces[drawn.face[image, row, column]]]
    ray = rays[image, row, column]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    away = (normal * corners[:, 0]).sum(1) / (normal[:, 0] * ray[:, 0] + normal[:, 1] * ray[:, 1] + normal[:, 2])
    z = corners[..., 2]
    depth = drawn.depth.clone()
    depth[image, row, column] = torch.nan_to_num(away, nan=torch.inf).maximum(z.amin(1)).minimum(z.amax(1))
    return depth
