"""SMC: HuMMan's raw form, one HDF5 file of the whole recording, with keypoints and body where they are known.

The bytes are described in docs/smc.md. Pictures and depth are the recorded ones, with the lens of every camera.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from capture.errors import CaptureError
from capture.frame_sets import Instant
from capture.session import Session
from geometry.depth import depth_to_points
from geometry.rigid import rotate, transform
from humanrig.errors import HumanrigError
from humanrig.export.person import everybody
from humanrig.export.rgbd_devices import RgbdDevices, no_image, rgbd_devices
from humanrig.export.smc_file import SmcWriter
from humanrig.export.smc_images import JPEG_QUALITY, write_image
from humanrig.export.smc_person import CONVENTION, smpl_arrays, whole_body
from humanrig.export.smc_phone import Phone
from humanrig.results import Results
from registration.masks.files import mask_path, read_mask

FLOOR_M, FLOOR_PIXELS = 0.02, 500
"""Depth this near z = 0 counts as floor; fewer pixels are no sight of one."""
ABOUT: Final = (
    "frame n is the instant n of `instants` (-1: no frame set); time_us on the session's clock; offset_us: how much "
    "later each stream's frame was taken; p_file = T_file_world @ p_world, where the session's world has z up and the "
    "floor at z = 0"
)


def write(session: Session, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes SESSION.smc; returns lines for source.txt. Works before anybody was fitted.

    Raises HumanrigError when no device has colour and depth, CaptureError when the stages sync or calibrate have not
    run.
    """
    recording = _Recording(session, rgbd_devices(session))
    name = "_".join(filter(None, (session.info.subject, session.info.action))) or session.info.id
    numbers = {
        key: _number(text) for key, text in (("actor_id", session.info.subject), ("action_id", session.info.action))
    }
    path = folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.smc"
    with SmcWriter(path, created=session.info.created, **{k: v or 0 for k, v in numbers.items()}) as file:
        lines = recording.write(file, on_progress)
        lines += _write_person(session, recording, file)
    unknown = [key for key, number in numbers.items() if number is None]
    return [
        f"{path.name}: SMC (HDF5), mmhuman3d's description; bytes and groups: docs/smc.md of humanrig",
        "world of the file: the frame of Kinect 0's colour camera (x right, y down, z forward), metres",
        "Extrinsics: camera to world, p_world = R p_camera + T; Intrinsics: cx cy fx fy k1..k6 codx cody p2 p1 radius",
        "colour as it was recorded, not undistorted; depth uint16 millimetres along the axis, 0 missing, as recorded",
        *(f"{key} is 0: the session's {key[:-3].replace('actor', 'subject')} has no number" for key in unknown),
        *lines,
    ]


def _number(text: str) -> int | None:
    match = re.fullmatch(r"[par]?(\d{1,9})", text)
    return int(match[1]) if match else None


