"""Multi-path in torch: light that reaches a surface by way of another one, by form factors on a coarse grid.

The batched form of capture.virtual.tof.multipath, whose model and constants it takes. Senders are all over the image,
receivers only where the window of the people is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from capture.virtual.tof.multipath import CURVED_M, MIN_DISTANCE_M, RECEIVER_PX, SAME_SURFACE_M, SENDER_PX
from hps.synthesis.torch_clouds.mixing import Echoes
from hps.synthesis.torch_clouds.optics import CameraBatch, Windows
from hps.synthesis.torch_clouds.surroundings import Surroundings

PAIRS_AT_ONCE = 2**21


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """The pixels of a batch: echoes in the windows, surroundings elsewhere."""

    cameras: CameraBatch
    windows: Windows
    surroundings: Surroundings
    room: Int[Tensor, "images"]
    echoes: Echoes

    def at(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rays, depth and amplitude at the pixels of every row and column; both are (images, number)."""
        cameras, windows = self.cameras, self.windows
        rays = cameras.optics.rays[cameras.lens[:, None, None], rows[:, :, None], columns[:, None, :]]
        z, amplitude = self.surroundings.hit(self.room, cameras, rays)
        r, c = rows[:, :, None] - windows.row[:, None, None], columns[:, None, :] - windows.column[:, None, None]
        inside = (r >= 0) & (r < windows.height) & (c >= 0) & (c < windows.width)
        image = torch.arange(len(cameras), device=rows.device)[:, None, None].expand_as(inside)
        place = image, r.clamp(0, windows.height - 1).expand_as(inside), c.clamp(0, windows.width - 1).expand_as(inside)
        z = torch.where(inside, self.echoes.z[place], z)
        return rays, z, torch.where(inside, self.echoes.amplitude[place], amplitude)


