"""Record3D's .r3d: one archive for each phone of a session."""

from __future__ import annotations

from functools import partial

from capture.native.phone_plan import plan_phone
from capture.native.record3d_writer import write_r3d
from humanrig.export.device_files import DeviceFormat, write_devices

RECORD3D = DeviceFormat(
    devices="phones that tell lens and pose",
    needs="an .r3d file holds (colour, and a lens and a pose with each picture)",
    suffix=".r3d",
    plan=plan_phone,
    write=lambda plan, path, cameras, count: write_r3d(plan, path, count),
    about=(
        "Record3D's .r3d (a zip archive): JPEG as recorded, depth float32 metres and confidence packed with LZFSE",
        "pictures lie as the sensor has them (landscape); camera axes x right, y up, z backward; poses relative to the "
        "first, which is initPose in ARKit's world (y up)",
        "not in these files: arrival times on the host, sound, inertial samples, where the phone stood in the rig",
    ),
)
write = partial(write_devices, RECORD3D)
"""Writes DEVICE.r3d for each phone (`write_devices`)."""
