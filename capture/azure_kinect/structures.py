"""Structures and numbers of the Azure Kinect SDK's C interface, version 1.4 (`k4atypes.h`, `k4arecord/types.h`)."""

from __future__ import annotations

import ctypes

SUCCEEDED, FAILED = 0, 1
WAIT_SUCCEEDED, WAIT_FAILED, WAIT_TIMEOUT = 0, 1, 2
BUFFER_SUCCEEDED, BUFFER_FAILED, BUFFER_TOO_SMALL = 0, 1, 2

LOG_LEVELS = ("critical", "error", "warning", "info", "trace")
LOG_WARNING = 2

MJPG, DEPTH16, IR16 = 0, 4, 5
COLOR_RESOLUTIONS = {"OFF": 0, "720P": 1, "1080P": 2, "1440P": 3, "1536P": 4, "2160P": 5, "3072P": 6}
DEPTH_MODES = {
    "OFF": 0,
    "NFOV_2X2BINNED": 1,
    "NFOV_UNBINNED": 2,
    "WFOV_2X2BINNED": 3,
    "WFOV_UNBINNED": 4,
    "PASSIVE_IR": 5,
}
RATES = {5: 0, 15: 1, 30: 2}
SYNC_MODES = {"standalone": 0, "master": 1, "subordinate": 2}

EXPOSURE, WHITE_BALANCE, POWER_LINE = 0, 6, 9
"""`k4a_color_control_command_t`."""
AUTO, MANUAL = 0, 1
POWER_LINE_VALUES = {50: 1, 60: 2}

Handle = ctypes.c_void_p
MessageCallback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)
"""`k4a_logging_message_cb_t`: context, level, file, line, message."""


class DeviceConfiguration(ctypes.Structure):
    """`k4a_device_configuration_t`."""

    _fields_ = (
        ("color_format", ctypes.c_int),
        ("color_resolution", ctypes.c_int),
        ("depth_mode", ctypes.c_int),
        ("camera_fps", ctypes.c_int),
        ("synchronized_images_only", ctypes.c_bool),
        ("depth_delay_off_color_usec", ctypes.c_int32),
        ("wired_sync_mode", ctypes.c_int),
        ("subordinate_delay_off_master_usec", ctypes.c_uint32),
        ("disable_streaming_indicator", ctypes.c_bool),
    )


class Version(ctypes.Structure):
    """`k4a_version_t`."""

    _fields_ = (("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("iteration", ctypes.c_uint32))


class HardwareVersion(ctypes.Structure):
    """`k4a_hardware_version_t`."""

    _fields_ = (
        ("rgb", Version),
        ("depth", Version),
        ("audio", Version),
        ("depth_sensor", Version),
        ("firmware_build", ctypes.c_int),
        ("firmware_signature", ctypes.c_int),
    )


class ImuSampleC(ctypes.Structure):
    """`k4a_imu_sample_t`: Celsius, m/s², device us, rad/s, device us."""

    _fields_ = (
        ("temperature", ctypes.c_float),
        ("acc_sample", ctypes.c_float * 3),
        ("acc_timestamp_usec", ctypes.c_uint64),
        ("gyro_sample", ctypes.c_float * 3),
        ("gyro_timestamp_usec", ctypes.c_uint64),
    )
