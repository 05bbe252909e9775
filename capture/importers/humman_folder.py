"""HuMMan's release folders (v1.0, humman_toolbox): Recon, images of every sixth frame, and Point, videos and depth.

The world is the frame of kinect_color_000, y down; it is turned upright by the floor seen in depth. Times come from
frame numbers at 30 Hz (the phone's at its video's rate). Masks and body parameters are copied into
`recording/extras`, in the source's world; textured meshes stay where they are.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from capture.errors import CaptureError
from capture.importers.background import background_link, write_background
from capture.importers.image_folder import color_folder, depth_folder, depth_png, file_bytes, numbered_files
from capture.importers.layout import Layout
from capture.importers.paired_videos import paired_depth, video_stream
from capture.importers.source_rig import EXTRAS, OPTIONS, SourceRig, write_rig
from capture.importers.source_stream import SourceStream, image_header
from capture.session import Session
from capture.session_info import DeviceInfo
from geometry.camera import Camera
from geometry.camera_files.humman import DIRECTION, is_humman_cameras, read_humman_cameras

RATE_HZ = 30.0
RECON, POINT = "humman-recon", "humman-point"
COPIED = ("kinect_mask", "kinect_mask_manual", "smpl_params", "smpl_params.npz")
NAME = re.compile(r"(p\d{6})_([ar]\d{6})")
ASSUMED = "depth taken as millimetres along the axis"
PHONE = (
    "its clock is its own: the release does not tie it to the Kinects' (its raw recordings have about 4 frames more "
    "than twice the Kinects'); depth K is colour K scaled edge upon edge"
)


def recognises_recon(source: Path) -> bool:
    """A folder with HuMMan's cameras.json and folders of images, and no videos."""
    kinds = ("kinect_color", "kinect_depth")
    return _is_humman(source) and not recognises_point(source) and any(_folders(source / kind) for kind in kinds)


def recognises_point(source: Path) -> bool:
    """A folder with HuMMan's cameras.json and a video for each Kinect."""
    return _is_humman(source) and any((source / "kinect_color").glob("kinect_*.mp4"))


def import_recon(
    source: Path,
    folder: Path,
    *,
    calibration: Path | None,
    session_id: str | None,
    on_progress: Callable[[int, int], None] | None,
    **options: Any,
) -> Session:
    """A session of a Recon folder: colour PNG byte for byte, depth exactly.

    Raises CaptureError on images that are missing or damaged and on poses that the depth images contradict,
    GeometryError on a camera file that is damaged or lacks a camera.
    """
    with_color, with_depth = _folders(source / "kinect_color"), _folders(source / "kinect_depth")
    names = _devices(source, [*with_color, *with_depth])
    streams = [color_folder(f"{name}/color", source / "kinect_color" / name, RATE_HZ) for name in sorted(with_color)]
    streams += [depth_folder(f"{name}/depth", source / "kinect_depth" / name, RATE_HZ) for name in sorted(with_depth)]
    devices = [_kinect(name, _lacks(name, with_color, with_depth)) for name in names]
    rig = _rig(source, RECON, streams, devices, calibration)
    _copy_extras(source, folder)
    return write_rig(rig, folder, session_id=session_id, on_progress=on_progress, **options)


def import_point(
    source: Path,
    folder: Path,
    *,
    calibration: Path | None,
    session_id: str | None,
    on_progress: Callable[[int, int], None] | None,
    frame_shift: int | None = None,
    **options: Any,
) -> Session:
    """A session of a Point folder: videos copied, depth exactly, the empty room as `recording/background`.

    Depth file n goes with video frame n, or n - 1 where files count from 1; moving things in both are compared, and a
    clear contradiction is refused unless `frame_shift` (video frame less depth file) says it. Raises as
    `import_recon` does.
    """
    names = _devices(source, [p.stem for p in (source / "kinect_color").glob("*.mp4")])
    for name in _folders(source / "kinect_depth"):
        if name not in names:
            raise CaptureError(
                f"{source / 'kinect_color' / name}.mp4 is missing, its depth images are there; copy it too"
            )
    colors = [video_stream(f"{name}/color", source / "kinect_color" / f"{name}.mp4") for name in names]
    places = {name: source / "kinect_depth" / name for name in names}
    given = read_cameras(source, calibration, _sizes(source, colors, places))
    streams, pairing = paired_depth(colors, places, given, frame_shift=frame_shift)
    devices = [_kinect(name, f"{ASSUMED}; {pairing}") for name in names]
    streams += (phone := _phone(source))
    if phone:
        devices.append(DeviceInfo(name="iphone", model="iphone", clock="iphone", note=PHONE))
    rig = _rig(source, POINT, streams, devices, calibration)
    background = _background(source, streams)
    rig = replace(rig, links=background_link(background))
    _copy_extras(source, folder)
    session = write_rig(rig, folder, session_id=session_id, on_progress=on_progress, **options)
    write_background(folder, background, session.devices, POINT)
    return session


