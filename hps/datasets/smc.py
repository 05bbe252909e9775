"""SMC: HuMMan's raw recordings (HDF5), Kinect depth with its whole lens within the masks beside it.

After mmhuman3d's description (`docs/smc.md`): poses camera to world, metres; depth whole millimetres; SMPL in the
file's world, one shape a file.
"""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from capture.errors import CaptureError
from capture.importers.smc_file import SUFFIX, SmcFile
from capture.importers.smc_phone import pose_of
from geometry.camera import Camera
from geometry.depth import decode_depth_mm
from geometry.errors import GeometryError
from hps.datasets.arrays import body_at, body_rows
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.depth_cloud import MaskedDepth
from hps.datasets.humman_folder import DATASET
from hps.datasets.protocol import CloudProtocol, protocol_of
from hps.datasets.reader import CloudReader, Entry
from hps.datasets.rig_frames import groups_of, instants_of, rig_sample, up_of
from hps.errors import HpsError
from hps.evaluation.files.humman import RATE_HZ

PROTOCOL: Final = "humman_smc_v1"
FILES_OPEN: Final = 8
UP_CAMERAS: Final = 4


def is_smc(path: Path) -> bool:
    """An .smc file, or a folder of them."""
    return bool(_files(path))


def open_smc(path: Path | str, protocol: str = PROTOCOL, *, model: str = "") -> CloudReader:
    """The Kinects of one .smc file or of a folder of them.

    `model` names the body model of the parameters; empty: as the file's group SMPL says, else `smpl`. Raises HpsError
    for a file that is damaged, is no SMC, or has no depth, and for one without masks.
    """
    files = _files(Path(path))
    if not files:
        raise HpsError(f"{path} is no .smc file and holds none; check the path")
    chosen = protocol_of(protocol)
    for remembered in (_opened, _camera, _up, _body):
        remembered.cache_clear()  # a file may have been written again since
    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    for file in files:
        try:
            _entries_of(file, chosen, entries, left_out)
        except (CaptureError, GeometryError) as error:
            raise HpsError(str(error)) from None
    return CloudReader(
        dataset=DATASET,
        protocol=chosen.name,
        entries=tuple(entries),
        read=partial(_read, str(files[0].parent), chosen, model),
        left_out=left_out,
    )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(p for p in path.iterdir() if p.suffix.lower() == SUFFIX and p.is_file())
    return [path] if path.suffix.lower() == SUFFIX and path.is_file() else []


@lru_cache(maxsize=FILES_OPEN)
def _opened(path: str) -> SmcFile:
    """Kept open within a process; a reader that goes to another one opens its own."""
    return SmcFile(Path(path))


def _entries_of(path: Path, protocol: CloudProtocol, entries: list[Entry], left_out: dict[str, str]) -> None:
    with SmcFile(path) as file:
        devices = [n for n in file.children("Kinect") if n.isdigit() and file.children(f"Kinect/{n}/Depth")]
        if not devices:
            raise HpsError(f"{path} has no Kinect with depth; write the file again")
        masked = {n: [int(f) for f in file.children(f"Kinect/{n}/Mask") if f.isdigit()] for n in devices}
        depth = {n: set(file.numbers(f"Kinect/{n}/Depth")) for n in devices}
        subject, action = (_numbered(file, *key) for key in (("actor_id", "p"), ("action_id", "a")))
        if not any(masked.values()):
            raise HpsError(f"{path} has no Kinect/N/Mask, which tells where the person is; export it with masks")
        if not file.children("SMPL"):
            left_out[path.stem] = "it has no SMPL: its samples have no truth"
    for name, members in groups_of(devices, protocol.views, path).items():
        group = f"kinect_{int(members[0]):03d}" if protocol.views == 1 else name
        for frame, unmasked in instants_of(masked, members):
            key = f"{path.stem}_{frame:06d}_{group}"
            lacking = [f"Kinect/{n} has no mask" for n in unmasked]
            lacking += [f"Kinect/{n} has no depth" for n in members if frame not in depth[n]]
            if lacking:
                left_out[key] = ", ".join(lacking)
                continue
            entries.append(
                Entry(
                    key=key,
                    subject=subject or path.stem,
                    action=action,
                    sequence=f"{path.stem}_{group}",
                    frame=frame,
                    place=(path.name, *members),
                )
            )


def _numbered(file: SmcFile, attribute: str, letter: str) -> str:
    value = file.attribute("/", attribute)
    return f"{letter}{int(value):06d}" if isinstance(value, int | np.integer) else ""


def _read(folder: str, protocol: CloudProtocol, model: str, entry: Entry) -> CloudSample:
    name, *members = (str(part) for part in entry.place)
    path = str(Path(folder) / name)
    try:
        file = _opened(path)
        views = [_view(file, n, entry.frame) for n in members]
        body = _body(path)
        return rig_sample(
            entry,
            views,
            protocol,
            sensors=["kinect"] * len(members),
            rate_hz=RATE_HZ,
            up=_up(path),
            truth=None if body is None else body_at(body, entry.frame),
            model=model or _model(file),
        )
    except (CaptureError, GeometryError) as error:
        raise HpsError(str(error)) from None


def _view(file: SmcFile, n: str, frame: int) -> MaskedDepth:
    return MaskedDepth(
        depth_m=decode_depth_mm(file.depth(f"Kinect/{n}/Depth/{frame}")),
        mask=file.mask(f"Kinect/{n}/Mask/{frame}") > 0,
        camera=_camera(str(file.path), n),
    )


@lru_cache(maxsize=256)
def _camera(path: str, n: str) -> Camera:
    file = _opened(path)
    place = f"Kinect/{n}/Calibration/Depth"
    cx, cy, fx, fy, k1, k2, k3, k4, k5, k6, _, _, p2, p1, radius = file.numeric(f"{place}/Intrinsics", (15,))
    width, height = (int(v) for v in file.numeric(f"{place}/Resolution", (2,)))
    return Camera(
        name=f"kinect_{int(n):03d}/depth",
        K=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
        width=width,
        height=height,
        distortion=np.array([k1, k2, p1, p2, k3, k4, k5, k6]),
        metric_radius=radius if radius > 1e-4 else float("inf"),
        T_world_camera=pose_of(file, file.text("Extrinsics"), str(2 * int(n) + 1)),
    )


@lru_cache(maxsize=64)
def _up(path: str) -> Float[np.ndarray, "3"] | None:
    """Which way is up in the file's world, by the floor in the first images."""
    file = _opened(path)
    devices = [n for n in file.children("Kinect") if n.isdigit() and file.children(f"Kinect/{n}/Depth")]
    cameras = {n: _camera(path, n) for n in devices[:: max(1, len(devices) // UP_CAMERAS)]}
    depths = {
        n: decode_depth_mm(file.depth(f"Kinect/{n}/Depth/{file.numbers(f'Kinect/{n}/Depth')[0]}")) for n in cameras
    }
    return up_of(depths, cameras)


@lru_cache(maxsize=64)
def _body(path: str) -> dict[str, Any] | None:
    file = _opened(path)
    names = ("betas", "body_pose", "global_orient", "transl")
    there = file.children("SMPL")
    if not there:
        return None
    return body_rows({name: file.array(f"SMPL/{name}") for name in names if name in there}, Path(path))


def _model(file: SmcFile) -> str:
    return str(file.attribute("SMPL", "body_model") or "smpl")
