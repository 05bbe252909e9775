"""Body parameters: shape, pose and translation of one person over time, in SMPL's layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from body.errors import BodyError


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyParameters:
    """SMPL-format parameters of one person over T frames, in one world frame (metres, radians).

    The vertices are `R(global_orient) (v - pelvis) + pelvis + transl`, as in the smplx package: `transl` moves the
    rest pelvis, it is not the pelvis position. With `global_orient` = 0 the body stands y up, facing +z; in humanrig's
    z-up world a standing person therefore has a `global_orient` near (pi/2, 0, 0) (conventions.md).
    """

    betas: Float[np.ndarray, "shapes"]
    """Shape, one vector for the whole clip, in standard deviations of adult shape."""
    global_orient: Float[np.ndarray, "frames 3"]
    """Axis-angle of the pelvis."""
    body_pose: Float[np.ndarray, "frames 69"]
    """Axis-angle of joints 1..23 relative to their parents."""
    transl: Float[np.ndarray, "frames 3"]
    """Translation, metres."""
    child: float = 0.0
    """Position on the child axis beside the betas: 0 adult, 1 the model's youngest child."""

    def __post_init__(self) -> None:
        """Raises BodyError when the shapes disagree."""
        frames = len(self.transl)
        expected = {"global_orient": (frames, 3), "body_pose": (frames, 69), "transl": (frames, 3)}
        for name, shape in expected.items():
            if np.shape(getattr(self, name)) != shape:
                raise BodyError(f"{name} has shape {np.shape(getattr(self, name))}, expected {shape}")
        if np.ndim(self.betas) != 1:
            raise BodyError(f"betas has shape {np.shape(self.betas)}, expected one vector for the whole clip")

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.transl)

    def __getitem__(self, frames: slice | np.ndarray) -> BodyParameters:
        """The same person at some frames only."""
        return BodyParameters(
            betas=self.betas,
            global_orient=self.global_orient[frames],
            body_pose=self.body_pose[frames],
            transl=self.transl[frames],
            child=self.child,
        )
