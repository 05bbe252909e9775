"""A recording of others on its way into a session: what was assumed of it is checked against its images first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

from capture.errors import CaptureError
from capture.importers.agreement import Judgement, best_unit, depth_agreement, judge, scaled
from capture.importers.color_agreement import judge_colors
from capture.importers.level_world import level_world
from capture.importers.source_stream import SourceStream, write_streams
from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.depth import decode_depth_mm
from geometry.rigid import inverse

EXTRAS = ("recording", "extras")
"""Where masks, body parameters and keypoints that came with the recording are kept, in the source's own form."""
SOURCE_WORLD = ("recording", "source_world.json")
Transforms = Literal["documented", "inverted"]
OPTIONS = frozenset({"transforms", "unit_m", "up"})
COLOR_DEVICES = 4
FLOOR_M, FLOOR_DEGREES = 0.05, 2.0
"""A world that is said to stand on the floor may miss the floor seen in depth by this."""


@dataclass(frozen=True, kw_only=True)
class SourceRig:
    """Everything about a recording but its bytes."""

    place: Path
    """File or folder, for messages."""
    origin: str
    streams: Sequence[SourceStream]
    cameras: Mapping[str, Camera]
    """Of every image stream, in the source's world."""
    camera_source: str
    """What session readers are told of where the cameras came from and what was assumed of their file."""
    unplaced: frozenset[str] = frozenset()
    devices: Sequence[DeviceInfo] = ()
    subject: str = ""
    action: str = ""
    declared_up: str | None = None
    """Which axis of the source's world its description says is up."""
    is_upright: bool = False
    """The world is already ours: z up, floor at 0."""
    has_scale: bool = True
    """The camera file has a unit of length; a reconstruction from images alone has none."""
    links: Mapping[str, str] = field(default_factory=dict)


def write_rig(
    rig: SourceRig,
    folder: Path,
    *,
    session_id: str | None,
    on_progress: Callable[[int, int], None] | None = None,
    transforms: Transforms = "documented",
    unit_m: float = 1.0,
    up: str = "auto",
) -> Session:
    """The session, in an empty folder, its world turned upright.

    `transforms` and `unit_m` (metres for one unit of the camera file) correct the reading of the camera file; `up`
    says what points up in its world. Raises CaptureError when the depth images clearly contradict the reading.
    """
    cameras = _read_as(rig, transforms, unit_m)
    moment, depths = _depth_moment(rig)
    placed = {name: camera for name, camera in cameras.items() if name not in rig.unplaced}
    notes = [rig.camera_source]
    if transforms == "inverted":
        notes.append("transforms taken the other way round, as told")
    if unit_m != 1.0:
        notes.append(f"one unit of the file taken as {unit_m:g} m, as told")
    seen = {name: depth for name, depth in depths.items() if name in placed}
    notes += [
        _check_poses(rig, seen, placed, unit_m),
        _check_colors(rig, moment, depths, cameras),
        *_check_centres(cameras),
    ]
    T_world_source, text = _turn(rig, seen, placed, up)
    notes.append(text)
    moved = {
        name: camera.at(T_world_source @ camera.T_world_camera) if name in placed else camera
        for name, camera in cameras.items()
    }
    write_cameras(
        folder.joinpath(*RECORDED_CAMERAS), moved, source="; ".join(filter(None, notes)), unplaced=rig.unplaced
    )
    _write_world(folder, T_world_source, text)
    infos = write_streams(folder, rig.streams, on_progress)
    return Session.create(
        folder,
        id=session_id,
        streams=infos,
        devices=rig.devices,
        origin=rig.origin,
        subject=rig.subject,
        action=rig.action,
        links=rig.links,
    )


def depth_stream_m(stream: SourceStream) -> Callable[[int], Float32[np.ndarray, "_ _"]]:
    """Depth of a number in metres, NaN where missing."""
    return lambda number: decode_depth_mm(stream.read(number))


def _read_as(rig: SourceRig, transforms: Transforms, unit_m: float) -> dict[str, Camera]:
    if transforms not in ("documented", "inverted"):
        raise CaptureError(f"--transforms {transforms} is not one of documented, inverted")
    if not unit_m > 0:
        raise CaptureError(f"--unit-m {unit_m} must be a positive number of metres for one unit of the camera file")
    read = dict(rig.cameras) if unit_m == 1.0 else scaled(rig.cameras, unit_m)
    return _inverted(read) if transforms == "inverted" else read


def _inverted(cameras: Mapping[str, Camera]) -> dict[str, Camera]:
    return {name: camera.at(inverse(camera.T_world_camera)) for name, camera in cameras.items()}


