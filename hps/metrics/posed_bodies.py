"""Many one-frame bodies of different shapes posed at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from body.model import BodyModel
from body.parameters import BodyParameters
from body.rotations import axis_angle_to_matrix
from body.skinning import Skinning
from hps.errors import HpsError


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PosedBodies:
    """Bodies in the frames of their clouds, metres."""

    vertices: Float[np.ndarray, "bodies vertices 3"]
    joints: Float[np.ndarray, "bodies 24 3"]
    rest: Float[np.ndarray, "bodies vertices 3"]
    """Shaped, in the T-pose, without pose correctives."""
    rotations: Float[np.ndarray, "bodies 24 3 3"]
    """Of each joint against its parent."""


class BodyPoser:
    """Poses bodies of one model; made once, because the model's arrays are copied."""

    def __init__(self, model: BodyModel, dtype: torch.dtype = torch.float64) -> None:
        """dtype: float32 is twice as fast and exact to some micrometres; rotations are always float64."""
        self.model = model
        self._dtype = dtype
        self._skinning = Skinning(model, dtype)

    def pose(self, parameters: Sequence[BodyParameters]) -> PosedBodies:
        """All of them. Raises HpsError for parameters of more or less than one frame, BodyError for too many betas."""
        rows = [len(one) for one in parameters]
        if any(count != 1 for count in rows):
            raise HpsError(f"body {rows.index(next(r for r in rows if r != 1))} has other than one frame: {rows}")
        for one in parameters:
            self.model.check_shape(len(one.betas), one.child)
        betas = np.zeros((len(parameters), self.model.shape_count))
        for row, one in zip(betas, parameters):
            row[: len(one.betas)] = one.betas
        rotations = self.rotations(parameters)
        turns = torch.from_numpy(rotations).to(self._dtype)
        transl = torch.tensor(np.stack([one.transl[0] for one in parameters]), dtype=self._dtype)
        child = torch.tensor([one.child for one in parameters], dtype=self._dtype)
        adult = self.model.child_direction is None
        with torch.no_grad():
            transforms = self._skinning.transforms(
                torch.tensor(betas, dtype=self._dtype), turns, transl, 0.0 if adult else child
            )
            vertices = self._skinning.skin(transforms.rest, transforms.Ts_world_rest)
        return PosedBodies(
            vertices=vertices.numpy(),
            joints=transforms.joints.numpy(),
            rest=transforms.shaped.numpy(),
            rotations=rotations,
        )

    def rotations(self, parameters: Sequence[BodyParameters]) -> Float[np.ndarray, "bodies 24 3 3"]:
        """Of each joint against its parent."""
        turns = np.stack([np.concatenate([one.global_orient[0], one.body_pose[0]]) for one in parameters])
        return axis_angle_to_matrix(torch.tensor(turns.reshape(-1, 24, 3), dtype=torch.float64)).numpy()
