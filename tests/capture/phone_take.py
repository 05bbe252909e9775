"""A small session with a phone, and an agent that plays it in a thread: what the phone tests share."""

import contextlib
import threading
import time

import numpy as np
import simplejpeg

from capture import depth_codec
from capture.iphone.agent import AgentRecord, run_agent
from capture.iphone.message import PhoneMessage
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo

RATE_HZ, SIZES = 60.0, {"color": (64, 48), "depth": (32, 24)}
TOKEN = "a-token-of-24-characters"


def write_phone_session(folder, frames=60, name="iphone_000"):
    """A session whose phone has random depth and coloured noise, 60 frames a second, from 77 s on."""
    rng = np.random.default_rng(5)
    K = np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]])
    path = folder / "recording" / "phone.mcap"
    with McapWriter(path) as writer:
        for kind, encoding in (("color", "jpeg"), ("depth", "dzp"), ("imu", "json")):
            writer.add_stream(f"/{name}/{kind}", encoding)
        for k in range(frames):
            us = 77_000_000 + round(k * 1e6 / RATE_HZ)
            color = simplejpeg.encode_jpeg(rng.integers(0, 255, (48, 64, 3), np.uint8), quality=90)
            depth = depth_codec.encode(rng.integers(0, 65535, (24, 32)).astype(np.uint16))
            T = np.eye(4)
            T[:3, 3] = rng.standard_normal(3)
            K[0, 2] += 0.01 * rng.standard_normal()
            confidence = rng.integers(0, 3, (24, 32)).astype(np.uint8)
            said = PhoneMessage(timestamp_s=us / 1e6, K=K.copy(), T_arkit_camera=T, confidence=confidence)
            for kind, data in (("color", color), ("depth", depth), ("imu", said.encode())):
                writer.write(f"/{name}/{kind}", data, device_us=us, host_us=us + 40_000)
    streams = [
        StreamInfo(
            name=f"{name}/{kind}", kind=kind, file="recording/phone.mcap", encoding=encoding, frames=frames,
            topic=f"/{name}/{kind}", width=size[0], height=size[1], rate_hz=RATE_HZ,
        )
        for kind, encoding, size in (
            ("color", "jpeg", SIZES["color"]), ("depth", "dzp", SIZES["depth"]), ("imu", "json", (None, None))
        )
    ]  # fmt: skip
    device = DeviceInfo(name=name, model="iPhone 15 Pro", serial="SERIAL-1", clock=name)
    return Session.create(folder, streams=streams, devices=[device], origin="test")


def recorded(session, kind, index, name="iphone_000"):
    """The bytes of a frame as recorded."""
    stream = session.stream(f"{name}/{kind}")
    return session.recording(stream.file).read(stream.topic, index).data


@contextlib.contextmanager
def playing(url, folder, **options):
    """An agent in a thread; gives its record, ends it at the end, and raises what it raised."""
    quit, record, failures = threading.Event(), AgentRecord(), []

    def play():
        try:
            run_agent(url, folder, quit=quit, record=record, **options)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield record
    finally:
        quit.set()
        thread.join(10)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


def take_until(device, done, frames=None, limit_s=10.0):
    """Frames of a device until `done(frames)`, by stream, added to those given; fails after the limit."""
    frames, end = {} if frames is None else frames, time.monotonic() + limit_s
    while not done(frames):
        assert time.monotonic() < end, {name: len(f) for name, f in frames.items()}
        frame = device.next_frame(0.05)
        if frame is not None:
            frames.setdefault(frame.stream, []).append(frame)
    return frames


def drain(device, frames):
    """What is still queued after `stop`, added to the frames."""
    while (frame := device.next_frame(0.0)) is not None:
        frames.setdefault(frame.stream, []).append(frame)
    return frames
