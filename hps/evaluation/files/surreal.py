"""SURREAL's `NAME_c0001_info.mat`: a clip of one person, in Blender's world with y down.

| key | shape | content |
|---|---|---|
| `joints3D`, `joints2D` | (3,24,T), (2,24,T) | metres in the world; pixels |
| `pose`, `shape` | (72,T), (10,T) | SMPL before the heading is turned; a clip of one frame has lost its last axis |
| `zrot`, `gender` | (T) | heading, radians; 0 female, 1 male |
| `camLoc` | (3,1) | the camera in the world |

After the data set's description and scripts (github.com/gulvarol/surreal). Pictures are mirrored: the camera's axes in
the world have determinant -1 (`get_extrinsic`, `smpl_relations.py`), and so have `Ts_camera_world` here. They take
joints to where the picture has them; a body must not be turned by them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Set
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.io
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joints import JOINT_NAMES
from geometry.rigid import rigid
from hps.errors import HpsError
from hps.evaluation.files.mat_files import forget_mat_files, mat_array
from hps.evaluation.files.pickle_files import write_whole
from hps.evaluation.files.rows import repeated, told
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "surreal"
INFO: Final = re.compile(r"(.+_c\d{4})_info\.mat")
FOCAL_PX: Final = 600.0
CENTER_PX: Final = (160.0, 120.0)
SIZE: Final = (320, 240)
RATE_HZ: Final = 30.0
GENDERS: Final = ("female", "male")
AXES: Final = np.array([[0.0, 0, -1], [0, 1, 0], [-1, 0, 0]])
"""p_world = AXES p_image + camLoc, where p_image has x right, y down, z forward in the mirrored picture."""
LARGEST_TURN: Final = 1e6
"""Radians, beyond which a rotation has no digits left."""


def has_surreal(names: Set[str]) -> bool:
    """Whether the names of a MATLAB file are those of SURREAL's clips."""
    return {"joints3D", "joints2D", "pose", "camLoc"} <= names


def world_orient(
    pose: Float[np.ndarray, "frames 3"], zrot: Float[np.ndarray, "frames"]
) -> Float[np.ndarray, "frames 3"]:
    """The pelvis's rotation in the world: the file's, turned to its heading and laid from z up to y down."""
    heading = Rotation.from_euler("z", zrot[:, None])
    turned = Rotation.from_euler("x", 90, degrees=True) * heading * Rotation.from_rotvec(pose)
    return turned.as_rotvec()


def read_surreal(path: Path) -> list[PersonAnnotations]:
    """The person of one clip, in the world; without a translation, which needs SMPL's own rest pelvis.

    Raises HpsError for a damaged file and for arrays that do not fit each other.
    """
    forget_mat_files()
    name = str(path)
    joints, pose = _by_frame(name, "joints3D", 2), _by_frame(name, "pose", 1)
    n = len(joints)
    q, shape = _by_frame(name, "joints2D", 2), _by_frame(name, "shape", 1)
    place = mat_array(name, "camLoc").reshape(-1)
    wanted = {"joints3D": (joints, (n, 24, 3)), "joints2D": (q, (n, 24, 2)), "pose": (pose, (n, 72))}
    wanted |= {"shape": (shape, (n, 10)), "camLoc": (place, (3,))}
    for key, (values, fits) in wanted.items():
        if values.shape != fits:
            raise HpsError(f"{path}: {key} has shape {values.shape} by frame, {fits} was expected")
    zrot, gender = mat_array(name, "zrot").reshape(-1), mat_array(name, "gender").reshape(-1)
    if zrot.size not in (1, n) or not gender.size:
        raise HpsError(f"{path}: zrot has {zrot.size} and gender {gender.size} numbers, {n} were expected")
    zrot = np.broadcast_to(zrot, (n,))
    turns = np.abs(np.r_[pose[:, :3].ravel(), zrot])
    if not (turns < LARGEST_TURN).all():
        raise HpsError(f"{path}: pose or zrot hold turns that are not finite; extract the clip again")
    match = INFO.fullmatch(path.name)
    K = np.array([[FOCAL_PX, 0, CENTER_PX[0]], [0, FOCAL_PX, CENTER_PX[1]], [0, 0, 1]])
    return [
        PersonAnnotations(
            dataset=NAME,
            sequence=match[1] if match else path.stem,
            person="0",
            frames=np.arange(n),
            frame="world",
            fps=RATE_HZ,
            gender=GENDERS[int(gender[0] > 0)],
            betas=shape,
            global_orient=world_orient(pose[:, :3], zrot),
            body_pose=pose[:, 3:],
            joints=joints,
            joint_names=JOINT_NAMES,
            keypoints2d=np.concatenate([q, np.ones((n, 24, 1))], 2),
            keypoint_names=JOINT_NAMES,
            K=repeated(K, n),
            image_size=np.repeat(np.array([SIZE], np.int64), n, 0),
            Ts_camera_world=repeated(rigid(AXES.T, -AXES.T @ place), n),
            extra={"mirrored": True, "zrot": np.array(zrot), "pose": pose, "camLoc": place},
        )
    ]


def _by_frame(path: str, name: str, axes: int) -> np.ndarray:
    """Frames first; a clip of one frame has lost that axis."""
    values = mat_array(path, name)
    values = values[..., None] if values.ndim == axes else values
    return np.ascontiguousarray(values.T)


def write_surreal(path: Path, person: PersonAnnotations) -> None:
    """Writes a clip, of a person as `read_surreal` gives it. Raises HpsError for what the format needs otherwise."""
    joints, q, betas = told(person, path, "joints", "keypoints2d", "betas")
    lacking = [name for name in ("pose", "zrot", "camLoc") if name not in person.extra]
    if lacking or not person.extra.get("mirrored"):
        raise HpsError(
            f"{path} needs a person in SURREAL's mirrored world with {', '.join(lacking) or 'mirrored'} in extra"
        )
    content: dict[str, Any] = {
        "joints3D": joints.transpose(2, 1, 0), "joints2D": q[..., :2].transpose(2, 1, 0), "shape": betas.T,
        "pose": np.asarray(person.extra["pose"]).T, "zrot": np.asarray(person.extra["zrot"])[:, None],
        "camLoc": np.asarray(person.extra["camLoc"])[:, None],
        "gender": np.full((len(person), 1), GENDERS.index(person.gender), np.uint8),
    }  # fmt: skip
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, content)
    write_whole(path, buffer.getvalue())
