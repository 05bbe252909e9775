"""Which keypoints a person's own body hides from the camera: capsules for the limbs, a direction for the face."""

from __future__ import annotations

from functools import cache
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from body.joints import JOINT_INDEX, PARENTS
from hps.rgb.keypoint_names import LIFTED
from registration.keypoints.sets import SMPL_JOINT_OF_KEYPOINT, stem

CAPSULES: Final = (
    ("pelvis", "spine3", 0.13),
    ("spine3", "neck", 0.12),
    ("neck", "head", 0.08),
    ("left_shoulder", "left_elbow", 0.045),
    ("right_shoulder", "right_elbow", 0.045),
    ("left_elbow", "left_hand", 0.035),
    ("right_elbow", "right_hand", 0.035),
    ("left_hip", "left_knee", 0.075),
    ("right_hip", "right_knee", 0.075),
    ("left_knee", "left_ankle", 0.05),
    ("right_knee", "right_ankle", 0.05),
)
"""Ends and radius, metres, of an adult; the mean open body's, rounded."""
BEFORE_M: Final = 0.06
"""A capsule hides what lies at least this far behind its axis: the point's own skin never does."""
FACE_AWAY: Final = 0.1
"""Cosine between the face's direction and the direction to the camera below which nose and eyes are hidden."""
EAR_AWAY: Final = -0.35
"""The same of an ear's outward direction."""
CARRIER: Final = {
    "nose": "head", "eye": "head", "ear": "head", "heel": "ankle", "foot_index": "foot",
    "index": "hand", "pinky": "hand", "thumb": "hand",
}  # fmt: skip
"""The joint at which a keypoint of the skin is looked for."""


def joint_of_keypoint(name: str) -> int:
    """The joint nearest to a lifted keypoint."""
    if name in SMPL_JOINT_OF_KEYPOINT:
        return JOINT_INDEX[SMPL_JOINT_OF_KEYPOINT[name]]
    kind = CARRIER[stem(name)]
    return JOINT_INDEX[kind if kind == "head" else f"{name.split('_')[0]}_{kind}"]


def self_occluded(
    joints: Float[Tensor, "people 24 3"], rotations: Float[Tensor, "people 24 3 3"]
) -> Bool[Tensor, "people keypoints"]:
    """Which lifted keypoints the person hides; joints in the camera's frame, rotations relative to the parents."""
    at, first, second, radius, own = _tables()
    p = joints[:, at]
    a, b = joints[:, first], joints[:, second]
    hidden = (_hides(p[:, :, None], a[:, None], b[:, None], radius) & ~own).any(-1)
    head = _world_rotation(rotations, "head")
    to_camera = torch.nn.functional.normalize(-joints[:, JOINT_INDEX["head"]], dim=-1)
    in_head = torch.einsum("nij,ni->nj", head, to_camera)
    for k, name in enumerate(LIFTED.names):
        kind = stem(name)
        if kind in ("nose", "eye"):
            hidden[:, k] |= in_head[:, 2] < FACE_AWAY
        elif kind == "ear":
            outwards = 1.0 if name.startswith("left") else -1.0
            hidden[:, k] |= outwards * in_head[:, 0] < EAR_AWAY
    return hidden


def facing(joints: Float[Tensor, "people 24 3"], rotations: Float[Tensor, "people 24 3 3"]) -> Float[Tensor, "people"]:
    """Cosine between the chest's direction and the direction to the camera: 1 seen from before, -1 from behind."""
    chest = _world_rotation(rotations, "spine3")[:, :, 2]
    return (chest * torch.nn.functional.normalize(-joints[:, JOINT_INDEX["spine3"]], dim=-1)).sum(-1)


def _hides(p: Tensor, a: Tensor, b: Tensor, radius: Tensor) -> Tensor:
    """Whether the segment from the camera to p passes within `radius` of the segment a-b, and well before p.

    The nearest points of two segments (Ericson, Real-Time Collision Detection, 2005, section 5.1.9).
    """
    limb = b - a
    pp, ll, pl = (p * p).sum(-1), (limb * limb).sum(-1), (p * limb).sum(-1)
    pa, la = (p * a).sum(-1), (limb * a).sum(-1)
    down = (pp * ll - pl * pl).clamp_min(1e-9)
    s = ((pa * ll - pl * la) / down).clamp(0, 1)
    t = ((s * pl - la) / ll.clamp_min(1e-9)).clamp(0, 1)
    s = ((pa + t * pl) / pp).clamp(0, 1)
    gap = s[..., None] * p - a - t[..., None] * limb
    return ((gap * gap).sum(-1) < radius**2) & ((1 - s) * pp.sqrt() > BEFORE_M + radius)


def _world_rotation(rotations: Tensor, joint: str) -> Tensor:
    chain, at = [], JOINT_INDEX[joint]
    while at >= 0:
        chain.append(at)
        at = PARENTS[at]
    world = rotations[:, chain[-1]]
    for link in reversed(chain[:-1]):
        world = world @ rotations[:, link]
    return world


@cache
def _tables() -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Joints of the keypoints, ends and radii of the capsules, and which capsules are a keypoint's own."""
    at = [joint_of_keypoint(name) for name in LIFTED.names]
    ends = [(JOINT_INDEX[a], JOINT_INDEX[b]) for a, b, _ in CAPSULES]
    own = [[bool({j, PARENTS[j]} & set(pair)) for pair in ends] for j in at]
    return (
        torch.tensor(at),
        torch.tensor([a for a, _ in ends]),
        torch.tensor([b for _, b in ends]),
        torch.tensor([radius for *_, radius in CAPSULES]),
        torch.tensor(own),
    )
