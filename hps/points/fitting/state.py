"""The unknowns of a batch of bodies, the step that changes them, and where their joints then are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from jaxtyping import Bool, Float

from body.joints import JOINT_COUNT, PARENTS
from hps.points.unknowns import TURNS
from registration.fit.posing import Frames
from registration.fit.rest import RestBody
from registration.fit.rotations import exponential

SHIFT: Final = slice(TURNS, TURNS + 3)
FIRST_SHAPE: Final = TURNS + 3
PARENT_ARRAY: Final = np.array(PARENTS, np.int64)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyStates:
    """Bodies that have nothing to do with each other, float64.

    Unknowns of each: a small turn of every joint in its parent's frame, the translation, the shape's coefficients, and
    the zoom where it is one.
    """

    rotations: Float[np.ndarray, "batch 24 3 3"]
    """Relative to the parent, the root first."""
    transl: Float[np.ndarray, "batch 3"]
    coefficients: Float[np.ndarray, "batch coefficients"]
    """Betas, then the child factor where the body has one."""
    zoom: Float[np.ndarray, "batch"] | None = None
    """Logarithm of the focal length of the pictures over the one that is believed; None: that one is right."""

    def __len__(self) -> int:
        """Number of bodies."""
        return len(self.transl)

    @property
    def unknowns(self) -> int:
        """Of one body."""
        return FIRST_SHAPE + self.coefficients.shape[1] + (self.zoom is not None)

    def stepped(self, step: Float[np.ndarray, "batch unknowns"]) -> BodyStates:
        """The states after a step."""
        turn = exponential(step[:, :TURNS].reshape(-1, JOINT_COUNT, 3))
        return BodyStates(
            rotations=turn @ self.rotations,
            transl=self.transl + step[:, SHIFT],
            coefficients=self.coefficients + step[:, FIRST_SHAPE : FIRST_SHAPE + self.coefficients.shape[1]],
            zoom=None if self.zoom is None else self.zoom + step[:, -1],
        )

    def chosen(self, other: BodyStates, where: Bool[np.ndarray, "batch"]) -> BodyStates:
        """These bodies, and those of `other` where that is asked for."""
        return BodyStates(
            rotations=np.where(where[:, None, None, None], other.rotations, self.rotations),
            transl=np.where(where[:, None], other.transl, self.transl),
            coefficients=np.where(where[:, None], other.coefficients, self.coefficients),
            zoom=None if self.zoom is None or other.zoom is None else np.where(where, other.zoom, self.zoom),
        )

    def rows(self, which: np.ndarray | slice) -> BodyStates:
        """Some of the bodies."""
        return BodyStates(
            rotations=self.rotations[which],
            transl=self.transl[which],
            coefficients=self.coefficients[which],
            zoom=None if self.zoom is None else self.zoom[which],
        )

    def replaced(self, which: np.ndarray, others: BodyStates) -> BodyStates:
        """These bodies with others in some places."""
        rotations, transl, coefficients = self.rotations.copy(), self.transl.copy(), self.coefficients.copy()
        rotations[which], transl[which], coefficients[which] = others.rotations, others.transl, others.coefficients
        zoom = None if self.zoom is None else self.zoom.copy()
        if zoom is not None and others.zoom is not None:
            zoom[which] = others.zoom
        return BodyStates(rotations=rotations, transl=transl, coefficients=coefficients, zoom=zoom)

    def features(self) -> Float[np.ndarray, "batch 207"]:
        """What the pose correctives are linear in: R - I of joints 1..23."""
        return (self.rotations[:, 1:] - np.eye(3)).reshape(len(self), -1)


def frames_of(states: BodyStates, rest: RestBody) -> Frames:
    """Joint frames of each body, parents before children (Loper et al. 2015)."""
    R, R_parent, t, joints, d_joints, d_t = _frames(
        np.ascontiguousarray(states.rotations), states.coefficients, states.transl, rest.joints, rest.d_joints,
        PARENT_ARRAY,
    )  # fmt: skip
    return Frames(R=R, R_parent=R_parent, t=t, joints=joints, d_joints=d_joints, d_t=d_t)


def rest_points(states: BodyStates, rest: RestBody) -> Float[np.ndarray, "batch points 3"]:
    """Rest points of each body with its shape and pose correctives."""
    shape = rest.directions.reshape(-1, rest.coefficients)
    points = rest.template.reshape(-1) + states.coefficients @ shape.T
    if rest.posedirs is not None:
        points += states.features().astype(rest.posedirs.dtype) @ rest.posedirs
    return points.reshape(len(states), -1, 3)


@numba.njit(cache=True, nogil=True)
def _frames(rotations, coefficients, transl, J0, dJ, parents):
    B, N, C = len(rotations), len(J0), dJ.shape[2]
    R, R_parent = np.empty((B, N, 3, 3)), np.empty((B, N, 3, 3))
    t, joints = np.empty((B, N, 3)), np.empty((B, N, 3))
    d_joints, d_t = np.empty((B, N, 3, C)), np.empty((B, N, 3, C))
    J = np.empty((N, 3))
    for b in range(B):
        for j in range(N):
            for i in range(3):
                J[j, i] = J0[j, i]
                for c in range(C):
                    J[j, i] += dJ[j, i, c] * coefficients[b, c]
        for j in range(N):
            p = parents[j]
            for i in range(3):
                for k in range(3):
                    R_parent[b, j, i, k] = (1.0 if i == k else 0.0) if p < 0 else R[b, p, i, k]
            for i in range(3):
                if p < 0:
                    joints[b, j, i] = J[j, i] + transl[b, i]
                    for c in range(C):
                        d_joints[b, j, i, c] = dJ[j, i, c]
                else:
                    joints[b, j, i] = joints[b, p, i]
                    for c in range(C):
                        d_joints[b, j, i, c] = d_joints[b, p, i, c]
                    for k in range(3):
                        r = R_parent[b, j, i, k]
                        joints[b, j, i] += r * (J[j, k] - J[p, k])
                        for c in range(C):
                            d_joints[b, j, i, c] += r * (dJ[j, k, c] - dJ[p, k, c])
                for k in range(3):
                    R[b, j, i, k] = 0.0
                    for m in range(3):
                        R[b, j, i, k] += R_parent[b, j, i, m] * rotations[b, j, m, k]
            for i in range(3):
                t[b, j, i] = joints[b, j, i]
                for c in range(C):
                    d_t[b, j, i, c] = d_joints[b, j, i, c]
                for k in range(3):
                    t[b, j, i] -= R[b, j, i, k] * J[j, k]
                    for c in range(C):
                        d_t[b, j, i, c] -= R[b, j, i, k] * dJ[j, k, c]
    return R, R_parent, t, joints, d_joints, d_t
