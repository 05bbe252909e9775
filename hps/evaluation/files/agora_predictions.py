"""Predictions for AGORA: a pickle for each person, `PICTURE_personId_K.pkl`, as its evaluation wants them.

| key | content |
|---|---|
| `joints` | (24,2), pixels of the picture of 3840 x 2160 |
| `verts`, `allSmplJoints3d` | (6890,3) or (10475,3), (24,3) or (127,3): metres, the camera's frame |
| `params` | instead of both: `transl` (1,3), `betas`, `global_orient`, `body_pose`, … |
| `gender`, `age`, `kid_flag`, `num_betas`, `pose2rot` | `pose2rot` False: `params` has rotation matrices |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from hps.errors import HpsError
from hps.evaluation.files.agora import NAME, SMPLX_JOINTS, joint_names
from hps.evaluation.files.agora_camera import SIZE
from hps.evaluation.files.agora_parameters import parameters_of
from hps.evaluation.files.entries import Entries
from hps.evaluation.files.pickle_files import read_entries, write_pickle
from hps.evaluation.files.rows import gender_of
from hps.evaluation.people_annotations import PersonAnnotations

FILE: Final = re.compile(r"(.+)_personId_(\d+)\.pkl")


def read_agora_prediction(path: Path) -> list[PersonAnnotations]:
    """The person of one file, in the camera's frame.

    Raises HpsError for a name that is not PICTURE_personId_K.pkl, and for a pickle that is damaged, names foreign
    classes or lacks what the evaluation needs.
    """
    return person_of(read_entries(path), path)


def person_of(entries: Entries, path: Path) -> list[PersonAnnotations]:
    """The person of a pickle that is read already; raises as `read_agora_prediction` does."""
    match = FILE.fullmatch(path.name)
    if match is None:
        raise HpsError(f"{path}: predictions for AGORA are called PICTURE_personId_K.pkl; rename the file")
    joints, vertices = (_points(entries, name) for name in ("allSmplJoints3d", "verts"))
    q = entries.maybe("joints")
    parameters: dict[str, Any] = {}
    if "params" in entries:
        parameters = parameters_of(entries.within("params"), bool(entries.number("pose2rot", 1.0)))
    elif joints is None:
        raise HpsError(f"{path} has neither params nor allSmplJoints3d; one of them is needed")
    turned = parameters["body_pose"].shape[1] == 63 if parameters else False
    smplx = turned if joints is None else joints.shape[1] > SMPLX_JOINTS
    if q is not None:
        q = q.reshape(-1, q.shape[-1])[:, :2] if q.shape[-1:] in ((2,), (3,)) else q
        if q.ndim != 2:
            raise HpsError(f"{path}: joints has shape {q.shape}, (24, 2) was expected")
    return [
        PersonAnnotations(
            dataset=NAME,
            sequence=match[1],
            person=match[2],
            frames=np.zeros(1, np.int64),
            images=(f"{match[1]}.png",),
            body="smplx" if smplx else "smpl",
            gender=gender_of(entries.text("gender", "neutral")),
            joints=joints,
            joint_names=() if joints is None else joint_names(joints.shape[1]),
            vertices=vertices,
            keypoints2d=None if q is None else np.concatenate([q, np.ones((len(q), 1))], 1)[None],
            keypoint_names=() if q is None else joint_names(len(q)),
            image_size=np.array([SIZE], np.int64),
            extra={name: entries.content[name] for name in ("age", "kid_flag", "num_betas") if name in entries},
            **parameters,
        )
    ]


def _points(entries: Entries, name: str) -> np.ndarray | None:
    values = entries.maybe(name)
    if values is None:
        return None
    if values.ndim < 2 or values.shape[-1] != 3 or values.size != 3 * values.shape[-2]:
        raise HpsError(f"{entries.where}: {name} has shape {values.shape}, (any, 3) was expected")
    return values.reshape(1, -1, 3)


def write_agora_predictions(folder: Path, people: Sequence[PersonAnnotations]) -> list[Path]:
    """Writes a file for each person and picture; returns them.

    2D joints are written in pixels of the 4K picture, as the evaluation counts. Raises HpsError for a person that is
    not in the camera's frame, and for one without joints in 2D and 3D and vertices.
    """
    written = []
    for p in people:
        if p.frame != "camera" or len(p) != 1 or len(p.images) != 1:
            raise HpsError(f"person '{p.person}' of '{p.sequence}' is not one picture in its camera's frame")
        if p.joints is None or p.vertices is None or p.keypoints2d is None or p.image_size is None:
            raise HpsError(f"person '{p.person}' of '{p.sequence}' needs joints in 3D and 2D, vertices and image_size")
        content: dict[str, Any] = {
            "joints": p.keypoints2d[0, :24, :2] * (SIZE[0] / p.image_size[0, 0]),
            "verts": p.vertices[0],
            "allSmplJoints3d": p.joints[0],
        }
        path = folder / f"{Path(p.images[0]).stem}_personId_{p.person}.pkl"
        try:
            number = int(p.person)
        except ValueError:
            raise HpsError(
                f"person '{p.person}' of '{p.sequence}' needs a number, as the file's name says it"
            ) from None
        path = path.with_name(f"{Path(p.images[0]).stem}_personId_{number}.pkl")
        write_pickle(path, content)
        written.append(path)
    return written
