"""A state's joints, vertices and normals in the world, and the rows of derivatives that terms are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int64, Integer

from body.joints import JOINT_COUNT, PARENTS
from registration.fit.posing_kernels import rows_of_points, skin_clip, vertex_normals_clip
from registration.fit.rest import RestBody
from registration.fit.state import FitState

_PARENTS = np.array(PARENTS, np.int64)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frames:
    """Where the joints of a state are and how they move with the shape."""

    R: Float[np.ndarray, "frames 24 3 3"]
    """Orientation of each joint in the world."""
    R_parent: Float[np.ndarray, "frames 24 3 3"]
    t: Float[np.ndarray, "frames 24 3"]
    """p_world = R p_rest + t for points that move with one joint."""
    joints: Float[np.ndarray, "frames 24 3"]
    d_joints: Float[np.ndarray, "frames 24 3 coefficients"]
    """Change of the posed joints with each coefficient."""
    d_t: Float[np.ndarray, "frames 24 3 coefficients"]
    """Change of t with each coefficient."""


def frames_of(state: FitState, rest: RestBody) -> Frames:
    """Joint frames of a state, parents before children (Loper et al. 2015)."""
    J, dJ = rest.rest_joints(state.coefficients), rest.d_joints
    T = len(state)
    R, R_parent = np.empty((T, JOINT_COUNT, 3, 3)), np.empty((T, JOINT_COUNT, 3, 3))
    joints, moved = np.empty((T, JOINT_COUNT, 3)), np.empty((T, JOINT_COUNT, 3, dJ.shape[2]))
    for j, parent in enumerate(PARENTS):
        if parent < 0:
            R_parent[:, j], joints[:, j], moved[:, j] = np.eye(3), J[j] + state.transl, dJ[j]
        else:
            R_parent[:, j] = R[:, parent]
            joints[:, j] = joints[:, parent] + R[:, parent] @ (J[j] - J[parent])
            moved[:, j] = moved[:, parent] + R[:, parent] @ (dJ[j] - dJ[parent])
        R[:, j] = R_parent[:, j] @ state.rotations[:, j]
    t = joints - (R @ J[..., None])[..., 0]
    return Frames(R=R, R_parent=R_parent, t=t, joints=joints, d_joints=moved, d_t=moved - R @ dJ)


class PosedClip:
    """One estimate of a clip, posed. What is costly is made when it is first asked for, and kept."""

    def __init__(self, state: FitState, model: RestBody, frames: Frames | None = None) -> None:
        """frames: the joint frames where they are known already."""
        self.state, self.model = state, model
        self.frames = frames_of(state, model) if frames is None else frames

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.state)

    @property
    def betas(self) -> Float[np.ndarray, "shapes"]:
        """Shape of the person."""
        return self.state.betas

    @property
    def joints(self) -> Float[np.ndarray, "frames 24 3"]:
        """World, metres."""
        return self.frames.joints

    @cached_property
    def rest(self) -> Float[np.ndarray, "frames vertices 3"]:
        """Rest vertices with the pose correctives, metres, in the rest body's axes."""
        shaped = self.model.shaped(self.state.coefficients)
        if self.model.posedirs is None:
            return np.repeat(shaped[None], len(self), 0)
        features = (self.state.rotations[:, 1:] - np.eye(3)).reshape(len(self), -1)
        return shaped + (features @ self.model.posedirs).reshape(len(self), -1, 3)

    @cached_property
    def vertices(self) -> Float[np.ndarray, "frames vertices 3"]:
        """World, metres."""
        f, m = self.frames, self.model
        return skin_clip(self.rest, f.R, f.t, m.carriers, m.weights)

    @cached_property
    def normals(self) -> Float[np.ndarray, "frames vertices 3"]:
        """Unit outward normals of the vertices, weighted by the faces' areas."""
        return vertex_normals_clip(self.vertices, self.model.faces)

    def vertex_rows(
        self,
        frames: Integer[np.ndarray, "rows"],
        vertices: Integer[np.ndarray, "rows"],
        directions: Float[np.ndarray, "rows 3"],
    ) -> Float[np.ndarray, "rows unknowns"]:
        """Derivative of vertices along world directions, in the 75 unknowns of their frame and the coefficients.

        The change of the pose correctives with the pose is left out: some millimetres a radian.
        """
        m, f = self.model, self.frames
        at = np.asarray(vertices, np.int64)
        frame = np.asarray(frames, np.int64)
        return rows_of_points(
            frame, self.rest[frame, at], m.carriers[at], m.weights[at], m.directions[at],
            np.ascontiguousarray(directions, np.float64), f.R, f.R_parent, f.t, f.joints, f.d_t, _PARENTS,
        )  # fmt: skip

    def joint_rows(
        self,
        frames: Integer[np.ndarray, "rows"],
        joints: Integer[np.ndarray, "rows"],
        directions: Float[np.ndarray, "rows 3"],
    ) -> Float[np.ndarray, "rows unknowns"]:
        """The same for joints."""
        frame, j = np.asarray(frames, np.int64), np.asarray(joints, np.int64)
        J = self.model.rest_joints(self.state.coefficients)
        return self.point_rows(frame, J[j], j, self.model.d_joints[j], directions)

    def point_rows(
        self,
        frames: Int64[np.ndarray, "rows"],
        rest: Float[np.ndarray, "rows 3"],
        joints: Int64[np.ndarray, "rows"],
        shape: Float[np.ndarray, "rows 3 coefficients"],
        directions: Float[np.ndarray, "rows 3"],
    ) -> Float[np.ndarray, "rows unknowns"]:
        """The same for rest points that move with one joint; shape: their change with the coefficients, at rest."""
        f = self.frames
        return rows_of_points(
            frames, np.ascontiguousarray(rest), joints[:, None], np.ones((len(joints), 1)), shape,
            np.ascontiguousarray(directions, np.float64), f.R, f.R_parent, f.t, f.joints, f.d_t, _PARENTS,
        )  # fmt: skip
