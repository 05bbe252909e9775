"""Dressed people posed on the torch device itself, so that training draws poses without leaving it.

Skin and cloth are blended linearly, the cloth by the weights with which the virtual rig's clothes begin too. What comes
after that there is left out: nothing hangs, folds, is smoothed or pushed off the skin, skirts do not widen, and limbs
of the bank's people bend without dual quaternions. `staging` dresses people in full; this is the quick way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from body.garments.costume import Costume
from body.joints import JOINT_COUNT
from body.model import BodyModel
from body.skinning import Skinning
from hps.errors import HpsError
from hps.synthesis.torch_clouds.surfaces import Surface


@dataclass(frozen=True, kw_only=True, eq=False)
class PosablePerson:
    """One dressed person; hold on to it, and pose it again and again."""

    skinning: Skinning
    """Of the person's own body: its mean shape is this body."""
    rest: Float[Tensor, "points 3"]
    """The dressed surface around the rest body, metres."""
    weights: Float[Tensor, "points 24"]
    surface: Surface
    """At rest."""

    @classmethod
    def of(cls, costume: Costume, body: BodyModel, device: torch.device | str = "cpu") -> PosablePerson:
        """The person in a costume that was tailored for `body`, a model whose mean shape is the person's own.

        Raises HpsError for a costume that is painted on.
        """
        cloth = costume.cloth
        if cloth is None:
            raise HpsError("a painted costume has no cloth to pose; tailor one (body.garments.tailor)")
        skin = np.asarray(body.weights)
        of_cloth = np.zeros((len(cloth.rest), JOINT_COUNT))
        np.put_along_axis(of_cloth, cloth.joints.astype(np.int64), cloth.shares, 1)
        nearest = np.concatenate([np.arange(len(skin)), cloth.near[:, 0]])
        to = {"dtype": torch.float32, "device": device}
        rest = torch.tensor(np.concatenate([body.v_template, cloth.rest]), **to)
        faces = torch.tensor(np.asarray(costume.faces), dtype=torch.int64, device=device)
        part = 1 + skin.argmax(1)[nearest[np.asarray(costume.faces)[:, 0]]]
        return cls(
            skinning=Skinning(body, device=device),
            rest=rest,
            weights=torch.tensor(np.concatenate([skin, of_cloth]), **to),
            surface=Surface(
                vertices=rest,
                faces=faces,
                reflectance=torch.tensor(np.asarray(costume.infrared), **to),
                owner=torch.zeros(len(faces), dtype=torch.int64, device=device),
                part=torch.tensor(part, dtype=torch.int64, device=device),
            ),
        )

    def posed(
        self, rotations: Float[Tensor, "batch 24 3"], transl: Float[Tensor, "batch 3"]
    ) -> Float[Tensor, "batch points 3"]:
        """The dressed surface in new poses: axis-angle, the root first; metres, in the frame of the parameters."""
        Ts = self.skinning.transforms(rotations.new_zeros(0), rotations, transl).Ts_world_rest
        return self.skinning.skin(self.rest.expand(len(rotations), -1, -1), Ts, self.weights)

    def surfaces(self, rotations: Float[Tensor, "batch 24 3"], transl: Float[Tensor, "batch 3"]) -> list[Surface]:
        """The same, ready for `measure`."""
        return [self.surface.at(vertices) for vertices in self.posed(rotations, transl)]


def together(surfaces: Sequence[Surface]) -> Surface:
    """Several people as one surface, numbered in this order."""
    counts = np.cumsum([0, *(len(s.vertices) for s in surfaces)])
    return Surface(
        vertices=torch.cat([s.vertices for s in surfaces]),
        faces=torch.cat([s.faces + int(first) for s, first in zip(surfaces, counts)]),
        reflectance=torch.cat([s.reflectance for s in surfaces]),
        owner=torch.cat([s.owner + number for number, s in enumerate(surfaces)]),
        part=torch.cat([s.part for s in surfaces]),
        people=len(surfaces),
    )
