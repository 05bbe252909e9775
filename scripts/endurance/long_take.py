"""A long take of few pixels: a short simulated one, played forwards and backwards until it is long enough."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from capture import depth_codec
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.depth import encode_depth_mm
from humanrig.simulation import simulate_session

RECORDING = "recording/rig.mcap"
BACKGROUND = ("recording", "background")
PIECE_HZ = 10.0
HALF = 2
"""Every other pixel of the binned depth mode: 160 x 144. Colour is halved too: 640 x 360."""


def long_take(folder: Path, *, cameras: int, rate_hz: float, instants: int, piece: int, seed: int) -> Session:
    """The session at `folder`, made unless it is there already.

    `piece` instants are simulated at PIECE_HZ; the take goes through them to and fro at `rate_hz`, so that somebody
    walks slowly and never jumps.
    """
    if (folder / "session.toml").is_file():
        return Session.open(folder)
    short = folder.with_name(f"{folder.name}_piece")
    if not (short / "session.toml").is_file():
        simulate_session(
            short, workers=1, cameras=cameras, clip="walk", seconds=piece / PIECE_HZ, rate_hz=PIECE_HZ,
            seed=seed,
            depth_mode="NFOV_2X2BINNED", color_resolution="720P", outfit="casual",
        )  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    order = list(to_and_fro(piece, instants))
    made = _smaller(Session.open(short), folder, order, rate_hz, {"background_from": "recording/background"})
    empty = Session.open(short.joinpath(*BACKGROUND))
    frames = min(stream.frames for stream in empty.streams.values())
    _smaller(empty, folder.joinpath(*BACKGROUND), range(frames), rate_hz, {})
    return made


def to_and_fro(piece: int, count: int) -> Iterator[int]:
    """0 1 2 … and back again, `count` numbers below `piece`; the ends come once.

    >>> list(to_and_fro(3, 8))
    [0, 1, 2, 1, 0, 1, 2, 1]
    """
    period = max(2 * (piece - 1), 1)
    for n in range(count):
        place = n % period
        yield place if place < piece else period - place


def _smaller(source: Session, folder: Path, order: Sequence[int], rate_hz: float, links: dict[str, str]) -> Session:
    """The frames `order` of every stream at half the pixels, one period apart."""
    streams = [s for s in source.streams.values() if s.kind in ("color", "depth")]
    period_us = round(1e6 / rate_hz)
    coded: dict[tuple[str, int], bytes] = {}
    made = [
        replace(s, file=RECORDING, frames=len(order), width=(s.width or 0) // HALF, height=(s.height or 0) // HALF,
                rate_hz=rate_hz)
        for s in streams
    ]  # fmt: skip
    with McapWriter(folder / RECORDING) as writer:
        for stream in made:
            writer.add_stream(f"/{stream.name}", stream.encoding)
        for n, index in enumerate(order):
            for stream in made:
                if (stream.name, index) not in coded:
                    coded[stream.name, index] = _coded(stream, source.frame(stream.name, index).payload)
                us = n * period_us + stream.delay_us
                data = coded[stream.name, index]
                writer.write(f"/{stream.name}", data, device_us=us, host_us=us)
    if (source.folder / "recording" / "cameras.json").is_file():
        cameras = source.recorded_cameras()
        write_cameras(
            folder / "recording" / "cameras.json",
            {s.name: _halved(cameras[s.name], s) for s in made},
            source="simulated, at half the pixels",
        )
    info = [replace(s, topic=f"/{s.name}") for s in made]
    return Session.create(folder, streams=info, devices=source.info.devices, origin="virtual", links=links)


def _coded(stream: StreamInfo, image: np.ndarray) -> bytes:
    if stream.kind == "depth":
        return depth_codec.encode(encode_depth_mm(image[::HALF, ::HALF]))
    small = cv2.resize(image, (stream.width or 0, stream.height or 0), interpolation=cv2.INTER_AREA)
    return simplejpeg.encode_jpeg(np.ascontiguousarray(small), quality=90)


def _halved(camera: Camera, stream: StreamInfo) -> Camera:
    """Depth keeps every other pixel, from the first; colour keeps the mean of four."""
    if stream.kind == "color":
        return camera.resized(stream.width or 0, stream.height or 0)
    K = np.asarray(camera.K).copy()
    K[:2] /= HALF
    return replace(camera, K=K, width=stream.width or 0, height=stream.height or 0)