def read_cameras(source: Path, calibration: Path | None, sizes: dict[str, tuple[int, int]]) -> dict[str, Camera]:
    """The recording's cameras, or those of another file of the same form."""
    return read_humman_cameras(calibration or source / "cameras.json", sizes)


def _is_humman(source: Path) -> bool:
    return source.is_dir() and is_humman_cameras(source / "cameras.json")


def _folders(folder: Path) -> list[str]:
    """Names of the Kinects that have a folder in it."""
    if not folder.is_dir():
        return []
    return [path.name for path in folder.iterdir() if path.is_dir() and re.fullmatch(r"kinect_\d{3}", path.name)]


def _lacks(name: str, with_color: Sequence[str], with_depth: Sequence[str]) -> str:
    """What a device's note says of images that the recording has not."""
    lacking = [kind for kind, have in (("colour", with_color), ("depth", with_depth)) if name not in have]
    return f"no {lacking[0]} of it in the recording; {ASSUMED}" if lacking else ""


def _devices(source: Path, found: Sequence[str]) -> list[str]:
    names = sorted(name for name in set(found) if re.fullmatch(r"kinect_\d{3}", name))
    if not names:
        raise CaptureError(f"{source / 'kinect_color'} has no kinect_000, kinect_001, …; copy the recording again")
    return names


def _kinect(name: str, note: str) -> DeviceInfo:
    return DeviceInfo(name=name, model="azure-kinect", clock="pulse", note=note or ASSUMED)


def _rig(
    source: Path,
    origin: str,
    streams: Sequence[SourceStream],
    devices: Sequence[DeviceInfo],
    calibration: Path | None,
) -> SourceRig:
    sizes = {s.name: (s.width, s.height) for s in streams if s.width is not None and s.height is not None}
    named = NAME.search(source.resolve().name)
    return SourceRig(
        place=source,
        origin=origin,
        streams=streams,
        cameras=read_cameras(source, calibration, sizes),
        camera_source=f"{(calibration or source / 'cameras.json').name}: {DIRECTION}",
        devices=devices,
        subject=named[1] if named else "",
        action=named[2] if named else "",
        declared_up="-y",
    )


def _sizes(source: Path, colors: Sequence[SourceStream], places: dict[str, Path]) -> dict[str, tuple[int, int]]:
    sizes = {s.name: (s.width or 0, s.height or 0) for s in colors}
    for name, place in places.items():
        if place.is_dir():
            image = depth_png(next(iter(numbered_files(place, (".png",)).values())))
            sizes[f"{name}/depth"] = (image.shape[1], image.shape[0])
    return sizes


def _phone(source: Path) -> list[SourceStream]:
    video, depth = source / "iphone_color" / "iphone.mp4", source / "iphone_depth" / "iphone"
    if not video.is_file():
        return []
    color = video_stream("iphone/color", video)
    if not depth.is_dir():
        return [color]
    base = 1 if min(numbered_files(depth, (".png",))) == 1 else 0
    return [color, depth_folder("iphone/depth", depth, color.rate_hz, shift=-base)]


def _background(source: Path, streams: Sequence[SourceStream]) -> list[SourceStream]:
    """One frame of each Kinect stream whose picture of the empty room is there."""
    found = []
    for stream in streams:
        device, kind = stream.name.split("/")
        stem = source / "background" / device.replace("kinect_", f"kinect_{kind}_")
        path = next((p for end in (".jpg", ".png") if (p := stem.with_suffix(end)).is_file()), None)
        if path is None or device == "iphone":
            continue
        if kind == "color":
            encoding, width, height = image_header(file_bytes(path), str(path))
            found.append(replace(stream, encoding=encoding, video=None, numbers=[0], width=width, height=height,
                                 read=lambda _, path=path: file_bytes(path)))  # fmt: skip
        else:
            found.append(replace(stream, numbers=[0], read=lambda _, path=path: depth_png(path)))
    return found


def _copy_extras(source: Path, folder: Path) -> None:
    target = folder.joinpath(*EXTRAS)
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        elif (source / name).is_file():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)


RECON_LAYOUT = Layout(
    name=RECON,
    description="folder: HuMMan-Recon (kinect_color/kinect_000/000000.png, kinect_depth/, cameras.json)",
    recognises=recognises_recon,
    write=import_recon,
    options=OPTIONS,
)
POINT_LAYOUT = Layout(
    name=POINT,
    description="folder: HuMMan-Point (kinect_color/kinect_000.mp4, kinect_depth/, iphone_color/, cameras.json)",
    recognises=recognises_point,
    write=import_point,
    options=OPTIONS | {"frame_shift"},
)
