"""People of HumanData and MultiHumanData files, and files of people for mmhuman3d.

A HumanData is one person's rows, as far as it says: `person` is told by `misc` where the writer was humanrig. Of a
MultiHumanData, person k is the k-th of each picture, which says nothing of who it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from body.joints import JOINT_NAMES
from hps.errors import HpsError
from hps.evaluation.files.entries import numbers_of, shaped, text_of, whole
from hps.evaluation.files.human_data_file import POINTS, SMPL_JOINTS, HumanDataFile, read_human_data_file
from hps.evaluation.files.npz_files import write_npz
from hps.evaluation.files.rows import gender_of, told
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "humandata"
RAW: Final = ("keypoints2d", "keypoints3d", "image_id", "cam_param", "segmentation", "depth_path")


def read_human_data(path: Path) -> list[PersonAnnotations]:
    """Everybody in the file, in the camera's frame; joints and 2D points are SMPL's 24 of the 190.

    All 190 are in `extra`, with whatever else has a row each. Raises HpsError for a file that is damaged, that names
    foreign classes, or whose arrays do not fit each other.
    """
    file = read_human_data_file(path)
    ranges = file.people_of_frames()
    person = file.misc.text("person", "0")
    if ranges is None:
        rows = np.arange(file.rows)
        return [_person(file, person, rows, rows)] if file.rows else []
    most = max((int(last - first) for first, last in ranges), default=0)
    people = []
    for k in range(most):
        frames = [n for n, (first, last) in enumerate(ranges) if first + k < last]
        rows = np.array([ranges[n][0] + k for n in frames], np.int64)
        people.append(_person(file, str(k), rows, np.array(frames, np.int64)))
    return people


def _person(file: HumanDataFile, person: str, rows: np.ndarray, frames: np.ndarray) -> PersonAnnotations:
    entries, n = file.entries, file.rows
    parameters: dict[str, Any] = {name: value[rows] for name, value in (file.parameters() or {}).items()}
    points, joints = file.points("keypoints2d_smpl"), file.joints()
    points = file.points("keypoints2d") if points is None else points
    focal, principal = file.maybe_pairs("focal_length"), file.maybe_pairs("principal_point")
    genders = file.meta.content.get("gender")
    gender = {text_of(g) for g in np.atleast_1d(np.asarray(genders, object)).tolist()} if genders is not None else set()
    return PersonAnnotations(
        dataset=NAME,
        sequence=file.misc.text("session", file.path.stem),
        person=person,
        frames=frames,
        images=_images(file, rows, frames),
        body=file.kind or "smpl",
        gender=gender_of(gender.pop()) if len(gender) == 1 else "neutral" if not gender else "unknown",
        joints=None if joints is None else joints[rows],
        joint_names=() if joints is None else JOINT_NAMES,
        keypoints2d=None
        if points is None
        else shaped(points, (n, POINTS, 3), f"{file.path}: keypoints2d")[rows[:, None], list(SMPL_JOINTS)],
        keypoint_names=() if points is None else JOINT_NAMES,
        boxes_xywh=entries.array("bbox_xywh")[rows, :4],
        K=None if focal is None or principal is None else _intrinsics(focal[rows], principal[rows]),
        image_size=_sizes(file, rows),
        extra=_raw(file, rows) | {"misc": dict(file.misc.content)},
        **parameters,
    )


def _images(file: HumanDataFile, rows: np.ndarray, frames: np.ndarray) -> tuple[str, ...]:
    """A path a row; of a MultiHumanData it may also be one a picture."""
    there = [text_of(value) for value in np.atleast_1d(np.asarray(file.entries.value("image_path"), object)).tolist()]
    if len(there) == file.rows:
        return tuple(there[row] for row in rows)
    ranges = file.people_of_frames()
    if ranges is None or len(there) != len(ranges):
        raise HpsError(f"{file.path}: image_path has {len(there)} entries, the file {file.rows} rows")
    return tuple(there[frame] for frame in frames)


def _intrinsics(focal: np.ndarray, principal: np.ndarray) -> np.ndarray:
    K = np.zeros((len(focal), 3, 3))
    K[:, [0, 1], [0, 1]], K[:, :2, 2], K[:, 2, 2] = focal, principal, 1
    return K


def _sizes(file: HumanDataFile, rows: np.ndarray) -> np.ndarray | None:
    if "width" not in file.meta or "height" not in file.meta:
        return None
    sides = [
        whole(numbers_of(file.meta.value(s), f"{file.path}: {s}"), f"{file.path}: {s}") for s in ("width", "height")
    ]
    if any(side.shape != (file.rows,) for side in sides):
        raise HpsError(f"{file.path}: width has shape {sides[0].shape}, height {sides[1].shape}, not a number a row")
    return np.stack(sides, 1)[rows]


def _raw(file: HumanDataFile, rows: np.ndarray) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name in RAW:
        if name in file.entries:
            value = file.points(name) if name.startswith("keypoints") else file.entries.value(name)
            alike = isinstance(value, (list, np.ndarray)) and len(value) == file.rows
            kept[name] = [value[row] for row in rows] if alike and isinstance(value, list) else value
            kept[name] = value[rows] if alike and isinstance(value, np.ndarray) else kept[name]
    return kept


def write_human_data(path: Path, person: PersonAnnotations) -> None:
    """Writes a HumanData of one person. Raises HpsError for a person in the world, or without pictures and boxes."""
    n = len(person)
    if person.frame != "camera":
        raise HpsError(f"{path}: HumanData is in the camera's frame; '{person.sequence}' is in the world")
    (boxes,) = told(person, path, "boxes_xywh")
    if len(person.images) != n:
        raise HpsError(f"{path} cannot be written: person '{person.person}' of '{person.sequence}' has no images")
    content: dict[str, Any] = {
        "__key_strict__": False, "__data_len__": n, "__keypoints_compressed__": False, "config": person.dataset,
        "image_path": list(person.images), "bbox_xywh": np.concatenate([boxes, np.ones((n, 1))], 1),
        "misc": {"kps3d_root_aligned": False, "session": person.sequence, "person": person.person},
    }  # fmt: skip
    meta: dict[str, Any] = {"gender": [person.gender] * n}
    if person.image_size is not None:
        meta |= {"width": person.image_size[:, 0].tolist(), "height": person.image_size[:, 1].tolist()}
    if person.K is not None:
        meta |= {"focal_length": person.K[:, [0, 1], [0, 1]], "principal_point": person.K[:, :2, 2]}
    content["meta"] = meta
    names = [name for name in ("betas", "body_pose", "global_orient", "transl") if getattr(person, name) is not None]
    if names:
        body = {name: getattr(person, name) for name in names}
        if "body_pose" in body:
            body["body_pose"] = body["body_pose"].reshape(n, -1, 3)
        content[person.body if person.body in ("smplx", "smplh") else "smpl"] = body
        content["misc"]["body_model"] = person.body
    content |= _points(person, n)
    write_npz(path, content)


def _points(person: PersonAnnotations, n: int) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, values, names, columns in (
        ("keypoints2d", person.keypoints2d, person.keypoint_names or JOINT_NAMES, 3),
        ("keypoints3d", person.joints, person.joint_names or JOINT_NAMES, 4),
    ):
        if values is not None and tuple(names) == JOINT_NAMES:
            points, mask = np.zeros((n, POINTS, columns)), np.zeros(POINTS, np.uint8)
            mask[list(SMPL_JOINTS)] = 1
            known = np.asarray(np.isfinite(values).all(-1))
            points[:, list(SMPL_JOINTS), : values.shape[2]] = np.where(known[..., None], values, 0.0)
            if columns == 4:
                points[:, list(SMPL_JOINTS), 3] = known
            content |= {name: points, f"{name}_mask": mask, f"{name}_convention": "human_data"}
    return content
