"""A small model of the poses of the training clips, from which new ones are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.cluster.vq import kmeans2
from scipy.spatial.transform import Rotation

from body.errors import BodyError
from body.joints import JOINT_COUNT
from body.motion.clip import MotionClip
from body.motion.joint_limits import human_limits
from body.motion.mirror import mirrored

_COMPONENTS: Final = 8
_RANK: Final = 12
_FRAMES_OF_A_CLIP: Final = 60
"""Evenly spread over each clip, so that long clips do not outweigh short ones."""
_LOWEST_UPRIGHT: Final = -0.2
"""Cosine of the pelvis' tilt: bodies that stand on their heads are left out."""
_JOINT_FEATURES: Final = 3 * (JOINT_COUNT - 1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PosePrior:
    """A mixture of Gaussians of low rank over twist and swing of joints 1..23 and the vertical in the pelvis' axes."""

    shares: Float[np.ndarray, "components"]
    means: Float[np.ndarray, "components 72"]
    spreads: Float[np.ndarray, "components 72 rank"]
    """Principal directions times their standard deviations."""

    def sample(self, rng: np.random.Generator, count: int) -> Float[np.ndarray, "count 24 3"]:
        """Poses within human limits, axis-angle; the root tilts as in the clips and looks along +z."""
        chosen = rng.choice(len(self.shares), size=count, p=self.shares)
        weights = np.clip(rng.normal(size=(count, self.spreads.shape[2])), -2.5, 2.5)
        features = self.means[chosen] + (self.spreads[chosen] @ weights[..., None])[..., 0]
        components = np.zeros((count, JOINT_COUNT, 3))
        components[:, 1:] = features[:, :_JOINT_FEATURES].reshape(count, -1, 3)
        limits = human_limits()
        rotations = limits.clamped(limits.rotations(components))
        rotations[:, 0] = _tilt(features[:, _JOINT_FEATURES:])
        return rotations


def fit_pose_prior(clips: Sequence[MotionClip]) -> PosePrior:
    """The prior of some clips and their mirror images; the same clips give the same prior.

    Raises BodyError when they have too few frames.
    """
    features = np.concatenate([_features(c) for clip in clips for c in (clip, mirrored(clip))] or [np.zeros((0, 72))])
    if len(features) < 2 * _COMPONENTS:
        raise BodyError(f"a pose prior needs {2 * _COMPONENTS} frames, the clips have {len(features)}; add clips")
    along = np.linalg.svd(features - features.mean(0), full_matrices=False)[2][0]
    spread_out = np.argsort(features @ along)[np.linspace(0, len(features) - 1, _COMPONENTS).astype(int)]
    _, label = kmeans2(features, features[spread_out], minit="matrix")
    shares, means, spreads = [], [], []
    for component in range(_COMPONENTS):
        own = features[label == component]
        if len(own) < 2:
            continue
        _, strength, directions = np.linalg.svd(own - own.mean(0), full_matrices=False)
        spread = np.zeros((features.shape[1], _RANK))
        kept = min(_RANK, len(strength))
        spread[:, :kept] = directions[:kept].T * strength[:kept] / np.sqrt(len(own) - 1)
        shares.append(np.sqrt(len(own)))
        means.append(own.mean(0))
        spreads.append(spread)
    return PosePrior(shares=np.array(shares) / np.sum(shares), means=np.array(means), spreads=np.array(spreads))


def _features(clip: MotionClip) -> np.ndarray:
    chosen = np.unique(np.linspace(0, len(clip) - 1, _FRAMES_OF_A_CLIP).round().astype(int))
    rotations = clip.rotations[chosen]
    up = Rotation.from_rotvec(rotations[:, 0]).inv().apply([0.0, 1.0, 0.0])
    joints = human_limits().components(rotations)[:, 1:].reshape(len(rotations), -1)
    return np.concatenate([joints, up], 1)[up[:, 1] > _LOWEST_UPRIGHT]


def _tilt(up: np.ndarray) -> np.ndarray:
    """The smallest rotations that take these directions of the pelvis to the vertical, axis-angle."""
    up = up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9)
    axis = np.cross(up, [0.0, 1.0, 0.0])
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    return axis / np.maximum(sine, 1e-9) * np.arctan2(sine, up[:, 1:2])
