"""The surface of each instant: the registered body, posed, with an offset along the rest normals for its clothes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.mesh import TriangleMesh


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DressedBody:
    """One person over a clip: the body's parameters and the thickness of what is worn, constant over the clip."""

    model: BodyModel
    parameters: BodyParameters
    offsets: Float[np.ndarray, "vertices"]
    """Metres along the normals of the shaped rest body."""

    def rest_vertices(self) -> Float[np.ndarray, "vertices 3"]:
        """The shaped rest body with its offsets, in the body frame."""
        rest = self.model.shaped(self.parameters.betas, self.parameters.child)
        return rest + self.offsets[:, None] * self._rest_normals()

    def vertices(self) -> Float[np.ndarray, "frames vertices 3"]:
        """Posed vertices in the world of the parameters, metres.

        The offsets are added to the rest body and skinned with it; skinning is affine, so they only need the
        blended rotations. The joints stay those of the bare body.
        """
        vertices = self.model.pose(self.parameters).vertices
        if np.any(self.offsets):
            vertices += posed_directions(self.model, self.parameters, self.offsets[:, None] * self._rest_normals())
        return vertices

    def _rest_normals(self) -> Float[np.ndarray, "vertices 3"]:
        return rest_normals(self.model, self.parameters)


def rest_normals(model: BodyModel, parameters: BodyParameters) -> Float[np.ndarray, "vertices 3"]:
    """Outward unit normals of the shaped rest body, in the body frame."""
    rest = model.shaped(parameters.betas, parameters.child)
    return TriangleMesh(vertices=rest, faces=model.faces).vertex_normals()


def posed_directions(
    model: BodyModel, parameters: BodyParameters, v_rest: Float[np.ndarray, "vertices 3"]
) -> Float[np.ndarray, "frames vertices 3"]:
    """Vectors attached to the rest vertices, turned by each vertex's blended joint rotation into the world."""
    Rs = joint_rotations(parameters, model.parents)
    posed = np.empty((len(Rs), *v_rest.shape))
    weights = np.asarray(model.weights, np.float64)
    for frame, R in enumerate(Rs):
        posed[frame] = np.einsum("vij,vj->vi", (weights @ R.reshape(-1, 9)).reshape(-1, 3, 3), v_rest)
    return posed


def joint_rotations(parameters: BodyParameters, parents: np.ndarray) -> Float[np.ndarray, "frames joints 3 3"]:
    """R_world_joint of every joint: the products of the rotations along the tree, rest orientation = identity."""
    axis_angles = np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(-1, 3)
    R = Rotation.from_rotvec(axis_angles).as_matrix().reshape(len(parameters), -1, 3, 3)
    for joint in range(1, R.shape[1]):
        R[:, joint] = R[:, parents[joint]] @ R[:, joint]
    return R
