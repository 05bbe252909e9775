"""A phone's recording as a session: colour, depth and a message a frame, whatever application made it.

The streams are those that `docs/devices.md` describes: colour as the application compressed it, depth as dzp in
millimetres, and `PhoneMessage` with K, T_arkit_camera and confidence. Frames belong together by their device time. A
phone moves, so that its cameras have the first frame's K and no place in the world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from jaxtyping import Float, UInt8, UInt16

from capture import depth_codec
from capture.errors import CaptureError
from capture.iphone.message import PhoneMessage
from capture.mcap_recording import McapWriter
from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo, StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.coded_images import decode_image

NAME = "iphone_000"
RECORDING = f"recording/{NAME}.mcap"
ENCODING = {"color": "jpeg", "depth": "dzp", "imu": "json"}
NO_CONFIDENCE = np.zeros((0, 0), np.uint8)
UNPLACED = "a phone moves: K of the first frame, no place in the world; its poses in ARKit's world are in its imu"
ASPECT_TOLERANCE = 0.02
"""Relative. Colour and depth of one phone have one aspect ratio (4:3); a swap of rows and columns is off by 0.78."""
CENTER_TOLERANCE = 0.1
"""Of the picture's side, from its middle. ARKit's principal points are within 0.02 of it in the captures at hand; K of
a picture that is turned or of another size is off by 0.17 or more."""
MAX_S = 1e12
"""A recording's clock is seconds since a phone began or since 1970."""
JPEG_END, JPEG_TAIL = b"\xff\xd9", 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class PhoneFrame:
    """One frame as an application stored it, in ARKit's axes."""

    where: str
    """The file or the entry that it comes from, for messages."""
    timestamp_s: float
    """Of the phone's clock."""
    K: Float[np.ndarray, "3 3"]
    """Of the colour image, in pixels."""
    T_arkit_camera: Float[np.ndarray, "4 4"]
    """World y up, metres; camera x right, y up, looking along -z, of the image as it is stored."""
    color: bytes | None = None
    """JPEG; None where this frame has none, or colour is a video."""
    depth_mm: UInt16[np.ndarray, "height width"] | None = None
    confidence: UInt8[np.ndarray, "rows columns"] | None = None
    """As large as the depth image."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PhoneRecording:
    """What an importer found."""

    origin: str
    model: str
    frames: Iterable[PhoneFrame]
    count: int
    """How many frames there are."""
    notes: Sequence[str] = ()
    """What was assumed, and what was left out."""
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    """The application's own files, kept as they are."""
    video: StreamInfo | None = None
    """The colour stream, where it is a video file that already lies in the session."""
    start_offset_us: int = 0
    """Device time of the video's first picture."""


def write_phone_session(
    folder: Path,
    recording: PhoneRecording,
    *,
    calibration: Path | None = None,
    session_id: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Makes a session in an empty folder.

    Raises CaptureError when there is no frame or no picture, when images change their size or are damaged, and when a
    `calibration` is given: where a phone is, is in the recording.
    """
    if calibration is not None:
        raise CaptureError(
            f"a phone's recording has its own cameras and poses, {calibration.name} cannot be used; leave --calibration"
        )
    sizes: dict[str, tuple[int, int]] = {}
    if recording.video is not None:
        sizes["color"] = (recording.video.width or 0, recording.video.height or 0)
    times: dict[str, list[int]] = {kind: [] for kind in ENCODING}
    first_K: np.ndarray | None = None
    without_confidence = 0
    with McapWriter(folder / RECORDING, {f"{NAME}/{name}": data for name, data in recording.attachments.items()}) as to:
        for frame in recording.frames:
            payloads = _payloads(frame)
            for kind, (data, size) in payloads.items():
                if not times[kind]:
                    _declare(to, kind, size, sizes, frame.where)
                elif size and size != sizes[kind]:
                    raise CaptureError(
                        f"{frame.where}: the {kind} image is {size[0]}x{size[1]}, those before it {sizes[kind][0]}x"
                        f"{sizes[kind][1]}; a recording has one size, export it again"
                    )
                device_us = round(1e6 * frame.timestamp_s)
                to.write(f"/{NAME}/{kind}", data, device_us=device_us, host_us=device_us)
                times[kind].append(device_us)
            without_confidence += frame.depth_mm is not None and frame.confidence is None
            first_K = frame.K if first_K is None else first_K
            if on_progress:
                on_progress(len(times["imu"]), recording.count)
    if first_K is None or "color" not in sizes:
        raise CaptureError(f"the {recording.origin} recording holds no picture; export it again, with images")
    _check_center(first_K, sizes["color"], recording.origin)
    cameras = _cameras(first_K, sizes)
    source = f"{recording.model}: {UNPLACED}"
    write_cameras(folder.joinpath(*RECORDED_CAMERAS), cameras, source=source, unplaced=[c.name for c in cameras])
    notes = list(recording.notes)
    if without_confidence:
        notes.append(f"{without_confidence} depth images came without confidence")
    device = DeviceInfo(
        name=NAME,
        model=recording.model,
        clock=NAME,
        start_offset_us=recording.start_offset_us,
        note="; ".join(notes),
    )
    streams = [] if recording.video is None else [recording.video]
    streams += [_stream(kind, found, sizes.get(kind)) for kind, found in times.items() if found]
    return Session.create(folder, id=session_id, streams=streams, devices=[device], origin=recording.origin)


def read_depth_png(path: Path) -> UInt16[np.ndarray, "height width"]:
    """A depth image in millimetres. Raises CaptureError when it is damaged or has not 16 bits."""
    return _read_png(path, np.uint16, "16-bit millimetres")


def read_confidence_png(path: Path) -> UInt8[np.ndarray, "height width"]:
    """Confidence 0, 1, 2 of each pixel. Raises CaptureError when it is damaged or has not 8 bits."""
    return _read_png(path, np.uint8, "8-bit confidence")


def read_bytes(path: Path) -> bytes:
    """A file. Raises CaptureError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror}); copy the recording again") from None


