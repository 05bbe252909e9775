"""A point cloud of people with the truth of every point, and its file."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from jaxtyping import Float, Float16, Float32, Int8, Int32, UInt8, UInt16

from geometry.rigid import rotate, transform
from hps.errors import HpsError
from hps.synthesis.clouds.stored_npz import stored_npz

NORMAL_STEPS: Final = 127
"""Normals are stored as whole numbers: 127 is a length of 1."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledCloud:
    """Points that depth cameras measured of people. Frame: the camera's for one camera, the world for several."""

    points: Float32[np.ndarray, "points 3"]
    """As measured, metres."""
    mask: UInt8[np.ndarray, "points"]
    """The actor in whose mask the point lies."""
    actor: Int8[np.ndarray, "points"]
    """The actor whose surface the pixel's centre truly sees; -1 for a thing or the room."""
    part: UInt8[np.ndarray, "points"]
    """1 + the SMPL joint whose skin, or the cloth over it, the pixel's centre sees; 0 where the actor is -1."""
    skin_offset: Float16[np.ndarray, "points 3"]
    """To the nearest point of the actor's naked skin, metres; NaN where the actor is -1."""
    normal: Int8[np.ndarray, "points 3"]
    """Of the true surface, towards the camera: 127 is 1; zeros where the actor is -1."""
    camera: UInt8[np.ndarray, "points"]
    """Place in `cameras`."""
    pixel: UInt16[np.ndarray, "points 2"]
    """Row and column in that camera's depth image."""
    cameras: Int32[np.ndarray, "cameras"]
    """Numbers in the scene."""
    K: Float[np.ndarray, "cameras 3 3"]
    """Of the depth images, pixels."""
    distortion: Float[np.ndarray, "cameras 8"]
    """As geometry.camera.Camera has it."""
    size: Int32[np.ndarray, "cameras 2"]
    """Height and width of the depth images."""
    T_world_camera: Float[np.ndarray, "cameras 4 4"]
    """p_world = T_world_camera p_camera."""

    def __len__(self) -> int:
        """Number of points."""
        return len(self.points)

    def to_world(self) -> LabelledCloud:
        """The cloud of one camera in the world's frame."""
        (T,) = self.T_world_camera
        return replace(
            self,
            points=transform(T, self.points).astype(np.float32),
            skin_offset=rotate(T, self.skin_offset.astype(np.float64)).astype(np.float16),
            normal=np.rint(rotate(T, self.normal.astype(np.float64))).astype(np.int8),
        )

    def to_bytes(self) -> bytes:
        """An .npz file; the same cloud gives the same bytes."""
        return stored_npz({field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def from_bytes(cls, content: bytes) -> LabelledCloud:
        """The cloud of a file. Raises HpsError for bytes that are none."""
        from geometry.npz_files import DAMAGED

        try:
            with np.load(io.BytesIO(content)) as stored:
                return cls(**{field.name: stored[field.name] for field in fields(cls)})
        except DAMAGED as error:
            size = len(content)
            raise HpsError(f"a cloud's file of {size} bytes cannot be read ({error}); make its shard again") from error

    @classmethod
    def fused(cls, clouds: list[LabelledCloud]) -> LabelledCloud:
        """One cloud in the world's frame of several cameras' clouds of one instant."""
        moved = [cloud.to_world() for cloud in clouds]
        joined = {field.name: np.concatenate([getattr(c, field.name) for c in moved]) for field in fields(cls)}
        joined["camera"] = np.repeat(np.arange(len(moved)), [len(c) for c in moved]).astype(np.uint8)
        return cls(**joined)
