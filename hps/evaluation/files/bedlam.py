"""BEDLAM's labels, an .npz with a row for each person and picture, and AGORA's training labels of the same layout.

| key | shape | content |
|---|---|---|
| `imgname`, `gender`, `sub`, `motion_info` | (N) | |
| `center`, `scale` | (N,2), (N) | of the person's box; `scale` is its side / 200 px |
| `pose_cam`, `pose_world` | (N,165) or (N,72) | SMPL-X or SMPL; the first 66 are used |
| `trans_cam`, `trans_world` | (N,3) | the body in the camera is at `cam_ext[:, :3, 3] + trans_cam` |
| `shape` | (N,10) or (N,11) | in AGORA's labels (they have `bfh`) the 11th is the weight of the kid template |
| `cam_int`, `cam_ext` | (N,3,3), (N,4,4) | |
| `gtkps` | (N,24+,2+) | pixels; the first 24 are the body's |

After Black 2023 and the data set's own loader. Pictures of `closeup` scenes lie on their side: labels are of the
picture turned clockwise, which `extra["turned_clockwise"]` says of each frame.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any, Final

import numpy as np

from body.joints import JOINT_NAMES
from hps.errors import HpsError
from hps.evaluation.files.entries import Entries
from hps.evaluation.files.npz_files import read_npz_entries, write_npz
from hps.evaluation.files.picture_rows import PIXELS_OF_SCALE, gathered
from hps.evaluation.files.rows import gender_of, told, xywh_of_center
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "bedlam"
BODY: Final = 66
"""Numbers of root and 21 joints."""
RATE_HZ: Final = 30.0
LYING: Final = ("closeup", "portrait")
KID: Final = 10
KEPT: Final = ("pose_cam", "pose_world", "trans_world", "proj_verts", "motion_info", "bfh", "occlusion")


def has_bedlam(names: Set[str]) -> bool:
    """Whether the names of an .npz are BEDLAM's."""
    return {"imgname", "pose_cam", "cam_int", "trans_cam", "cam_ext"} <= names


def read_bedlam(path: Path) -> list[PersonAnnotations]:
    """Everybody in the file, in the camera's frame, by sequence and subject; body_pose has 63 numbers.

    Raises HpsError for a file that is damaged, that names foreign classes, or whose arrays do not fit each other.
    """
    e = read_npz_entries(path)
    pictures = e.texts("imgname", len(e.array("cam_int", shape=(None, 3, 3))))
    n = len(pictures)
    K, T = e.array("cam_int"), e.array("cam_ext", shape=(n, 4, 4))
    pose, betas = _rows(e, "pose_cam", n, BODY), _rows(e, "shape", n, 1)
    transl = T[:, :3, 3] + e.array("trans_cam", shape=(n, 3))
    kids = "bfh" in e and betas.shape[1] == KID + 1
    boxes = xywh_of_center(e.array("center", shape=(n, 2)), PIXELS_OF_SCALE * e.column("scale", n))
    genders = e.texts("gender", n) if "gender" in e else ("neutral",) * n
    turned = np.array([any(word in picture for word in LYING) for picture in pictures], bool)
    people = []
    for group in gathered(pictures, e.texts("sub", n) if "sub" in e else None):
        rows = group.rows
        told_genders = {gender_of(genders[row]) for row in rows}
        points = _points(e, rows, n)
        people.append(
            PersonAnnotations(
                dataset="agora" if "bfh" in e else NAME,
                sequence=group.sequence,
                person=group.person,
                frames=group.frames,
                images=tuple(pictures[row] for row in rows),
                fps=RATE_HZ,
                body="smplx" if e.array("pose_cam").shape[1] != 72 else "smpl",
                gender=told_genders.pop() if len(told_genders) == 1 else "unknown",
                betas=betas[rows, :KID] if kids else betas[rows],
                child=betas[rows, KID] if kids else None,
                global_orient=pose[rows, :3],
                body_pose=pose[rows, 3:BODY],
                transl=transl[rows],
                keypoints2d=points,
                keypoint_names=() if points is None else JOINT_NAMES,
                boxes_xywh=boxes[rows],
                K=K[rows],
                Ts_camera_world=T[rows],
                extra={"turned_clockwise": turned[rows]} | _kept(e, rows, n),
            )
        )
    return people


def _rows(e: Entries, name: str, n: int, least: int) -> np.ndarray:
    values = e.array(name, shape=(n, None))
    if values.shape[1] < least:
        raise HpsError(f"{e.where}: {name} has shape {values.shape}, at least {least} columns were expected")
    return values


def _points(e: Entries, rows: np.ndarray, n: int) -> np.ndarray | None:
    values = e.maybe("gtkps", shape=(n, None, None))
    if values is None:
        return None
    if values.shape[1] < 24 or values.shape[2] < 2:
        raise HpsError(f"{e.where}: gtkps has shape {values.shape}, 24 points at least were expected")
    q = values[rows, :24]
    return np.concatenate([q[..., :2], q[..., 2:3] if q.shape[2] > 2 else np.ones((len(rows), 24, 1))], 2)


def _kept(e: Entries, rows: np.ndarray, n: int) -> dict[str, Any]:
    return {
        name: np.asarray(e.content[name])[rows]
        for name in KEPT
        if name in e and len(np.atleast_1d(e.content[name])) == n
    }


def write_bedlam(path: Path, people: Sequence[PersonAnnotations]) -> None:
    """Writes rows of people in the camera's frame. Raises HpsError for what BEDLAM's layout needs and they have not."""
    columns: dict[str, list[Any]] = {}
    for p in people:
        if p.frame != "camera" or len(p.images) != len(p):
            raise HpsError(f"{path} needs people in the camera's frame with pictures; '{p.sequence}' is not so")
        orient, pose, transl, betas, K, boxes = told(
            p, path, "global_orient", "body_pose", "transl", "betas", "K", "boxes_xywh"
        )
        n = len(p)
        T = np.tile(np.eye(4), (n, 1, 1)) if p.Ts_camera_world is None else p.Ts_camera_world
        width = 165 if p.body == "smplx" else 72
        whole = np.concatenate([orient, pose], 1)
        row = {
            "imgname": list(p.images), "gender": [p.gender] * n, "sub": [p.person] * n,
            "center": boxes[:, :2] + boxes[:, 2:] / 2, "scale": boxes[:, 2:].max(1) / PIXELS_OF_SCALE,
            "pose_cam": np.concatenate([whole, np.zeros((n, width - whole.shape[1]))], 1),
            "trans_cam": transl - T[:, :3, 3], "shape": betas, "cam_int": K, "cam_ext": T,
        }  # fmt: skip
        if p.keypoints2d is not None and p.keypoint_names == JOINT_NAMES:
            row["gtkps"] = p.keypoints2d
        for name, values in row.items():
            columns.setdefault(name, []).extend(values)
    uneven = [name for name, values in columns.items() if len(values) != len(columns["imgname"])]
    if uneven or not people:
        raise HpsError(f"{path} needs {', '.join(uneven) or 'people'} of everybody or of nobody")
    try:
        write_npz(path, {name: np.array(values) for name, values in columns.items()})
    except ValueError:
        raise HpsError(f"{path} holds people of one body model with as many betas each; write them apart") from None
