"""The same recording as the maker's own library writes it, to see that both writers say the same."""

from __future__ import annotations

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
    times = {stream.kind: session.timestamps_us(stream.name)[0] for stream in (color, depth, ir)}
    with K4aRecordWriter(path, settings, serial=info.serial, calibration=calibration) as writer:
        for index in range(color.frames):
            images = {
                stream.kind: depth_codec.decode(
                    session.recording(stream.file).read(f"/{stream.name}", index).data,
                    stream.height or 0,
                    stream.width or 0,
                )
                for stream in (depth, ir)
            }
            jpeg = session.recording(color.file).read(f"/{color.name}", index).data
            writer.write(
                color=(int(times["color"][index]), jpeg),
                depth=(int(times["depth"][index]), images["depth"]),
                ir=(int(times["ir"][index]), images["ir"]),
            )
    return path


def _mode(modes: dict, width: int | None) -> str:
    return next(name for name, mode in modes.items() if mode.width == width)
