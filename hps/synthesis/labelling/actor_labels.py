"""What is true of one actor over a scene, in the world: body parameters, joints and keypoints."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.rigid import transform
from hps.synthesis.staging.staged import StagedScene
from registration.annotations.keypoints2d import coco_points
from registration.keypoints.sets import SMPL_VERTEX_OF_KEYPOINT


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ActorLabels:
    """One actor at all instants of a scene."""

    parameters: BodyParameters
    """World frame; the body model's nearest where the true body is not one of the model's."""
    p_pelvis: Float[np.ndarray, "3"]
    """Pelvis of the parameters' body at rest, which `transl` moves."""
    gap_mm: Float[np.ndarray, "frames"]
    """Root mean square distance of corresponding vertices of the parameters' body and the true naked one."""
    joints: Float[np.ndarray, "frames 24 3"]
    """Of the true naked body, world, metres."""
    coco: Float[np.ndarray, "frames 17 3"]
    """COCO's keypoints on the true naked body: nose, eyes and ears on the skin, else SMPL's joints."""


def label_actor(staged: StagedScene, actor: int) -> ActorLabels:
    """The labels of one actor.

    A true body that no betas describe is told by the nearest body at rest, in the true pose. Its `transl` is then the
    one at which it lies best: least squares over corresponding vertices, which is the mean of their differences.
    """
    person, given = staged.people[actor], staged.labels[actor]
    p_pelvis = staged.model.rest_joints(given.betas, given.child)[0]
    gap_mm = np.zeros(len(given))
    if not staged.exact[actor]:
        left = person.vertices - staged.model.pose(given).vertices
        shift = left.mean(1)
        given = replace(given, transl=given.transl + shift)
        gap_mm = 1e3 * np.sqrt(((left - shift[:, None]) ** 2).sum(-1).mean(-1))
    return ActorLabels(
        parameters=given,
        p_pelvis=p_pelvis,
        gap_mm=gap_mm,
        joints=person.joints,
        coco=_coco(staged.model, person.vertices, person.joints),
    )


def label_actors(staged: StagedScene) -> tuple[ActorLabels, ...]:
    """The labels of all actors of a scene, in their order."""
    return tuple(label_actor(staged, actor) for actor in range(len(staged.people)))


def seen_from(
    parameters: BodyParameters, p_pelvis: Float[np.ndarray, "3"], T_camera_world: Float[np.ndarray, "4 4"]
) -> BodyParameters:
    """The same body in another frame: its vertices are T_camera_world times those of before.

    SMPL turns a body about its pelvis, so that `transl` depends on where the rest body's pelvis is.
    """
    turn = Rotation.from_matrix(T_camera_world[:3, :3])
    return replace(
        parameters,
        global_orient=(turn * Rotation.from_rotvec(parameters.global_orient)).as_rotvec(),
        transl=transform(T_camera_world, parameters.transl + p_pelvis) - p_pelvis,
    )


def _coco(
    model: BodyModel, vertices: Float[np.ndarray, "frames vertices 3"], joints: Float[np.ndarray, "frames 24 3"]
) -> Float[np.ndarray, "frames 17 3"]:
    at = {n: model.keypoint_vertices[v] for n, v in SMPL_VERTEX_OF_KEYPOINT.items() if v in model.keypoint_vertices}
    return coco_points(tuple(at), vertices[:, list(at.values())], joints)