def _read_png(path: Path, dtype: type, what: str) -> np.ndarray:
    image = decode_image(read_bytes(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise CaptureError(f"{path} is damaged or not a PNG image; copy the recording again")
    if image.dtype != dtype or image.ndim != 2:
        raise CaptureError(f"{path} holds {image.dtype} of shape {image.shape}, {what} was expected; export it again")
    return image


def _payloads(frame: PhoneFrame) -> dict[str, tuple[bytes, tuple[int, int] | None]]:
    """Bytes and image size by kind."""
    found: dict[str, tuple[bytes, tuple[int, int] | None]] = {}
    if frame.color is not None:
        found["color"] = frame.color, _jpeg_size(frame.color, frame.where)
    if frame.depth_mm is not None:
        height, width = frame.depth_mm.shape
        found["depth"] = depth_codec.encode(frame.depth_mm), (width, height)
        if frame.confidence is not None and frame.confidence.shape != frame.depth_mm.shape:
            raise CaptureError(
                f"{frame.where}: confidence has shape {frame.confidence.shape}, depth {frame.depth_mm.shape}; "
                "export the recording again"
            )
    if not (np.isfinite(frame.K).all() and np.isfinite(frame.T_arkit_camera).all() and 0 <= frame.timestamp_s < MAX_S):
        raise CaptureError(f"{frame.where}: its time, intrinsics or pose are no numbers that can be; export it again")
    message = PhoneMessage(
        timestamp_s=frame.timestamp_s,
        K=frame.K,
        T_arkit_camera=frame.T_arkit_camera,
        confidence=NO_CONFIDENCE if frame.confidence is None else frame.confidence,
    )
    found["imu"] = message.encode(), None
    return found


def _jpeg_size(data: bytes, where: str) -> tuple[int, int]:
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise CaptureError(f"{where}: its picture is no JPEG ({error}); export the recording again") from None
    if JPEG_END not in data[-JPEG_TAIL:]:
        raise CaptureError(f"{where}: its picture is cut short; copy the recording again")
    return int(width), int(height)  # pyright: ignore[reportArgumentType]


def _declare(
    writer: McapWriter, kind: str, size: tuple[int, int] | None, sizes: dict[str, tuple[int, int]], where: str
) -> None:
    """Adds a stream with its first frame."""
    note = {} if size is None else {"width": str(size[0]), "height": str(size[1])}
    writer.add_stream(f"/{NAME}/{kind}", ENCODING[kind], note)
    if size is None:
        return
    sizes[kind] = size
    if {"color", "depth"} <= sizes.keys():
        (cw, ch), (dw, dh) = sizes["color"], sizes["depth"]
        if abs(cw * dh / (ch * dw) - 1) > ASPECT_TOLERANCE:
            raise CaptureError(
                f"{where}: colour is {cw}x{ch}, depth {dw}x{dh}; one of them is turned or cropped, export it again"
            )


def _check_center(K: np.ndarray, size: tuple[int, int], origin: str) -> None:
    off = np.abs((K[:2, 2] + 0.5) / np.array(size) - 0.5)
    if off.max() > CENTER_TOLERANCE:
        raise CaptureError(
            f"the {origin} recording has its principal point at ({K[0, 2]:.1f}, {K[1, 2]:.1f}) in pictures of "
            f"{size[0]}x{size[1]}; its intrinsics are of a turned picture or of another size, export it again"
        )


def _cameras(K: np.ndarray, sizes: dict[str, tuple[int, int]]) -> list[Camera]:
    """Colour, and depth as the same camera at its size, edge upon edge."""
    width, height = sizes["color"]
    color = Camera(name=f"{NAME}/color", K=K, width=width, height=height)
    if "depth" not in sizes:
        return [color]
    depth = color.resized(*sizes["depth"])
    return [color, Camera(name=f"{NAME}/depth", K=depth.K, width=depth.width, height=depth.height)]


def _rate_hz(times: Sequence[int]) -> float | None:
    steps = np.diff(times)
    middle = float(np.median(steps)) if len(steps) else 0.0
    return round(1e6 / middle, 3) if middle > 0 else None


def _stream(kind: str, times: Sequence[int], size: tuple[int, int] | None) -> StreamInfo:
    return StreamInfo(
        name=f"{NAME}/{kind}",
        kind=kind,  # pyright: ignore[reportArgumentType]
        file=RECORDING,
        topic=f"/{NAME}/{kind}",
        encoding=ENCODING[kind],  # pyright: ignore[reportArgumentType]
        frames=len(times),
        width=size[0] if size else None,
        height=size[1] if size else None,
        rate_hz=_rate_hz(times),
    )
