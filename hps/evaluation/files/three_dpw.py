"""3DPW: `sequenceFiles/{train,validation,test}/NAME.pkl`, all people of a sequence in one pickle (von Marcard 2018).

| key | shape | content |
|---|---|---|
| `poses`, `trans`, `jointPositions` | [people] (N,72), (N,3), (N,72) | in the world |
| `betas` | [people] (10) or (300) | |
| `poses2d` | [people] (N,3,18) | COCO's 18 points of OpenPose: x, y, confidence; zeros where nobody was found |
| `cam_poses`, `cam_intrinsics` | (N,4,4), (3,3) | world to camera |
| `campose_valid` | [people] (N) | whether the camera's pose is right for this person |
| `genders`, `sequence`, `img_frame_ids` | | |

A row is a picture: row n is `image_n`. `img_frame_ids` says where the pictures lie among the poses at 60 Hz, and is
kept in `extra` with everything else.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any, Final

import numpy as np

from hps.errors import HpsError
from hps.evaluation.files.entries import Entries, numbers_of, shaped
from hps.evaluation.files.pickle_files import read_entries, write_pickle
from hps.evaluation.files.rows import gender_of, once, repeated, told
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "3dpw"
RATE_HZ: Final = 30.0
COCO18: Final = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)  # fmt: skip
"""OpenPose's order of COCO's points, and the neck between the shoulders."""
KEPT: Final = ("img_frame_ids", "poses_60Hz", "trans_60Hz", "betas_clothed", "v_template_clothed", "texture_maps")


def has_3dpw(names: Set[str]) -> bool:
    """Whether the names of a pickled dictionary are 3DPW's."""
    return {"poses", "trans", "cam_poses", "cam_intrinsics", "sequence"} <= names


def read_3dpw(path: Path) -> list[PersonAnnotations]:
    """The people of one sequence, in the world, with the camera of each frame.

    `valid`: the camera's pose is right and a 2D point was found, as the field evaluates. Raises HpsError for a file
    that is damaged, that names foreign classes, or whose arrays do not fit each other.
    """
    return people_of(read_entries(path), path)


def people_of(entries: Entries, path: Path) -> list[PersonAnnotations]:
    """The people of a pickle that is read already; raises as `read_3dpw` does."""
    Ts = entries.array("cam_poses", shape=(None, 4, 4))
    K = entries.array("cam_intrinsics", shape=(3, 3))
    frames, sequence = len(Ts), entries.text("sequence", path.stem)
    poses = entries.items("poses")
    people = []
    for n in range(len(poses)):

        def of(name: str, shape: tuple[int | None, ...], n: int = n) -> np.ndarray:
            what = f"{entries.where}: {name}[{n}]"
            return shaped(numbers_of(entries.items(name, len(poses))[n], what), shape, what)

        pose = of("poses", (frames, 72))
        points = of("poses2d", (frames, 3, 18)).transpose(0, 2, 1) if "poses2d" in entries else None
        right = of("campose_valid", (frames,)) > 0 if "campose_valid" in entries else np.ones(frames, bool)
        joints = of("jointPositions", (frames, 72)) if "jointPositions" in entries else None
        people.append(
            PersonAnnotations(
                dataset=NAME,
                sequence=sequence,
                person=str(n),
                frames=np.arange(frames),
                images=tuple(f"{sequence}/image_{frame:05d}.jpg" for frame in range(frames)),
                frame="world",
                fps=RATE_HZ,
                gender=gender_of(entries.texts("genders", len(poses))[n]) if "genders" in entries else "unknown",
                betas=repeated(of("betas", (None,)), frames),
                global_orient=pose[:, :3],
                body_pose=pose[:, 3:],
                transl=of("trans", (frames, 3)),
                joints=None if joints is None else joints.reshape(frames, 24, 3),
                keypoints2d=points,
                keypoint_names=() if points is None else COCO18,
                K=repeated(K, frames),
                Ts_camera_world=Ts,
                valid=right if points is None else right & (points[..., 2] > 0).any(1),
                extra={"campose_valid": right} | _kept(entries, n, len(poses)),
            )
        )
    return people


def _kept(entries: Entries, n: int, count: int) -> dict[str, Any]:
    """What no field of an annotation takes: of this person where the file lists people."""
    kept = {}
    for name in KEPT:
        if name in entries:
            value = entries.content[name]
            kept[name] = value[n] if isinstance(value, list) and len(value) == count else value
    return kept


def write_3dpw(path: Path, people: Sequence[PersonAnnotations]) -> None:
    """Writes one sequence. Raises HpsError for people of several sequences or without what 3DPW must have."""
    first = people[0] if people else None
    if first is None or any(p.sequence != first.sequence or not np.array_equal(p.frames, first.frames) for p in people):
        raise HpsError(f"{path} holds one sequence with the same frames for everybody; write each sequence by itself")
    if any(p.frame != "world" for p in people):
        raise HpsError(f"{path} needs people in the world; those of '{first.sequence}' are in the camera's frame")
    K, Ts = told(first, path, "K", "Ts_camera_world")
    content: dict[str, Any] = {
        "sequence": first.sequence, "cam_poses": Ts,
        "cam_intrinsics": once(K, "K", path),
        "genders": [p.gender[:1] for p in people],
    }  # fmt: skip
    columns = {name: [] for name in ("poses", "trans", "betas", "jointPositions", "poses2d", "campose_valid")}
    for p in people:
        orient, pose, transl, betas = told(p, path, "global_orient", "body_pose", "transl", "betas")
        columns["poses"].append(shaped(np.concatenate([orient, pose], 1), (len(p), 72), f"{path}: poses"))
        columns["trans"].append(transl)
        columns["betas"].append(once(betas, "betas", path))
        if p.joints is not None:
            columns["jointPositions"].append(p.joints.reshape(len(p), 72))
        if p.keypoints2d is not None and p.keypoint_names == COCO18:
            columns["poses2d"].append(p.keypoints2d.transpose(0, 2, 1))
        valid = p.extra.get("campose_valid", p.valid)
        columns["campose_valid"].append(np.ones(len(p), bool) if valid is None else np.asarray(valid))
    content |= {name: values for name, values in columns.items() if len(values) == len(people)}
    content |= {name: first.extra[name] for name in ("img_frame_ids",) if name in first.extra}
    write_pickle(path, content)
