"""Time-of-flight depth cameras in torch: the errors that many units make at once.

The batched form of capture.virtual.tof.sensor, whose model and constants it takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from capture.virtual.depth_effects import DepthEffects
from capture.virtual.tof.modes import lit, mode_named
from capture.virtual.tof.sensor import MAX_BIAS_M, MAX_SCALE, SLOPE_M, TILE, TofSensor, noise_tile
from hps.synthesis.torch_clouds import multipath
from hps.synthesis.torch_clouds.mixing import mix, phase_per_m
from hps.synthesis.torch_clouds.multipath import Seen
from hps.synthesis.torch_clouds.optics import CameraBatch, Windows
from hps.synthesis.torch_clouds.surroundings import Surroundings


@dataclass(frozen=True, kw_only=True, eq=False)
class TofUnits:
    """The own errors of the unit behind each image."""

    bias_m: Float[Tensor, "images"]
    scale: Float[Tensor, "images"]
    wiggling_m: Float[Tensor, "images"]
    wiggling_phase: Float[Tensor, "images"]
    """Radians."""

    @classmethod
    def draw(cls, images: int, effects: DepthEffects, generator: torch.Generator) -> TofUnits:
        """Units as the virtual rig draws them."""
        device = generator.device
        normal = torch.randn(2, images, generator=generator, device=device)
        uniform = torch.rand(2, images, generator=generator, device=device)
        return cls(
            bias_m=(effects.bias_spread_m * normal[0]).clamp(-MAX_BIAS_M, MAX_BIAS_M) * effects.bias,
            scale=(effects.scale_spread * normal[1]).clamp(-MAX_SCALE, MAX_SCALE) * effects.scale,
            wiggling_m=uniform[0] * effects.wiggling_m * effects.wiggling,
            wiggling_phase=2 * math.pi * uniform[1],
        )

    @classmethod
    def of(cls, sensors: Sequence[TofSensor], device: torch.device | str = "cpu") -> TofUnits:
        """The units of the virtual rig's own sensors."""
        values = np.array([[s.bias_m, s.scale, s.wiggling_m, s.wiggling_phase] for s in sensors], np.float32)
        bias_m, scale, wiggling_m, phase = torch.tensor(values, device=device).unbind(1)
        return cls(bias_m=bias_m, scale=scale, wiggling_m=wiggling_m, wiggling_phase=phase)


class TofBatch:
    """The depth cameras of one mode; keeps what is the same in every batch."""

    def __init__(self, cameras: CameraBatch, mode: str = "NFOV_UNBINNED", effects: DepthEffects | None = None) -> None:
        """`cameras`: any batch with the optics that are used. Raises CaptureError for an unknown mode."""
        self.effects, self.mode = effects or DepthEffects(), mode_named(mode)
        self.k = phase_per_m(self.effects.modulation_hz)
        device = cameras.optics.rays.device
        self._noise = torch.tensor(noise_tile(self.effects.noise_px), device=device)
        shape = cameras.optics.size
        reached = lit(self.mode, shape) if self.effects.invalid else np.ones(shape, bool)
        self._lit: Bool[Tensor, "height width"] = torch.tensor(reached, device=device)

    def sense(
        self,
        z_fine: Float[Tensor, "images fine_rows fine_columns"],
        amplitude_fine: Float[Tensor, "images fine_rows fine_columns"],
        *,
        cameras: CameraBatch,
        windows: Windows,
        surroundings: Surroundings,
        room: Tensor,
        units: TofUnits,
        generator: torch.Generator,
    ) -> Float[Tensor, "images rows columns"]:
        """Depth of the windows' pixels in metres, whole millimetres; 0 where it is missing.

        z_fine: exact depth of 2x2 samples a pixel, metres, inf where nothing is. amplitude_fine: reflectance times
        cosine of incidence over squared metres.
        """
        e = self.effects
        echoes = mix(z_fine, amplitude_fine, self.k, e.point_spread_px, flying=e.flying_pixels)
        z, amplitude = echoes.z, echoes.amplitude
        measured = z * (1 + units.scale[:, None, None]) + units.bias_m[:, None, None]
        if e.multipath:
            seen = Seen(cameras=cameras, windows=windows, surroundings=surroundings, room=room, echoes=echoes)
            measured = measured + multipath.added(seen, self.k, self.k * e.frequency_spread, e.multipath_strength)
        draws = {"generator": generator, "device": z.device}
        if e.lateral_noise:
            measured = measured + e.lateral_px * (
                _slope(z, 2) * torch.randn(z.shape, **draws) + _slope(z, 1) * torch.randn(z.shape, **draws)
            )
        if e.axial_noise:
            share = (amplitude * z * z / e.reference_reflectance).clamp(0.05, 1)
            sigma = ((e.sigma_floor_m + e.sigma_slope * (z - 0.5).clamp(min=0)) / share.sqrt()).clamp(max=e.sigma_max_m)
            measured = measured + sigma * self._pieces(windows, len(z), generator)
        waves = torch.sin(4 * self.k * z + units.wiggling_phase[:, None, None])
        measured = measured + units.wiggling_m[:, None, None] * torch.nan_to_num(waves)
        valid = torch.isfinite(z) & (measured >= self.mode.nearest_m) & (measured <= self.mode.range_m[1])
        if e.invalid:
            limit = 1 + e.softness * (2 * torch.rand(z.shape, **draws) - 1)
            valid &= (amplitude >= e.min_amplitude * limit) & (amplitude <= e.max_amplitude * limit)
            valid &= (echoes.coherence >= e.min_coherence * limit) & self._reached(windows)
        millimetres = torch.floor(1000 * torch.where(valid, measured, 0) + 0.5)
        return millimetres / 1000

    def _pieces(self, windows: Windows, images: int, generator: torch.Generator) -> Tensor:
        """Noise whose neighbours are alike, read from the tile at a place for each image."""
        starts = torch.randint(0, TILE, (2, images), generator=generator, device=generator.device)
        rows = (starts[0][:, None] + torch.arange(windows.height, device=starts.device)) % TILE
        columns = (starts[1][:, None] + torch.arange(windows.width, device=starts.device)) % TILE
        return self._noise[rows[:, :, None], columns[:, None, :]]

    def _reached(self, windows: Windows) -> Tensor:
        rows = windows.row[:, None] + torch.arange(windows.height, device=windows.row.device)
        columns = windows.column[:, None] + torch.arange(windows.width, device=windows.row.device)
        return self._lit[rows[:, :, None], columns[:, None, :]]


def _slope(z: Float[Tensor, "images rows columns"], axis: int) -> Float[Tensor, "images rows columns"]:
    """Change of depth a pixel where both neighbours belong to the same surface; else 0."""
    pad = (1, 1, 0, 0) if axis == 2 else (0, 0, 1, 1)
    wide = functional.pad(z[:, None], pad, mode="replicate")[:, 0]
    size = z.shape[axis]
    before, after = wide.narrow(axis, 0, size), wide.narrow(axis, 2, size)
    one = ((before - z).abs() < SLOPE_M) & ((after - z).abs() < SLOPE_M)
    return torch.where(one, 0.5 * (after - before), 0)
