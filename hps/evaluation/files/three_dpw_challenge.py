"""What the 3DPW challenge is sent: for each sequence a pickle of joints and orientations.

| key | shape | content |
|---|---|---|
| `jointPositions` | [people] (N,24,3) | SMPL's joints, metres, in the camera's frame |
| `orientations` | [people] (N,9,3,3) | of root, hips, knees, shoulders and elbows, not relative to the parent |
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joint_orientations import world_rotations
from body.joints import JOINT_NAMES
from hps.errors import HpsError
from hps.evaluation.files.entries import Entries, numbers_of, shaped
from hps.evaluation.files.pickle_files import write_pickle
from hps.evaluation.files.rows import told
from hps.evaluation.people_annotations import PersonAnnotations
from hps.metrics.angles import MAJOR_JOINTS

NAME: Final = "3dpw"


def has_challenge(names: Set[str]) -> bool:
    """Whether the names of a pickle are those of the challenge's."""
    return {"jointPositions", "orientations"} <= names and "poses" not in names


def people_of(entries: Entries, path: Path) -> list[PersonAnnotations]:
    """The people of one sequence, in the camera's frame; `extra` has `orientations`. Raises HpsError as readers do."""
    joints = entries.items("jointPositions")
    turns = entries.items("orientations", len(joints))
    people = []
    for person, (positions, orientations) in enumerate(zip(joints, turns)):
        what = f"{entries.where}: jointPositions[{person}]"
        p = numbers_of(positions, what)
        p = shaped(p.reshape(len(p), -1, 3) if p.ndim == 2 and p.shape[1] == 72 else p, (None, 24, 3), what)
        what = f"{entries.where}: orientations[{person}]"
        R = shaped(numbers_of(orientations, what), (len(p), len(MAJOR_JOINTS), 3, 3), what)
        people.append(
            PersonAnnotations(
                dataset=NAME,
                sequence=path.stem,
                person=str(person),
                frames=np.arange(len(p)),
                joints=p,
                joint_names=JOINT_NAMES,
                extra={"orientations": R},
            )
        )
    return people


def challenge_orientations(
    global_orient: Float[np.ndarray, "frames 3"], body_pose: Float[np.ndarray, "frames 69"]
) -> Float[np.ndarray, "frames 9 3 3"]:
    """Rotations of MAJOR_JOINTS in the frame of the root's, from SMPL's parameters."""
    turns = np.concatenate([global_orient, body_pose], 1).reshape(-1, 3)
    R = Rotation.from_rotvec(turns).as_matrix().reshape(-1, 24, 3, 3)
    return world_rotations(R)[:, list(MAJOR_JOINTS)]


def write_challenge(path: Path, people: Sequence[PersonAnnotations]) -> None:
    """Writes one sequence, of people in the camera's frame.

    Orientations are those of `extra`, else of the parameters. Raises HpsError for people in the world or without
    either.
    """
    content: dict[str, Any] = {"jointPositions": [], "orientations": []}
    for p in people:
        (joints,) = told(p, path, "joints")
        if p.frame != "camera" or joints.shape[1] != 24:
            raise HpsError(f"{path} needs SMPL's 24 joints in the camera's frame; '{p.sequence}' is not so")
        R = p.extra.get("orientations")
        if R is None:
            orient, pose = told(p, path, "global_orient", "body_pose")
            if pose.shape[1] != 69:
                raise HpsError(f"{path} needs SMPL's pose of 69 numbers; that of '{p.sequence}' has {pose.shape[1]}")
            R = challenge_orientations(orient, pose)
        content["jointPositions"].append(joints)
        content["orientations"].append(np.asarray(R))
    write_pickle(path, content)
