"""The evaluation's .npz of HMR2.0 and its kin (3DPW, EMDB, H36M …): a row for each person and picture.

| key | shape | content |
|---|---|---|
| `imgname`, `personid`, `gender`, `extra_info` | (N) | |
| `center`, `scale` | (N,2), (N) or (N,2) | of the box; `scale` is its side / 200 px |
| `body_pose`, `has_body_pose` | (N,72), (N) | with the root, in the camera's frame |
| `betas`, `has_betas` | (N,10), (N) | |
| `body_keypoints_2d`, `extra_keypoints_2d` | (N,25,3), (N,19,3) | pixels, confidence |
| `body_keypoints_3d`, `extra_keypoints_3d` | (N,25,4), (N,19,4) | metres, confidence |

The 44 points are OpenPose's 25 and the 19 of SPIN. There is no translation: 3D is about an origin of its own.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any, Final

import numpy as np

from hps.errors import HpsError
from hps.evaluation.files.entries import Entries
from hps.evaluation.files.npz_files import read_npz_entries, write_npz
from hps.evaluation.files.picture_rows import PIXELS_OF_SCALE, gathered
from hps.evaluation.files.rows import gender_of, told, xywh_of_center
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "evaluation_npz"
OPENPOSE25: Final = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
    "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
    "right_small_toe", "right_heel",
)  # fmt: skip
EXTRA19: Final = (
    "right_ankle_extra", "right_knee_extra", "right_hip_extra", "left_hip_extra", "left_knee_extra",
    "left_ankle_extra", "right_wrist_extra", "right_elbow_extra", "right_shoulder_extra", "left_shoulder_extra",
    "left_elbow_extra", "left_wrist_extra", "neck_extra", "headtop_extra", "pelvis_extra", "thorax_extra",
    "spine_extra", "jaw_extra", "head_extra",
)  # fmt: skip
NAMES44: Final = OPENPOSE25 + EXTRA19
SETS: Final = (("body", 25), ("extra", 19))


def has_evaluation(names: Set[str]) -> bool:
    """Whether the names of an .npz are the evaluation's."""
    return {"imgname", "body_pose", "betas", "center", "scale"} <= names and "cam_int" not in names


def read_evaluation(path: Path) -> list[PersonAnnotations]:
    """Everybody in the file. Points of confidence 0 are NaN in 3D; rows without pose or betas are NaN, and not
    `valid`.

    Raises HpsError for a file that is damaged, that names foreign classes, or whose arrays do not fit each other.
    """
    e = read_npz_entries(path)
    center = e.array("center", shape=(None, 2))
    n = len(center)
    pictures = e.texts("imgname", n)
    pose, betas = _known(e, "body_pose", n), _known(e, "betas", n)
    if pose.shape[1] != 72:
        raise HpsError(f"{e.where}: body_pose has shape {pose.shape}, ({n}, 72) was expected")
    whole = np.asarray(np.isfinite(pose).all(1) & np.isfinite(betas).all(1))
    scale = e.rows("scale", count=n).max(1, initial=0.0)
    points, joints = _points(e, 2, n), _points(e, 3, n)
    people = e.texts("personid", n) if "personid" in e else None
    genders = e.texts("gender", n) if "gender" in e else ("neutral",) * n
    found = []
    for group in gathered(pictures, people):
        rows = group.rows
        of_rows = {gender_of(genders[row]) for row in rows}
        p = None if joints is None else joints[rows]
        found.append(
            PersonAnnotations(
                dataset=NAME,
                sequence=group.sequence,
                person=group.person,
                frames=group.frames,
                images=tuple(pictures[row] for row in rows),
                gender=of_rows.pop() if len(of_rows) == 1 else "unknown",
                betas=betas[rows],
                global_orient=pose[rows, :3],
                body_pose=pose[rows, 3:],
                joints=None if p is None else np.where(p[..., 3:] > 0, p[..., :3], np.nan),
                joint_names=() if p is None else NAMES44,
                keypoints2d=None if points is None else points[rows],
                keypoint_names=() if points is None else NAMES44,
                boxes_xywh=xywh_of_center(center[rows], PIXELS_OF_SCALE * scale[rows]),
                valid=whole[rows],
                extra={"extra_info": [e.content["extra_info"][row] for row in rows]}
                if _each(e, "extra_info", n)
                else {},
            )
        )
    return found


def _each(e: Entries, name: str, n: int) -> bool:
    return name in e and isinstance(e.content[name], (list, np.ndarray)) and len(e.content[name]) == n


def _known(e: Entries, name: str, n: int) -> np.ndarray:
    values = e.rows(name, count=n)
    there = e.maybe(f"has_{name}")
    return values if there is None else np.where(there.reshape(n, 1) > 0, values, np.nan)


def _points(e: Entries, axes: int, n: int) -> np.ndarray | None:
    """The 44 points and their confidence; zeros where a set of them is not in the file."""
    there = [f"{name}_keypoints_{axes}d" for name, _ in SETS]
    if not any(name in e for name in there):
        return None
    parts = [e.maybe(name, shape=(n, count, axes + 1)) for name, (_, count) in zip(there, SETS)]
    return np.concatenate(
        [np.zeros((n, count, axes + 1)) if part is None else part for part, (_, count) in zip(parts, SETS)], 1
    )


def write_evaluation(path: Path, people: Sequence[PersonAnnotations]) -> None:
    """Writes rows of people with the 44 points. Raises HpsError for people without them, and in the world."""
    columns: dict[str, list[Any]] = {}
    for p in people:
        if p.frame != "camera" or p.keypoint_names != NAMES44 or p.joint_names != NAMES44 or len(p.images) != len(p):
            raise HpsError(f"{path} needs people in the camera's frame with the 44 points; '{p.sequence}' is not so")
        orient, pose, betas, boxes, q, joints = told(
            p, path, "global_orient", "body_pose", "betas", "boxes_xywh", "keypoints2d", "joints"
        )
        whole = np.concatenate([orient, pose], 1)
        points = np.concatenate([np.nan_to_num(joints), np.isfinite(joints).all(2, keepdims=True)], 2)
        row: dict[str, Any] = {
            "imgname": list(p.images), "personid": [p.person] * len(p), "gender": [p.gender] * len(p),
            "center": boxes[:, :2] + boxes[:, 2:] / 2, "scale": boxes[:, 2:].max(1) / PIXELS_OF_SCALE,
            "body_keypoints_2d": q[:, :25], "extra_keypoints_2d": q[:, 25:],
            "body_keypoints_3d": points[:, :25], "extra_keypoints_3d": points[:, 25:],
        }  # fmt: skip
        for name, values in (("body_pose", whole), ("betas", betas)):
            row |= {name: np.nan_to_num(values), f"has_{name}": np.isfinite(values).all(1).astype(np.float64)}
        for name, values in row.items():
            columns.setdefault(name, []).extend(values)
    if not people:
        raise HpsError(f"{path} needs people")
    write_npz(path, {name: np.array(values) for name, values in columns.items()})
