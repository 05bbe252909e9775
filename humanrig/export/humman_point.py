"""HuMMan-Point: the folder layout of that release v1.0, whole sequences as videos and depth, frame n the same in all.

After the release's own description (github.com/caizhongang/humman_toolbox).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from body.parameters import BodyParameters
from capture.frame_sets import Instant
from geometry.depth import encode_depth_mm
from humanrig.export.humman import about_shape
from humanrig.export.humman_body import humman_body
from humanrig.export.humman_rig import HummanRig, about_missing, write_image, write_images
from humanrig.export.person import body_rows
from humanrig.export.smc_phone import Phone
from humanrig.export.video_file import VideoFile
from humanrig.results import Results

RATE_HZ, PHONE_RATE_HZ = 30.0, 60.0
"""Where a stream states none."""


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes videos, depth, masks, background, cameras.json and smpl_params.npz; returns lines for source.txt.

    The frames are the instants from the first to the last with a body. Raises HumanrigError when no device has colour
    and depth, when a stage has not run, and when ten betas cannot hold the body's shape.
    """
    rig = HummanRig(results)
    rows = body_rows(results)
    known = results.body["instants"][rows]
    instants = [i for i in results.session.instants() if known[0] <= i.instant <= known[-1]]
    frames = [(instant.instant - int(known[0]), instant) for instant in instants]
    count = 1 + int(known[-1] - known[0])
    body = humman_body(results.model, results.parameters[rows], rig.T_first_world)
    empty = _write_parameters(folder / "smpl_params.npz", known - known[0], count, body.parameters)
    phone = Phone.of(rig.session, rig.rgbd.cameras)
    rig.write_cameras(folder / "cameras.json", phone.camera if phone else None)
    devices, missing, repeated, codec = len(rig.rgbd.devices), [], [], ""
    total = 3 * devices + (1 if phone else 0)
    by_frame = dict(frames)
    for n in range(devices):
        name = f"kinect_{n:03d}"
        (folder / "kinect_color").mkdir(exist_ok=True)
        lost, codec = _write_video(
            folder / "kinect_color" / f"{name}.mp4", rig, n, [by_frame.get(f) for f in range(count)]
        )
        repeated += [f"{name}.mp4 frame {frame}" for frame in lost]
        on_progress(3 * n + 1, total)
        missing += write_images(folder / "kinect_depth" / name, frames, partial(rig.depth, n), folder)
        on_progress(3 * n + 2, total)
        missing += write_images(folder / "kinect_mask" / name, frames, partial(rig.mask, rig.rgbd.depth(n)), folder)
        on_progress(3 * n + 3, total)
    rig.require_images()
    if phone:
        _write_phone(folder, phone)
        on_progress(total, total)
    return [
        "layout of HuMMan-Point v1.0",
        *rig.about(),
        "kinect_mask: 255 on the person, in the depth camera's pixels",
        f"frame n of every video, depth image and mask, and row n of smpl_params.npz: instant {known[0]} + n, from 0",
        f"videos: {codec}, so colours are not exact",
        about_shape("smpl_params.npz", body, "n, "),
        *([f"rows of smpl_params.npz without a body are NaN: {' '.join(map(str, empty))}"] if empty else []),
        *([f"no frame was recorded, the one before is repeated: {', '.join(repeated)}"] if repeated else []),
        *about_missing(missing, rig.damaged),
        *_write_background(folder, rig),
        *(
            [f"iphone: {phone.device}, {phone.frames} frames of its own clock, not paired with the Kinects'"]
            if phone
            else []
        ),
    ]


def _write_parameters(path: Path, frames: np.ndarray, count: int, body: BodyParameters) -> list[int]:
    """One row a frame; returns the frames without a body."""
    arrays: dict[str, Any] = {"betas": np.repeat(body.betas[None].astype(np.float32), count, 0)}
    for name in ("body_pose", "global_orient", "transl"):
        value = getattr(body, name)
        arrays[name] = np.full((count, value.shape[1]), np.nan, np.float32)
        arrays[name][frames] = value
    np.savez(path, **arrays)
    return sorted(set(range(count)) - set(frames.tolist()))


def _write_video(path: Path, rig: HummanRig, n: int, instants: list[Instant | None]) -> tuple[list[int], str]:
    """Returns the frames that repeat the one before, since none was recorded, and the codec."""
    camera = rig.rgbd.color(n)
    rate = rig.session.stream(camera.name).rate_hz or RATE_HZ
    lost, last = [], np.zeros((camera.height, camera.width, 3), np.uint8)
    with VideoFile(path, camera.width, camera.height, rate) as video:
        for frame, instant in enumerate(instants):
            picture = None if instant is None else rig.color(n, instant)
            if picture is None:
                lost.append(frame)
            else:
                last = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            video.add(last)
    return lost, video.codec


def _write_background(folder: Path, rig: HummanRig) -> list[str]:
    """The empty room as each device saw it first; returns a line for source.txt."""
    room = rig.rgbd.background
    if room is None:
        return ["background: none, the session knows no recording of the empty room (the link background_from)"]
    place = folder / "background"
    for n in range(len(rig.rgbd.devices)):
        for kind, ending, image in (("color", "jpg", rig.color), ("depth", "png", rig.depth)):
            stream = rig.rgbd.streams(kind)[n]
            if stream in room.streams and room.streams[stream].frames:
                first = Instant(instant=0, time_us=0, index={stream: 0}, offset_us={})
                picture = image(n, first, room)
                if picture is not None:
                    write_image(place / f"kinect_{kind}_{n:03d}.{ending}", picture)
    return ["background: the first images of the recording of the empty room"]


def _write_phone(folder: Path, phone: Phone) -> None:
    session, color, depth = phone.session, f"{phone.device}/color", f"{phone.device}/depth"
    (folder / "iphone_color").mkdir()
    rate = session.stream(color).rate_hz or PHONE_RATE_HZ
    with VideoFile(folder / "iphone_color" / "iphone.mp4", phone.camera.width, phone.camera.height, rate) as video:
        for frame in session.frames(color):
            video.add(frame.payload)
    if depth in session.streams:
        for frame in session.frames(depth):
            write_image(folder / "iphone_depth" / "iphone" / f"{frame.index:06d}.png", encode_depth_mm(frame.payload))
