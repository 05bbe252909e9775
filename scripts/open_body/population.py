"""Random people in the body's own frame: T-pose, its vertices, pelvis at its origin, left and right alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from body.joints import MIRROR
from open_body.anny_source import LOCAL_CHANGE_STD, AnnySource, People
from open_body.posing import dual_quaternion_skinning, t_pose_rotations
from open_body.regressor import fit_regressor
from open_body.skin_surface import Surface

ADULT_AGES = (18.0, 80.0)
CHILD_AGES = (3.0, 12.0)
YOUNG_CHILD_AGES = (4.0, 6.0)
"""The mean of these is the body at child = 1."""
PELVIS = np.array([0.0, -0.2, 0.02])
FLIP = np.array([-1.0, 1.0, 1.0])
MAX_INFLUENCES = 4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Population:
    """Skins of the body's vertices in the T-pose, and the joints that belong to them."""

    skins: Float[np.ndarray, "people vertices 3"]
    joints: Float[np.ndarray, "people 24 3"]


def joints_from_skin(source: AnnySource) -> Float[np.ndarray, "24 skin"]:
    """A regressor in the A-pose that defines the joints by the skin.

    MakeHuman's bone heads slide under the skin with muscle and weight (5.7 mm on average), so they only say where the
    joints of the mean person are.
    """
    batches = list(source.people(250, ADULT_AGES, seed=7))
    skins, joints = (np.concatenate([getattr(b, key) for b in batches]) for key in ("skins", "joints"))
    return fit_regressor(skins - joints[:, :1], joints - joints[:, :1], source.weights)


def to_t_pose(
    people: People, source: AnnySource, skin_joints: Float[np.ndarray, "24 skin"], surface: Surface
) -> Population:
    """The people on the body's surface in the T-pose."""
    joints = skin_joints @ people.skins
    skins, joints = dual_quaternion_skinning(people.skins, joints, t_pose_rotations(joints), source.weights)
    skins = np.stack([surface.mix @ skin for skin in skins]) - joints[:, :1] + PELVIS
    joints = joints - joints[:, :1] + PELVIS
    if surface.mirror is None:
        return Population(skins=skins, joints=joints)
    return Population(
        skins=(skins + FLIP * skins[:, surface.mirror]) / 2, joints=(joints + FLIP * joints[:, list(MIRROR)]) / 2
    )


def draw(
    source: AnnySource,
    skin_joints: Float[np.ndarray, "24 skin"],
    surface: Surface,
    count: int,
    ages: tuple[float, float],
    seed: int,
    local_change_std: float = LOCAL_CHANGE_STD,
) -> Population:
    """Random people of an age range on the body's surface; skins in float32."""
    skins, joints = [], []
    for people in source.people(count, ages, seed, local_change_std):
        batch = to_t_pose(people, source, skin_joints, surface)
        skins.append(batch.skins.astype(np.float32))
        joints.append(batch.joints)
    return Population(skins=np.concatenate(skins), joints=np.concatenate(joints))


def surface_weights(source: AnnySource, surface: Surface) -> Float[np.ndarray, "vertices 24"]:
    """Skinning weights of the body: symmetric, at most four joints each, sum one."""
    assert surface.mirror is not None
    weights = surface.mix @ source.weights
    weights = (weights + weights[surface.mirror][:, list(MIRROR)]) / 2
    weights[weights < 0.01] = 0
    weakest = np.argsort(-weights, axis=1, kind="stable")[:, MAX_INFLUENCES:]
    np.put_along_axis(weights, weakest, 0.0, axis=1)
    # On the middle line a pair of joints may tie for the fourth place: drop both.
    weights = np.minimum(weights, weights[surface.mirror][:, list(MIRROR)])
    return weights / weights.sum(1, keepdims=True)
