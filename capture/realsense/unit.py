"""One unit opened by its serial number: which of its streams are used, what it is told, and how it describes itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from capture.device import DeviceDescription, DeviceError, DeviceStream
from capture.realsense.calibration import T_device_camera, as_json, camera_of, lens_residual_px
from capture.realsense.frames import FORMATS, MILLIMETRE, format_of, is_millimetre, kind_of
from capture.realsense.sdk import info, load_sdk
from capture.realsense.settings import RealSenseSettings
from capture.session_info import DeviceInfo

SYNC_MODE = {"standalone": 0, "master": 1, "subordinate": 2}
POWER_LINE = {50: 1, 60: 2}
COLOR_EXPOSURE_UNIT_US = 100
"""The colour sensor's exposure is counted in these, the depth sensor's in microseconds (rs_option.h)."""
ENCODING: Mapping[str, Literal["jpeg", "dzp"]] = {"color": "jpeg", "depth": "dzp", "ir": "dzp"}
LENS_RESIDUAL_PX = 0.1
"""More than this is said: a tenth of what a corner of a board is located to."""


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitStream:
    """A stream that is used, and the sensor that has it."""

    kind: str
    profile: Any
    sensor: Any


def find_unit(context: Any, name: str, serial: str) -> Any:
    """The unit with a serial number, or the only one where none is given.

    Raises DeviceError when it is not attached, or when several are and none was named.
    """
    units = {info(unit, "serial_number"): unit for unit in context.query_devices()}
    there = ", ".join(units) or "none"
    if serial and serial in units:
        return units[serial]
    if serial:
        raise DeviceError(
            f"{name}: no RealSense unit {serial} is attached (there: {there}); check its cable and serial"
        )
    if len(units) == 1:
        return next(iter(units.values()))
    if not units:
        raise DeviceError(f"{name}: no RealSense unit is attached; plug one in, and check it with humanrig devices")
    raise DeviceError(f"{name}: several RealSense units are attached ({there}); write the serial of one into rig.toml")


def choose_streams(unit: Any, name: str, settings: RealSenseSettings) -> list[UnitStream]:
    """Depth and colour as the settings want them. Raises DeviceError, naming what there is, when the unit lacks one."""
    wanted = {"depth": settings.depth_size, "color": settings.color_size}
    sensors = list(unit.query_sensors())  # once: two streams of one sensor are opened together
    return [_choose(sensors, name, kind, size, settings.rate_hz) for kind, size in wanted.items() if size is not None]


def _choose(sensors: Sequence[Any], name: str, kind: str, size: tuple[int, int], rate_hz: int) -> UnitStream:
    offered: dict[str, UnitStream] = {}
    modes: set[tuple[int, int, int]] = set()
    for sensor in sensors:
        for profile in sensor.get_stream_profiles():
            if kind_of(profile) != kind:
                continue
            video = profile.as_video_stream_profile()
            mode = (video.fps(), video.width(), video.height())
            modes.add(mode)
            if mode == (rate_hz, *size):
                offered.setdefault(format_of(profile), UnitStream(kind=kind, profile=video, sensor=sensor))
    for format in FORMATS[kind]:
        if format in offered:
            return offered[format]
    rates = ", ".join(str(rate) for rate in sorted({mode[0] for mode in modes})) or "no"
    sizes = ", ".join(f"{width}x{height}" for rate, width, height in sorted(modes) if rate == rate_hz)
    has = f"it has {sizes} at that rate" if sizes else f"it has {rates} Hz"
    raise DeviceError(f"{name}: no {kind} of {size[0]}x{size[1]} at {rate_hz} Hz; {has} (at USB 2 fewer than at USB 3)")


def apply_settings(streams: Sequence[UnitStream], name: str, settings: RealSenseSettings) -> list[str]:
    """Tells the unit its settings; returns a sentence for each that it does not know.

    Raises DeviceError with the SDK's reason when it refuses one, or cannot be put on the synchronisation cable.
    """
    options, remarks = load_sdk().option, []
    by_kind = {stream.kind: stream.sensor for stream in streams}
    depth, color = by_kind["depth"], by_kind.get("color")
    for sensor in dict.fromkeys(by_kind.values()):
        # The unit's own clock, not one that the SDK fits to the host's: fitting is ours, and keeps both times.
        _tell(sensor, options.global_time_enabled, 0, name, "global time", [])
    if depth.supports(options.inter_cam_sync_mode):
        _tell(depth, options.inter_cam_sync_mode, SYNC_MODE[settings.sync], name, "synchronisation", remarks)
    elif settings.sync != "standalone":
        raise DeviceError(f"{name}: the unit has no synchronisation mode, it cannot be {settings.sync}; set standalone")
    _expose(depth, settings.exposure_us, 1, name, "depth exposure", remarks)
    _tell(depth, options.emitter_enabled, int(settings.emitter), name, "emitter", remarks)
    if settings.laser_power_mw is not None:
        _tell(depth, options.laser_power, settings.laser_power_mw, name, "laser power", remarks)
    if color is None:
        return remarks
    if color is not depth:
        _expose(color, settings.color_exposure_us, COLOR_EXPOSURE_UNIT_US, name, "colour exposure", remarks)
    automatic = settings.white_balance_k is None
    _tell(color, options.enable_auto_white_balance, int(automatic), name, "automatic white balance", remarks)
    if settings.white_balance_k is not None:
        _tell(color, options.white_balance, settings.white_balance_k, name, "white balance", remarks)
    _tell(color, options.power_line_frequency, POWER_LINE[settings.power_line_hz], name, "power line", remarks)
    return remarks


def _expose(sensor: Any, exposure_us: int | None, unit_us: int, name: str, what: str, remarks: list[str]) -> None:
    options = load_sdk().option
    _tell(sensor, options.enable_auto_exposure, int(exposure_us is None), name, f"automatic {what}", remarks)
    if exposure_us is not None:
        _tell(sensor, options.exposure, max(1, round(exposure_us / unit_us)), name, what, remarks)


def _tell(sensor: Any, option: Any, value: float | int, name: str, what: str, remarks: list[str]) -> None:
    """Sets an option if the sensor has it."""
    if not sensor.supports(option):
        remarks.append(f"has no option for {what}")
        return
    try:
        sensor.set_option(option, float(value))
    except RuntimeError as error:
        between = sensor.get_option_range(option)
        raise DeviceError(
            f"{name}: {what} cannot be set to {value:g} ({error}); it has {between.min:g} to {between.max:g}"
        ) from None


def depth_unit_m(streams: Sequence[UnitStream]) -> float:
    """What one count of depth is, in metres; a millimetre where the unit does not say."""
    option = load_sdk().option.depth_units
    for stream in streams:
        if stream.kind == "depth" and stream.sensor.supports(option):
            return float(f"{stream.sensor.get_option(option):.6g}")  # 0.0001 came as 9.999999747e-05
    return MILLIMETRE


def describe(
    unit: Any,
    name: str,
    streams: Sequence[UnitStream],
    *,
    sync: Literal["standalone", "master", "subordinate"] = "standalone",
    remarks: Sequence[str] = (),
    jpeg_quality: int | None,
) -> DeviceDescription:
    """The unit as a device, with its factory calibration.

    Its clock is its own and it is `standalone`, also on a cable: in a session, master and subordinate are those of the
    rig's pulse, whose clock they share. The note has the unit's role on the RealSense cable (`sync`).

    `jpeg_quality` of colour that comes as pixels; None: PNG.
    """
    anchor = next((s.profile for s in streams if s.kind == "depth"), streams[0].profile)
    unit_m = depth_unit_m(streams)
    notes = [] if sync == "standalone" else [f"{sync} on the RealSense cable, which triggers depth and shares no clock"]
    notes += remarks
    if any(s.kind == "depth" for s in streams) and not is_millimetre(unit_m):
        notes.append(f"depth was in units of {unit_m:g} m and is rounded to millimetres")
    color = next((s for s in streams if s.kind == "color"), None)
    if color is not None and (format := format_of(color.profile)) != "mjpeg":
        kept = "kept as RGB without loss" if jpeg_quality is None else f"JPEG of quality {jpeg_quality}, 4:2:2"
        notes.append(f"colour came as {format} and is {kept}")
    for stream in streams:
        if (residual := lens_residual_px(stream.profile)) > LENS_RESIDUAL_PX:
            notes.append(f"the lens of {stream.kind} is met to {residual:.2f} px")
    notes += usb_problem(unit)
    calibration = [as_json(s.profile, anchor) for s in streams]
    return DeviceDescription(
        info=DeviceInfo(
            name=name,
            model=info(unit, "name") or "RealSense",
            serial=info(unit, "serial_number"),
            clock=name,
            firmware=info(unit, "firmware_version"),
            note="; ".join(notes),
        ),
        streams=tuple(_stream(name, s, jpeg_quality) for s in streams),
        cameras=tuple(camera_of(s.profile, f"{name}/{s.kind}", T_device_camera(s.profile, anchor)) for s in streams),
        attachments={f"{name}/realsense.json": json.dumps(calibration, indent=1).encode()},
    )


def usb_problem(unit: Any) -> list[str]:
    """A sentence when the unit hangs on USB 2."""
    usb = info(unit, "usb_type_descriptor")
    if usb.startswith("2"):
        return [f"on USB {usb}, where frames are lost at these sizes; use a USB 3 port and its cable"]
    return []


def _stream(name: str, stream: UnitStream, jpeg_quality: int | None) -> DeviceStream:
    video = stream.profile.as_video_stream_profile()
    as_png = stream.kind == "color" and jpeg_quality is None and format_of(stream.profile) != "mjpeg"
    return DeviceStream(
        name=f"{name}/{stream.kind}",
        kind=stream.kind,  # pyright: ignore[reportArgumentType]
        encoding="png" if as_png else ENCODING[stream.kind],
        rate_hz=float(video.fps()),
        width=video.width(),
        height=video.height(),
    )
