"""HuMMan-Point and HuMMan-Recon: release folders of sequences, whose world is the frame of kinect_color_000.

After the releases' own description (github.com/caizhongang/humman_toolbox): depth in whole millimetres, pinhole
cameras, SMPL neutral. Masks of Point are in the depth camera's pixels; those of Recon in the colour camera's, so that
each point is looked up where the colour camera sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import Bool, Float

from geometry.camera import Camera
from geometry.camera_files.humman import read_humman_cameras
from geometry.depth import depth_to_points
from geometry.errors import GeometryError
from geometry.rigid import transform
from hps.datasets.arrays import body_at, body_rows
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.depth_cloud import MaskedDepth, read_depth_png, read_mask_png
from hps.datasets.protocol import CloudProtocol, protocol_of
from hps.datasets.reader import CloudReader, Entry
from hps.datasets.rig_frames import groups_of, instants_of, rig_sample, up_of
from hps.errors import HpsError
from hps.evaluation.files.humman import PARAMETERS, RATE_HZ, SEQUENCE, sequences_in, stated_model
from hps.evaluation.files.npz_files import read_npz

DATASET: Final = "humman"
"""One name for Point, Recon and SMC: they share subjects, and so their split."""
DEVICE: Final = re.compile(r"kinect_\d{3}")
UP_CAMERAS: Final = 4
"""Cameras whose first image the floor is looked for in."""


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Where a release differs."""

    protocol: str
    mask_of_color: bool
    archive: str
    """Words of the archives' names."""


POINT: Final = _Layout(protocol="humman_point_v1", mask_of_color=False, archive="point")
RECON: Final = _Layout(protocol="humman_recon_v1", mask_of_color=True, archive="recon")


def is_point(path: Path) -> bool:
    """A HuMMan-Point sequence, or a folder of them: parameters in one file a sequence, colour as videos."""
    return any((s / "smpl_params.npz").is_file() or any((s / "kinect_color").glob("*.mp4")) for s in _some(path))


def is_recon(path: Path) -> bool:
    """A HuMMan-Recon sequence, or a folder of them: parameters in one file a frame, colour as images."""
    return any((s / "smpl_params").is_dir() or (s / "kinect_color" / "kinect_000").is_dir() for s in _some(path))


def open_humman_point(folder: Path | str, protocol: str = POINT.protocol, *, model: str = "") -> CloudReader:
    """The Kinects of one sequence folder or of a folder of them.

    `model` names the body model of the parameters; empty: as the source.txt of a humanrig export says, else `smpl`.
    Raises HpsError for a folder without sequences, and for sequences without depth, masks or cameras.
    """
    return _open(Path(folder), POINT, protocol_of(protocol), model)


def open_humman_recon(folder: Path | str, protocol: str = RECON.protocol, *, model: str = "") -> CloudReader:
    """As `open_humman_point`, of HuMMan-Recon."""
    return _open(Path(folder), RECON, protocol_of(protocol), model)


def _some(path: Path) -> list[Path]:
    return [p for p in sequences_in(path)[:20] if (p / "kinect_depth").is_dir()]


def _open(folder: Path, layout: _Layout, protocol: CloudProtocol, model: str) -> CloudReader:
    sequences = sequences_in(folder)
    if not sequences:
        raise HpsError(f"{folder} has no sequence such as p000455_a000986; extract the archives {layout.archive}_*")
    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    for sequence in sequences:
        _entries_of(sequence, layout, protocol, entries, left_out)
    return CloudReader(
        dataset=DATASET,
        protocol=protocol.name,
        entries=tuple(entries),
        read=partial(_read, str(sequences[0].parent), layout, protocol, model),
        left_out=left_out,
    )


def _entries_of(
    sequence: Path, layout: _Layout, protocol: CloudProtocol, entries: list[Entry], left_out: dict[str, str]
) -> None:
    """Adds what one sequence has, an entry for each instant and group of cameras that all saw it."""
    match = SEQUENCE.fullmatch(sequence.name)
    subject, action = match.groups() if match else (sequence.name, "")
    there = {kind: _numbers(sequence / kind) for kind in ("kinect_depth", "kinect_mask")}
    for kind, found in there.items():
        if not found:
            raise HpsError(f"{sequence} has no {kind}; extract the archive {layout.archive}_{kind} into it")
    devices = sorted(there["kinect_depth"])
    masked = {device: there["kinect_mask"].get(device, frozenset()) for device in devices}
    if not (sequence / (PARAMETERS if layout.mask_of_color else f"{PARAMETERS}.npz")).exists():
        left_out[sequence.name] = "it has no smpl_params: its samples have no truth"
    for name, members in groups_of(devices, protocol.views, sequence).items():
        for frame, unmasked in instants_of(masked, members):
            key = f"{sequence.name}_{frame:06d}_{name}"
            lacking = [f"{d} has no mask" for d in unmasked]
            lacking += [f"{d} has no depth" for d in members if frame not in there["kinect_depth"][d]]
            if lacking:
                left_out[key] = ", ".join(lacking)
                continue
            entries.append(
                Entry(
                    key=key,
                    subject=subject,
                    action=action,
                    sequence=f"{sequence.name}_{name}",
                    frame=frame,
                    place=(sequence.name, *members),
                )
            )


