"""What of a RealSense unit goes into a file of its maker's recorder, and the calibration that stands in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from typing import Any

import numpy as np
from jaxtyping import UInt8, UInt16

from capture import depth_codec
from capture.errors import CaptureError
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo
from geometry.camera import Camera
from geometry.rigid import inverse
from geometry.told_values import json_of

ORDER = ("depth", "color", "ir")
"""Of frames of one time."""
TERMS = 5
"""k1 k2 p1 p2 k3: what the SDK's lens models hold."""


@dataclass(frozen=True, kw_only=True)
class Lens:
    """Intrinsics as the SDK states them."""

    width: int
    height: int
    fx: float
    fy: float
    ppx: float
    ppy: float
    model: str
    """Name of one of the SDK's lens models."""
    coeffs: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ToAnchor:
    """From one stream's camera to the anchor's, which is depth where there is one."""

    rotation_column_major: tuple[float, ...]
    translation_m: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class RealSensePlan:
    """What of a unit goes into its file."""

    session: Session
    device: DeviceInfo
    streams: dict[str, StreamInfo]
    """By kind."""
    notes: tuple[str, ...]
    """What is left out or made up, a sentence each."""

    @property
    def frames(self) -> int:
        """How many there are, of all streams."""
        return sum(stream.frames for stream in self.streams.values())

    @property
    def anchor(self) -> str:
        """The kind whose camera is the unit's frame."""
        return "depth" if "depth" in self.streams else next(iter(self.streams))

    def in_time(self) -> Iterator[tuple[int, int, str, int]]:
        """Device time, host time, kind and index of every frame, in the order of device time."""
        queues = []
        for order, kind in enumerate(k for k in ORDER if k in self.streams):
            device, host = self.session.timestamps_us(self.streams[kind].name)
            back = np.flatnonzero(np.diff(device) <= 0)
            if len(back):
                k = int(back[0])
                raise CaptureError(
                    f"{self.session.folder}: the clock of {self.streams[kind].name} goes from {device[k]} to "
                    f"{device[k + 1]} us at frame {k + 1} (a reset), which one recording cannot hold"
                )
            queues.append([(int(a), order, int(b), kind, i) for i, (a, b) in enumerate(zip(device, host))])
        for time_us, _, host_us, kind, index in merge(*queues):
            yield time_us, host_us, kind, index

    def pixels(self, kind: str, index: int) -> UInt16[np.ndarray, "_ _"] | UInt8[np.ndarray, "_ _ 3"]:
        """Depth in millimetres and infrared as recorded; colour decoded, RGB. Raises CaptureError for damage."""
        stream = self.streams[kind]
        if kind == "color":
            return np.ascontiguousarray(self.session.frame(stream.name, index).payload)
        assert stream.topic is not None  # dzp lies in a recording
        data = self.session.recording(stream.file).read(stream.topic, index).data
        try:
            return depth_codec.decode(data, stream.height or 0, stream.width or 0)
        except CaptureError as error:
            raise CaptureError(f"{self.session.folder}: frame {index} of {stream.name}: {error}") from None


def plan_realsense(session: Session, device: str) -> RealSensePlan | None:
    """What of a device its maker's file can hold; None for what is no RealSense unit, by its name or model."""
    info = session.devices[device]
    if "realsense" not in f"{device} {info.model}".lower():
        return None
    streams: dict[str, StreamInfo] = {}
    notes: list[str] = []
    for stream in (s for s in session.streams.values() if s.device == device and s.frames):
        if not stream.is_image or (stream.kind != "color" and stream.encoding != "dzp"):
            notes.append(f"{stream.name} is left out: {stream.kind} as {stream.encoding} has no place in the file")
            continue
        streams[stream.kind] = stream
        if stream.kind == "color":
            notes.append(f"{stream.name}: {stream.encoding} is decoded, its pixels are stored without further loss")
    if not streams.keys() & {"depth", "color"}:
        return None
    return RealSensePlan(session=session, device=info, streams=streams, notes=tuple(notes))


