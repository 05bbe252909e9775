"""DNA-Rendering's recordings: .smc (HDF5) with colour cameras in two groups and Kinects with depth alone.

Cameras and images are often in files of their own beside the main one (`0007_01.smc`, `0007_01_annots.smc`,
`0007_01_kinect.smc`); all are read. RT is camera to world, D OpenCV's k1 k2 p1 p2 k3 (DNA-Rendering, `SMCReader.py`).
The world is turned upright by the floor seen in depth. Masks, keypoints and SMPL-X go to `recording/extras`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import CaptureError
from capture.importers.layout import Layout
from capture.importers.smc_file import SUFFIX, SmcFile, write_arrays, write_masks
from capture.importers.source_rig import EXTRAS, OPTIONS, SourceRig, write_rig
from capture.importers.source_stream import SourceStream, image_header
from capture.session import Session
from capture.session_info import DeviceInfo
from geometry.camera import Camera

ORIGIN = "dna-rendering-smc"
RATE_HZ = 15.0
COLOR_GROUPS = ("Camera_5mp", "Camera_12mp")
PARTS = ("", "_annots", "_kinect")
MARKS = (*COLOR_GROUPS, "Camera_Parameter", "Calibration/Kinect")
DIRECTION = (
    "RT taken as camera to world (p_world = R p_camera + t), metres, D as OpenCV's k1 k2 p1 p2 k3, as the release's "
    "reader has them"
)
NOTE = "times from frame numbers, taken as simultaneous in all cameras"
DEPTH_NOTE = "depth taken as millimetres along the axis"
ABOUT = ("actor_id", "performance_id", "age", "gender", "height", "weight")


def recognises(source: Path) -> bool:
    """An .smc file with the groups of this dialect."""
    if not (source.is_file() and source.suffix.lower() == SUFFIX):
        return False
    try:
        with SmcFile(source) as file:
            return any(file.has(mark) for mark in MARKS)
    except CaptureError:
        return False


def import_dna(
    source: Path,
    folder: Path,
    *,
    calibration: Path | None,
    session_id: str | None,
    on_progress: Callable[[int, int], None] | None,
    rate_hz: float = RATE_HZ,
    **options: Any,
) -> Session:
    """A session of one take: colour as stored, depth exactly.

    Raises CaptureError when a file is cut off, when a camera with images has no parameters in any of the files, and
    when depth contradicts the poses; GeometryError on numbers that cannot be a camera's.
    """
    if calibration is not None:
        raise CaptureError(f"{source} brings its own cameras; give {calibration} to the stage calibrate instead")
    if not rate_hz > 0:
        raise CaptureError(f"--rate-hz {rate_hz} must be a positive number of frames a second")
    with ExitStack() as stack:
        files = [stack.enter_context(SmcFile(path)) for path in _parts(source)]
        streams = [s for file in files for s in (*_colors(file, rate_hz), *_depths(file, rate_hz))]
        if not streams:
            raise CaptureError(f"{source} and the files beside it hold no image; give the main file of the take")
        cameras = {stream.name: _camera(files, stream) for stream in streams}
        about = {k: v for file in files for k in ABOUT if (v := file.attribute("/", k)) is not None}
        rig = SourceRig(
            place=source,
            origin=ORIGIN,
            streams=streams,
            cameras=cameras,
            camera_source=f"{', '.join(file.path.name for file in files)}: {DIRECTION}",
            devices=[_device(stream, files) for stream in streams],
            subject=str(about.get("actor_id", "")),
            action=str(about.get("performance_id", "")),
        )
        session = write_rig(rig, folder, session_id=session_id, on_progress=on_progress, **options)
        _write_extras(files, folder, {key: str(value) for key, value in about.items()})
    return session


def _parts(source: Path) -> list[Path]:
    """The files of the take, the given one first."""
    stem = source.stem
    for part in PARTS[1:]:
        stem = stem.removesuffix(part)
    beside = [source.with_name(f"{stem}{part}{source.suffix}") for part in PARTS]
    return [source, *(path for path in beside if path != source and path.is_file())]


def _colors(file: SmcFile, rate_hz: float) -> list[SourceStream]:
    streams = []
    for group in COLOR_GROUPS:
        for camera in file.children(group):
            place = f"{group}/{camera}/color"
            found = file.numbers(place)
            encoding, width, height = image_header(file.color(f"{place}/{found[0]}"), f"{file.path}: {place}")
            streams.append(SourceStream(
                name=f"camera_{int(camera):02d}/color", kind="color", encoding=encoding, rate_hz=rate_hz, numbers=found,
                width=width, height=height, read=file.color_reader(place),
            ))  # fmt: skip
    return streams


def _depths(file: SmcFile, rate_hz: float) -> list[SourceStream]:
    streams = []
    for kinect in file.children("Kinect"):
        place = f"Kinect/{kinect}/depth"
        found = file.numbers(place)
        height, width = file.depth(f"{place}/{found[0]}").shape
        streams.append(SourceStream(
            name=f"kinect_{int(kinect):03d}/depth", kind="depth", encoding="dzp", rate_hz=rate_hz, numbers=found,
            width=width, height=height, read=file.depth_reader(place),
        ))  # fmt: skip
    return streams


def _camera(files: Sequence[SmcFile], stream: SourceStream) -> Camera:
    number = int(stream.device.rsplit("_", 1)[1])
    group = "Camera_Parameter" if stream.kind == "color" else "Calibration/Kinect"
    place = f"{group}/{number:02d}"
    file = next((file for file in files if file.has(place)), None)
    if file is None:
        names = ", ".join(file.path.name for file in files)
        raise CaptureError(f"no {place} for {stream.name} in {names}; put the take's _annots.smc beside them")
    distortion = np.ravel(file.array(f"{place}/D"))
    if distortion.size > 8:
        raise CaptureError(f"{file.path}: {place}/D holds {distortion.size} numbers, at most 8 are supported")
    return Camera(
        name=stream.name,
        K=file.numeric(f"{place}/K", (3, 3)),
        width=stream.width or 0,
        height=stream.height or 0,
        distortion=np.pad(file.numeric(f"{place}/D", (distortion.size,)), (0, 8 - distortion.size)),
        T_world_camera=file.numeric(f"{place}/RT", (4, 4)),
    )


def _device(stream: SourceStream, files: Sequence[SmcFile]) -> DeviceInfo:
    number = int(stream.device.rsplit("_", 1)[1])
    is_depth = stream.kind == "depth"
    groups = [("Kinect", "depth")] if is_depth else [(group, "color") for group in COLOR_GROUPS]
    lost = [f.missing(g, f"{g}/{number}/{k}") for f in files for g, k in groups if f.children(f"{g}/{number}/{k}")]
    note = "; ".join(filter(None, [NOTE, DEPTH_NOTE if is_depth else "", *lost]))
    return DeviceInfo(name=stream.device, model="azure-kinect" if is_depth else "camera", clock="recording", note=note)


def _write_extras(files: Sequence[SmcFile], folder: Path, about: dict[str, str]) -> None:
    extras = folder.joinpath(*EXTRAS)
    extras.mkdir(parents=True, exist_ok=True)
    (extras / "about.json").write_text(json.dumps(about), "utf-8")
    for file in files:
        for camera in file.children("Mask"):
            write_masks(file, f"Mask/{camera}/mask", extras / "mask" / f"camera_{int(camera):02d}")
        for kinect in file.children("Kinect"):
            write_masks(file, f"Kinect/{kinect}/mask", extras / "mask" / f"kinect_{int(kinect):03d}")
        for group in ("SMPLx", "Keypoints_3D", "Keypoints_2D"):
            write_arrays(file, group, extras / f"{group.lower()}.npz")


LAYOUT = Layout(
    name=ORIGIN,
    description="file: .smc of DNA-Rendering (_annots.smc and _kinect.smc beside it are read too)",
    recognises=recognises,
    write=import_dna,
    options=OPTIONS | {"rate_hz"},
)
