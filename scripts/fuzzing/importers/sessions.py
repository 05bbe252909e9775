"""A session: its description, its recording, and its frames."""

from __future__ import annotations

import shutil
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fuzzing.importer import Importer

TINY: Final = {"color": (32, 24), "depth": (24, 20)}


def tiny_rig(folder: Path) -> Any:
    """Two devices and a phone with pictures of some pixels, five frames each."""
    from fuzzing.importers import of_tests

    build_rig = of_tests("other_rigs").build_rig

    return build_rig(folder, count=2, frames=3, phone=False, color=(64, 48), depth=(48, 40))


def phone_rig(folder: Path) -> Any:
    """A phone with random depth and coloured noise."""
    from fuzzing.importers import of_tests

    write_phone_session = of_tests("phone_take").write_phone_session

    return write_phone_session(folder, frames=3)


def _sessions(folder: Path) -> None:
    from capture.frame_sets import Instant, write_instants
    from fuzzing.importers.cameras import two_cameras
    from geometry.camera_files.cameras_json import write_cameras

    session = tiny_rig(folder / "rig")
    names = list(session.streams)
    rows = [Instant(instant=n, time_us=33_333 * n, index=dict.fromkeys(names, n), offset_us={}) for n in range(3)]
    write_instants(folder / "rig" / "sync" / "frames.parquet", rows)
    phone = phone_rig(folder / "phone")
    cameras = {"iphone_000/color": next(iter(two_cameras().values()))}
    cameras["iphone_000/color"] = replace(cameras["iphone_000/color"], name="iphone_000/color", width=64, height=48)
    write_cameras(phone.path("recording", "cameras.json"), cameras, source="made up")


def _read_session(path: Path, to: Path) -> None:
    from capture.checking import check_session
    from capture.session import Session

    session = Session.open(path)
    for name, stream in session.streams.items():
        session.timestamps_us(name)
        for index in range(min(stream.frames, 3)):
            session.frame(name, index)
    session.recorded_camera_file()
    check_session(session)


def _read_report(path: Path, to: Path) -> None:
    """What a stage does with names of streams: it makes files of them."""
    from capture.session import Session

    session = Session.open(path)
    for name in session.streams:
        place = session.path("masks", *name.split("/"))
        place.mkdir(parents=True, exist_ok=True)
        (place / "000000.png").write_bytes(b"x")


def _copy_of(name: str) -> Any:
    def write(folder: Path) -> None:
        work = folder.parent / f".{folder.name}.work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            _sessions(work)
            for made in sorted(work.iterdir()):
                source = made / name
                if source.is_file():
                    shutil.copy(source, folder / f"{made.name}{source.suffix}")
        finally:
            shutil.rmtree(work, ignore_errors=True)

    return write


def _seed_mcap(folder: Path) -> None:
    _copy_of("recording/rig.mcap")(folder)
    _copy_of("recording/phone.mcap")(folder)


def _read_mcap(path: Path, to: Path) -> None:
    from capture.mcap_damage import damaged_chunks
    from capture.mcap_reading import McapReader

    with McapReader(path) as reader:
        for topic in reader.topics:
            for index in range(min(reader.count(topic), 4)):
                reader.read(topic, index)
            reader.timestamps_us(topic)
    damaged_chunks(path)


def _repair_seeds(folder: Path) -> None:
    from capture.mcap_recording import McapWriter

    rng = np.random.default_rng(0)
    with McapWriter(folder / "rig.mcap") as writer:
        writer.add_stream("/kinect_000/depth", "dzp")
        for k in range(5):
            writer.write("/kinect_000/depth", rng.bytes(200), device_us=k, host_us=k)


def _read_repair(path: Path, to: Path) -> None:
    from capture.mcap_repair import rewrite

    rewrite(path, to / "rewritten.mcap")


def _read_instants(path: Path, to: Path) -> None:
    from capture.frame_sets import read_instants

    read_instants(path)