def calibration(
    plan: RealSensePlan, cameras: Mapping[str, Camera]
) -> tuple[dict[str, Lens], dict[str, ToAnchor], list[str]]:
    """Lens and place of each stream by kind, and sentences about what was made up.

    What the SDK said of the unit, where the recording has it attached; else from `cameras`. Raises CaptureError when a
    camera is missing or its lens has terms that the SDK's models lack.
    """
    name = plan.device.name
    said = _attached(plan)
    if said is not None and all(kind in said for kind in plan.streams):
        return (
            {kind: _said_lens(said[kind]) for kind in plan.streams},
            {kind: _said_place(said[kind]) for kind in plan.streams if kind != plan.anchor},
            [],
        )
    found = {kind: _camera(plan, kind, cameras) for kind in plan.streams}
    notes = [f"{name}: the calibration in the file is made from the session's cameras"]
    T_anchor_world = inverse(found[plan.anchor].T_world_camera)
    places = {
        kind: _place(T_anchor_world @ camera.T_world_camera) for kind, camera in found.items() if kind != plan.anchor
    }
    return {kind: _lens(plan, camera) for kind, camera in found.items()}, places, notes


def _camera(plan: RealSensePlan, kind: str, cameras: Mapping[str, Camera]) -> Camera:
    """Of infrared without one of its own, depth's: the SDK's depth is seen from the left imager."""
    name = plan.device.name
    camera = cameras.get(f"{name}/{kind}") or (cameras.get(f"{name}/depth") if kind == "ir" else None)
    stream = plan.streams[kind]
    if camera is None:
        raise CaptureError(
            f"{plan.session.folder}: there is no camera of {stream.name}; import it with a calibration, or run: "
            f"humanrig reconstruct {plan.session.folder} --only calibrate"
        )
    if (camera.width, camera.height) != (stream.width, stream.height):
        raise CaptureError(
            f"{plan.session.folder}: the camera of {stream.name} is {camera.width}x{camera.height}, its images "
            f"{stream.width}x{stream.height}; calibrate in the mode of the recording"
        )
    return camera


def _lens(plan: RealSensePlan, camera: Camera) -> Lens:
    if np.any(camera.distortion[TERMS:]):
        raise CaptureError(
            f"{plan.session.folder}: the lens of {camera.name} has the terms k4 k5 k6, a RealSense file holds k1 k2 p1 "
            "p2 k3 alone; calibrate it with the factory's lens model"
        )
    return Lens(
        width=camera.width,
        height=camera.height,
        fx=float(camera.K[0, 0]),
        fy=float(camera.K[1, 1]),
        ppx=float(camera.K[0, 2]),
        ppy=float(camera.K[1, 2]),
        model="brown_conrady",
        coeffs=tuple(float(value) for value in camera.distortion[:TERMS]),
    )


def _place(T_anchor_camera: np.ndarray) -> ToAnchor:
    return ToAnchor(
        rotation_column_major=tuple(T_anchor_camera[:3, :3].T.ravel().tolist()),
        translation_m=tuple(T_anchor_camera[:3, 3].tolist()),
    )


def _attached(plan: RealSensePlan) -> dict[str, dict[str, Any]] | None:
    """What the SDK said of each stream, by our kind (`capture.realsense.calibration.as_json`)."""
    for stream in plan.streams.values():
        if stream.topic is None:
            continue
        data = plan.session.recording(stream.file).attachments.get(f"{plan.device.name}/realsense.json")
        if data is None:
            continue
        try:
            return {_kind(str(said["stream"])): said for said in json_of(data)}
        except (ValueError, KeyError, TypeError) as error:
            raise CaptureError(
                f"{plan.session.folder}: realsense.json of {plan.device.name} is damaged ({error}); import it again"
            ) from None
    return None


def _kind(stream: str) -> str:
    word = stream.split()[0].lower()
    return "ir" if word == "infrared" else word


def _said_lens(said: Mapping[str, Any]) -> Lens:
    numbers = {key: said[key] for key in ("width", "height", "fx", "fy", "ppx", "ppy", "model")}
    return Lens(**numbers, coeffs=tuple(said["coeffs"]))


def _said_place(said: Mapping[str, Any]) -> ToAnchor:
    place = said["to_anchor"]
    return ToAnchor(
        rotation_column_major=tuple(place["rotation_column_major"]), translation_m=tuple(place["translation_m"])
    )
