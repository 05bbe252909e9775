"""A motion clip as a value, for a skeleton of any size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.errors import BodyError
from body.joints import JOINT_COUNT, PARENTS


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MotionClip:
    """Rotations of SMPL's 24 joints over time, in the body's frame: y up, facing +z, left at +x."""

    name: str
    rate_hz: float
    """Frames a second."""
    rotations: Float[np.ndarray, "frames 24 3"]
    """Axis-angle relative to the parent joint; joint 0 in the clip's world. All zero is the T-pose."""
    root_positions: Float[np.ndarray, "frames 3"]
    """Pelvis of the source skeleton, metres."""
    leg_length_m: float
    """Hip to knee to ankle of the source skeleton; positions scale with it."""
    root_to_hips: Float[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))
    """From the pelvis to the middle of the hips in the source's rest pose, metres."""
    loops: bool = False
    """Whether the last frame is the first one again, moved on."""
    licence: str = ""
    description: dict[str, Any] = field(default_factory=dict)
    """How the clip was made from others (mirrored, speed, ingredients …); fit for JSON."""

    def __post_init__(self) -> None:
        """Raises BodyError for shapes that disagree, no frames, or numbers that are not finite."""
        frames = len(self.root_positions)
        for name, shape in (("rotations", (frames, JOINT_COUNT, 3)), ("root_positions", (frames, 3))):
            value = getattr(self, name)
            if np.shape(value) != shape or not frames:
                raise BodyError(f"motion clip {self.name!r}: {name} has shape {np.shape(value)}, expected {shape}")
            if not np.isfinite(value).all():
                bad = int(np.flatnonzero(~np.isfinite(value).reshape(frames, -1).all(1))[0])
                raise BodyError(f"motion clip {self.name!r}: {name} is not finite in frame {bad}; repair the file")
        if not (self.rate_hz > 0 and self.leg_length_m > 0):
            raise BodyError(
                f"motion clip {self.name!r}: rate {self.rate_hz} Hz and leg length {self.leg_length_m} m must be > 0"
            )

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.root_positions)

    @property
    def seconds(self) -> float:
        """Time from the first frame to the last."""
        return (len(self) - 1) / self.rate_hz


def global_rotations(rotations: Float[np.ndarray, "frames 24 3"]) -> list[Rotation]:
    """Rotation of each joint in the clip's world, all frames at once; from axis-angle relative to the parents."""
    found: list[Rotation] = []
    for joint, parent in enumerate(PARENTS):
        local = Rotation.from_rotvec(rotations[:, joint])
        found.append(local if parent < 0 else found[parent] * local)
    return found


def local_rotations(world: list[Rotation]) -> Float[np.ndarray, "frames 24 3"]:
    """Axis-angle relative to the parents; the inverse of `global_rotations`."""
    parts = [world[0], *(world[parent].inv() * world[joint] for joint, parent in enumerate(PARENTS) if parent >= 0)]
    return np.stack([part.as_rotvec() for part in parts], 1)
