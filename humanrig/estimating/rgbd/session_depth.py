"""Devices of a session that have colour and depth, as footage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calibration.phone.session_phone import phones_of
from capture.session import INSTANTS, Session
from humanrig.errors import HumanrigError
from humanrig.estimating.rgb.session_footage import session_footage
from humanrig.estimating.rgbd.footage import DepthFrame, RgbdFootage
from humanrig.estimating.rgbd.phone_footage import phone_footage


def session_depth(session: Session, views: Sequence[str], frames: tuple[int, int] | None) -> list[RgbdFootage]:
    """The devices that are asked for, each by itself; the only one with colour and depth where none is.

    A phone's frames are its own, those of others the session's instants. Raises HumanrigError for devices without
    colour or depth, where several have both and none was chosen, and before the session was matched in time and
    calibrated.
    """
    there = [name.rpartition("/")[0] for name in session.of_kind("color")]
    there = [name for name in there if f"{name}/depth" in session.streams]
    if not there:
        raise HumanrigError(f"{session.folder} has no device with both colour and depth; use humanrig estimate rgb")
    if not views and len(there) > 1:
        raise HumanrigError(
            f"{session.folder} has {len(there)} devices with colour and depth; choose with --views {there[0]} (there "
            f"are {', '.join(there)}), or use all of them together: humanrig reconstruct {session.folder}"
        )
    chosen = [view.removesuffix("/color").removesuffix("/depth") for view in views] or there
    if missing := [view for view in chosen if view not in there]:
        raise HumanrigError(
            f"--views {missing[0]}: {session.folder} has no such device with colour and depth; there are "
            f"{', '.join(there)}"
        )
    phones = phones_of(session)
    return [
        phone_footage(session, device, frames) if device in phones else _of_rig(session, device, frames)
        for device in dict.fromkeys(chosen)
    ]


def _of_rig(session: Session, device: str, frames: tuple[int, int] | None) -> RgbdFootage:
    """A device whose place in the session's world is known."""
    color, depth = f"{device}/color", f"{device}/depth"
    if not session.path(*INSTANTS).is_file():
        raise HumanrigError(
            f"{session.folder} is not matched in time; run: humanrig reconstruct {session.folder} --until calibrate"
        )
    cameras = session.cameras()
    if missing := [name for name in (color, depth) if name not in cameras]:
        raise HumanrigError(f"{session.folder} has no calibrated camera for {missing[0]}; calibrate the session again")
    footage = session_footage(session, [device], frames)[0]
    instants = {instant.instant: instant for instant in session.instants()}

    def of_row(row: int) -> DepthFrame:
        index = instants[int(footage.frames[row])].index.get(depth, -1)
        camera = cameras[depth]
        nothing = np.full((camera.height, camera.width), np.nan, np.float32)
        metres = nothing if index < 0 else np.asarray(session.frame(depth, index).payload)
        return DepthFrame(depth_m=metres, depth_camera=camera, color_camera=cameras[color])

    return RgbdFootage(footage=footage, depth=of_row, frame="the session's world", upright=_is_upright(session))


def _is_upright(session: Session) -> bool:
    from capture.session import CALIBRATED_CAMERAS
    from geometry.camera_files.cameras_json import read_camera_file

    return read_camera_file(session.path(*CALIBRATED_CAMERAS)).is_upright
