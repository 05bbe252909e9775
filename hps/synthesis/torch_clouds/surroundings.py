"""What stands behind the people in closed form: the virtual rig's box of a room, or an open floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from capture.virtual.backdrop import INFRARED, INFRARED_FLOOR
from capture.virtual.room import FLOOR, HALF_WIDTH_M, HEIGHT_M, Room, RoomHits
from hps.synthesis.torch_clouds.optics import CameraBatch

TEXELS = 72
"""Of a side in each direction: 10 cm of floor and 4 cm of height, finer than what a multi-path patch gathers."""
MIN_COSINE = 0.02
"""As capture.virtual.backdrop.infrared_echo."""
_LOW = (-HALF_WIDTH_M, -HALF_WIDTH_M, 0.0)
_HIGH = (HALF_WIDTH_M, HALF_WIDTH_M, HEIGHT_M)


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """The near-infrared reflectance of rooms; every image of a batch stands in one of them."""

    reflectance: Float[Tensor, "rooms 6 texels texels"]
    """Of the sides -x, +x, -y, +y, floor, ceiling; rows along the second axis of a side."""
    open: bool = False
    """Whether there is the floor alone, without end; rooms have walls."""

    @classmethod
    def of(cls, rooms: Sequence[Room], device: torch.device | str = "cpu", *, open: bool = False) -> Surroundings:
        """The reflectance of rooms."""
        images = np.stack([np.stack([_side(room, side) for side in range(6)]) for room in rooms])
        return cls(reflectance=torch.tensor(images, device=device), open=open)

    def hit(
        self, room: Int[Tensor, "images"], cameras: CameraBatch, rays: Float[Tensor, "images rows columns 2"]
    ) -> tuple[Float[Tensor, "images rows columns"], Float[Tensor, "images rows columns"]]:
        """Depth in metres (inf: nothing there, NaN for a NaN ray) and infrared amplitude where rays end."""
        x, y = rays.unbind(-1)
        direction = [
            R[:, None, None, 0] * x + R[:, None, None, 1] * y + R[:, None, None, 2]
            for R in cameras.R_world_camera.unbind(1)
        ]
        origin = [c[:, None, None] for c in cameras.center.unbind(1)]
        ways = []
        for axis, (d, o) in enumerate(zip(direction, origin)):
            way = torch.where(d > 0, (_HIGH[axis] - o) / d, torch.where(d < 0, (_LOW[axis] - o) / d, torch.inf))
            if self.open:
                way = torch.where(d < 0, way, torch.inf) if axis == 2 else torch.full_like(way, torch.inf)
            ways.append(way)
        t, axis = torch.stack(ways).min(0)
        along = torch.stack(direction).gather(0, axis[None])[0]
        side = 2 * axis + (along > 0)
        points = [o + t * d for d, o in zip(direction, origin)]
        u = torch.where(axis == 0, _share(points[1], 1), _share(points[0], 0))
        v = torch.where(axis == 2, _share(points[1], 1), _share(points[2], 2))
        reflectance = self.reflectance[room[:, None, None], side, _texel(v), _texel(u)]
        cosine = along.abs() / (x * x + y * y + 1).sqrt()
        amplitude = reflectance * cosine.clamp(min=MIN_COSINE) / (t * t)
        return torch.where(x.isnan(), torch.nan, t), torch.nan_to_num(amplitude)


def _share(place: Tensor, axis: int) -> Tensor:
    return (place - _LOW[axis]) / (_HIGH[axis] - _LOW[axis])


def _texel(share: Tensor) -> Tensor:
    """Repeats beyond the room, for open floors."""
    return (torch.nan_to_num(share, posinf=0, neginf=0).remainder(1) * TEXELS).long().clamp(0, TEXELS - 1)


def _side(room: Room, side: int) -> Float[np.ndarray, "texels texels"]:
    across, up = ((1, 2), (0, 2), (0, 1))[side // 2]
    middle = (np.arange(TEXELS) + 0.5) / TEXELS
    point = np.empty((TEXELS, TEXELS, 3), np.float32)
    point[..., across] = _LOW[across] + middle * (_HIGH[across] - _LOW[across])
    point[..., up] = (_LOW[up] + middle * (_HIGH[up] - _LOW[up]))[:, None]
    point[..., side // 2] = (_LOW, _HIGH)[side % 2][side // 2]
    shape = (TEXELS, TEXELS)
    hits = RoomHits(t=np.zeros(shape, np.float32), side=np.full(shape, side), point=point)
    assert side <= FLOOR + 1
    return (INFRARED_FLOOR + room.albedo(hits) @ INFRARED).astype(np.float32)
