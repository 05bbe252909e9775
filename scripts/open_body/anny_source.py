"""Anny's body (MakeHuman's CC0 shapes) seen through SMPL's 24 joints: skin, weights, joints, random people.

Anny's topologies `smpl` and `smplx` download a non-commercial archive; they are never used here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import anny
import numpy as np
import torch
from anny.shape_distribution import SimpleShapeDistribution
from jaxtyping import Float

from body.joints import JOINT_COUNT, JOINT_INDEX

PEOPLE_PER_BATCH = 100
LOCAL_CHANGE_STD = 0.15
"""Spread of MakeHuman's 254 local changes, which go from -1 to 1. Phenotypes alone vary in six ways only."""

_MIDDLE_BONES = {
    "root": "pelvis", "pelvis": "pelvis", "spine05": "pelvis", "spine04": "pelvis", "spine03": "spine1",
    "spine02": "spine2", "spine01": "spine3", "neck01": "neck", "neck02": "neck", "neck03": "head", "head": "head",
}  # fmt: skip
_SIDE_BONES = (
    ("upperleg", "hip"), ("lowerleg", "knee"), ("foot", "ankle"), ("toe", "foot"), ("clavicle", "collar"),
    ("shoulder01", "collar"), ("upperarm", "shoulder"), ("lowerarm", "elbow"), ("wrist", "wrist"),
    ("metacarpal", "wrist"), ("finger1-1", "wrist"), ("finger", "hand"),
)  # fmt: skip
"""Bones of each side by the start of their name; the first that fits counts."""

_MIDDLE_HEADS = {
    "pelvis": {"spine05": 0.5, "spine04": 0.5}, "spine1": {"spine03": 1.0}, "spine2": {"spine02": 1.0},
    "spine3": {"spine01": 1.0}, "neck": {"neck01": 1.0}, "head": {"neck03": 0.5, "head": 0.5},
}  # fmt: skip
_SIDE_HEADS = {
    "hip": {"upperleg01": 1.0}, "knee": {"lowerleg01": 1.0}, "ankle": {"foot": 1.0},
    "foot": {f"toe{i}-1": 0.2 for i in range(1, 6)}, "collar": {"clavicle": 0.6, "shoulder01": 0.4},
    "shoulder": {"upperarm01": 1.0}, "elbow": {"lowerarm01": 1.0}, "wrist": {"wrist": 1.0},
    "hand": {f"finger{i}-1": 0.25 for i in range(2, 6)},
}  # fmt: skip
"""SMPL joints as convex mixes of MakeHuman's bone heads: where a joint is, before it is tied to the skin."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class People:
    """Rest skins (A-pose, metres, y up, facing +z) and their joints as mixes of bone heads."""

    skins: Float[np.ndarray, "people skin 3"]
    joints: Float[np.ndarray, "people 24 3"]


class AnnySource:
    """Anny without eyes and tongue."""

    def __init__(self) -> None:
        self.model = anny.Anny(topology="anny-noeyes-notongue", local_changes="default").to(dtype=torch.float32)
        self.labels = list(self.model.bone_labels)
        bones = torch.zeros(len(self.model.template_vertices), self.model.bone_count)
        bones.scatter_add_(1, self.model.vertex_bone_indices, self.model.vertex_bone_weights)
        self.bone_weights: Float[np.ndarray, "skin bones"] = bones.numpy().astype(np.float64)
        grouping = np.zeros((len(self.labels), JOINT_COUNT))
        grouping[np.arange(len(self.labels)), [JOINT_INDEX[smpl_joint(label)] for label in self.labels]] = 1
        self.weights: Float[np.ndarray, "skin 24"] = self.bone_weights @ grouping
        self._head_mix = _head_mix(self.labels)

    def people(
        self, count: int, ages: tuple[float, float], seed: int, local_change_std: float = LOCAL_CHANGE_STD
    ) -> Iterator[People]:
        """Random people of WHO-calibrated phenotypes and symmetric local changes, in batches."""
        torch.manual_seed(seed)
        uniform = torch.distributions.Uniform(torch.tensor(ages[0]), torch.tensor(ages[1]))
        distribution = SimpleShapeDistribution(self.model, morphological_age_distribution=uniform)
        _, drawn = distribution.sample(count)
        phenotypes = {k: v.float().clamp(-1 / 3 if k == "age" else 0, 1) for k, v in drawn.items()}
        generator = torch.Generator().manual_seed(seed + 1)
        for start in range(0, count, PEOPLE_PER_BATCH):
            batch = {k: v[start : start + PEOPLE_PER_BATCH] for k, v in phenotypes.items()}
            yield self.rest(batch, local_change_std * self._local_changes(len(batch["age"]), generator))

    def rest(self, phenotypes: dict[str, torch.Tensor], local_changes: torch.Tensor | None = None) -> People:
        """The rest skins of given phenotypes."""
        with torch.no_grad():
            tensors = self.model.get_tensor_inputs(None, phenotypes, local_changes, None)[1:]
            coefficients = self.model._get_phenotype_blendshape_coefficients(*tensors)
            rest = self.model.get_rest_model(coefficients)
        skins, heads = (_y_up(rest[key].numpy().astype(np.float64)) for key in ("rest_vertices", "rest_bone_heads"))
        return People(skins=skins, joints=self._head_mix @ heads)

    def _local_changes(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Standard normal, the same left and right."""
        labels = list(self.model.local_change_labels)
        changes = torch.randn(count, len(labels), generator=generator)
        for index, label in enumerate(labels):
            if label.startswith("l-") and "r-" + label[2:] in labels:
                changes[:, labels.index("r-" + label[2:])] = changes[:, index]
        return changes


def smpl_joint(bone: str) -> str:
    """SMPL joint that one of Anny's 104 bones moves with."""
    side = {".L": "left_", ".R": "right_"}.get(bone[-2:])
    name = bone[:-2] if side else bone
    if name in _MIDDLE_BONES:
        return _MIDDLE_BONES[name]
    if name == "eye":
        return "head"
    return f"{side}{next(joint for start, joint in _SIDE_BONES if name.startswith(start))}"


def _head_mix(labels: list[str]) -> Float[np.ndarray, "24 bones"]:
    mix = np.zeros((JOINT_COUNT, len(labels)))
    named = dict(_MIDDLE_HEADS)
    for side, suffix in (("left_", ".L"), ("right_", ".R")):
        named |= {side + joint: {b + suffix: w for b, w in heads.items()} for joint, heads in _SIDE_HEADS.items()}
    for joint, heads in named.items():
        for bone, weight in heads.items():
            mix[JOINT_INDEX[joint], labels.index(bone)] = weight
    return mix


def _y_up(p: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """From Anny's axes (z up, facing -y) to SMPL's (y up, facing +z)."""
    return np.stack([p[..., 0], p[..., 2], -p[..., 1]], -1)
