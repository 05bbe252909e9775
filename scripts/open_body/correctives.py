"""Pose correctives: what linear blend skinning must add to move like dual-quaternion skinning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT, MIRROR, PARENTS
from open_body.anny_source import AnnySource
from open_body.population import PELVIS
from open_body.posing import dual_quaternion_skinning, forward_kinematics, global_rotations, t_pose_rotations
from open_body.skin_surface import Surface

RIDGE = 0.3
STEPS = 6
"""Of the iteration towards least squares in posed space. One step leaves 0.95 mm on held-out clips, six 0.8 mm."""
MIN_WEIGHT = 0.01
POSES_PER_CHUNK = 40
_FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Teacher:
    """One person in the A-pose, moved by dual quaternions with Anny's full weights; left and right alike."""

    source: AnnySource
    surface: Surface
    skin: Float[np.ndarray, "skin 3"]
    joints: Float[np.ndarray, "24 3"]

    def pose(self, poses: Float[np.ndarray, "batch 24 3"]) -> Float[np.ndarray, "batch vertices 3"]:
        """Posed vertices of the body's surface; the pelvis at the body's origin.

        Anny's mesh is asymmetric by 0.7 mm, so the answer is averaged with the mirror image of the mirrored pose.
        """
        assert self.surface.mirror is not None
        mirrored = poses[:, list(MIRROR)] * [1.0, -1.0, -1.0]
        return (self._pose(poses) + _FLIP * self._pose(mirrored)[:, self.surface.mirror]) / 2

    def _pose(self, poses: Float[np.ndarray, "batch 24 3"]) -> Float[np.ndarray, "batch vertices 3"]:
        to_t = t_pose_rotations(self.joints[None])
        posed = []
        for start in range(0, len(poses), POSES_PER_CHUNK):
            Rs = global_rotations(poses[start : start + POSES_PER_CHUNK]) @ to_t
            skins = np.broadcast_to(self.skin, (len(Rs), *self.skin.shape))
            joints = np.repeat(self.joints[None], len(Rs), 0)
            skins, joints = dual_quaternion_skinning(skins, joints, Rs, self.source.weights)
            posed.append(np.stack([self.surface.mix @ s for s in skins]) - joints[:, :1] + PELVIS)
        return np.concatenate(posed)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Student:
    """The same person as the SMPL-format body poses it."""

    rest: Float[np.ndarray, "vertices 3"]
    joints: Float[np.ndarray, "24 3"]
    weights: Float[np.ndarray, "vertices 24"]

    def blended(self, poses: Float[np.ndarray, "batch 24 3"]) -> Float[np.ndarray, "batch vertices 3 4"]:
        """The transform of each vertex; the pelvis at the body's origin."""
        Rs = global_rotations(poses)
        rest_joints = np.repeat(self.joints[None], len(poses), 0)
        translation = forward_kinematics(rest_joints, Rs) - np.einsum("bjik,bjk->bji", Rs, rest_joints)
        translation += PELVIS - self.joints[0]
        top = np.concatenate([Rs, translation[..., None]], -1).reshape(len(poses), JOINT_COUNT, 12)
        return (self.weights @ top).reshape(len(poses), -1, 3, 4)

    def pose(
        self, poses: Float[np.ndarray, "batch 24 3"], posedirs: Float[np.ndarray, "vertices 3 207"] | None = None
    ) -> Float[np.ndarray, "batch vertices 3"]:
        """Posed vertices."""
        rest = self.rest[None]
        if posedirs is not None:
            rest = rest + (pose_features(poses) @ posedirs.reshape(-1, 207).T).reshape(len(poses), -1, 3)
        blended = self.blended(poses)
        return (blended[..., :3] @ rest[..., None])[..., 0] + blended[..., 3]


def pose_features(poses: Float[np.ndarray, "batch 24 3"]) -> Float[np.ndarray, "batch 207"]:
    """R - I of joints 1..23, row by row: what SMPL's correctives are linear in."""
    Rs = Rotation.from_rotvec(poses[:, 1:].reshape(-1, 3)).as_matrix() - np.eye(3)
    return Rs.reshape(len(poses), 207)


def learn_correctives(
    teacher: Teacher, student: Student, poses: Float[np.ndarray, "batch 24 3"]
) -> Float[np.ndarray, "vertices 3 207"]:
    """Ridge regression of the posed difference, for each vertex on the joints that move it and their neighbours.

    A blended transform R shrinks, so what a corrective x changes is R x, and each vertex has normal equations of its
    own. They are solved by repeated steps with the normal matrix that all vertices of a group share (as if R were a
    rotation): x += (F^T F + ridge)^-1 F^T R^T (difference - R x).
    """
    blended = student.blended(poses)
    R = blended[..., :3]
    difference = teacher.pose(poses) - (R @ student.rest[..., None])[..., 0] - blended[..., 3]
    features = pose_features(poses)
    posedirs = np.zeros((len(student.rest), 3, 207))
    for joints, vertices in _vertices_by_joints(student.weights).items():
        columns = np.concatenate([np.arange(9 * (j - 1), 9 * j) for j in joints])
        F = features[:, columns]
        step = np.linalg.solve(F.T @ F + RIDGE * np.eye(len(columns)), F.T)
        x = np.zeros((len(columns), len(vertices), 3))
        for _ in range(STEPS):
            change = np.tensordot(F, x, 1)
            left = difference[:, vertices] - (R[:, vertices] @ change[..., None])[..., 0]
            x += np.tensordot(step, (R[:, vertices].swapaxes(-1, -2) @ left[..., None])[..., 0], 1)
        posedirs[np.ix_(vertices, range(3), columns)] = x.transpose(1, 2, 0)
    assert teacher.surface.mirror is not None
    return (posedirs + mirror_posedirs(posedirs, teacher.surface.mirror)) / 2


def mirror_posedirs(
    posedirs: Float[np.ndarray, "vertices 3 207"], mirror: Integer[np.ndarray, "vertices"]
) -> Float[np.ndarray, "vertices 3 207"]:
    """The correctives of the mirrored body in mirrored poses; equal to the input for a symmetric body."""
    per_joint = posedirs.reshape(len(posedirs), 3, 23, 3, 3)
    partners = [j - 1 for j in MIRROR[1:]]
    signs = _FLIP[:, None, None, None] * _FLIP[:, None] * _FLIP
    return (per_joint[mirror][:, :, partners] * signs).reshape(posedirs.shape)


def _vertices_by_joints(weights: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
    """Vertices grouped by the joints (1..23) whose rotations may correct them."""
    near = np.eye(JOINT_COUNT, dtype=bool)
    for joint in range(1, JOINT_COUNT):
        near[joint, PARENTS[joint]] = near[PARENTS[joint], joint] = True
    relevant = ((weights > MIN_WEIGHT).astype(int) @ near.astype(int) > 0)[:, 1:]
    patterns, group = np.unique(relevant, axis=0, return_inverse=True)
    return {
        tuple((np.flatnonzero(pattern) + 1).tolist()): np.flatnonzero(group.ravel() == index)
        for index, pattern in enumerate(patterns)
    }
