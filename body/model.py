"""One SMPL-format body model as a value."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse
from jaxtyping import Float, Integer

from body.errors import BodyError
from body.joints import PARENTS
from body.parameters import BodyParameters
from geometry.mesh import TriangleMesh


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PosedBody:
    """A body over time, metres, in the frame of its parameters."""

    vertices: Float[np.ndarray, "frames vertices 3"]
    joints: Float[np.ndarray, "frames 24 3"]
    transforms: Float[np.ndarray, "frames 24 4 4"] | None = None
    """Ts_world_rest: move points of the shaped rest body with each joint; always there from `BodyModel.pose`."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyModel:
    """An SMPL-format model: linear shape, linear pose correctives, 24 joints, linear blend skinning (Loper 2015).

    The rest body is in metres, y up, facing +z, its left hand at +x, in the T-pose.
    """

    name: str
    v_template: Float[np.ndarray, "vertices 3"]
    shapedirs: Float[np.ndarray, "vertices 3 shapes"]
    """Displacement for one standard deviation of each beta."""
    posedirs: Float[np.ndarray, "vertices 3 207"] | None
    """Displacement for each entry of R - I of joints 1..23, row by row; None for plain skinning."""
    J_regressor: scipy.sparse.csr_array
    """(24, vertices): joints of the shaped rest body."""
    weights: Float[np.ndarray, "vertices 24"]
    faces: Integer[np.ndarray, "faces 3"]
    """Counter-clockwise seen from outside."""
    parents: Integer[np.ndarray, "24"] = field(default_factory=lambda: np.array(PARENTS))
    uv: Float[np.ndarray, "uvs 2"] | None = None
    """Texture coordinates; (0, 0) is the bottom-left corner of the texture."""
    uv_faces: Integer[np.ndarray, "faces 3"] | None = None
    mirror: Integer[np.ndarray, "vertices"] | None = None
    """Index of the vertex on the other side."""
    keypoint_vertices: dict[str, int] = field(default_factory=dict)
    """Vertices of named surface points: nose, reye, leye, rear, lear, LBigToe, …, rpinky (smplx's names)."""
    child_direction: Float[np.ndarray, "vertices 3"] | None = None
    """Displacement from the adult mean to a young child, for `BodyParameters.child` = 1."""
    sha256: str = ""
    """Of the file; empty for a model that was not read from a file."""

    @property
    def vertex_count(self) -> int:
        """Number of vertices."""
        return len(self.v_template)

    @property
    def shape_count(self) -> int:
        """Number of betas."""
        return self.shapedirs.shape[2]

    def pose(self, parameters: BodyParameters) -> PosedBody:
        """Vertices and joints in the world of the parameters, in float64.

        Raises BodyError when there are more betas than the model has, or a child factor without a child axis.
        """
        from body.posing import pose_body  # torch is loaded only where bodies are posed

        return pose_body(self, parameters)

    def rest_joints(
        self, betas: Float[np.ndarray, "shapes"] | None = None, child: float = 0.0
    ) -> Float[np.ndarray, "24 3"]:
        """Joints of the shaped rest body."""
        return np.asarray(self.J_regressor @ self.shaped(betas, child))

    def shaped(
        self, betas: Float[np.ndarray, "shapes"] | None = None, child: float = 0.0
    ) -> Float[np.ndarray, "vertices 3"]:
        """Rest vertices of one shape; fewer betas than the model has are filled up with zeros."""
        betas = np.zeros(0) if betas is None else np.asarray(betas, np.float64)
        self.check_shape(len(betas), child)
        vertices = self.v_template + self.shapedirs[..., : len(betas)] @ betas
        return vertices if self.child_direction is None else vertices + child * self.child_direction

    def check_shape(self, betas: int, child: float) -> None:
        """Raises BodyError when the model lacks that many betas, or the child axis."""
        if betas > self.shape_count:
            raise BodyError(
                f"{betas} betas were given, but body model {self.name!r} has {self.shape_count}; pass fewer"
            )
        if child != 0 and self.child_direction is None:
            raise BodyError(
                f"body model {self.name!r} has no child axis, but a child factor was given; "
                "pass child = 0 or use the open body"
            )

    def mesh(self, vertices: Float[np.ndarray, "vertices 3"]) -> TriangleMesh:
        """The mesh of one frame's vertices, with the model's faces and texture coordinates."""
        return TriangleMesh(vertices=vertices, faces=self.faces, uv=self.uv, uv_faces=self.uv_faces)
