"""GTA-Human: annotations of one person's sequence, `seq_XXXXXXXX.pkl` of the first release, `seq_…/PERSON.npz` of II.

After the data set's own description (github.com/caizhongang/gta-human_toolbox). Everything is in the camera's frame.
`fov` is the vertical field of view, 50 degrees; pictures are 1920 x 1080, so f = 540 / tan 25 degrees = 1158.03 px.
The first release has SMPL, II has SMPL-X. The game's own 100 points are in `keypoints_2d`, `keypoints_3d`.
"""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import Any, Final

import numpy as np

from hps.errors import HpsError
from hps.evaluation.files.entries import Entries, numbers_of
from hps.evaluation.files.npz_files import read_npz_entries
from hps.evaluation.files.parameters import parameter_rows
from hps.evaluation.files.pickle_files import read_entries, write_pickle
from hps.evaluation.files.rows import repeated, told
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "gta_human"
SIZE: Final = (1920, 1080)
FOV_DEG: Final = 50.0
POINTS: Final = 100
NAMES100: Final = tuple(f"gta_{n:03d}" for n in range(POINTS))
KEPT: Final = ("occ", "self_occ", "weather", "daytime", "location_tag", "ped_action", "is_valid_smplx")


def has_gta_human(names: Set[str]) -> bool:
    """Whether the names of a file are GTA-Human's."""
    return {"is_male", "fov", "num_frames", "body_pose", "transl"} <= names


def read_gta_human(path: Path) -> list[PersonAnnotations]:
    """The person of one file. Raises HpsError for a file that is damaged or whose arrays do not fit each other."""
    return people_of(read_npz_entries(path) if path.suffix == ".npz" else read_entries(path), path)


def people_of(entries: Entries, path: Path) -> list[PersonAnnotations]:
    """The person of a file that is read already; raises as `read_gta_human` does.

    `occlusion` is the share of the game's points that something else hides. Frames whose SMPL-X is marked as not valid
    are not `valid`.
    """
    in_scene = path.parent.name.startswith("seq_")
    rows = parameter_rows(entries)
    n = len(rows["transl"])
    q, p = (entries.maybe(name, shape=(n, POINTS, k)) for name, k in (("keypoints_2d", 3), ("keypoints_3d", 4)))
    hidden = entries.maybe("occ", shape=(n, None))
    usable = entries.maybe("is_valid_smplx")
    return [
        PersonAnnotations(
            dataset=NAME,
            sequence=path.parent.name if in_scene else path.stem,
            person=path.stem if in_scene else "0",
            frames=np.arange(n),
            images=tuple(f"{path.parent.name if in_scene else path.stem}/{frame:08d}.jpeg" for frame in range(n)),
            fps=30.0,
            body="smplx" if "is_valid_smplx" in entries or rows["body_pose"].shape[1] == 63 else "smpl",
            gender="male"
            if bool(numbers_of(entries.value("is_male"), f"{entries.where}: is_male").any())
            else "female",
            betas=rows["betas"],
            global_orient=rows["global_orient"],
            body_pose=rows["body_pose"],
            transl=rows["transl"],
            joints=None if p is None else np.where(p[..., 3:] > 0, p[..., :3], np.nan),
            joint_names=() if p is None else NAMES100,
            keypoints2d=q,
            keypoint_names=() if q is None else NAMES100,
            boxes_xywh=entries.maybe("bbox_xywh", shape=(n, 4)),
            K=repeated(intrinsics(entries.number("fov", FOV_DEG)), n),
            image_size=np.repeat(np.array([SIZE], np.int64), n, 0),
            valid=None if usable is None else np.full(n, bool(usable.any())),
            occlusion=None if hidden is None else (hidden > 0).mean(1),
            extra={name: entries.content[name] for name in KEPT if name in entries},
        )
    ]


def intrinsics(fov_deg: float) -> np.ndarray:
    """K of a vertical field of view."""
    focal = SIZE[1] / 2 / np.tan(np.radians(fov_deg) / 2)
    return np.array([[focal, 0, SIZE[0] / 2], [0, focal, SIZE[1] / 2], [0, 0, 1]])


def write_gta_human(path: Path, person: PersonAnnotations) -> None:
    """Writes a file of the first release. Raises HpsError for what it needs and the person has not."""
    p = person
    orient, pose, transl, betas, K = told(p, path, "global_orient", "body_pose", "transl", "betas", "K")
    fov = 2 * np.degrees(np.arctan(SIZE[1] / 2 / K[:1, 1, 1]))
    if p.frame != "camera" or pose.shape[1] != 69 or not np.allclose(K, intrinsics(float(fov[0]))):
        raise HpsError(
            f"{path} needs SMPL in the frame of a camera of {SIZE[0]} x {SIZE[1]} pixels, centred, with one K"
        )
    content: dict[str, Any] = {
        "is_male": p.gender == "male", "fov": float(fov[0]), "num_frames": len(p), "betas": betas, "body_pose": pose,
        "global_orient": orient, "transl": transl,
    }  # fmt: skip
    if p.joints is not None and p.joint_names == NAMES100:
        there = np.isfinite(p.joints).all(2, keepdims=True)
        content["keypoints_3d"] = np.concatenate([np.nan_to_num(p.joints), there], 2)
    if p.keypoints2d is not None and p.keypoint_names == NAMES100:
        content["keypoints_2d"] = p.keypoints2d
    if p.boxes_xywh is not None:
        content["bbox_xywh"] = p.boxes_xywh
    write_pickle(path, content | {name: p.extra[name] for name in KEPT if name in p.extra})
