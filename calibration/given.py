"""A rig calibrated by others: cameras that came with the recording, or in a user's file, checked before use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from calibration.calibration_files import Further, covariance_of, further, write_rig
from calibration.checks import check_rig, doubtful
from calibration.errors import CalibrationError
from calibration.rig import RigCalibration, Verdict, device_of
from geometry.camera import Camera
from geometry.camera_files.any_format import read_any_camera_file
from geometry.camera_files.azure_kinect_modes import COLOR_MODES, DEPTH_MODES, in_mode_of_size
from geometry.camera_files.cameras_json import CameraFile, read_camera_file
from geometry.rigid import inverse

_NOT_UPRIGHT = doubtful("rig", "the camera file does not say that its world is z up with the floor at z = 0")

ImageSizes = Mapping[str, tuple[int, int]]
"""Width and height of each image stream's pictures, by stream name."""


def given_calibration(
    image_sizes: ImageSizes,
    recorded: CameraFile | None = None,
    user_file: Path | str | None = None,
    kinects: Collection[str] = (),
) -> RigCalibration:
    """The calibration of the image streams, from the recorded cameras and, where given, a user's file.

    A camera of the user's file replaces the recorded one of its name. Recorded cameras of the same device move with
    it, so that a file with colour cameras alone places the depth cameras too. Cameras of streams that the session does
    not have are left out, and named in a verdict.

    `kinects` are the devices that are Azure Kinects: a camera of theirs that was calibrated in another mode is
    converted, and its note says so.

    What a file says beside its cameras comes along: corrections of both files, the user's where both have one; the
    floor, the covariance and the verdicts of the file that places the cameras.

    Raises CalibrationError when a stream is left without a camera or a pose, when an image has another size than its
    camera, and when two devices stand at one place; GeometryError when a file cannot be read.
    """
    cameras = dict(recorded.cameras) if recorded else {}
    unplaced = set(recorded.unplaced) if recorded else set()
    notes = {name: f"recorded: {recorded.source}" for name in cameras} if recorded else {}
    sources = [recorded.source] if recorded else []
    said = further(recorded, "the recorded cameras") if recorded else Further()
    is_upright = recorded.is_upright if recorded else True
    notes |= said.notes
    if user_file is not None:
        given = read_any_camera_file(user_file)
        if given.unplaced:
            lost = ", ".join(sorted(given.unplaced))
            raise CalibrationError(f"{user_file}: no pose in the world for {lost}; bring a calibration of the rig")
        user = given.cameras
        if not user.keys() & image_sizes.keys():
            raise CalibrationError(
                f"{user_file}: its cameras ({_names(user)}) are none of the session's streams ({_names(image_sizes)}); "
                "rename them in the file"
            )
        moved = _siblings(user, cameras)
        cameras |= moved | user
        unplaced -= user.keys() | moved.keys()
        notes |= {name: f"recorded, placed with its device by {user_file}" for name in moved}
        of_user = further(given, str(user_file))
        notes |= {name: f"given: {user_file}" + _after_colon(of_user.notes.get(name, "")) for name in user}
        sources.append(str(user_file))
        said = replace(
            of_user,
            depth_corrections=said.depth_corrections | of_user.depth_corrections,
            color_corrections=said.color_corrections | of_user.color_corrections,
        )
        is_upright = given.is_upright
    missing = [name for name in image_sizes if name not in cameras]
    if missing:
        raise CalibrationError(
            f"no camera for the stream(s) {', '.join(missing)}; "
            "bring a calibration file that names them: --option calibrate.file=FILE"
        )
    if lost := sorted(unplaced & image_sizes.keys()):
        raise CalibrationError(
            f"no pose in the world for the camera(s) {', '.join(lost)}; "
            "bring a calibration of the rig: --option calibrate.file=FILE"
        )
    left_out = tuple(
        doubtful(name, "calibrated, but the session has no such stream: left out")
        for name in cameras
        if name not in image_sizes and device_of(name) not in map(device_of, image_sizes)
    )
    used = {name: cameras[name] for name in image_sizes}
    for name, (width, height) in image_sizes.items():
        camera = used[name]
        if device_of(name) in kinects and (camera.width, camera.height) != (width, height):
            used[name] = in_mode_of_size(camera, width, height, DEPTH_MODES if _is_depth(name) else COLOR_MODES)
            notes[name] += f"; calibrated in {camera.width}x{camera.height} images, converted"
    verdicts: list[Verdict] = [v for v in said.verdicts if _is_of(v.subject, used)]
    verdicts += [v for v in check_rig(used, image_sizes) + left_out if v not in verdicts]
    if not is_upright and _NOT_UPRIGHT not in verdicts:
        verdicts.append(_NOT_UPRIGHT)
    rig = RigCalibration(
        cameras=used,
        source="; ".join(filter(None, sources)) or "not stated",
        notes={name: notes[name] for name in used},
        verdicts=tuple(verdicts),
        covariance=said.covariance and covariance_of(said.covariance, used),
        depth_corrections={name: value for name, value in said.depth_corrections.items() if name in used},
        color_corrections={name: value for name, value in said.color_corrections.items() if name in used},
    )
    return rig if said.floor is None else replace(rig, floor=said.floor)


def write_calibration(path: Path | str, rig: RigCalibration) -> None:
    """Writes the rig as `cameras.json`, with all that is known of it. Raises GeometryError when a value is not
    finite."""
    write_rig(path, rig)


def read_calibration(path: Path | str) -> RigCalibration:
    """The rig of a `cameras.json`, checked again. Raises as `given_calibration` does."""
    file = read_camera_file(path)
    return given_calibration({name: (c.width, c.height) for name, c in file.cameras.items()}, file)


def _siblings(user: Mapping[str, Camera], recorded: Mapping[str, Camera]) -> dict[str, Camera]:
    """Recorded cameras, not in the user's file, of devices that the file places through another of their cameras."""
    moved = {}
    for name, camera in recorded.items():
        anchors = [n for n in user if device_of(n) == device_of(name) and n in recorded]
        if name not in user and anchors:
            T_anchor_camera = inverse(recorded[anchors[0]].T_world_camera) @ camera.T_world_camera
            moved[name] = replace(camera, T_world_camera=user[anchors[0]].T_world_camera @ T_anchor_camera)
    return moved


def _is_depth(name: str) -> bool:
    return name.endswith(("/depth", "/ir"))


def _names(streams: Mapping[str, object]) -> str:
    return ", ".join(sorted(streams))


def _is_of(subject: str, used: Mapping[str, Camera]) -> bool:
    """Whether a verdict is about the rig, or about a camera or device that is used."""
    return subject == "rig" or subject in used or subject in map(device_of, used)


def _after_colon(note: str) -> str:
    return f": {note}" if note else ""
