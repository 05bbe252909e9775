"""What an Azure Kinect will send under its settings: streams, cameras, the SDK's configuration."""

from __future__ import annotations

from capture.azure_kinect.settings import KinectSettings
from capture.azure_kinect.structures import (
    COLOR_RESOLUTIONS,
    DEPTH_MODES,
    MJPG,
    RATES,
    SYNC_MODES,
    DeviceConfiguration,
)
from capture.azure_kinect.unit import KinectUnit
from capture.device import DeviceDescription, DeviceError, DeviceStream
from capture.session_info import DeviceInfo, StreamKind
from geometry.camera import Camera
from geometry.camera_files.azure_kinect import parse_kinect_calibration
from geometry.camera_files.azure_kinect_modes import COLOR_MODES
from geometry.camera_files.azure_kinect_modes import DEPTH_MODES as DEPTH_SIZES
from geometry.errors import GeometryError

MODEL = "azure-kinect"
WIRED_CLOCK = "pulse"
IMU_HZ = 208.0
"""Nominal (Azure Kinect DK hardware specification: sampled at 1.6 kHz, reported at 208 Hz)."""
CALIBRATION_FILE = "calibration.json"


def sdk_configuration(settings: KinectSettings) -> DeviceConfiguration:
    """The settings as the SDK takes them. Images are delivered also when their partner was lost."""
    return DeviceConfiguration(
        color_format=MJPG,
        color_resolution=COLOR_RESOLUTIONS[settings.color_resolution],
        depth_mode=DEPTH_MODES[settings.depth_mode],
        camera_fps=RATES[settings.rate_hz],
        synchronized_images_only=False,
        depth_delay_off_color_usec=settings.depth_delay_us,
        wired_sync_mode=SYNC_MODES[settings.sync],
        subordinate_delay_off_master_usec=settings.subordinate_delay_us,
        disable_streaming_indicator=False,
    )


def streams_of(name: str, settings: KinectSettings) -> tuple[DeviceStream, ...]:
    """The streams in their usual order: colour, depth, infrared, IMU."""
    rate = float(settings.rate_hz)
    streams = []
    if settings.has_color:
        mode = COLOR_MODES[settings.color_resolution]
        streams.append(
            DeviceStream(
                name=f"{name}/color", kind="color", encoding="jpeg", rate_hz=rate, width=mode.width, height=mode.height,
                delay_us=settings.subordinate_delay_us,
            )
        )  # fmt: skip
    late_us = settings.subordinate_delay_us + settings.depth_delay_us
    kinds: tuple[tuple[StreamKind, bool], ...] = (("depth", settings.has_depth), ("ir", settings.has_ir))
    for kind, wanted in kinds:
        if wanted:
            mode = DEPTH_SIZES[settings.depth_mode]
            streams.append(
                DeviceStream(
                    name=f"{name}/{kind}", kind=kind, encoding="dzp", rate_hz=rate, width=mode.width,
                    height=mode.height, delay_us=late_us,
                )
            )  # fmt: skip
    if settings.imu:
        streams.append(DeviceStream(name=f"{name}/imu", kind="imu", encoding="json", rate_hz=IMU_HZ))
    return tuple(streams)


def describe(unit: KinectUnit, settings: KinectSettings) -> DeviceDescription:
    """What the device says of itself. Raises DeviceError when its factory calibration cannot be used."""
    name, raw = unit.name, unit.raw_calibration
    wired = settings.sync != "standalone"
    return DeviceDescription(
        info=DeviceInfo(
            name=name,
            model=MODEL,
            serial=unit.serial,
            clock=WIRED_CLOCK if wired else name,
            sync=settings.sync,
            firmware=str(unit.firmware),
        ),
        streams=streams_of(name, settings),
        cameras=_cameras(name, raw, settings),
        attachments={f"{name}/{CALIBRATION_FILE}": raw},
    )


def _cameras(name: str, raw: bytes, settings: KinectSettings) -> tuple[Camera, ...]:
    """In the frame of the device's depth camera."""
    try:
        calibration = parse_kinect_calibration(raw, f"{name}: factory calibration")
        cameras = []
        if settings.has_color:
            cameras.append(calibration.color_camera(settings.color_resolution, f"{name}/color"))
        for kind, wanted in (("depth", settings.has_depth), ("ir", settings.has_ir)):
            if wanted:
                cameras.append(calibration.depth_camera(settings.depth_mode, f"{name}/{kind}"))
    except GeometryError as error:
        raise DeviceError(str(error)) from None
    return tuple(cameras)
