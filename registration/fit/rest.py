"""A body model as the fit needs it: float64 arrays of some of its vertices, with few carriers for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from body.joints import JOINT_COUNT
from body.model import BodyModel


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RestBody:
    """Vertices and joints of the rest body, linear in the coefficients: the first betas, then the child factor."""

    template: Float[np.ndarray, "vertices 3"]
    directions: Float[np.ndarray, "vertices 3 coefficients"]
    posedirs: Float[np.ndarray, "207 coordinates"] | None
    """Change of the coordinates (vertex by vertex) with each entry of R - I of joints 1..23."""
    carriers: Int64[np.ndarray, "vertices carriers"]
    """Joints that move each vertex, padded with joint 0 at weight 0."""
    weights: Float[np.ndarray, "vertices carriers"]
    joints: Float[np.ndarray, "24 3"]
    d_joints: Float[np.ndarray, "24 3 coefficients"]
    faces: Int64[np.ndarray, "faces 3"]
    """Of the whole model; empty for a subset."""

    @classmethod
    def of(
        cls,
        model: BodyModel,
        shapes: int,
        vertices: Int64[np.ndarray, "some"] | None = None,
        child: float = 0.0,
        fit_child: bool = False,
    ) -> RestBody:
        """The model with its first `shapes` betas, or only some of its vertices.

        child: the factor that stays as it is, unless `fit_child` makes it the last coefficient. Raises BodyError when
        the model has not that many betas, or no child axis where one is asked for.
        """
        model.check_shape(shapes, 1.0 if fit_child else child)
        template = np.asarray(model.v_template, np.float64)
        directions = np.asarray(model.shapedirs[..., :shapes], np.float64)
        if model.child_direction is not None:
            if fit_child:
                directions = np.concatenate([directions, model.child_direction[..., None]], 2)
            elif child:
                template = template + child * model.child_direction
        flat = np.concatenate([template[..., None], directions], 2).reshape(len(template), -1)
        joints = np.asarray(model.J_regressor @ flat).reshape(JOINT_COUNT, 3, -1)
        chosen = slice(None) if vertices is None else np.asarray(vertices)
        carriers, weights = _carriers(np.asarray(model.weights, np.float64)[chosen])
        posedirs = None
        if model.posedirs is not None:
            some = np.asarray(model.posedirs, np.float64)[chosen]
            posedirs = np.ascontiguousarray(some.reshape(-1, some.shape[2]).T)
        return cls(
            template=np.ascontiguousarray(template[chosen]),
            directions=np.ascontiguousarray(directions[chosen]),
            posedirs=posedirs,
            carriers=carriers,
            weights=weights,
            joints=np.ascontiguousarray(joints[..., 0]),
            d_joints=np.ascontiguousarray(joints[..., 1:]),
            faces=np.asarray(model.faces, np.int64) if vertices is None else np.zeros((0, 3), np.int64),
        )

    @property
    def coefficients(self) -> int:
        """Number of shape unknowns."""
        return self.directions.shape[2]

    def shaped(self, coefficients: Float[np.ndarray, "coefficients"]) -> Float[np.ndarray, "vertices 3"]:
        """Rest vertices of one shape."""
        return self.template + self.directions @ coefficients

    def rest_joints(self, coefficients: Float[np.ndarray, "coefficients"]) -> Float[np.ndarray, "24 3"]:
        """Rest joints of one shape."""
        return self.joints + self.d_joints @ coefficients


def _carriers(
    weights: Float[np.ndarray, "vertices 24"],
) -> tuple[Int64[np.ndarray, "vertices carriers"], Float[np.ndarray, "vertices carriers"]]:
    """The joints of non-zero weight, the heaviest first."""
    count = max(1, int((weights > 0).sum(1).max(initial=1)))
    carriers = np.argsort(-weights, axis=1, kind="stable")[:, :count].astype(np.int64)
    kept = np.take_along_axis(weights, carriers, 1)
    return np.where(kept > 0, carriers, 0), np.ascontiguousarray(kept)