def _depth_moment(rig: SourceRig) -> tuple[int, dict[str, Float32[np.ndarray, "_ _"]]]:
    """The middle number that all depth cameras of one clock have, and their images there, metres."""
    clocks = {device.name: device.clock for device in rig.devices}
    depth = [stream for stream in rig.streams if stream.kind == "depth" and stream.numbers]
    depth = [stream for stream in depth if clocks.get(stream.device) == clocks.get(depth[0].device)]
    common = sorted(set.intersection(*(set(stream.numbers) for stream in depth))) if depth else []
    if not common:
        return 0, {}
    moment = common[len(common) // 2]
    return moment, {stream.name: depth_stream_m(stream)(moment) for stream in depth}


def _turn(
    rig: SourceRig, seen: Mapping[str, Float32[np.ndarray, "_ _"]], placed: Mapping[str, Camera], up: str
) -> tuple[Float[np.ndarray, "4 4"], str]:
    """T_world_source, and what is said of it."""
    if not placed:
        return np.eye(4), ""
    levelling = level_world(seen, placed, up, rig.declared_up)
    T = levelling.T_world_source
    if not rig.is_upright or up != "auto":
        return T, f"world {levelling.text}"
    tilt = float(np.degrees(np.arccos(np.clip(T[2, 2], -1, 1))))
    if levelling.found and (tilt > FLOOR_DEGREES or abs(T[2, 3]) > FLOOR_M):
        off = f"the floor seen in depth is tilted by {tilt:.0f} degrees and lies at {-T[2, 3]:.2f} m"
        return np.eye(4), f"DOUBTFUL world, kept as the file has it: {off}; say --up z to level it"
    return np.eye(4), "world as the file has it" + (", its floor is where depth shows one" if levelling.found else "")


def _check_poses(
    rig: SourceRig, seen: Mapping[str, Float32[np.ndarray, "_ _"]], placed: Mapping[str, Camera], unit_m: float
) -> str:
    """What reprojecting depth says. Raises CaptureError when it clearly speaks for another reading of the file."""
    if len(seen) < 2:
        reason = "where the cameras stand is not known" if not placed else "that takes two depth cameras at one moment"
        return f"not checked against the images: {reason}"
    used = {name: placed[name] for name in seen}
    others = {"the inverse": _inverted(used), "millimetres": scaled(used, 1e-3)}
    judgement: Judgement = judge(seen, used, others)
    if judgement.better:
        step = "--transforms inverted" if judgement.better == "the inverse" else "--unit-m 0.001"
        raise CaptureError(
            f"{rig.place}: the camera transforms ({rig.camera_source}) are {judgement.text}; "
            f"if the file really means the other, pass {step}"
        )
    if not judgement.assumed.confirmed and not rig.has_scale:
        factor, found = best_unit(seen, used)
        if found.confirmed:
            raise CaptureError(
                f"{rig.place}: the camera file has no scale of its own, and at {unit_m:g} m a unit only "
                f"{judgement.assumed} agree; at {unit_m * factor:.4g} m {found} agree: "
                f"pass --unit-m {unit_m * factor:.4g}"
            )
    return "; ".join(filter(None, [judgement.text, _check_lens(seen, used)]))


def _check_lens(seen: Mapping[str, Float32[np.ndarray, "_ _"]], used: Mapping[str, Camera]) -> str:
    """Whether depth agrees better when stored lens distortion is left out, as for images that were undistorted."""
    if not any(np.any(camera.distortion) for camera in used.values()):
        return "lens distortion: none is stored, so images are taken as undistorted"
    plain = {name: replace(camera, distortion=np.zeros(8)) for name, camera in used.items()}
    with_lens, without = depth_agreement(seen, used), depth_agreement(seen, plain)
    if without.agree > with_lens.agree * 1.02 and without.median_mm < with_lens.median_mm:
        doubt = "DOUBTFUL lens: depth agrees better without the stored distortion"
        return f"{doubt} ({without}), so the images may be undistorted already"
    return f"lens distortion as stored (without it {without})"


def _check_colors(
    rig: SourceRig, moment: int, depths: Mapping[str, Float32[np.ndarray, "_ _"]], cameras: Mapping[str, Camera]
) -> str:
    """What the pictures of some devices say of where their colour cameras stand beside the depth cameras."""
    images = []
    for stream in rig.streams:
        depth = f"{stream.device}/depth"
        if stream.kind == "color" and depth in depths and moment in stream.numbers and len(images) < COLOR_DEVICES:
            images.append((depths[depth], cameras[depth], stream.picture(moment), cameras[stream.name]))
    return judge_colors(images)


def _check_centres(cameras: Mapping[str, Camera]) -> list[str]:
    """Cameras whose principal point is not near the middle of their images: K may be of another image size."""
    odd = []
    for name, camera in cameras.items():
        at: Float[np.ndarray, "2"] = (camera.K[:2, 2] + 0.5) / [camera.width, camera.height]
        if np.abs(at - 0.5).max() > 0.15:
            odd.append(f"{name} ({camera.K[0, 2]:.0f}, {camera.K[1, 2]:.0f}) of {camera.width}x{camera.height}")
    return (
        [f"DOUBTFUL principal point, K may be of another image size or a turned image: {', '.join(odd)}"] if odd else []
    )


def _write_world(folder: Path, T_world_source: Float[np.ndarray, "4 4"], text: str) -> None:
    content = {
        "direction": "p_world = T_world_source @ p_source, metres; files in extras/ are in the source's world",
        "T_world_source": T_world_source.tolist(),
        "text": text,
    }
    folder.joinpath(*SOURCE_WORLD).write_text(json.dumps(content, indent=1), "utf-8")
