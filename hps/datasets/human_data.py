"""HumanData (mmhuman3d) with depth: one file a person and camera, everything in that camera's frame.

Clouds come from the format's optional `depth_path`, 16-bit millimetres that fit the file's intrinsics, within
`segmentation`. Paths are relative to `root`, by default the file's folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from geometry.camera import Camera
from geometry.errors import GeometryError
from hps.datasets.arrays import body_at, body_rows
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.depth_cloud import MaskedDepth, cloud_of, read_depth_png, read_mask_png
from hps.datasets.protocol import CloudProtocol, protocol_of
from hps.datasets.reader import CloudReader, Entry
from hps.datasets.rig_frames import attributes_of
from hps.errors import HpsError
from hps.evaluation.files.human_data_file import has_human_data, read_human_data_file
from hps.evaluation.files.npz_files import npz_names

DATASET: Final = "humandata"
PROTOCOL: Final = "humandata_v1"


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
        return [p for p in sorted(path.glob("*.npz")) if _is_one(p)]
    return [path] if path.is_file() and _is_one(path) else []


def _is_one(path: Path) -> bool:
    return has_human_data(npz_names(path))


@lru_cache(maxsize=8)
def _content(name: str) -> _File:
    path = Path(name)
    file = read_human_data_file(path)
    misc = file.misc
    depth = file.texts("depth_path")
    if depth is None:
        raise HpsError(
            f"{path} has no depth_path, so that no cloud can be made of it: HumanData holds pictures unless depth was "
            "written beside them"
        )
    body = None if file.kind is None else body_rows(dict(file.entries.within(file.kind).content), path)
    return _File(
        depth=depth,
        masks=file.texts("segmentation") or [""] * file.rows,
        focal=file.pairs("focal_length"),
        principal=file.pairs("principal_point"),
        body=body,
        joints=file.joints(),
        model=misc.text("body_model", file.kind or "smpl"),
        subject="_".join(misc.text(key) for key in ("session", "person") if key in misc) or path.stem,
    )


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
