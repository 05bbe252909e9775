"""The sensors of one phone or RealSense unit, with that unit's own errors."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from capture.virtual.color_effects import ColorEffects
from capture.virtual.color_sensor import ColorSensor
from capture.virtual.lidar_depth import HIGH, LidarDepth
from capture.virtual.lidar_effects import LidarEffects
from capture.virtual.other_devices import OtherDevice, RealSenseDevice
from capture.virtual.stereo_depth import StereoDepth
from capture.virtual.stereo_effects import StereoEffects

COLOR_UNIT_SEED, DEPTH_UNIT_SEED = 63, 65


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitSensors:
    """Cheap to make again in another process: the same device, seed and effects give the same unit."""

    color: ColorSensor
    depth: StereoDepth | LidarDepth | None
    """None: depth is exact to the millimetre."""

    @classmethod
    def of(cls, device: OtherDevice, *, effects: bool, seed: int) -> UnitSensors:
        """The unit of a device; without `effects` perfect but for the JPEG."""
        color = device.color_effects() if effects else replace(ColorEffects.none(), jpeg=True)
        depth, rng = None, _rng(seed, DEPTH_UNIT_SEED, device)
        if effects and isinstance(device, RealSenseDevice):
            depth = StereoDepth(device.unit, StereoEffects(), rng)
        elif effects:
            depth = LidarDepth(LidarEffects(), rng)
        return cls(
            color=ColorSensor(device.color_camera(0), color, _rng(seed, COLOR_UNIT_SEED, device)),
            depth=depth,
        )

    def sense_depth(
        self,
        clean_m: Float32[np.ndarray, "height width"],
        z_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        amplitude_fine: Float32[np.ndarray, "fine_rows fine_columns"],
        rng: np.random.Generator,
    ) -> tuple[UInt16[np.ndarray, "height width"], UInt8[np.ndarray, "height width"]]:
        """Depth in millimetres, 0 where it is missing, and confidence 0 … 2."""
        certain = np.full(clean_m.shape, HIGH, np.uint8)
        if self.depth is None:
            return np.rint(1000 * clean_m).astype(np.uint16), certain
        if isinstance(self.depth, LidarDepth):
            return self.depth.sense(z_fine, amplitude_fine, rng)
        return self.depth.sense(z_fine, amplitude_fine, rng), certain

    def truth(self) -> dict[str, object]:
        """What is constant about the unit, fit for JSON."""
        return {"color": self.color.truth(), "depth": {} if self.depth is None else self.depth.truth()}


def _rng(seed: int, purpose: int, device: OtherDevice) -> np.random.Generator:
    return np.random.default_rng([seed, purpose, zlib.crc32(device.name.encode())])
