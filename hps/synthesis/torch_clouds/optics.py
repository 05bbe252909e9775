"""The cameras of a batch on a torch device: projection with lens distortion, and the ray of every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from geometry.camera import Camera
from geometry.rays import ray_table
from hps.errors import HpsError

NEAREST_M = 0.05
"""What is nearer to the image plane than this is not drawn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Optics:
    """Lenses that the cameras of a batch share; all have one image size. Made once, used for many batches."""

    focal: Float[Tensor, "lenses 2"]
    center: Float[Tensor, "lenses 2"]
    distortion: Float[Tensor, "lenses 8"]
    """k1 k2 p1 p2 k3 k4 k5 k6."""
    metric_radius: Float[Tensor, "lenses"]
    rays: Float[Tensor, "lenses height width 2"]
    """x/z and y/z of pixel centres; NaN outside the lens model."""

    @classmethod
    def of(cls, cameras: Sequence[Camera], device: torch.device | str = "cpu") -> Optics:
        """The lenses of cameras, without their places. Raises HpsError for images of several sizes."""
        sizes = {(camera.width, camera.height) for camera in cameras}
        if len(sizes) != 1:
            raise HpsError(f"cameras of one batch have images of one size, not {sorted(sizes)}; make a batch for each")
        to = {"dtype": torch.float32, "device": device}
        return cls(
            focal=torch.tensor(np.array([[c.K[0, 0], c.K[1, 1]] for c in cameras]), **to),
            center=torch.tensor(np.array([c.K[:2, 2] for c in cameras]), **to),
            distortion=torch.tensor(np.array([c.distortion for c in cameras]), **to),
            metric_radius=torch.tensor([c.metric_radius for c in cameras], **to),
            rays=torch.tensor(np.stack([ray_table(c) for c in cameras]), **to),
        )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images, pixels."""
        return self.rays.shape[1], self.rays.shape[2]

    def project(self, lens: Int[Tensor, "points"], p_camera: Float[Tensor, "points 3"]) -> Float[Tensor, "points 2"]:
        """Pixels of points; NaN behind the image plane or outside the lens model."""
        z = p_camera[:, 2]
        x, y = p_camera[:, 0] / z, p_camera[:, 1] / z
        r2 = x * x + y * y
        outside = (z < NEAREST_M) | (r2 > self.metric_radius[lens].square())
        if bool((self.distortion != 0).any()):
            k = self.distortion[lens].unbind(-1)
            radial = (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])))
            twice = 2 * x * y
            x, y = (
                x * radial + k[2] * twice + k[3] * (r2 + 2 * x * x),
                y * radial + k[2] * (r2 + 2 * y * y) + k[3] * twice,
            )
        q = torch.stack([x, y], -1) * self.focal[lens] + self.center[lens]
        return torch.where(outside[:, None], torch.nan, q)


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraBatch:
    """One camera for each image of a batch: a lens and a place."""

    optics: Optics
    lens: Int[Tensor, "images"]
    R_world_camera: Float[Tensor, "images 3 3"]
    center: Float[Tensor, "images 3"]
    """In the world, metres."""

    @classmethod
    def of(cls, cameras: Sequence[Camera], device: torch.device | str = "cpu") -> CameraBatch:
        """Cameras with a lens each. Raises HpsError as `Optics.of`."""
        return cls.placed(
            Optics.of(cameras, device), np.arange(len(cameras)), np.stack([c.T_world_camera for c in cameras])
        )

    @classmethod
    def placed(
        cls, optics: Optics, lens: Int[np.ndarray, "images"], T_world_camera: Float[np.ndarray, "images 4 4"]
    ) -> CameraBatch:
        """Cameras of given lenses at given places."""
        to = {"dtype": torch.float32, "device": optics.rays.device}
        return cls(
            optics=optics,
            lens=torch.tensor(lens, dtype=torch.int64, device=optics.rays.device),
            R_world_camera=torch.tensor(T_world_camera[:, :3, :3], **to),
            center=torch.tensor(T_world_camera[:, :3, 3], **to),
        )

    def __len__(self) -> int:
        return len(self.lens)

    def chosen(self, image: Int[Tensor, "chosen"]) -> CameraBatch:
        """The cameras of some images, which may come several times."""
        return CameraBatch(
            optics=self.optics,
            lens=self.lens[image],
            R_world_camera=self.R_world_camera[image],
            center=self.center[image],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """A rectangle of each image, all of one size and inside the images."""

    row: Int[Tensor, "images"]
    column: Int[Tensor, "images"]
    height: int
    width: int

    @classmethod
    def around(cls, low: Int[Tensor, "images 2"], high: Int[Tensor, "images 2"], size: tuple[int, int]) -> Windows:
        """Rectangles that hold pixels `low` to `high` (x, y; both inclusive), moved and cut to lie inside images."""
        limit = torch.tensor(size[::-1], device=low.device)
        low, high = low.clamp(min=0).minimum(limit - 1), high.clamp(min=0).minimum(limit - 1)
        width, height = (int(n) for n in (high - low + 1).amax(0).clamp(min=1))
        first = low.minimum(limit - torch.tensor([width, height], device=low.device))
        return cls(row=first[:, 1], column=first[:, 0], height=height, width=width)

    def rays(self, cameras: CameraBatch) -> Float[Tensor, "images rows columns 2"]:
        """x/z and y/z of pixel centres."""
        device = self.row.device
        rows = self.row[:, None, None] + torch.arange(self.height, device=device)[None, :, None]
        columns = self.column[:, None, None] + torch.arange(self.width, device=device)[None, None, :]
        return cameras.optics.rays[cameras.lens[:, None, None], rows, columns]

    def sample_rays(
        self, cameras: CameraBatch, pixels: tuple[Tensor, Tensor, Tensor], samples: int
    ) -> Float[Tensor, "pixels samples samples 2"]:
        """x/z and y/z of samples x samples rays of some pixels: image, row and column in the windows."""
        image, row, column = pixels
        table, lens = cameras.optics.rays, cameras.lens[image]
        rows, columns = self.row[image] + row, self.column[image] + column
        last_row, last_column = (n - 1 for n in cameras.optics.size)
        up, down = (rows - 1).clamp(min=0), (rows + 1).clamp(max=last_row)
        left, right = (columns - 1).clamp(min=0), (columns + 1).clamp(max=last_column)
        step_down = (table[lens, down, columns] - table[lens, up, columns]) / (down - up)[:, None]
        step_right = (table[lens, rows, right] - table[lens, rows, left]) / (right - left)[:, None]
        offset = (torch.arange(samples, device=table.device) + 0.5) / samples - 0.5
        return (
            table[lens, rows, columns][:, None, None]
            + offset[:, None, None] * step_down[:, None, None]
            + offset[None, :, None] * step_right[:, None, None]
        )
