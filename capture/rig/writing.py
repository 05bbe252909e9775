"""A commented rig.toml from what is attached, or for a rig without hardware. An existing file is never overwritten."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from capture.board_file import BOARD_FILE
from capture.errors import CaptureError
from capture.found_device import FoundDevice
from capture.session import Session
from capture.virtual.rig_playback import open_virtual_devices

LASTS_S = 1200.0
"""A rig that plays a session should not end while somebody reads: twenty minutes."""
HEAD = """\
# The rig: which devices it has and how they are set. humanrig rig check tries it, humanrig capture records with it.
# A misspelt key is an error. Paths are relative to this file.
schema = 1
catalogue = "catalogue"          # folder of actions.toml and subjects.toml

[recording]
host = "rig"                     # this computer's name: the recording is recording/rig.mcap
"""
KINECTS = """
[azure_kinect]                   # all Kinects; a device may say otherwise under [[devices]]
color_resolution = "1080P"       # 720P, 1080P, 1440P, 1536P, 2160P, 3072P
depth_mode = "NFOV_UNBINNED"     # 640x576, 0.5 to 3.86 m; also NFOV_2X2BINNED, WFOV_2X2BINNED, WFOV_UNBINNED
rate_hz = 30                     # 5, 15 or 30
exposure_us = 8000               # one manual value for all: automatic exposure breaks the timing of a wired rig
white_balance_k = 4500           # one manual value for all, so that colours agree
power_line_hz = 50               # 50 or 60, as the lamps flicker: the same for all
infrared = false                 # also record the infrared image
imu = true
"""
CHAIN = """
[chain]
# Order of the cable, the master first. {unknown}
# Depth of each device is exposed spacing_us after that of the one before, so that no laser disturbs another.
order = [{order}]
spacing_us = 160
"""
REALSENSE = """
[realsense]                      # all RealSense units
rate_hz = 30
depth_size = [848, 480]
color_size = [1280, 720]
exposure_us = 8000               # of the depth imagers
color_exposure_us = 8000
"""
PHONE = """
# A phone: take the # away. listen = "0.0.0.0" lets it in from the network, with TLS and a pairing token.
# [iphone]
# listen = "127.0.0.1"
# port = 8464
# [[devices]]
# name = "iphone_000"
# driver = "iphone"
"""
BOARD = """
# The calibration board: what humanrig board make wrote. A take of it then says which board it shows.
# [board]
# file = "board.toml"
"""
PLAYED = """
[{kind}]                        # {what}
session = {session}
speed = 1.0                      # rig seconds in a second
loops = {loops:<24} # the session is played so often, then the rig has no more frames
"""
FAULTS = """seed = 0

# What goes wrong, drawn from the seed; what is not named does not.
# [virtual.faults]
# drop_rate = 0.02               # share of frames that are lost
# stall_device = {device}     # falls silent ...
# stall_at_s = 2.0               # ... at this time
# stall_s = 3.0                  # ... for so long
# start_frames = 4               # devices begin up to so many frames late
# jitter_us = 6.0                # timestamps scatter
"""


def write_rig(path: Path, text: str) -> None:
    """Writes a new rig.toml. Raises CaptureError when it exists, or cannot be written."""
    check_new_rig(path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CaptureError(
            f"{path} cannot be written ({error.strerror}); give another name with --rig, or make room there"
        ) from None


def check_new_rig(path: Path) -> None:
    """Raises CaptureError when the file exists or its folder does not, before anybody waits for the devices."""
    if os.path.lexists(path):
        raise CaptureError(f"{path} exists; it is never overwritten, give another name with --rig or edit it")
    if not path.parent.is_dir():
        raise CaptureError(f"there is no folder {path.parent} for {path.name}; make it, or correct --rig {path}")


def played_rig(session: Path, kind: Literal["virtual", "play"], *, beside: Path) -> str:
    """The text of a rig whose devices play a session; `beside` is the folder of rig.toml.

    Raises CaptureError when the session cannot be played.
    """
    names = [device.name for device in open_virtual_devices(session)]
    loops = _loops(Session.open(session))
    what = "virtual devices that play a session" if kind == "virtual" else "every device of a recorded session"
    where = os.path.relpath(session.resolve(), beside.resolve())
    table = PLAYED.format(kind=kind, what=what, session=json.dumps(where), loops=loops)
    faults = FAULTS.format(device=json.dumps(names[-1])) if kind == "virtual" else ""
    shown = session / Path(*BOARD_FILE)
    board = f"\n[board]\nfile = {json.dumps(f'{where}/{Path(*BOARD_FILE)}')}\n" if shown.is_file() else BOARD
    return f"{HEAD}{table}{faults}{board}{PHONE}"


def _loops(session: Session) -> int:
    """How often to play a session so that it lasts."""
    lengths = [(s.frames / s.rate_hz) for s in session.streams.values() if s.is_image and s.rate_hz and s.frames]
    if not lengths:
        return 1
    return max(1, math.ceil(LASTS_S / max(lengths)))


def found_rig(found: Sequence[FoundDevice]) -> str:
    """The text of a rig with all devices that were found.

    Raises CaptureError when there are none, or the sockets of more than one Kinect are those of a master.
    """
    if not found:
        raise CaptureError(
            "no device is attached; plug one in and look with humanrig devices, "
            "or write a rig without hardware: humanrig rig init --virtual SESSION"
        )
    kinects = _cable([device for device in found if device.driver == "azure_kinect"])
    others = [device for device in found if device.driver != "azure_kinect"]
    named = [(f"kinect_{n:03d}", device) for n, device in enumerate(kinects)]
    for driver in dict.fromkeys(device.driver for device in others):
        units = [device for device in others if device.driver == driver]
        stem = "iphone" if driver == "record3d" else driver
        named += [(f"{stem}_{n:03d}", device) for n, device in enumerate(units)]
    wired = [name for name, device in named if device.sync in ("master", "subordinate")]
    text = HEAD
    if kinects:
        text += KINECTS
    if len(wired) > 1:
        unknown = "Which socket leads where cannot be asked: put the names as the cable goes."
        text += CHAIN.format(order=", ".join(json.dumps(name) for name in wired), unknown=unknown)
    elif len(kinects) > 1:
        text += "\n# No synchronisation cable was seen; [chain] order = [...] once there is one.\n"
    if any(device.driver == "realsense" for device in others):
        text += REALSENSE
    return text + "".join(_entry(name, device) for name, device in named) + BOARD + PHONE


def _cable(kinects: Sequence[FoundDevice]) -> list[FoundDevice]:
    """The master first, then the subordinates, then those without a cable; each by serial."""
    masters = [device.serial for device in kinects if device.sync == "master"]
    if len(masters) > 1:
        raise CaptureError(
            f"the cable has {len(masters)} masters ({' and '.join(masters)}): of those only sync-out is connected; "
            "one chain has one, mend the cable and run rig init again"
        )
    order = ("master", "subordinate", "standalone", "")
    return sorted(kinects, key=lambda device: (order.index(device.sync), device.serial))


def _entry(name: str, device: FoundDevice) -> str:
    remark = f"  # {device.model}, firmware {device.firmware or 'unknown'}" if device.model else ""
    return (
        f"\n[[devices]]{remark}\nname = {json.dumps(name)}\ndriver = {json.dumps(device.driver)}\n"
        f"serial = {json.dumps(device.serial)}\n"
    )
