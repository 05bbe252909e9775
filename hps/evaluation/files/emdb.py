"""EMDB: `Pk/NAME/..._data.pkl`, one person a file, in the world, with the camera of each frame (Kaufmann 2023).

| key | content |
|---|---|
| `name`, `gender`, `n_frames`, `emdb1`, `emdb2`, `good_frames_mask` (N) | `emdb1`, `emdb2`: the evaluation it is in |
| `camera` | `intrinsics` (3,3), `extrinsics` (N,4,4) world to camera, `width`, `height` |
| `smpl` | `poses_root` (N,3), `poses_body` (N,69), `trans` (N,3), `betas` (10) |
| `kp2d` (N,24,2) | projections of SMPL's joints |
| `bboxes` | `bboxes` (N,4) left, top, right, bottom; `invalid_idxs` |
"""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import Any, Final

import numpy as np

from body.joints import JOINT_NAMES
from hps.errors import HpsError
from hps.evaluation.files.entries import Entries, whole
from hps.evaluation.files.pickle_files import read_entries, write_pickle
from hps.evaluation.files.rows import gender_of, once, repeated, told, xywh_of_xyxy, xyxy_of_xywh
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "emdb"
RATE_HZ: Final = 30.0
KEPT: Final = ("emdb1", "emdb2", "n_frames")


def has_emdb(names: Set[str]) -> bool:
    """Whether the names of a pickled dictionary are EMDB's."""
    return {"smpl", "camera", "good_frames_mask"} <= names


def read_emdb(path: Path) -> list[PersonAnnotations]:
    """The person of one sequence, in the world; `valid` is `good_frames_mask`. Boxes of `invalid_idxs` are NaN.

    Raises HpsError for a file that is damaged, that names foreign classes, or whose arrays do not fit each other.
    """
    return people_of(read_entries(path), path)


def people_of(entries: Entries, path: Path) -> list[PersonAnnotations]:
    """The person of a pickle that is read already; raises as `read_emdb` does."""
    camera, smpl = entries.within("camera"), entries.within("smpl")
    orient = smpl.array("poses_root", shape=(None, 3))
    n = len(orient)
    points = entries.maybe("kp2d", shape=(n, 24, 2))
    size = [whole(camera.number(side), f"{camera.where}: {side}") for side in ("width", "height")]
    sequence = entries.text("name", path.stem.removesuffix("_data"))
    return [
        PersonAnnotations(
            dataset=NAME,
            sequence=sequence,
            person="0",
            frames=np.arange(n),
            images=tuple(f"{_folder(path)}/images/{frame:05d}.jpg" for frame in range(n)),
            frame="world",
            fps=RATE_HZ,
            gender=gender_of(entries.text("gender", "unknown")),
            betas=repeated(smpl.array("betas", shape=(None,)), n),
            global_orient=orient,
            body_pose=smpl.array("poses_body", shape=(n, 69)),
            transl=smpl.array("trans", shape=(n, 3)),
            keypoints2d=None if points is None else np.concatenate([points, np.ones((n, 24, 1))], 2),
            keypoint_names=() if points is None else JOINT_NAMES,
            boxes_xywh=_boxes(entries.within("bboxes"), n) if "bboxes" in entries else None,
            K=repeated(camera.array("intrinsics", shape=(3, 3)), n),
            image_size=np.repeat(np.array(size, np.int64)[None], n, 0),
            Ts_camera_world=camera.array("extrinsics", shape=(n, 4, 4)),
            valid=entries.array("good_frames_mask", shape=(n,)) > 0,
            extra={name: entries.content[name] for name in KEPT if name in entries},
        )
    ]


def _folder(path: Path) -> str:
    return "/".join(part for part in path.absolute().parts[-3:-1])


def _boxes(entries: Entries, frames: int) -> np.ndarray:
    boxes = xywh_of_xyxy(entries.array("bboxes", shape=(frames, 4)))
    invalid = entries.maybe("invalid_idxs")
    if invalid is not None and invalid.size:
        rows = whole(invalid.reshape(-1), f"{entries.where}: invalid_idxs")
        if rows.min() < 0 or rows.max() >= frames:
            raise HpsError(f"{entries.where}: invalid_idxs names frame {rows.max()} of {frames}")
        boxes[rows] = np.nan
    return boxes


def write_emdb(path: Path, person: PersonAnnotations) -> None:
    """Writes one person of one sequence. Raises HpsError without what EMDB must have."""
    p = person
    if p.frame != "world":
        raise HpsError(f"{path} needs a person in the world; '{p.sequence}' is in the camera's frame")
    orient, pose, transl, betas = told(p, path, "global_orient", "body_pose", "transl", "betas")
    K, Ts, sizes = told(p, path, "K", "Ts_camera_world", "image_size")
    size = once(sizes, "image_size", path)
    content: dict[str, Any] = {
        "name": p.sequence, "gender": p.gender, "n_frames": len(p),
        "emdb1": bool(p.extra.get("emdb1", False)), "emdb2": bool(p.extra.get("emdb2", False)),
        "good_frames_mask": np.ones(len(p), bool) if p.valid is None else p.valid,
        "camera": {
            "intrinsics": once(K, "K", path), "extrinsics": Ts,
            "width": int(size[0]), "height": int(size[1]),
        },
        "smpl": {
            "poses_root": orient, "poses_body": pose, "trans": transl, "betas": once(betas, "betas", path),
        },
    }  # fmt: skip
    if p.keypoints2d is not None and p.keypoint_names == JOINT_NAMES:
        content["kp2d"] = p.keypoints2d[..., :2]
    if p.boxes_xywh is not None:
        bad = np.flatnonzero(~np.isfinite(p.boxes_xywh).all(1))
        content["bboxes"] = {"bboxes": xyxy_of_xywh(np.nan_to_num(p.boxes_xywh)), "invalid_idxs": bad}
    write_pickle(path, content)
