"""The unknowns of a body fit over a clip, and the step that changes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_COUNT
from body.parameters import BodyParameters
from registration.fit.rotations import exponential, logarithm

FRAME_SIZE = 3 * JOINT_COUNT + 3
"""Unknowns of one frame: a small rotation of each joint, then the translation."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FitState:
    """One estimate of everything, float64."""

    rotations: Float[np.ndarray, "frames 24 3 3"]
    """Relative to the parent, the root first."""
    transl: Float[np.ndarray, "frames 3"]
    betas: Float[np.ndarray, "shapes"]
    offsets: Float[np.ndarray, "landmarks 3"]
    """What a landmark of the detector is away from the body's own point, metres, in the rest body's axes."""
    child: float = 0.0
    """Position on the model's child axis."""
    fits_child: bool = False
    """Whether the child factor is an unknown: the coefficient after the betas."""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.transl)

    @property
    def coefficients(self) -> Float[np.ndarray, "coefficients"]:
        """The shape's unknowns: betas, and the child factor where it is one."""
        return np.append(self.betas, self.child) if self.fits_child else self.betas

    def stepped(self, frames: Float[np.ndarray, "frames 75"], shared: Float[np.ndarray, "shared"]) -> FitState:
        """The state after a step: small rotations in the parent's frame, and what is added to the rest.

        shared: coefficients, then offsets landmark by landmark.
        """
        turn = exponential(frames[:, :-3].reshape(-1, JOINT_COUNT, 3))
        shapes, known = len(self.betas), len(self.coefficients)
        return replace(
            self,
            rotations=turn @ self.rotations,
            transl=self.transl + frames[:, -3:],
            betas=self.betas + shared[:shapes],
            offsets=self.offsets + shared[known:].reshape(-1, 3),
            child=self.child + float(shared[shapes]) if self.fits_child else self.child,
        )

    def at(self, frames: slice | np.ndarray) -> FitState:
        """The same shape and offsets at some frames only."""
        return replace(self, rotations=self.rotations[frames], transl=self.transl[frames])

    def parameters(self) -> BodyParameters:
        """As body parameters."""
        axis_angle = logarithm(self.rotations).reshape(-1, 3 * JOINT_COUNT)
        return BodyParameters(
            betas=self.betas.copy(),
            global_orient=axis_angle[:, :3].copy(),
            body_pose=axis_angle[:, 3:].copy(),
            transl=self.transl.copy(),
            child=self.child,
        )

    @classmethod
    def from_parameters(cls, parameters: BodyParameters, landmarks: int = 0) -> FitState:
        """The state of known parameters, with landmark offsets of zero."""
        turns = np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(-1, JOINT_COUNT, 3)
        return cls(
            rotations=exponential(np.asarray(turns, np.float64)),
            transl=np.asarray(parameters.transl, np.float64).copy(),
            betas=np.asarray(parameters.betas, np.float64).copy(),
            offsets=np.zeros((landmarks, 3)),
            child=float(parameters.child),
        )
