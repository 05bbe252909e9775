"""HumanData (mmhuman3d) with depth: one file a person and camera, everything in that camera's frame.

Clouds come from the format's optional `depth_path`, 16-bit millimetres that fit the file's intrinsics, within
`segmentation`. Paths are relative to `root`, by default the file's folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from geometry.camera import Camera
from geometry.errors import GeometryError
from hps.datasets.arrays import body_at, body_rows
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.depth_cloud import MaskedDepth, cloud_of, read_depth_png, read_mask_png
from hps.datasets.human_data_file import dictionary, is_human_data, points190, read_human_data, texts
from hps.datasets.protocol import CloudProtocol, protocol_of
from hps.datasets.reader import CloudReader, Entry
from hps.datasets.rig_frames import attributes_of
from hps.errors import HpsError

DATASET: Final = "humandata"
PROTOCOL: Final = "humandata_v1"
SMPL_JOINTS: Final = (*range(22), 188, 189)
"""Of the convention human_data: SMPL's first 22 in their order, its hands at the end."""


@dataclass(frozen=True, kw_only=True)
class _File:
    """What a sample needs of a file, whole."""

    depth: list[str]
    masks: list[str]
    focal: Float[np.ndarray, "rows 2"]
    principal: Float[np.ndarray, "rows 2"]
    body: dict[str, np.ndarray] | None
    joints: Float[np.ndarray, "rows 24 3"] | None
    """NaN where a row has not all of them."""
    model: str
    subject: str


def is_humandata(path: Path) -> bool:
    """A HumanData .npz, or a folder that holds some."""
    return bool(_files(path))


def open_humandata(
    path: Path | str, protocol: str = PROTOCOL, *, root: Path | str | None = None, model: str = ""
) -> CloudReader:
    """The rows of one file or of a folder's files that have depth and a mask.

    `model` names the body model; empty: as the file says, else `smpl` or `smplx`. Raises HpsError for files that are
    damaged, that hold objects other than arrays, or that have no depth.
    """
    files = _files(Path(path))
    if not files:
        raise HpsError(f"{path} is no HumanData and holds none: an .npz with image_path and bbox_xywh")
    chosen = protocol_of(protocol)
    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    for file in files:
        content = _content(str(file))
        for row, (depth, mask) in enumerate(zip(content.depth, content.masks)):
            key = f"{file.stem}_{row:06d}"
            if not depth or not mask:
                left_out[key] = "it has no depth" if not depth else "it has no segmentation"
                continue
            entries.append(
                Entry(
                    key=key,
                    subject=content.subject,
                    action="",
                    sequence=file.stem,
                    frame=row,
                    place=(file.name,),
                )
            )
    folder = files[0].parent
    return CloudReader(
        dataset=DATASET,
        protocol=chosen.name,
        entries=tuple(entries),
        read=partial(_read, str(folder), str(root or folder), chosen, model),
        left_out=left_out,
    )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [p for p in sorted(path.glob("*.npz")) if is_human_data(p)]
    return [path] if path.is_file() and is_human_data(path) else []


@lru_cache(maxsize=8)
def _content(name: str) -> _File:
    path = Path(name)
    data = read_human_data(path)
    rows = len(np.atleast_1d(np.asarray(data["image_path"], object)))
    meta, misc = dictionary(data, "meta", path), dictionary(data, "misc", path)
    depth = texts(data, "depth_path", rows, path)
    if depth is None:
        raise HpsError(
            f"{path} has no depth_path, so that no cloud can be made of it: HumanData holds pictures unless depth was "
            "written beside them"
        )
    kind = next((key for key in ("smpl", "smplx", "smplh") if key in data), None)
    body = None if kind is None else body_rows(dictionary(data, kind, path), path)
    return _File(
        depth=list(depth),
        masks=list(texts(data, "segmentation", rows, path) or [""] * rows),
        focal=_pairs(meta, misc, "focal_length", rows, path),
        principal=_pairs(meta, misc, "principal_point", rows, path),
        body=body,
        joints=_joints(data, misc, path),
        model=str(misc.get("body_model", kind or "smpl")),
        subject="_".join(str(misc[key]) for key in ("session", "person") if key in misc) or path.stem,
    )


def _pairs(meta: dict[str, Any], misc: dict[str, Any], key: str, rows: int, path: Path) -> np.ndarray:
    """Two numbers a row, of `meta` or, one for all, of `misc`."""
    try:
        value = np.asarray(meta.get(key, misc.get(key)), np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        value = np.zeros((0, 2))
    if len(value) not in (1, rows) or not np.isfinite(value).all():
        raise HpsError(f"{path} has no {key} for its {rows} rows; without intrinsics depth makes no cloud")
    return np.broadcast_to(value, (rows, 2))


def _joints(data: dict[str, Any], misc: dict[str, Any], path: Path) -> Float[np.ndarray, "rows 24 3"] | None:
    """SMPL's joints where they are stored in the camera's frame, not about the root."""
    convention = str(data.get("keypoints3d_convention", "human_data"))
    if misc.get("kps3d_root_aligned", False) or convention != "human_data":
        return None
    for key in ("keypoints3d_smpl", "keypoints3d"):
        found = points190(data, key, path)
        if found is not None and found.shape[2] == 4:
            mine = found[:, list(SMPL_JOINTS)]
            return np.where(mine[..., 3:] > 0, mine[..., :3], np.nan)
    return None


def _read(folder: str, root: str, protocol: CloudProtocol, model: str, entry: Entry) -> CloudSample:
    path = Path(folder) / str(entry.place[0])
    content, row = _content(str(path)), entry.frame
    depth = read_depth_png(Path(root) / content.depth[row])
    mask = read_mask_png(Path(root) / content.masks[row])
    (fx, fy), (cx, cy) = content.focal[row], content.principal[row]
    try:
        camera = Camera(
            name=path.stem,
            K=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
            width=depth.shape[1],
            height=depth.shape[0],
        )
    except GeometryError as error:
        raise HpsError(f"{path}, row {row}: {error}") from None
    cloud = cloud_of([MaskedDepth(depth_m=depth, mask=mask, camera=camera)], protocol, None)
    joints = None if content.joints is None else content.joints[row]
    known = None if joints is None or not np.isfinite(joints).all() else joints
    truth: BodyParameters | None = None if content.body is None else body_at(content.body, row)
    return entry.sample(
        time_s=float("nan"),
        sensors=("depth",),
        cloud=cloud,
        truth=truth,
        joints=known,
        model=model or content.model,
        attributes=attributes_of(cloud, ("depth",), truth, known, entry),
    )