@dataclass
class _Recording:
    """What was recorded, numbered as the file numbers it."""

    session: Session
    rgbd: RgbdDevices
    lost: list[str] = field(default_factory=list)
    written: int = 0
    """Images of Kinects that could be read."""

    def __post_init__(self) -> None:
        self.instants: list[Instant] = self.session.instants()
        first = self.instants[0].instant if self.instants else 0
        self.frame_of = {instant.instant: instant.instant - first for instant in self.instants}
        self.frames = 1 + max(self.frame_of.values(), default=-1)
        self.T_file_world = self.rgbd.color(0).T_camera_world
        self.phone = Phone.of(self.session, self.rgbd.cameras)

    def write(self, file: SmcWriter, on_progress: Callable[[int, int], None]) -> list[str]:
        """Everything that was recorded; returns lines for source.txt."""
        if not self.frames:
            raise HumanrigError(f"{self.session.folder} has no frame set; run the stage sync again")
        file.kinects(len(self.rgbd.devices), self.frames, self.rgbd.color(0), self.rgbd.depth(0))
        phone_frames = self.phone.frames if self.phone else 0
        total = len(self.rgbd.devices) * len(self.instants) + phone_frames
        done = 0
        for number, device in enumerate(self.rgbd.devices):
            file.kinect_lens(number, "Color", self.rgbd.color(number))
            file.kinect_lens(number, "Depth", self.rgbd.depth(number))
            self._background(file, number, device)
            for instant in self.instants:
                self._frame(file, number, device, instant)
                done += 1
                on_progress(done, total)
        if not self.written:
            raise no_image(self.session, self.lost)
        if self.phone:
            self.phone.write(file, self.lost, lambda n: on_progress(done + n, total))
        pairs = [(self.rgbd.color(n), self.rgbd.depth(n)) for n in range(len(self.rgbd.devices))]
        file.extrinsics(pairs, self.phone.camera if self.phone else None, self.T_file_world, self._floors())
        file.extra(self._times() | {"T_file_world": self.T_file_world}, ABOUT)
        return self._about()

    def _frame(self, file: SmcWriter, number: int, device: str, instant: Instant) -> None:
        frame = self.frame_of[instant.instant]
        for kind, group in (("color", "Color"), ("depth", "Depth"), ("ir", "IR")):
            stream = f"{device}/{kind}"
            if stream in self.session.streams:
                self._stream(file, f"Kinect/{number}/{group}/{frame}", stream, instant)
        masks, place = self.session.path("masks"), f"Kinect/{number}/Mask/{frame}"
        path = mask_path(masks, f"{device}/depth", instant.instant)
        if path.is_file():
            file.image(place, 255 * read_mask(path).astype(np.uint8))
        elif masks.is_dir() and instant.has(f"{device}/depth"):
            self.lost.append(place)

    def _stream(self, file: SmcWriter, place: str, stream: str, instant: Instant) -> None:
        if not instant.has(stream):
            self.lost.append(place)
            return
        try:
            write_image(file, place, self.session, stream, instant.index[stream])
            self.written += 1
        except CaptureError as error:
            self.lost.append(f"{place} ({error})")

    def _background(self, file: SmcWriter, number: int, device: str) -> None:
        room = self.rgbd.background
        for kind, group in (("color", "Color"), ("depth", "Depth")):
            if room is not None and room.streams.get(f"{device}/{kind}") is not None:
                place = f"Kinect/{number}/Background/{group}"
                try:
                    write_image(file, place, room, f"{device}/{kind}", 0)
                except CaptureError as error:
                    self.lost.append(f"{place} ({error})")

    def _floors(self) -> dict[int, dict[str, Any]]:
        """The floor is z = 0 of the session's world; each depth camera says how much of it it sees."""
        found = {}
        up = rotate(self.T_file_world, np.array([0.0, 0, 1]))
        for number in range(len(self.rgbd.devices)):
            camera = self.rgbd.depth(number)
            depth_m = self._first_depth(camera.name)
            if depth_m is None:
                continue
            p_world = transform(camera.T_world_camera, depth_to_points(depth_m, camera).reshape(-1, 3))
            with np.errstate(invalid="ignore"):
                floor = p_world[np.abs(p_world[:, 2]) < FLOOR_M]
            if len(floor) >= FLOOR_PIXELS:
                center = transform(self.T_file_world, floor.mean(0) * [1, 1, 0])
                found[number] = {"center": center.tolist(), "normal": up.tolist(), "pnum": len(floor)}
        return found

    def _first_depth(self, stream: str) -> np.ndarray | None:
        """Of the first frame that can be read, metres."""
        for instant in self.instants:
            if instant.has(stream):
                try:
                    return self.session.frame(stream, instant.index[stream]).payload
                except CaptureError:
                    continue  # it is named where it was to be written
        return None

    def _times(self) -> dict[str, Any]:
        names = [f"{device}/{kind}" for device in self.rgbd.devices for kind in ("color", "depth")]
        instants, times = np.full(self.frames, -1, np.int64), np.zeros(self.frames, np.int64)
        offsets = np.zeros((self.frames, len(names)), np.int64)
        for instant in self.instants:
            frame = self.frame_of[instant.instant]
            instants[frame], times[frame] = instant.instant, instant.time_us
            offsets[frame] = [instant.offset_us.get(name, 0) if instant.has(name) else 0 for name in names]
        return {"instants": instants, "time_us": times, "offset_us": offsets, "streams": names}

    def _about(self) -> list[str]:
        names = ", ".join(f"{n} = {device}" for n, device in enumerate(self.rgbd.devices))
        lines = [f"Kinect/N: {names}; {self.frames} frames, 0 is instant {self.instants[0].instant}"]
        if self.rgbd.left_out:
            lines.append(f"left out: {'; '.join(self.rgbd.left_out)}")
        lines += [self.phone.about()] if self.phone else []
        video = [s for s in self.rgbd.streams("color") if self.session.streams[s].encoding == "video"]
        if video:
            lines.append(f"recorded as video, coded again as JPEG of quality {JPEG_QUALITY}: {', '.join(video)}")
        lines.append("Mask: 255 on anybody, 0 elsewhere, in the depth camera's pixels")
        return [*lines, *([f"not in the file, for want of a frame: {' '.join(self.lost)}"] if self.lost else [])]


def _write_person(session: Session, recording: _Recording, file: SmcWriter) -> list[str]:
    """Keypoints and body of the first person; lines about what there is not."""
    now, lines = datetime.now(UTC).isoformat(timespec="seconds"), []
    first, others, no_body = Results(session), [], ""
    try:
        first, *others = everybody(session)
    except HumanrigError as error:  # nobody was fitted yet, say; keypoints there may be
        no_body = str(error)
    try:
        points = whole_body(first, recording.frame_of, recording.frames)
    except HumanrigError as error:
        lines.append(f"Keypoints3D and Keypoints2D are not there: {error}")
    else:
        file.keypoints3d(points.in_file(recording.T_file_world), points.mask, CONVENTION, now)
        for number in range(len(recording.rgbd.devices)):
            file.keypoints2d(f"Kinect/{number}", points.seen_by(recording.rgbd.color(number)), points.mask)
        if recording.phone:
            file.keypoints2d("iPhone/0", points.seen_by(recording.phone.camera), points.mask)
        lines.append(
            f"Keypoints3D: {CONVENTION}, {int(points.mask.sum())} of 133 points are there, triangulated, in the "
            "file's world; Keypoints2D: the same, projected through the whole lens into the recorded pictures"
        )
    if no_body:
        return [*lines, f"SMPL is not there: {no_body}"]
    try:
        arrays, loss = smpl_arrays(first, recording.frame_of, recording.frames, recording.T_file_world)
    except HumanrigError as error:
        return [*lines, f"SMPL is not there: {error}"]
    body = first.body
    file.smpl(arrays, str(body["model"]), str(body["model_sha256"]), now)
    empty = int(np.isnan(arrays["transl"][:, 0]).sum())
    lines.append(
        f"SMPL: of {body['model']}, not of SMPL unless that is SMPL; axis-angle, in the file's world; {loss}; "
        f"{empty} frames without a body are NaN"
    )
    left = f"; the format has no place for {', '.join(r.person for r in others)}: export amass" if others else ""
    return [*lines, f"the body and keypoints are {first.person}'s{left}"]
