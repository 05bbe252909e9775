"""AGORA's ground truth: a table of pandas, a row for each picture, lists of its people in the cells (Patel 2021).

| column | content, per person unless said otherwise |
|---|---|
| `imgPath`, `camX`, `camY`, `camZ`, `camYaw` | of the picture |
| `X`, `Y`, `Z`, `Yaw`, `gender`, `kid`, `age`, `ethnicity`, `isValid` | centimetres of Unreal's scene, degrees |
| `occlusion` | percent of the person that is hidden |
| `gt_path_smpl`, `gt_path_smplx` | files of the fits, beside the table |
| `gt_joints_2d`, `gt_joints_3d`, `gt_verts` | once projected: pixels; metres in the camera's frame |
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from body.joints import JOINT_NAMES
from geometry.rigid import inverse, transform
from hps.errors import HpsError
from hps.evaluation.files.agora_camera import T_camera_fit, intrinsics_of, size_of
from hps.evaluation.files.agora_parameters import parameters_of
from hps.evaluation.files.entries import Entries, numbers_of, text_of
from hps.evaluation.files.pandas_tables import Table, read_table
from hps.evaluation.files.pickle_files import read_entries
from hps.evaluation.files.rows import gender_of
from hps.evaluation.people_annotations import PersonAnnotations

NAME: Final = "agora"
SMPLX_JOINTS: Final = 100
"""More joints than these are SMPL-X's."""
PER_PERSON: Final = ("age", "ethnicity", "kid", "occlusion", "gt_path_smpl", "gt_path_smplx", "X", "Y", "Z", "Yaw")


def is_agora_table(table: Table) -> bool:
    """Whether a table has AGORA's columns."""
    return {"imgPath", "isValid", "occlusion"} <= set(table)


def read_agora(path: Path, fits: Path | None = None) -> list[PersonAnnotations]:
    """A person and picture each: `sequence` is the picture's name, `person` the place in its lists.

    Joints and vertices are in the camera's frame. With `fits`, the folder that `gt_path_smpl` is relative to, the
    SMPL parameters are read too; everything is then in the frame of the fit (y up), `frame` is `world`, and
    `Ts_camera_world` leads to the camera. `valid` is `isValid` alone; `occlusion` is a share, in `extra` percent.
    Raises HpsError for a table that is damaged, that names foreign classes, or whose lists have other lengths.
    """
    return people_of(read_table(path), path, fits)


def people_of(table: Table, path: Path, fits: Path | None = None) -> list[PersonAnnotations]:
    """The people of a table that is read already; raises as `read_agora` does."""
    if not is_agora_table(table):
        raise HpsError(f"{path} is no table of AGORA: it has {', '.join(table) or 'no columns'}, not imgPath, isValid")
    people = []
    for row in range(table.rows):
        one = Entries(f"{path}, row {row}", {name: column[row] for name, column in table.items()})
        picture = PurePosixPath(one.text("imgPath")).name
        count = len(one.items("isValid"))
        people += [_person(one, picture, n, count, fits) for n in range(count)]
    return people


def _person(row: Entries, picture: str, n: int, count: int, fits: Path | None) -> PersonAnnotations:
    def of(name: str) -> Any:
        return row.items(name, count)[n] if name in row else None

    def array(name: str, columns: int) -> np.ndarray | None:
        if of(name) is None:
            return None
        values = np.squeeze(_kept_floats(of(name), f"{row.where}: {name}[{n}]"))
        if values.ndim != 2 or values.shape[1] != columns:
            raise HpsError(f"{row.where}: {name}[{n}] has shape {values.shape}, (any, {columns}) was expected")
        return values

    joints, q, vertices = array("gt_joints_3d", 3), array("gt_joints_2d", 2), array("gt_verts", 3)
    T = _pose(row, picture, of)
    smplx = (joints is not None and len(joints) > SMPLX_JOINTS) or (joints is None and "gt_path_smpl" not in row)
    fitted: dict[str, Any] = {"child": np.array([float(bool(of("kid")))])}
    if fits is not None:
        if T is None:
            raise HpsError(f"{row.where} has no X, Y, Z and Yaw, without which a fit has no place")
        fitted |= parameters_of(_fit(fits, text_of(of("gt_path_smpl")), row))
        joints, vertices = (None if p is None else transform(inverse(T), p) for p in (joints, vertices))
    percent = of("occlusion")
    return PersonAnnotations(
        dataset=NAME,
        sequence=PurePosixPath(picture).stem,
        person=str(n),
        frames=np.zeros(1, np.int64),
        images=(picture,),
        frame="camera" if fits is None else "world",
        body="smplx" if smplx else "smpl",
        gender=gender_of(text_of(of("gender"))) if "gender" in row else "unknown",
        **fitted,
        joints=None if joints is None else joints[None],
        joint_names=() if joints is None else joint_names(len(joints)),
        vertices=None if vertices is None else vertices[None],
        keypoints2d=None if q is None else np.concatenate([q, np.ones((len(q), 1))], 1)[None],
        keypoint_names=() if q is None else joint_names(len(q)),
        K=intrinsics_of(picture)[None],
        image_size=size_of(picture)[None],
        Ts_camera_world=None if T is None else T[None],
        valid=np.array([bool(of("isValid"))]),
        occlusion=None if percent is None else np.array([float(percent) / 100]),
        extra={name: of(name) for name in PER_PERSON if name in row},
    )