def added(seen: Seen, k: float, spread_per_m: float, strength: float) -> Float[Tensor, "images rows columns"]:
    """How much deeper each pixel of the windows looks, metres along the optical axis; 0 where nothing is seen."""
    height, width = seen.cameras.optics.size
    scale = max(width / 640, 0.5)
    send, receive = max(8, round(SENDER_PX * scale)), max(4, round(RECEIVER_PX * scale))
    device, windows = seen.echoes.z.device, seen.windows
    images = len(seen.cameras)
    sender_rows = torch.arange(send // 2, height, send, device=device).expand(images, -1)
    sender_columns = torch.arange(send // 2, width, send, device=device).expand(images, -1)
    senders = _patches(seen, sender_rows, sender_columns, send, (height, width)).flatten(1, 2)
    # receivers of the grid from the last one before each window to the first one behind it
    first_row = torch.div(windows.row - receive // 2, receive, rounding_mode="floor")
    first_column = torch.div(windows.column - receive // 2, receive, rounding_mode="floor")
    i = first_row[:, None] + torch.arange(windows.height // receive + 3, device=device)
    j = first_column[:, None] + torch.arange(windows.width // receive + 3, device=device)
    rows, columns = receive // 2 + i * receive, receive // 2 + j * receive
    there = ((i >= 0) & (rows < height))[:, :, None] & ((j >= 0) & (columns < width))[:, None, :]
    receivers = _patches(seen, rows.clamp(0, height - 1), columns.clamp(0, width - 1), receive, (height, width))
    receivers[..., 2] = torch.where(there, receivers[..., 2], 0)
    grid = receivers.shape[1:3]
    at_once = max(1, PAIRS_AT_ONCE // (grid[0] * grid[1] * senders.shape[1]))
    errors = torch.cat(
        [
            _errors(senders[n : n + at_once], receivers[n : n + at_once].flatten(1, 2), k, spread_per_m, strength)
            for n in range(0, images, at_once)
        ]
    ).unflatten(1, grid)
    return _spread(seen, receivers[..., 2], errors, (first_row, first_column), receive)


def _patches(seen: Seen, rows: Tensor, columns: Tensor, step: int, size: tuple[int, int]) -> Tensor:
    """(images, rows, columns, 9): place, normal to the camera, amplitude, area, distance; z 0 without a surface."""
    reach = max(step // 4, 2)
    up, down = (rows - reach).clamp(min=0), (rows + reach).clamp(max=size[0] - 1)
    left, right = (columns - reach).clamp(min=0), (columns + reach).clamp(max=size[1] - 1)
    rays, z, amplitude = seen.at(rows, columns)
    sides = [seen.at(rows, left), seen.at(rows, right), seen.at(up, columns), seen.at(down, columns)]
    points = [torch.cat([r * d[..., None], d[..., None]], -1) for r, d, _ in sides]
    bend = torch.maximum(
        (1 / sides[2][1] + 1 / sides[3][1] - 2 / z).abs(), (1 / sides[0][1] + 1 / sides[1][1] - 2 / z).abs()
    )
    normal = torch.linalg.cross(points[3] - points[2], points[1] - points[0])
    length = normal.norm(dim=-1)
    flat = torch.isfinite(z) & (0.5 * bend * z * z < CURVED_M) & (length > 0)
    cells = step * step / ((right - left)[:, None, :] * (down - up)[:, :, None])
    place = torch.cat([rays * z[..., None], z[..., None]], -1)
    values = [place, normal / length[..., None], torch.stack([amplitude, length * cells, place.norm(dim=-1)], -1)]
    return torch.where(flat[..., None], torch.cat(values, -1), 0)


def _errors(senders: Tensor, receivers: Tensor, k: float, spread: float, strength: float) -> Tensor:
    """Error of each receiver along the optical axis; NaN where there is no surface."""
    p, n, r = receivers[..., :3], receivers[..., 3:6], receivers[..., 8]
    cosine = (-(n * p).sum(-1) / r).clamp(min=0.1)
    away = senders[:, None, :, :3] - p[:, :, None]
    at_i = (n[:, :, None] * away).sum(-1)
    at_j = -(senders[:, None, :, 3:6] * away).sum(-1)
    square = away.square().sum(-1)
    longer = 0.5 * (senders[:, None, :, 8] + square.sqrt() - r[..., None])
    kept = 1 - 0.5 * (spread * longer).square()
    used = (at_i > 0) & (at_j > 0) & (square >= MIN_DISTANCE_M**2) & (kept > 0) & (senders[:, None, :, 2] > 0)
    area = senders[:, None, :, 7]
    form = at_i * at_j / square / (square + area / math.pi) * area
    part = kept * strength * senders[:, None, :, 6] / math.pi * form * (r * r / cosine)[..., None]
    part = torch.where(used, part, 0)
    real, imaginary = 1 + (part * (k * longer).cos()).sum(-1), (part * (k * longer).sin()).sum(-1)
    return torch.where(p[..., 2] > 0, torch.atan2(imaginary, real) / k * p[..., 2] / r, torch.nan)


def _spread(seen: Seen, z_grid: Tensor, errors: Tensor, first: tuple[Tensor, Tensor], step: int) -> Tensor:
    """Errors of the grid at every pixel, from those of its four neighbours that lie on its surface."""
    z, windows, device = seen.echoes.z, seen.windows, z_grid.device
    known = ~errors.isnan()
    depth, error = torch.where(known, z_grid, 1e9), torch.where(known, errors, 0)
    y = (windows.row[:, None] + torch.arange(windows.height, device=device) - step // 2) / step - first[0][:, None]
    x = (windows.column[:, None] + torch.arange(windows.width, device=device) - step // 2) / step - first[1][:, None]
    top, left = y.floor().long(), x.floor().long()
    fy, fx = (y - top)[:, :, None], (x - left)[:, None, :]
    image = torch.arange(len(z), device=device)[:, None, None]
    total, weight = torch.zeros_like(z), torch.zeros_like(z)
    for down in (0, 1):
        for across in (0, 1):
            place = image, top[:, :, None] + down, left[:, None, :] + across
            near = (1 - (depth[place] - z).abs() / SAME_SURFACE_M).clamp(min=0)
            share = near * ((fy if down else 1 - fy) * (fx if across else 1 - fx) + 1e-6)
            weight += share
            total += share * error[place]
    return torch.where(weight > 0, total / weight, 0)
