"""Errors of the body, the hands and the face of people who were found, as AGORA takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError
from hps.metrics.positions import joint_distances_mm

HIPS: Final = (1, 2)
"""Whose middle is AGORA's pelvis."""
SMPL_JOINTS: Final = 24
SMPLX_JOINTS: Final = 127


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Joints that are measured together, relative to one place."""

    joints: tuple[int, ...]
    root: tuple[int, ...]


BODY24: Final = Part(joints=tuple(range(24)), root=HIPS)
SMPLX_PARTS: Final = {
    "body": Part(joints=tuple(range(22)), root=HIPS),
    "left hand": Part(joints=tuple(range(25, 40)), root=(20,)),
    "right hand": Part(joints=tuple(range(40, 55)), root=(21,)),
    "face": Part(joints=tuple(range(76, 127)), root=(12,)),
}
"""Of SMPL-X's 127 joints: 22 of the body, 15 of each hand at its wrist, 51 landmarks of the face at the neck."""
FULL_BODY: Final = "full body"


def part_errors_mm(
    estimate: Float[np.ndarray, "people joints 3"], truth: Float[np.ndarray, "people true_joints 3"]
) -> dict[str, Float[np.ndarray, "people"]]:
    """MPJPE of each part: `body`, and of SMPL-X also hands, face and `full body` (FB = B + (LH + RH + F) / 3).

    Raises HpsError unless both have the 24 joints of SMPL or the 127 of SMPL-X.
    """
    counts = (estimate.shape[1], truth.shape[1])
    if counts[0] != counts[1] or counts[0] not in (SMPL_JOINTS, SMPLX_JOINTS):
        raise HpsError(
            f"predicted people have {counts[0]} joints, true ones {counts[1]}; AGORA compares SMPL's {SMPL_JOINTS} or "
            f"SMPL-X's {SMPLX_JOINTS} (allSmplJoints3d) on both sides"
        )
    parts = {"body": BODY24} if counts[0] == SMPL_JOINTS else SMPLX_PARTS
    errors = {}
    for name, part in parts.items():
        a, b = (points[:, part.joints] - _root(points, part) for points in (estimate, truth))
        errors[name] = joint_distances_mm(a, b).mean(-1)
    if len(errors) > 1:
        errors[FULL_BODY] = errors["body"] + (errors["left hand"] + errors["right hand"] + errors["face"]) / 3
    return errors


def vertex_errors_mm(
    estimate: Float[np.ndarray, "people vertices 3"],
    truth: Float[np.ndarray, "people true_vertices 3"],
    joints: Float[np.ndarray, "people joints 3"],
    true_joints: Float[np.ndarray, "people joints 3"],
) -> Float[np.ndarray, "people"]:
    """MVE of each person relative to the middle of the hips. Raises HpsError for another number of vertices."""
    if estimate.shape != truth.shape:
        raise HpsError(
            f"predicted people have {estimate.shape[1]} vertices, true ones {truth.shape[1]}; compare one body model"
        )
    a, b = estimate - _root(joints, BODY24), truth - _root(true_joints, BODY24)
    return joint_distances_mm(a, b).mean(-1)


def _root(joints: np.ndarray, part: Part) -> np.ndarray:
    return np.asarray(joints, np.float64)[:, part.root].mean(1, keepdims=True)
