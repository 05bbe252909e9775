"""The same recording as the maker's own library writes it, to see that both writers say the same."""

from __future__ import annotations

from heapq import merge
from pathlib import Path

from capture import depth_codec
from capture.azure_kinect.record_writer import K4aRecordWriter
from capture.azure_kinect.settings import KinectSettings
from capture.session import Session
from geometry.camera_files.azure_kinect_modes import COLOR_MODES, DEPTH_MODES


def with_libk4arecords_writer(session: Session, device: str, path: Path) -> Path:
    """Writes colour, depth and infrared of a device that has all three, with the session's times; returns `path`."""
    color, depth, ir = (session.stream(f"{device}/{kind}") for kind in ("color", "depth", "ir"))
    info = session.devices[device]
    settings = KinectSettings(
        color_resolution=_mode(COLOR_MODES, color.width),  # pyright: ignore[reportArgumentType]
        depth_mode=_mode(DEPTH_MODES, depth.width),  # pyright: ignore[reportArgumentType]
        sync=info.sync,
        depth_delay_us=depth.delay_us - color.delay_us,
        subordinate_delay_us=color.delay_us if info.sync == "subordinate" else 0,
        infrared=True,
        imu=False,
    )
    calibration = session.recording(color.file).attachments[f"{device}/calibration.json"]
    queues = [
        [(int(time), stream.kind, index) for index, time in enumerate(session.timestamps_us(stream.name)[0])]
        for stream in (color, depth, ir)
    ]
    streams = {stream.kind: stream for stream in (color, depth, ir)}
    with K4aRecordWriter(path, settings, serial=info.serial, calibration=calibration) as writer:
        for time_us, kind, index in merge(*queues):  # a capture for each image, so that a lost one leaves no trace
            stream = streams[kind]
            data = session.recording(stream.file).read(f"/{stream.name}", index).data
            if kind == "color":
                writer.write(color=(time_us, data))
                continue
            image = depth_codec.decode(data, stream.height or 0, stream.width or 0)
            if kind == "depth":
                writer.write(depth=(time_us, image))
            else:
                writer.write(ir=(time_us, image))
    return path


def _mode(modes: dict, width: int | None) -> str:
    return next(name for name, mode in modes.items() if mode.width == width)
