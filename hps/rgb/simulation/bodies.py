"""Landmarks and keypoints of the body bank's people, posed many at once without the rest of their skin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from body.bank import BodyBank, Split, load_body_bank
from body.joints import JOINT_COUNT
from body.model import BodyModel
from body.skinning import Skinning
from hps.points.landmarks import LANDMARK_COUNT, landmarks_of
from hps.points.unknowns import SHAPES
from hps.rgb.keypoint_names import LIFTED, LIFTED_COUNT
from registration.fit.landmarks import Landmarks
from registration.fit.rest import RestBody
from registration.keypoints.confidence import BLAZEPOSE_NOISE
from registration.keypoints.sets import SMPL_VERTEX_OF_KEYPOINT


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PosedPeople:
    """People about their pelvis joint, in a world of SMPL's axes (y up, metres)."""

    landmarks: Float[Tensor, "people landmarks 3"]
    keypoints: Float[Tensor, "people keypoints 3"]
    """Where the detector's landmarks lie on bodies on average (`registration.fit.landmarks`)."""
    wandering: Float[Tensor, "people keypoints 3"]
    """Where they lie on this person in this pose."""
    rotations: Float[Tensor, "people 24 3 3"]
    """Relative to the parent, the root first."""
    subject: Int64[Tensor, "people"]
    """Number in the body bank."""
    motion: Int64[Tensor, "people"]

    def __len__(self) -> int:
        """Number of people."""
        return len(self.landmarks)


class SplitBodies:
    """The people of one split of the bank, reduced to the points that a lifter is asked for or given."""

    def __init__(self, model: BodyModel, split: Split) -> None:
        """Raises BodyError when the bank belongs to another model, HpsError for a model without markers."""
        self.bank: BodyBank = load_body_bank(model)
        self.names = self.bank.names(split)
        self.subject = torch.tensor([self.bank.subject(name).index for name in self.names])
        seen = Landmarks.of(model, LIFTED.names, RestBody.of(model, 0))
        order = np.argsort(seen.index)
        self._offset = torch.tensor(seen.offset_m[order], dtype=torch.float32)
        away = np.hypot(seen.offset_sigma_m[order], BLAZEPOSE_NOISE.wander_m(LIFTED.names))
        self.wander_m = torch.tensor(away, dtype=torch.float32)
        """Standard deviation along each axis of where a keypoint lies on a person in a pose."""
        self._skinning = Skinning(_reduced(self.bank, self.names, seen, order))

    @cached_property
    def labels(self) -> tuple[Float[Tensor, "people shapes"], Float[Tensor, "people"]]:
        """The nearest betas and child factor of everybody, in the order of `names`."""
        fits = [self.bank.nearest_betas(name, SHAPES) for name in self.names]
        betas = torch.tensor(np.stack([fit.betas for fit in fits]), dtype=torch.float32)
        return betas, torch.tensor([fit.child for fit in fits], dtype=torch.float32)

    @cached_property
    def rest_pelvis(self) -> Float[Tensor, "people 3"]:
        """Of everybody, in the order of `names`: the pelvis is this plus `transl`."""
        return torch.tensor(self._skinning.model.shapedirs[0].T, dtype=torch.float32)

    def pose(
        self,
        who: Int64[Tensor, "people"],
        rotations: Float[Tensor, "people 24 3 3"],
        motion: Int64[Tensor, "people"],
        generator: torch.Generator,
    ) -> PosedPeople:
        """People in poses; `who` counts in `names`. The generator draws how their keypoints wander."""
        one_hot = torch.nn.functional.one_hot(who, len(self.names)).to(rotations)
        with torch.no_grad():
            T = self._skinning.transforms(one_hot, rotations)
            aside = self.wander_m[:, None] * torch.randn((len(who), LIFTED_COUNT, 3), generator=generator)
            skin = slice(JOINT_COUNT, LANDMARK_COUNT)
            keys = T.rest[:, LANDMARK_COUNT:] + self._offset
            every = torch.cat([T.rest[:, skin], keys, keys + aside], 1)
            posed = self._skinning.skin(every, T.Ts_world_rest, self._weights)
        pelvis = T.joints[:, :1]
        markers, exact, wandering = posed.split([LANDMARK_COUNT - JOINT_COUNT, LIFTED_COUNT, LIFTED_COUNT], 1)
        return PosedPeople(
            landmarks=torch.cat([T.joints, markers], 1) - pelvis,
            keypoints=exact - pelvis,
            wandering=wandering - pelvis,
            rotations=rotations,
            subject=self.subject[who],
            motion=motion,
        )

    @cached_property
    def _weights(self) -> Float[Tensor, "points 24"]:
        weights = torch.tensor(self._skinning.model.weights, dtype=torch.float32)
        keys = weights[LANDMARK_COUNT:]
        return torch.cat([weights[JOINT_COUNT:LANDMARK_COUNT], keys, keys])


def _reduced(bank: BodyBank, names: tuple[str, ...], seen: Landmarks, order: np.ndarray) -> BodyModel:
    """A body model of the joints, the markers and the keypoints alone, whose betas choose among people."""
    model = bank.body_model
    markers = landmarks_of(model).markers
    vertex_of = {
        name: model.keypoint_vertices[SMPL_VERTEX_OF_KEYPOINT[name]]
        for name in seen.names
        if name in SMPL_VERTEX_OF_KEYPOINT
    }
    rests = []
    for name in names:
        skin = bank.rest_vertices(name)
        joints = np.asarray(model.J_regressor @ skin)
        keys = [
            joints[joint] if joint >= 0 else skin[vertex_of[key]]
            for key, joint in zip((seen.names[n] for n in order), seen.joint[order])
        ]
        rests.append(np.concatenate([joints, skin[markers], np.stack(keys)]))
    count = rests[0].shape[0]
    weights = np.zeros((count, JOINT_COUNT))
    weights[np.arange(JOINT_COUNT), np.arange(JOINT_COUNT)] = 1
    weights[JOINT_COUNT:LANDMARK_COUNT] = model.weights[markers]
    for row, n in enumerate(order, LANDMARK_COUNT):
        np.add.at(weights[row], seen.points.carriers[n], seen.points.weights[n])
    posedirs = None
    if model.posedirs is not None and seen.points.posedirs is not None:
        posedirs = np.zeros((count, 3, 207))
        posedirs[JOINT_COUNT:LANDMARK_COUNT] = model.posedirs[markers]
        posedirs[LANDMARK_COUNT:] = seen.points.posedirs.reshape(207, -1, 3)[:, order].transpose(1, 2, 0)
    return replace(
        model,
        name="points of bank bodies",
        v_template=np.zeros((count, 3)),
        shapedirs=np.stack(rests, -1),
        posedirs=posedirs,
        J_regressor=scipy.sparse.csr_array(np.eye(JOINT_COUNT, count)),
        weights=weights,
        faces=np.zeros((0, 3), np.int64),
        uv=None,
        uv_faces=None,
        mirror=None,
        keypoint_vertices={},
        child_direction=None,
        sha256="",
    )
