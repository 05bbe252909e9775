"""The body as glTF and USD skin it: four joints a vertex, a rest skeleton, a rotation of each joint for each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Integer
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT
from body.model import BodyModel
from body.parameters import BodyParameters
from texture.files.shape_keys import ShapeKeys
from texture.surfaces.binding import Binding

FLATTENED = 0.2
"""Share of its volume below which a blend of rotations cannot be undone: a displacement would grow fivefold."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JointMotion:
    """A skeleton in motion, in the frame of the body parameters."""

    parents: Integer[np.ndarray, "24"]
    rest_joints: Float[np.ndarray, "24 3"]
    """Of the shaped rest body, metres."""
    bones: Float[np.ndarray, "24 3"]
    """Each rest joint from its parent, metres."""
    rotations_xyzw: Float[np.ndarray, "frames 24 4"]
    """Relative to the parent; in glTF's order, neighbouring frames in the same half of the sphere."""
    root_translation: Float[np.ndarray, "frames 3"]
    """Where the pelvis is, metres."""


def joint_motion(model: BodyModel, parameters: BodyParameters) -> JointMotion:
    """The motion of a clip's joints. Raises BodyError for betas or a child factor that the model lacks."""
    rest = model.rest_joints(parameters.betas, parameters.child)
    bones = rest.copy()
    bones[1:] -= rest[model.parents[1:]]
    frames = len(parameters)
    axis_angle = np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(-1, 3)
    xyzw = Rotation.from_rotvec(axis_angle).as_quat().reshape(frames, JOINT_COUNT, 4)
    return JointMotion(
        parents=np.asarray(model.parents),
        rest_joints=rest,
        bones=bones,
        rotations_xyzw=continuous(xyzw),
        root_translation=rest[0] + parameters.transl,
    )


def continuous(quaternions: Float[np.ndarray, "frames joints 4"]) -> Float[np.ndarray, "frames joints 4"]:
    """The same rotations, each quaternion on the side of the one before it, so that blending takes the short way."""
    turned = (quaternions[1:] * quaternions[:-1]).sum(-1) < 0
    sign = np.where(np.cumsum(turned, 0) % 2 == 1, -1.0, 1.0)
    return np.concatenate([quaternions[:1], quaternions[1:] * sign[..., None]])


def skin(
    binding: Binding, motion: JointMotion, shapes: ShapeKeys | None = None
) -> Float[np.ndarray, "frames vertices 3"]:
    """What a viewer shows: the rest vertices, with their shapes, moved by their four joints.

    In the frame of the body parameters.
    """
    frames, rest = len(motion.root_translation), binding.rest.astype(np.float64)
    blend = _blend(binding)
    vertices = np.empty((frames, len(rest), 3))
    for frame in range(frames):
        R, t = _blended(blend, motion, frame)
        shown = rest if shapes is None else shapes.frame(frame)
        vertices[frame] = (R @ shown[..., None])[..., 0] + t
    return vertices


def joint_places(motion: JointMotion) -> Float[np.ndarray, "frames 24 3"]:
    """Where the joints are, in the frame of the body parameters."""
    transforms = [_joint_transforms(motion, frame) for frame in range(len(motion.root_translation))]
    return np.stack([(R @ motion.rest_joints[..., None])[..., 0] + t for R, t in transforms])


def unskin(
    vertices: Float[np.ndarray, "frames vertices 3"], binding: Binding, motion: JointMotion
) -> Float32[np.ndarray, "frames vertices 3"]:
    """Where vertices belong in the rest pose so that `skin` brings them to `vertices`.

    A vertex whose joints pull so far apart that they flatten its surroundings keeps its rest place in that frame.
    """
    blend = _blend(binding)
    rest = np.empty(vertices.shape, np.float32)
    for frame in range(len(vertices)):
        R, t = _blended(blend, motion, frame)
        flat = np.linalg.det(R) < FLATTENED
        R[flat] = np.eye(3)
        rest[frame] = np.linalg.solve(R, (vertices[frame] - t)[..., None])[..., 0]
        rest[frame, flat] = binding.rest[flat]
    return rest


def _blend(binding: Binding) -> np.ndarray:
    blend = np.zeros((len(binding), JOINT_COUNT))
    np.add.at(blend, (np.arange(len(binding))[:, None], binding.joints.astype(np.int64)), binding.weights)
    return blend


def _blended(blend: np.ndarray, motion: JointMotion, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and translation of each vertex."""
    R, t = _joint_transforms(motion, frame)
    moved = blend @ np.concatenate([R.reshape(-1, 9), t], 1)
    return moved[:, :9].reshape(-1, 3, 3), moved[:, 9:]


def _joint_transforms(motion: JointMotion, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation that move points of the rest body with each joint."""
    local = Rotation.from_quat(motion.rotations_xyzw[frame]).as_matrix()
    R, place = local.copy(), np.empty((JOINT_COUNT, 3))
    place[0] = motion.root_translation[frame]
    for joint in range(1, JOINT_COUNT):
        parent = motion.parents[joint]
        R[joint] = R[parent] @ local[joint]
        place[joint] = R[parent] @ motion.bones[joint] + place[parent]
    return R, place - (R @ motion.rest_joints[..., None])[..., 0]
