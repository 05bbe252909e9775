"""Azure Kinect .mkv: one file for each Kinect of a session, for Azure Kinect Viewer, the SDK and Open3D."""

from __future__ import annotations

from functools import partial

from capture.kinect_recording import KinectPlan, plan_kinect, write_kinect_mkv
from capture.native.phone_plan import plan_phone
from capture.native.realsense_plan import plan_realsense
from capture.session import Session
from humanrig.export.device_files import DeviceFormat, write_devices


def _plan(session: Session, device: str) -> KinectPlan | None:
    """Devices of another maker are left out, even where their colour has the size of a Kinect's."""
    if plan_realsense(session, device) or plan_phone(session, device):
        return None
    return plan_kinect(session, device)


KINECTS = DeviceFormat(
    devices="Azure Kinects",
    needs="an Azure Kinect's file holds (JPEG colour or dzp depth at a size of that sensor)",
    suffix=".mkv",
    plan=_plan,
    write=write_kinect_mkv,
    about=(
        "Azure Kinect .mkv as the SDK 1.4 records: colour MJPG as recorded, depth and IR 16 bits big-endian",
        "not in these files: arrival times on the host, frames' masks, where the devices stand in the world",
    ),
)
write = partial(write_devices, KINECTS)
"""Writes DEVICE.mkv for each Kinect (`write_devices`)."""
