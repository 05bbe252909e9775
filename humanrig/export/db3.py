"""RealSense .db3: one file for each unit of a session, written by the maker's own recorder."""

from __future__ import annotations

from functools import partial

from capture.native.realsense_plan import plan_realsense
from capture.native.realsense_writer import write_realsense_db3
from humanrig.export.device_files import DeviceFormat, write_devices

UNITS = DeviceFormat(
    devices="RealSense units",
    needs="a RealSense file holds (a device called or made RealSense, with colour or depth)",
    suffix=".db3",
    plan=plan_realsense,
    write=write_realsense_db3,
    about=(
        "RealSense .db3 of the SDK's recorder (rosbag2 in SQLite): depth and IR 16 bits in PNG, depth in millimetres; "
        "colour RGB in PNG; times of the unit's clock in the metadata of frames",
        "not in these files: arrival times on the host below a millisecond, where the units stand in the world",
        "the recorder notes its own time with each message, so that no two files are the same byte for byte",
    ),
)
write = partial(write_devices, UNITS)
"""Writes DEVICE.db3 for each unit (`write_devices`)."""