def _kept_floats(value: Any, what: str) -> np.ndarray:
    """float32 as it is, since meshes are many; everything else in float64."""
    return value if isinstance(value, np.ndarray) and value.dtype == np.float32 else numbers_of(value, what)


def _pose(row: Entries, picture: str, of: Any) -> np.ndarray | None:
    """From the fit to the camera; None where the table does not place the person."""
    if any(of(name) is None for name in ("X", "Y", "Z", "Yaw")):
        return None
    position = numbers_of([of(name) for name in ("X", "Y", "Z")], f"{row.where}: X, Y, Z")
    camera = np.array([row.number(name, 0.0) for name in ("camX", "camY", "camZ")])
    yaw = float(numbers_of(of("Yaw"), f"{row.where}: Yaw"))
    return T_camera_fit(picture, yaw, position, camera, row.number("camYaw", 0.0))


def _fit(fits: Path, name: str, row: Entries) -> Entries:
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts:
        raise HpsError(f"{row.where}: gt_path_smpl '{name}' leads out of {fits}; it must lie within")
    return read_entries((fits / inside).with_suffix(".pkl"))


def joint_names(count: int) -> tuple[str, ...]:
    """SMPL's 24 by name; of SMPL-X the 22 of the body, and numbers for everything beyond."""
    known = JOINT_NAMES[:22] if count > SMPLX_JOINTS else JOINT_NAMES
    return (*known[:count], *(f"joint_{n}" for n in range(len(known), count)))


def agora_columns(people: Sequence[PersonAnnotations]) -> dict[str, list[Any]]:
    """The columns of a table of pictures, of people as `read_agora` gives them without fits.

    Pass them to pandas (`DataFrame(columns).to_pickle(path)`), which is not needed for anything else. Raises HpsError
    for people that are not in the camera's frame or have several frames.
    """
    pictures: dict[str, list[PersonAnnotations]] = {}
    for p in people:
        if len(p) != 1 or p.frame != "camera" or len(p.images) != 1:
            raise HpsError(f"person '{p.person}' of '{p.sequence}' is not one picture in its camera's frame")
        pictures.setdefault(p.images[0], []).append(p)
    columns: dict[str, list[Any]] = {"imgPath": list(pictures)}
    groups = list(pictures.values())
    columns["isValid"] = [[p.valid is None or bool(p.valid[0]) for p in group] for group in groups]
    columns["gender"] = [[p.gender for p in group] for group in groups]
    for name, field in (("gt_joints_3d", "joints"), ("gt_verts", "vertices"), ("gt_joints_2d", "keypoints2d")):
        if all(getattr(p, field) is not None for p in people):
            cut = 2 if name == "gt_joints_2d" else 3
            columns[name] = [[getattr(p, field)[0][..., :cut] for p in group] for group in groups]
    for name in PER_PERSON:
        if all(name in p.extra for p in people):
            columns[name] = [[p.extra[name] for p in group] for group in groups]
    if "occlusion" not in columns:
        columns["occlusion"] = [
            [0.0 if p.occlusion is None else 100 * float(p.occlusion[0]) for p in g] for g in groups
        ]
    return columns