def _numbers(folder: Path) -> dict[str, frozenset[int]]:
    """Numbers of the images of each device."""
    if not folder.is_dir():
        return {}
    found = {p.name: p for p in folder.iterdir() if p.is_dir() and DEVICE.fullmatch(p.name)}
    return {
        name: frozenset(int(p.stem) for p in place.glob("*.png") if p.stem.isdigit()) for name, place in found.items()
    }


def _read(top: str, layout: _Layout, protocol: CloudProtocol, model: str, entry: Entry) -> CloudSample:
    name, *members = (str(part) for part in entry.place)
    sequence = Path(top) / name
    cameras = _cameras(str(sequence))
    views = [_view(sequence, device, entry.frame, cameras, layout) for device in members]
    rows, frame = _rows(str(sequence), layout, entry.frame)
    return rig_sample(
        entry,
        views,
        protocol,
        sensors=["kinect"] * len(members),
        rate_hz=RATE_HZ,
        up=_up(str(sequence)),
        truth=None if rows is None else body_at(rows, frame),
        model=model or _stated_model(str(sequence)),
    )


def _view(sequence: Path, device: str, frame: int, cameras: dict[str, Camera], layout: _Layout) -> MaskedDepth:
    depth = read_depth_png(sequence / "kinect_depth" / device / f"{frame:06d}.png")
    mask = read_mask_png(sequence / "kinect_mask" / device / f"{frame:06d}.png")
    camera = _sized(cameras[f"{device}/depth"], depth)
    if layout.mask_of_color:
        mask = _looked_up(depth, camera, mask, _sized(cameras[f"{device}/color"], mask))
    return MaskedDepth(depth_m=depth, mask=mask, camera=camera)


def _sized(camera: Camera, image: np.ndarray) -> Camera:
    """The camera for an image's size, which the camera file does not state."""
    height, width = image.shape
    if (camera.width, camera.height) == (width, height):
        return camera
    return Camera(name=camera.name, K=camera.K, width=width, height=height, T_world_camera=camera.T_world_camera)


def _looked_up(
    depth_m: Float[np.ndarray, "rows columns"], camera: Camera, mask: Bool[np.ndarray, "high wide"], color: Camera
) -> Bool[np.ndarray, "rows columns"]:
    """Whether the colour camera has each depth pixel's point in its mask. What it does not see is not in it."""
    p_world = transform(camera.T_world_camera, depth_to_points(depth_m, camera))
    q = np.rint(color.project(p_world)).astype(np.float32)
    picked = cv2.remap(mask.astype(np.uint8), q[..., 0], q[..., 1], cv2.INTER_NEAREST, borderValue=0)
    return picked.astype(bool) & np.isfinite(q).all(-1)


@lru_cache(maxsize=256)
def _stated_model(sequence: str) -> str:
    return stated_model(Path(sequence))


@lru_cache(maxsize=64)
def _cameras(sequence: str) -> dict[str, Camera]:
    folder = Path(sequence)
    devices = sorted(_numbers(folder / "kinect_depth"))
    sizes = {f"{device}/{kind}": (1, 1) for device in devices for kind in ("color", "depth")}
    try:
        return read_humman_cameras(folder / "cameras.json", sizes)
    except GeometryError as error:
        raise HpsError(f"{error}; it is in the archive *_cameras") from None


@lru_cache(maxsize=256)
def _up(sequence: str) -> Float[np.ndarray, "3"] | None:
    """Which way is up in the sequence's world, by the floor in the first images."""
    folder = Path(sequence)
    cameras, numbers = _cameras(sequence), _numbers(folder / "kinect_depth")
    depths, sized = {}, {}
    for device in sorted(numbers)[:: max(1, len(numbers) // UP_CAMERAS)]:
        name = f"{device}/depth"
        depths[name] = read_depth_png(folder / "kinect_depth" / device / f"{min(numbers[device]):06d}.png")
        sized[name] = _sized(cameras[name], depths[name])
    return up_of(depths, sized)


@lru_cache(maxsize=512)
def _whole(path: str) -> dict[str, Any]:
    return body_rows(read_npz(Path(path)), Path(path))


def _rows(sequence: str, layout: _Layout, frame: int) -> tuple[dict[str, np.ndarray] | None, int]:
    """Rows of parameters and which of them is the frame's; None where the release has none."""
    if not layout.mask_of_color:
        path = Path(sequence) / f"{PARAMETERS}.npz"
        return (_whole(str(path)), frame) if path.exists() else (None, 0)
    path = Path(sequence) / PARAMETERS / f"{frame:06d}.npz"
    return (body_rows(read_npz(path), path), 0) if path.exists() else (None, 0)
