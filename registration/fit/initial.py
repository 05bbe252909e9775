"""A first body for every frame from triangulated landmarks alone: closed form, no search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation, Slerp

from body.joints import JOINT_COUNT, JOINT_INDEX, PARENTS
from body.model import BodyModel
from registration.errors import RegistrationError
from registration.fit.state import FitState

HINGES = {
    ("left_shoulder", "left_elbow", "left_wrist"): (0.0, -1.0, 0.0),
    ("right_shoulder", "right_elbow", "right_wrist"): (0.0, 1.0, 0.0),
    ("left_hip", "left_knee", "left_ankle"): (1.0, 0.0, 0.0),
    ("right_hip", "right_knee", "right_ankle"): (1.0, 0.0, 0.0),
}
"""Limbs and the rest axis about which their middle joint bends."""
STRAIGHT = 0.3
"""Below this sine of the bend (17°) the plane of a limb is taken from the parent rather than from its three points."""
MAX_TURN = np.deg2rad(100)
"""A trunk that turns further than this against both neighbours is a mix-up of left and right."""
BONES = (
    ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"), ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("right_hip", "right_knee"), ("right_knee", "right_ankle"), ("left_shoulder", "right_shoulder"),
)  # fmt: skip
BONE_SIGMA_M = 0.02


def initial_state(
    model: BodyModel,
    landmarks: Sequence[str],
    p_world: Float[np.ndarray, "frames landmarks 3"],
    shapes: int,
    beta_sigma: float = 1.0,
) -> FitState:
    """A state near the landmarks (NaN where there is none); frames without a trunk are interpolated.

    Raises RegistrationError when no frame shows both shoulders and both hips.
    """
    at = {name: p_world[:, n] for n, name in enumerate(landmarks)}
    trunk = np.stack([at[name] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")], 1)
    seen = np.asarray(np.isfinite(trunk).all((1, 2)))
    if not seen.any():
        raise RegistrationError(
            f"none of {len(p_world)} instants shows both shoulders and both hips in two cameras; check the keypoints, "
            "or use instants in which the whole person is in the picture"
        )
    betas = initial_betas(model, at, shapes, beta_sigma)
    J = model.rest_joints(betas)
    pelvis, chest = _trunk_frames(trunk)
    seen = seen & ~_turned_round(chest, seen)
    pelvis, chest = _interpolated(pelvis, seen), _interpolated(chest, seen)
    G = np.tile(np.eye(3), (len(p_world), JOINT_COUNT, 1, 1))
    local = np.tile(np.eye(3), (len(p_world), JOINT_COUNT, 1, 1))
    bend = Rotation.from_matrix(np.swapaxes(pelvis, 1, 2) @ chest).as_rotvec() / 3
    third = Rotation.from_rotvec(bend).as_matrix()
    spine = (JOINT_INDEX["spine1"], JOINT_INDEX["spine2"], JOINT_INDEX["spine3"])
    for joint, parent in enumerate(PARENTS):
        above = np.tile(np.eye(3), (len(p_world), 1, 1)) if parent < 0 else G[:, parent]
        if joint == 0:
            G[:, 0] = pelvis
        elif joint in spine:
            G[:, joint] = above @ third
        else:
            G[:, joint] = _limb(joint, above, at, J)
        local[:, joint] = np.swapaxes(above, 1, 2) @ G[:, joint]
    middle = _filled((trunk[:, 2] + trunk[:, 3]) / 2, seen)
    hips = (J[JOINT_INDEX["left_hip"]] + J[JOINT_INDEX["right_hip"]]) / 2 - J[0]
    transl = middle - np.einsum("tij,j->ti", pelvis, hips) - J[0]
    return FitState(
        rotations=local,
        transl=transl,
        betas=betas,
        offsets=np.zeros((len(landmarks), 3)),
    )


def initial_betas(
    model: BodyModel, at: dict[str, Float[np.ndarray, "frames 3"]], shapes: int, beta_sigma: float
) -> Float[np.ndarray, "shapes"]:
    """The shape whose limbs are as long as the median limb over the clip, with the population as a prior."""
    flat = model.J_regressor @ model.shapedirs[..., :shapes].reshape(model.vertex_count, -1)
    dJ, J = np.asarray(flat).reshape(JOINT_COUNT, 3, shapes), model.rest_joints()
    A, b = np.eye(shapes) / beta_sigma**2, np.zeros(shapes)
    for first, second in BONES:
        if first not in at or second not in at:
            continue
        length = np.linalg.norm(at[first] - at[second], axis=-1)
        if not np.isfinite(length).any():
            continue
        i, k = JOINT_INDEX[first], JOINT_INDEX[second]
        bone = J[i] - J[k]
        row = (bone / np.linalg.norm(bone)) @ (dJ[i] - dJ[k])
        A += np.outer(row, row) / BONE_SIGMA_M**2
        b += row * (np.nanmedian(length) - np.linalg.norm(bone)) / BONE_SIGMA_M**2
    return np.linalg.solve(A, b)


def _trunk_frames(
    trunk: Float[np.ndarray, "frames 4 3"],
) -> tuple[Float[np.ndarray, "frames 3 3"], Float[np.ndarray, "frames 3 3"]]:
    """Orientation of pelvis and chest: x to the left, y up along the spine."""
    left_shoulder, right_shoulder, left_hip, right_hip = np.moveaxis(trunk, 1, 0)
    up = left_shoulder + right_shoulder - left_hip - right_hip
    return _axes(left_hip - right_hip, up), _axes(left_shoulder - right_shoulder, up)


def _axes(x: Float[np.ndarray, "frames 3"], up: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3 3"]:
    """Right-handed frames whose y is `up` and whose x is nearest to `x`."""
    y = _unit(up)
    z = _unit(np.cross(x, y))
    return np.stack([np.cross(y, z), y, z], -1)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)


def _turned_round(R: Float[np.ndarray, "frames 3 3"], seen: Bool[np.ndarray, "frames"]) -> Bool[np.ndarray, "frames"]:
    """Frames whose trunk faces away from the robust mean of its neighbours."""
    out = np.zeros(len(R), bool)
    which = np.flatnonzero(seen)
    facing = R[which, :, 2]
    for n, t in enumerate(which):
        near = facing[max(0, n - 4) : n + 5]
        if len(near) > 3:
            out[t] = np.median(near @ facing[n]) < np.cos(MAX_TURN)
    return out if out.sum() < len(which) else np.zeros(len(R), bool)


def _interpolated(
    R: Float[np.ndarray, "frames 3 3"], seen: Bool[np.ndarray, "frames"]
) -> Float[np.ndarray, "frames 3 3"]:
    which = np.flatnonzero(seen)
    if len(which) == 1:
        return np.tile(R[which], (len(R), 1, 1))
    times = np.clip(np.arange(len(R)), which[0], which[-1])
    return Slerp(which, Rotation.from_matrix(R[which]))(times).as_matrix()


def _filled(p: Float[np.ndarray, "frames 3"], seen: Bool[np.ndarray, "frames"]) -> Float[np.ndarray, "frames 3"]:
    which = np.flatnonzero(seen)
    return np.stack([np.interp(np.arange(len(p)), which, p[which, i]) for i in range(3)], -1)


def _limb(
    joint: int, above: Float[np.ndarray, "frames 3 3"], at: dict[str, Float[np.ndarray, "frames 3"]], J: np.ndarray
) -> Float[np.ndarray, "frames 3 3"]:
    """Orientation of a limb's joint in the world; the parent's where it is not a limb or not seen."""
    for (root, middle, tip), axis in HINGES.items():
        if joint not in (JOINT_INDEX[root], JOINT_INDEX[middle]) or not {root, middle, tip} <= set(at):
            continue
        upper, lower = at[middle] - at[root], at[tip] - at[middle]
        first, second = (root, middle) if joint == JOINT_INDEX[root] else (middle, tip)
        bone = upper if joint == JOINT_INDEX[root] else lower
        rest = J[JOINT_INDEX[second]] - J[JOINT_INDEX[first]]
        hinge_rest = np.asarray(axis)
        inherited = above @ hinge_rest
        plane = np.cross(_unit(upper), _unit(lower))
        bent = np.linalg.norm(plane, axis=-1, keepdims=True) / STRAIGHT
        hinge = np.where(bent > 1, plane, _unit(inherited) * STRAIGHT * np.maximum(1 - bent, 0) + plane)
        # a hinge that opens the wrong way is noise of a straight limb
        wrong = (hinge * inherited).sum(-1, keepdims=True) < -0.5 * np.linalg.norm(hinge, axis=-1, keepdims=True)
        hinge = np.where(wrong, inherited, hinge)
        world, body = _bone_frame(bone, hinge), _bone_frame(rest[None], hinge_rest[None])
        known = np.asarray(np.isfinite(world).all((1, 2)))
        return np.where(known[:, None, None], np.nan_to_num(world) @ np.swapaxes(body, 1, 2), above)
    return above


def _bone_frame(bone: Float[np.ndarray, "n 3"], hinge: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3 3"]:
    x = _unit(bone)
    z = _unit(np.cross(x, hinge))
    return np.stack([x, np.cross(z, x), z], -1)
