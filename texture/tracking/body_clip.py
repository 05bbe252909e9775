"""A fitted body over a clip with what it takes to hang another surface on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from body.model import BodyModel
from body.parameters import BodyParameters


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyClip:
    """The bare body of one person, posed at each instant."""

    vertices: Float[np.ndarray, "instants body 3"]
    """In the world, metres, with the model's pose correctives."""
    Ts_world_rest: Float[np.ndarray, "instants joints 4 4"]
    """Move points of the rest body with each joint."""
    rest: Float[np.ndarray, "body 3"]
    """The shaped body at rest, without correctives."""
    weights: Float[np.ndarray, "body joints"]
    faces: Integer[np.ndarray, "faces 3"]

    @classmethod
    def of(cls, model: BodyModel, parameters: BodyParameters) -> BodyClip:
        """The body of these parameters."""
        posed = model.pose(parameters)
        assert posed.transforms is not None
        return cls(
            vertices=posed.vertices,
            Ts_world_rest=posed.transforms,
            rest=model.shaped(parameters.betas, parameters.child),
            weights=np.asarray(model.weights, np.float64),
            faces=model.faces,
        )

    def __len__(self) -> int:
        """Number of instants."""
        return len(self.vertices)

    def correctives(self, row: int) -> Float[np.ndarray, "body 3"]:
        """How far the pose correctives move each vertex in the world at an instant, metres."""
        rows = (self.weights @ self.Ts_world_rest[row, :, :3].reshape(-1, 12)).reshape(-1, 3, 4)
        return self.vertices[row] - (np.einsum("vij,vj->vi", rows[..., :3], self.rest) + rows[..., 3])
