"""Posed points of one person from what a file holds: parameters where a body model is known, else stored joints."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int64

from body.joint_orientations import world_rotations
from body.joints import JOINT_COUNT, JOINT_NAMES
from body.model import BodyModel
from body.rotations import axis_angle_to_matrix
from body.skinning import Skinning
from geometry.rigid import rigid
from hps.errors import HpsError
from hps.evaluation.people_annotations import PersonAnnotations
from hps.evaluation.scoring.body_models import BodyModels
from hps.evaluation.scoring.posed_clip import PosedClip
from hps.metrics.angles import MAJOR_JOINTS
from hps.metrics.foot_sliding import FOOT_KEYPOINTS, SMPL_FEET
from hps.metrics.positions import PELVIS

BLOCK: Final = 128
"""Frames posed at once: 21 MB of vertices."""
SMPL_VERTICES: Final = 6890
H36M_JOINTS: Final = 17
H36M: Final = "h36m"
"""How their names begin; COCO has 17 joints too."""
STORED_FAR_MM: Final = 5.0
"""Stored joints farther in the median from those that the parameters pose are of another body model."""


def posed_clip(person: PersonAnnotations, rows: Int64[np.ndarray, "rows"], models: BodyModels) -> PosedClip:
    """The person at some rows of the annotations.

    Raises HpsError where there is neither, or where the parameters do not fit together.
    """
    chosen = models.of(person) if _has_parameters(person) else None
    stored, regressed = _stored_joints(person, rows)
    if chosen is not None:
        clip = _posed(person, rows, *chosen, models)
        if person.transl is None:
            clip = _at_stored_pelvis(clip, stored)
        _compare_with_stored(person, clip, stored, models)
        return replace(clip, regressed=regressed)
    if stored is None and not regressed:
        raise models.missing(person)
    vertices = None if person.vertices is None else np.asarray(person.vertices[rows], np.float64)
    orientations = person.extra.get("orientations")
    if orientations is not None and np.shape(orientations)[1:] == (len(MAJOR_JOINTS), 3, 3):
        orientations = np.asarray(orientations, np.float64)[rows]
    else:
        orientations = _orientations(person, rows)
    feet = vertices[:, list(SMPL_FEET)] if vertices is not None and vertices.shape[1] == SMPL_VERTICES else None
    return PosedClip(
        frame=person.frame, joints=stored, vertices=vertices, orientations=orientations, feet=feet, regressed=regressed
    )


def _at_stored_pelvis(clip: PosedClip, stored: np.ndarray | None) -> PosedClip:
    """A body without a translation stands where its stored pelvis is, or nowhere."""
    assert clip.joints is not None
    if stored is None:
        return replace(clip, placed=False)
    still = np.broadcast_to(np.eye(3), (len(clip), 3, 3))
    return clip.moved(rigid(still, stored[:, PELVIS] - clip.joints[:, PELVIS]), clip.frame)


def _has_parameters(person: PersonAnnotations) -> bool:
    return person.global_orient is not None and person.body_pose is not None


def _posed(
    person: PersonAnnotations, rows: np.ndarray, model: BodyModel, skinning: Skinning, models: BodyModels
) -> PosedClip:
    turns = _turns(person, rows)
    count = len(rows)
    betas = np.zeros((count, 1)) if person.betas is None else np.asarray(person.betas[rows], np.float64)
    child = np.zeros(count) if person.child is None else np.asarray(person.child[rows], np.float64)
    if betas.shape[1] > model.shape_count:
        models.tell(f"{model.name} has {model.shape_count} betas: of {betas.shape[1]} in the file the first are taken")
        betas = betas[:, : model.shape_count]
    model.check_shape(betas.shape[1], float(np.nanmax(child, initial=0.0)))
    transl = np.zeros((count, 3)) if person.transl is None else np.asarray(person.transl[rows], np.float64)
    vertices, joints = np.empty((count, model.vertex_count, 3)), np.empty((count, JOINT_COUNT, 3))
    with torch.no_grad():
        for start in range(0, count, BLOCK):
            some = slice(start, start + BLOCK)
            skin, posed = skinning.pose(
                torch.from_numpy(betas[some]),
                torch.from_numpy(turns[some]),
                torch.from_numpy(transl[some]),
                0.0 if model.child_direction is None else torch.from_numpy(child[some]),
            )
            vertices[some], joints[some] = skin.numpy(), posed.numpy()
    if model.vertex_count == SMPL_VERTICES:
        feet = vertices[:, list(SMPL_FEET)]
    elif all(name in model.keypoint_vertices for name in FOOT_KEYPOINTS):
        feet = vertices[:, [model.keypoint_vertices[name] for name in FOOT_KEYPOINTS]]
    else:
        feet = None
    return PosedClip(
        frame=person.frame, joints=joints, vertices=vertices, orientations=_orientations(person, rows), feet=feet
    )


def _turns(person: PersonAnnotations, rows: np.ndarray) -> Float[np.ndarray, "rows 24 3"]:
    """Axis-angle of 24 joints; hands that the file leaves out are straight."""
    assert person.global_orient is not None
    assert person.body_pose is not None
    root, pose = (np.asarray(array[rows], np.float64) for array in (person.global_orient, person.body_pose))
    if pose.shape[1] not in (63, 69):
        raise HpsError(
            f"{person.sequence}, person {person.person}: body_pose has {pose.shape[1]} numbers a frame; SMPL has 69, "
            "SMPL-H and SMPL-X have 63 without hands"
        )
    hands = np.zeros((len(rows), 69 - pose.shape[1]))
    return np.concatenate([root, pose, hands], 1).reshape(-1, JOINT_COUNT, 3)


def _orientations(person: PersonAnnotations, rows: np.ndarray) -> Float[np.ndarray, "rows 9 3 3"] | None:
    if not _has_parameters(person):
        return None
    local = axis_angle_to_matrix(torch.from_numpy(_turns(person, rows))).numpy()
    return world_rotations(local)[:, list(MAJOR_JOINTS)]


def _stored_joints(
    person: PersonAnnotations, rows: np.ndarray
) -> tuple[np.ndarray | None, dict[str, Float[np.ndarray, "frames regressed 3"]]]:
    if person.joints is None:
        return None, {}
    joints = np.asarray(person.joints[rows], np.float64)
    if joints.shape[1] == H36M_JOINTS and all(name.startswith(H36M) for name in person.joint_names or ("",)):
        return None, {"h36m17": joints}
    if not person.joint_names and joints.shape[1] == JOINT_COUNT:
        return joints, {}
    places = {name: place for place, name in enumerate(person.joint_names)}
    missing = [name for name in JOINT_NAMES if name not in places]
    if not missing:
        return joints[:, [places[name] for name in JOINT_NAMES]], {}
    if _has_parameters(person):
        return None, {}
    raise HpsError(
        f"{person.sequence}, person {person.person}: {joints.shape[1]} joints are stored, without {missing[0]!r} and "
        f"{len(missing) - 1} more of SMPL's 24; give bodies, or joints by SMPL's names"
    )


def _compare_with_stored(
    person: PersonAnnotations, clip: PosedClip, stored: np.ndarray | None, models: BodyModels
) -> None:
    if stored is None or clip.joints is None:
        return
    far = 1000.0 * float(np.nanmedian(np.linalg.norm(stored - clip.joints, axis=-1)))
    if far > STORED_FAR_MM:
        models.tell(
            f"stored joints, such as those of {person.sequence}, person {person.person}, lie {far:.0f} mm from those "
            "that the parameters pose; the files were made with another body model than the one that is used here",
            "stored joints",
        )
