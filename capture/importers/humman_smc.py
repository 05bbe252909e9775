"""HuMMan's raw recordings: one .smc (HDF5) a take, Kinects and a phone (mmhuman3d, `docs/smc.md`).

Colour is kept as it is stored, depth and IR exactly. Poses in `Extrinsics` are camera to world, lens parameters the
device's own (Azure Kinect SDK's order). The world is y down; it is turned upright by the floor seen in depth. Masks of
depth, body parameters and keypoints go to `recording/extras`, in the source's world.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import CaptureError
from capture.importers.background import background_link, write_background
from capture.importers.layout import Layout
from capture.importers.smc_file import SUFFIX, SmcFile, write_arrays, write_masks
from capture.importers.smc_phone import NOTE_OF_PHONE, phone_cameras, phone_streams, pose_of
from capture.importers.source_rig import EXTRAS, OPTIONS, SourceRig, write_rig
from capture.importers.source_stream import SourceStream, image_header
from capture.session import Session
from capture.session_info import DeviceInfo
from geometry.camera import Camera
from geometry.camera_files.any_format import read_any_cameras

ORIGIN = "humman-smc"
RATE_HZ = 30.0
KINDS = {"Color": "color", "Depth": "depth", "IR": "ir"}
DIRECTION = (
    "Extrinsics of the SMC taken as camera to world (p_world = R p_camera + T), metres; Intrinsics in the Azure Kinect "
    "SDK's order with its lens distortion, images as the device sent them"
)
NOTE = "times from frame numbers at 30 Hz; depth taken as millimetres along the axis"


def recognises(source: Path) -> bool:
    """An .smc file."""
    return source.is_file() and source.suffix.lower() == SUFFIX


def import_smc(
    source: Path,
    folder: Path,
    *,
    calibration: Path | None,
    session_id: str | None,
    on_progress: Callable[[int, int], None] | None,
    **options: Any,
) -> Session:
    """A session of one .smc.

    `calibration` (our cameras.json, …) replaces the cameras of the streams that it names; its world counts then.
    Raises CaptureError when the file is cut off, is no SMC, lacks a Kinect's calibration or frames, or when depth
    contradicts its poses; GeometryError on numbers that cannot be a camera's.
    """
    with SmcFile(source) as file:
        if not file.has("Kinect") or not file.has("Extrinsics"):
            raise CaptureError(f"{source} is HDF5 but no SMC: it has no Kinect or no Extrinsics; check the file")
        poses = file.text("Extrinsics")
        devices = [n for n in file.children("Kinect") if n.isdigit()]
        streams, cameras = [], {}
        for n in devices:
            found = _kinect(file, int(n))
            streams += found
            cameras |= {s.name: _camera(file, int(n), s, poses) for s in found}
        if not streams:
            raise CaptureError(f"{source}: the group Kinect holds no device; write the file again")
        infos = [
            DeviceInfo(name=_name(int(n)), model="azure-kinect", clock="pulse", note=_note(file, n)) for n in devices
        ]
        phone = phone_streams(file)
        if phone:
            streams += phone
            cameras |= phone_cameras(file, phone, poses)
            infos.append(DeviceInfo(name="iphone", model="iphone", clock="iphone", note=NOTE_OF_PHONE))
        if calibration is not None:
            cameras |= {k: v for k, v in read_any_cameras(calibration).items() if k in cameras}
        background = _background(file, streams)
        rig = SourceRig(
            place=source,
            origin=ORIGIN,
            streams=streams,
            cameras=cameras,
            camera_source=DIRECTION if calibration is None else f"cameras from {calibration.name}",
            devices=infos,
            subject=_numbered(file, "actor_id", "p"),
            action=_numbered(file, "action_id", "a"),
            declared_up="-y",
            is_upright=calibration is not None,
            links=background_link(background),
        )
        session = write_rig(rig, folder, session_id=session_id, on_progress=on_progress, **options)
        write_background(folder, background, session.devices, ORIGIN)
        _write_extras(file, folder)
    return session


def _note(file: SmcFile, n: str) -> str:
    kinds = [group for group in KINDS if file.children(f"Kinect/{n}/{group}")]
    lost = [file.missing("Kinect", f"Kinect/{n}/{group}") for group in kinds]
    return "; ".join(filter(None, [NOTE, *lost]))


def _name(n: int) -> str:
    return f"kinect_{n:03d}"


def _numbered(file: SmcFile, attribute: str, letter: str) -> str:
    value = file.attribute("/", attribute)
    return f"{letter}{int(value):06d}" if isinstance(value, int | np.integer) else ""


def _kinect(file: SmcFile, n: int) -> list[SourceStream]:
    streams = []
    for group, kind in KINDS.items():
        place = f"Kinect/{n}/{group}"
        if not file.children(place):
            continue
        found = file.numbers(place)
        name = f"{_name(n)}/{kind}"
        if kind == "color":
            encoding, width, height = image_header(file.color(f"{place}/{found[0]}"), f"{file.path}: {place}")
            streams.append(SourceStream(
                name=name, kind="color", encoding=encoding, rate_hz=RATE_HZ, numbers=found, width=width, height=height,
                read=file.color_reader(place),
            ))  # fmt: skip
            continue
        height, width = file.depth(f"{place}/{found[0]}").shape
        streams.append(SourceStream(
            name=name, kind="depth" if kind == "depth" else "ir", encoding="dzp", rate_hz=RATE_HZ, numbers=found,
            width=width, height=height, read=file.depth_reader(place),
        ))  # fmt: skip
    if not streams:
        raise CaptureError(f"{file.path}: Kinect/{n} has no Color, Depth or IR; write the file again")
    return streams


def _camera(file: SmcFile, n: int, stream: SourceStream, poses: Any) -> Camera:
    kind = "Color" if stream.kind == "color" else "Depth"
    place = f"Kinect/{n}/Calibration/{kind}"
    cx, cy, fx, fy, k1, k2, k3, k4, k5, k6, codx, cody, p2, p1, radius = file.numeric(f"{place}/Intrinsics", (15,))
    if codx or cody:
        raise CaptureError(f"{file.path}: {place}: centre of distortion ({codx}, {cody}) is not 0; not supported")
    width, height = (int(v) for v in file.numeric(f"{place}/Resolution", (2,)))
    if (width, height) != (stream.width, stream.height):
        raise CaptureError(
            f"{file.path}: {stream.name} is {stream.width}x{stream.height}, but {place}/Resolution is "
            f"{width}x{height}; the file does not belong together"
        )
    return Camera(
        name=stream.name,
        K=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
        width=width,
        height=height,
        distortion=np.array([k1, k2, p1, p2, k3, k4, k5, k6]),
        metric_radius=radius if radius > 1e-4 else float("inf"),
        T_world_camera=pose_of(file, poses, str(2 * n + (kind == "Depth"))),
    )


def _background(file: SmcFile, streams: Sequence[SourceStream]) -> list[SourceStream]:
    found = []
    for stream in streams:
        group = {"color": "Color", "depth": "Depth"}.get(stream.kind)
        place = f"Kinect/{int(stream.device[-3:])}/Background" if stream.device != "iphone" else ""
        if not group or not place or not file.has(f"{place}/{group}"):
            continue
        reader = file.color if stream.kind == "color" else file.depth
        encoding = stream.encoding
        if stream.kind == "color":
            encoding = image_header(file.color(f"{place}/{group}"), f"{file.path}: {place}")[0]
        read = partial(lambda reader, path, _: reader(path), reader, f"{place}/{group}")
        found.append(replace(stream, numbers=[0], encoding=encoding, read=read))
    return found


def _write_extras(file: SmcFile, folder: Path) -> None:
    extras = folder.joinpath(*EXTRAS)
    for n in (n for n in file.children("Kinect") if n.isdigit()):
        write_masks(file, f"Kinect/{n}/Mask", extras / "kinect_mask" / _name(int(n)))
    for group, name in (("SMPL", "smpl.npz"), ("Keypoints3D", "keypoints3d.npz")):
        write_arrays(file, group, extras / name)
    about = {name: file.attribute("/", name) for name in ("actor_id", "action_id", "datetime_str")}
    extras.mkdir(parents=True, exist_ok=True)
    (extras / "about.json").write_text(json.dumps({k: str(v) for k, v in about.items() if v is not None}), "utf-8")


LAYOUT = Layout(
    name=ORIGIN,
    description="file: raw .smc of HuMMan (HDF5 with Kinect and Extrinsics)",
    recognises=recognises,
    write=import_smc,
    options=OPTIONS,
)
