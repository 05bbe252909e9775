"""Stray Scanner's folders: one for each phone of a session."""

from __future__ import annotations

from functools import partial

from capture.native.phone_plan import plan_phone
from capture.native.stray_writer import write_stray
from humanrig.export.device_files import DeviceFormat, write_devices

STRAY = DeviceFormat(
    devices="phones that tell lens and pose",
    needs="a Stray Scanner folder holds (colour, and a lens and a pose with each picture)",
    suffix="",
    plan=plan_phone,
    write=lambda plan, path, cameras, count: write_stray(plan, path, count),
    about=(
        "Stray Scanner's folder: rgb.mp4, depth and confidence as PNG (millimetres; 0 1 2), odometry.csv with the lens "
        "of each frame, camera_matrix.csv with the last",
        "camera axes x right, y down, z forward; poses in ARKit's world (y up)",
        "not in these folders: arrival times on the host, where the phone stood in the rig's world",
    ),
)
write = partial(write_devices, STRAY)
"""Writes DEVICE/ for each phone (`write_devices`)."""
