"""CameraHMR's pseudo-ground-truth: an .npz with a row for each person and picture (Patel and Black 2024).

| key | shape | content |
|---|---|---|
| `imgname`, `center`, `scale` | (N), (N,2), (N) | `scale` is the side of the box / 200 px |
| `pose` or `pose_cam` | (N,72) | SMPL, in the camera's frame |
| `shape`, `cam_t`, `cam_int` | (N,10), (N,3), (N,3,3) | |
| `gt_keypoints` or `gtkps` | (N,points,3) | pixels, confidence |
| `dense_kp` | (N,138,3) | points of the skin, kept in `extra` |
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any, Final

import numpy as np

from hps.errors import HpsError
from hps.evaluation.files.npz_files import read_npz_entries, write_npz
from hps.evaluation.files.picture_rows import PIXELS_OF_SCALE, gathered
from hps.evaluation.files.rows import told, xywh_of_center
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "camerahmr"


def has_camerahmr(names: Set[str]) -> bool:
    """Whether the names of an .npz are those of CameraHMR's labels."""
    return {"imgname", "cam_t", "cam_int", "shape"} <= names


def read_camerahmr(path: Path) -> list[PersonAnnotations]:
    """Everybody in the file, in the camera's frame; the 2D points' names are not told by the file.

    Raises HpsError for a file that is damaged, that names foreign classes, or whose arrays do not fit each other.
    """
    e = read_npz_entries(path)
    K = e.array("cam_int", shape=(None, 3, 3))
    n = len(K)
    pictures = e.texts("imgname", n)
    pose = e.rows("pose_cam", "pose", count=n)
    if pose.shape[1] != 72:
        raise HpsError(f"{e.where}: pose has shape {pose.shape}, ({n}, 72) was expected")
    betas, transl = e.array("shape", shape=(n, None)), e.array("cam_t", shape=(n, 3))
    points = e.maybe("gt_keypoints", "gtkps", shape=(n, None, None))
    boxes = xywh_of_center(e.array("center", shape=(n, 2)), PIXELS_OF_SCALE * e.column("scale", n))
    dense = e.maybe("dense_kp")
    return [
        PersonAnnotations(
            dataset=NAME,
            sequence=group.sequence,
            person=group.person,
            frames=group.frames,
            images=tuple(pictures[row] for row in group.rows),
            betas=betas[group.rows],
            global_orient=pose[group.rows, :3],
            body_pose=pose[group.rows, 3:],
            transl=transl[group.rows],
            keypoints2d=None if points is None else _with_confidence(points[group.rows]),
            keypoint_names=() if points is None else tuple(f"keypoint_{k}" for k in range(points.shape[1])),
            boxes_xywh=boxes[group.rows],
            K=K[group.rows],
            extra={} if dense is None else {"dense_kp": dense[group.rows]},
        )
        for group in gathered(pictures)
    ]


def _with_confidence(q: np.ndarray) -> np.ndarray:
    return q[..., :3] if q.shape[-1] > 2 else np.concatenate([q, np.ones((*q.shape[:2], 1))], 2)


def write_camerahmr(path: Path, people: Sequence[PersonAnnotations]) -> None:
    """Writes rows of people in the camera's frame. Raises HpsError for what the layout needs and they have not."""
    columns: dict[str, list[Any]] = {}
    for p in people:
        if p.frame != "camera" or len(p.images) != len(p) or p.body != "smpl":
            raise HpsError(f"{path} needs SMPL in the camera's frame, with pictures; '{p.sequence}' is not so")
        orient, pose, transl, betas, K, boxes, q = told(
            p, path, "global_orient", "body_pose", "transl", "betas", "K", "boxes_xywh", "keypoints2d"
        )
        row = {
            "imgname": list(p.images), "center": boxes[:, :2] + boxes[:, 2:] / 2,
            "scale": boxes[:, 2:].max(1) / PIXELS_OF_SCALE, "pose": np.concatenate([orient, pose], 1), "shape": betas,
            "cam_t": transl, "cam_int": K, "gt_keypoints": q,
        }  # fmt: skip
        for name, values in row.items():
            columns.setdefault(name, []).extend(values)
    if not people:
        raise HpsError(f"{path} needs people")
    try:
        write_npz(path, {name: np.array(values) for name, values in columns.items()})
    except ValueError:
        raise HpsError(f"{path} holds as many betas and points of everybody; write these people apart") from None
