"""SURREAL: rendered depth with part labels, as clouds in the data set's own world.

After the data set's description and scripts (github.com/gulvarol/surreal) and VoteHMR's recipe (arXiv 2110.08729, its
`points_sample.py`): every pixel with a part label, f = 600 px, centre (160, 120). The images are mirrored: the camera's
axes in Blender's world have determinant -1 (`get_extrinsic`, `smpl_relations.py`), so that points back-projected into
OpenCV axes would be a mirrored person. Points are therefore placed in the world, where y points down.

Joints are in the file; the body's translation needs the rest pelvis of SMPL, which is the user's own file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float

from body.model import BodyModel
from body.parameters import BodyParameters
from hps.datasets.cloud_sample import CloudSample, PointLabels
from hps.datasets.protocol import protocol_of
from hps.datasets.reader import CloudReader, Entry
from hps.datasets.rig_frames import attributes_of
from hps.errors import HpsError
from hps.evaluation.files.mat_files import mat_array, mat_shapes
from hps.evaluation.files.surreal import AXES, CENTER_PX, FOCAL_PX, GENDERS, INFO, RATE_HZ, world_orient
from hps.points.person_cloud import PersonCloud

DATASET: Final = "surreal"
PROTOCOL: Final = "surreal_votehmr_v1"
SPLITS: Final = {"train": "train", "val": "validation", "test": "test"}
FARTHEST_M: Final = 1e6
"""Blender writes 1e10 where a ray meets nothing."""
WORLD_UP: Final = (0.0, -1.0, 0.0)
LOOKED_AT: Final = 5000
"""Entries of folders; a release's run has some 2,000 sequences."""


def is_surreal(path: Path) -> bool:
    """A folder with SEQUENCE_c0001_info.mat in it or below; in large folders only the first LOOKED_AT files count."""
    seen = 0
    for _, folders, files in os.walk(path):
        folders.sort()
        if any(INFO.fullmatch(name) for name in files):
            return True
        seen += len(files) + len(folders)
        if seen > LOOKED_AT:
            return False
    return False


def open_surreal(
    folder: Path | str, protocol: str = PROTOCOL, *, bodies: Mapping[str, BodyModel] | None = None
) -> CloudReader:
    """Every frame of every clip with depth and segmentation.

    `bodies`, SMPL by gender (`female`, `male`), gives samples a truth; without it they have joints and labels alone.
    The split is the folder's (train, val, test). Raises HpsError for a folder without clips.
    """
    top = Path(folder)
    chosen = protocol_of(protocol)
    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    for info in sorted(top.rglob("*_info.mat")):
        clip = INFO.fullmatch(info.name)
        if clip is None:
            continue
        stem = str(info.relative_to(top).parent / clip[1])
        lacking = [kind for kind in ("depth", "segm") if not (top / f"{stem}_{kind}.mat").is_file()]
        if lacking:
            left_out[stem] = f"no {clip[1]}_{' or _'.join(lacking)}.mat"
            continue
        shape = _shape_of_joints(info)
        if len(shape) != 3:
            left_out[stem] = "a single frame, whose arrays have lost an axis"
            continue
        parts = info.resolve().parts
        split = next((SPLITS[part] for part in reversed(parts[:-1]) if part in SPLITS), "")
        sequence = info.parent.name
        run = info.parent.parent.name
        for frame in range(shape[2]):
            entries.append(
                Entry(
                    key=f"{stem}_{frame + 1:03d}".replace("\\", "/"),
                    subject=_performer(sequence),
                    action=sequence,
                    sequence=f"{run}/{clip[1]}",
                    frame=frame,
                    split=split,
                    place=(stem,),
                )
            )
    if not entries:
        raise HpsError(f"{top} has no whole clip: NAME_c0001_info.mat, _depth.mat and _segm.mat belong together")
    return CloudReader(
        dataset=DATASET,
        protocol=chosen.name,
        entries=tuple(entries),
        read=partial(_read, str(top), dict(bodies or {})),
        left_out=left_out,
    )


def _shape_of_joints(path: Path) -> tuple[int, ...]:
    """Of joints3D, (3, 24, frames), without reading it. Raises HpsError for a damaged file or one without."""
    found = mat_shapes(path)
    if "joints3D" not in found:
        raise HpsError(f"{path} has no joints3D; extract the clip again")
    return found["joints3D"]


def _performer(sequence: str) -> str:
    """Who moved, by CMU's names: `01_01`, `ung_94_16`. Shape and looks are drawn anew for each clip."""
    return sequence.rsplit("_", 1)[0]


def _read(top: str, bodies: dict[str, BodyModel], entry: Entry) -> CloudSample:
    stem = str(Path(top) / str(entry.place[0]))
    info = f"{stem}_info.mat"
    place = mat_array(info, "camLoc").reshape(-1)
    depth = mat_array(f"{stem}_depth.mat", f"depth_{entry.frame + 1}")
    parts = mat_array(f"{stem}_segm.mat", f"segm_{entry.frame + 1}").astype(np.int64)
    if depth.shape != parts.shape or depth.ndim != 2 or place.shape != (3,):
        raise HpsError(f"{stem}: depth {depth.shape}, segmentation {parts.shape}, camLoc {place.shape} do not agree")
    row, column = np.nonzero((parts > 0) & (depth > 0) & (depth < FARTHEST_M))
    z = depth[row, column]
    x, y = ((column - CENTER_PX[0]) * z / FOCAL_PX, (row - CENTER_PX[1]) * z / FOCAL_PX)
    cloud = PersonCloud(
        points=np.stack([x, y, z], 1) @ AXES.T + place,
        camera=np.zeros(len(z), np.int64),
        origins=place[None],
        up=np.array(WORLD_UP),
    )
    joints = mat_array(info, "joints3D")[:, :, entry.frame].T
    truth, gender = _truth(info, entry.frame, joints[0], bodies)
    return entry.sample(
        time_s=entry.frame / RATE_HZ,
        sensors=("pinhole",),
        cloud=cloud,
        truth=truth,
        joints=joints,
        model=f"smpl {gender}",
        labels=PointLabels(part=parts[row, column] - 1, skin_offset=np.full((len(z), 3), np.nan)),
        attributes=attributes_of(cloud, ("pinhole",), truth, joints, entry)
        | {"parts_seen": float(len(np.unique(parts[row, column]))), "gender": gender},
    )


def _truth(
    info: str, frame: int, pelvis: Float[np.ndarray, "3"], bodies: dict[str, BodyModel]
) -> tuple[BodyParameters | None, str]:
    """The body, where a model of its gender is at hand, and the gender."""
    gender = GENDERS[int(mat_array(info, "gender").reshape(-1)[0] > 0)]
    if gender not in bodies:
        return None, gender
    pose, betas = mat_array(info, "pose")[:, frame], mat_array(info, "shape")[:, frame]
    turn = world_orient(pose[None, :3], mat_array(info, "zrot").reshape(-1)[:1])
    return BodyParameters(
        betas=betas,
        global_orient=turn,
        body_pose=pose[None, 3:],
        transl=(pelvis - bodies[gender].rest_joints(betas)[0])[None],
    ), gender
