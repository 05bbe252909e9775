"""What operations on a cloud must know of the body in it: where its rest pelvis lies, and which parts are partners."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from body.joints import MIRROR
from body.loading import load_body_model
from body.model import BodyModel
from hps.errors import HpsError
from hps.points.landmarks import landmarks_of
from hps.points.part_labels import NOT_BODY


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyFacts:
    """Of one body model, in float64 on the CPU."""

    pelvis: Float[Tensor, "coefficients 3"]
    """Rest pelvis of the mean body, its change with each beta, and with the child axis (zeros for a model without)."""
    landmark_mirror: Int64[Tensor, "landmarks"]
    """Partner of each landmark on the other side."""
    part_mirror: Int64[Tensor, "26"]
    """Partner of each part: of the 24 joints, NOT_BODY and, last, UNKNOWN_PART, which are their own."""

    @classmethod
    def of(cls, model: BodyModel) -> BodyFacts:
        """Raises HpsError for a model whose vertices have no partners."""
        directions = model.child_direction
        shape = np.concatenate(
            [
                model.v_template[..., None],
                model.shapedirs,
                (np.zeros_like(model.v_template) if directions is None else directions)[..., None],
            ],
            2,
        )
        row = np.asarray(model.J_regressor[[0]].todense(), np.float64)[0]
        return cls(
            pelvis=torch.from_numpy(np.ascontiguousarray(np.tensordot(row, shape, 1).T)),
            landmark_mirror=torch.from_numpy(landmarks_of(model).mirror),
            part_mirror=torch.tensor([*MIRROR, NOT_BODY, -1]),
        )

    def rest_pelvis(
        self, betas: Float[Tensor, "batch shapes"], child: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch 3"]:
        """Where the pelvis of the unposed body lies. Raises HpsError for more betas than the model has."""
        most = len(self.pelvis) - 2
        if betas.shape[1] > most:
            raise HpsError(f"clouds come with {betas.shape[1]} betas, the body model has {most}")
        table = self.pelvis.to(betas)
        return table[0] + betas @ table[1 : 1 + betas.shape[1]] + child[:, None] * table[-1]


@lru_cache(maxsize=1)
def default_facts() -> BodyFacts:
    """Of the body model that is set."""
    return BodyFacts.of(load_body_model())