def _dzp(folder: Path) -> None:
    from capture import depth_codec

    rng = np.random.default_rng(0)
    for n, image in enumerate((rng.integers(0, 65536, (20, 24)), np.full((20, 24), 1500), np.zeros((20, 24)))):
        (folder / f"{n}.dzp").write_bytes(depth_codec.encode(image.astype(np.uint16)))


def _read_dzp(path: Path, to: Path) -> None:
    from capture import depth_codec
    from capture.errors import CaptureError

    data = path.read_bytes()
    for decode in (depth_codec.decode, depth_codec.decode_numpy):
        for shape in ((20, 24), (2000, 2000), (0, 0)):
            try:
                decode(data, *shape)
            except CaptureError:
                if shape == (20, 24) and decode is depth_codec.decode_numpy:
                    raise


def _phone_message(folder: Path) -> None:
    import simplejpeg

    from capture.iphone.frame_message import encode_frame

    color = simplejpeg.encode_jpeg(np.full((48, 64, 3), 90, np.uint8))
    depths: list[Any] = [("raw", bytes(2 * 32 * 24)), ("zlib", zlib.compress(bytes(2 * 32 * 24)))]
    for n, (coding, data) in enumerate(depths):
        message = encode_frame(
            take=1, number=n, timestamp_s=5.0, color=color, depth=(coding, data), K=np.eye(3), T_arkit_camera=np.eye(4),
            confidence=np.ones((24, 32), np.uint8),
        )  # fmt: skip
        (folder / f"{n}.frame").write_bytes(message)


def _read_phone_message(path: Path, to: Path) -> None:
    from capture.iphone.frame_message import decode_frame

    decode_frame(path.read_bytes(), _hello())


def _hello() -> Any:
    from capture.iphone.protocol import Hello, PhoneStream

    sizes = {"color": (64, 48), "depth": (32, 24)}
    streams = [PhoneStream(kind=k, rate_hz=60.0, width=w, height=h) for k, (w, h) in sizes.items()]  # pyright: ignore
    K = [60.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0]
    return Hello(version=1, serial="A-1", run="r", streams=[*streams, PhoneStream(kind="imu", rate_hz=60.0)], K=K)


def _phone_text(folder: Path) -> None:
    from capture.iphone.protocol import Ping, Start, Stopped, to_text

    for n, message in enumerate((_hello(), Ping(t0=5), Stopped(take=1, frames=9), Start(take=1))):
        (folder / f"{n}.json").write_text(to_text(message))


def _read_phone_text(path: Path, to: Path) -> None:
    from capture.errors import CaptureError
    from capture.iphone.protocol import from_phone, from_rig

    text = path.read_bytes().decode("utf-8", "replace")  # as a web socket gives it
    try:
        from_phone(text)
    except CaptureError:
        from_rig(text)


IMPORTERS: Final = (
    Importer(name="session", reads="a session: session.toml, recording, frames", read=_read_session, seeds=_sessions),
    Importer(
        name="session_names",
        reads="a session: files made after its names",
        read=_read_report,
        seeds=_sessions,
        hidden=frozenset({".mcap", ".parquet", ".json"}),
    ),
    Importer(name="mcap", reads="MCAP recordings", read=_read_mcap, seeds=_seed_mcap),
    Importer(name="mcap_repair", reads="MCAP recordings that were cut off", read=_read_repair, seeds=_repair_seeds),
    Importer(name="instants", reads="sync/frames.parquet", read=_read_instants, seeds=_copy_of("sync/frames.parquet")),
    Importer(name="depth_codec", reads="depth images of ours (dzp)", read=_read_dzp, seeds=_dzp),
    Importer(name="phone_frame", reads="frames that a phone sends", read=_read_phone_message, seeds=_phone_message),
    Importer(name="phone_text", reads="messages that a phone sends", read=_read_phone_text, seeds=_phone_text),
)
