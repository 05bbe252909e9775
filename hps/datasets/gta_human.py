"""GTA-Human II: cropped clouds of people in a game's scenes, in the camera's frame, with SMPL-X parameters.

After the data set's own description (github.com/caizhongang/gta-human_toolbox, gta-human_v2). Frames count from 0.
Parameters are SMPL-X's; the two joints of hands that SMPL has beyond them are straight. Whole scenes (`seq_…`) go to
one side of a split, since the data set does not say who is who in different scenes.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from geometry.errors import GeometryError
from geometry.pcd_files import read_pcd_cloud
from hps.datasets.arrays import body_at, body_rows
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.protocol import protocol_of
from hps.datasets.reader import CloudReader, Entry
from hps.datasets.rig_frames import attributes_of
from hps.datasets.split import split_of
from hps.errors import HpsError
from hps.evaluation.files.npz_files import read_npz
from hps.points.person_cloud import PersonCloud

DATASET: Final = "gta_human_2"
PROTOCOL: Final = "gta_human_2_v1"
CLOUD: Final = re.compile(r"pcd_(.+)_(\d{4,})\.pcd")
MODEL: Final = "smplx"


def is_gta_human(path: Path) -> bool:
    """A folder with annotations/seq_… and point_clouds/seq_…."""
    return all(any((path / name).glob("seq_*")) for name in ("annotations", "point_clouds"))


def open_gta_human(folder: Path | str, protocol: str = PROTOCOL) -> CloudReader:
    """Every person and frame that has a cloud.

    A cloud without a valid annotation is left out and told. Raises HpsError for a folder without clouds.
    """
    top = Path(folder)
    chosen = protocol_of(protocol)
    scenes = sorted(p for p in (top / "point_clouds").glob("seq_*") if p.is_dir())
    if not scenes:
        raise HpsError(f"{top / 'point_clouds'} has no seq_xxxxxxxx; extract the archives point_clouds_*.7z")
    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    for scene in scenes:
        found: dict[str, list[tuple[int, str]]] = {}
        for path in scene.iterdir():
            if match := CLOUD.fullmatch(path.name):
                found.setdefault(match[1], []).append((int(match[2]), path.name))
        for person, frames in sorted(found.items()):
            sequence = f"{scene.name}_{person}"
            action, why = _about(top / "annotations" / scene.name / f"{person}.npz")
            if why:
                left_out[sequence] = why
                continue
            for frame, name in sorted(frames):
                entries.append(
                    Entry(
                        key=f"{sequence}_{frame:04d}",
                        subject=sequence,
                        action=action,
                        sequence=sequence,
                        frame=frame,
                        split=split_of(DATASET, scene.name),
                        place=(scene.name, person, name),
                    )
                )
    return CloudReader(
        dataset=DATASET,
        protocol=chosen.name,
        entries=tuple(entries),
        read=partial(_read, str(top), chosen.far_m),
        left_out=left_out,
    )


def _about(path: Path) -> tuple[str, str]:
    """A person's action, and why the annotation cannot be used; that is empty where it can."""
    if not path.is_file():
        return "", f"{path.parent.name}/{path.name} is missing among the annotations"
    found = read_npz(path, ("is_valid_smplx", "ped_action"))
    valid = found.get("is_valid_smplx")
    why = "" if valid is None or bool(valid) else "its SMPL-X is marked as not valid"
    return str(found.get("ped_action", "")), why


@lru_cache(maxsize=1024)
def _annotation(path: str) -> dict[str, np.ndarray]:
    return read_npz(Path(path))


@lru_cache(maxsize=1024)
def _rows(path: str) -> dict[str, Any]:
    return body_rows(_annotation(path), Path(path))


def _read(top: str, far_m: float, entry: Entry) -> CloudSample:
    scene, person, name = (str(part) for part in entry.place)
    path = Path(top) / "point_clouds" / scene / name
    try:
        points = read_pcd_cloud(path).points
    except GeometryError as error:
        raise HpsError(f"{error}; extract the archive again") from None
    points = points[np.isfinite(points).all(1) & (points[:, 2] <= far_m)]
    cloud = PersonCloud.of_camera(points)
    annotation = str(Path(top) / "annotations" / scene / f"{person}.npz")
    truth = body_at(_rows(annotation), entry.frame)
    return entry.sample(
        time_s=float("nan"),
        sensors=("pinhole",),
        cloud=cloud,
        truth=truth,
        joints=None,
        model=MODEL,
        attributes=attributes_of(cloud, ("pinhole",), truth, None, entry) | _occlusion(annotation, entry.frame),
    )


def _occlusion(path: str, frame: int) -> dict[str, float | str]:
    """Share of the game's keypoints that something hides, and that the person's own body hides."""
    found: dict[str, float | str] = {}
    for key, name in (("occ", "occluded_share"), ("self_occ", "self_occluded_share")):
        values = _annotation(path).get(key)
        if values is not None and values.ndim == 2 and frame < len(values):
            found[name] = float(np.mean(values[frame].astype(np.float64) > 0))
    for key in ("weather", "location_tag"):
        if key in _annotation(path):
            found[key] = str(_annotation(path)[key])
    return found
