"""Which calibration a session uses: a given file, its own, its linked take's, or what its recording brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from calibration.errors import CalibrationError
from calibration.given import given_calibration
from calibration.intrinsics.factory import device_kind
from calibration.rig import RigCalibration, device_of
from capture.session import RECORDED_CAMERAS, Session
from geometry.camera_files.any_format import read_any_camera_file
from geometry.camera_files.cameras_json import CameraFile, read_camera_file
from humanrig.calibrating.links import LINK, RESULT, calibration_take

RIG_FILE = "/".join(RESULT)


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """The cameras that a session's stages use."""

    rig: RigCalibration
    chosen: str
    """Which of the four it is, in words."""
    left_out: tuple[str, ...]
    """Devices without a place: no later stage uses them."""
    warnings: tuple[str, ...]


def chosen_calibration(session: Session, file: Path | None, without: frozenset[str]) -> Chosen:
    """The cameras of the session's colour and depth streams.

    In this order: `file`; the session's own `rig_calibration/cameras.json`; that of the take it links to as
    `calibration_from`; the cameras that the recording brought. A device that a solved rig does not hold is left out:
    its recorded place, if it has one, is in another world.

    Raises CalibrationError where nothing gives a camera or a place, and as `given_calibration` does.
    """
    recorded = _recorded(session)
    path, words, solved = _choose(session, file)
    sizes = {
        name: (stream.width, stream.height)
        for name, stream in session.streams.items()
        if stream.kind in ("color", "depth") and stream.width is not None and stream.height is not None
    }
    named = set() if path is None else {device_of(name) for name in read_any_camera_file(path).cameras}
    placed = set(recorded.cameras) - recorded.unplaced if recorded is not None else set()

    def stays_out(name: str) -> bool:
        """Left out by the user or by the stage `sync`, or not in the solved rig; and nobody knows its place."""
        device = device_of(name)
        if device in named:
            return False
        return solved or (device in without and name not in placed)

    missing = sorted({device_of(name) for name in sizes if solved and stays_out(name)})
    if recorded is not None:
        kept = {name: camera for name, camera in recorded.cameras.items() if not stays_out(name)}
        recorded = replace(recorded, cameras=kept, unplaced=recorded.unplaced & frozenset(kept))
    sizes = {name: size for name, size in sizes.items() if not stays_out(name)}
    if path is None:
        _check_placed(session, recorded, sizes)
    if solved and not sizes:
        raise CalibrationError(
            f"{path}: it has none of the devices of {session.folder}; calibrate a board take of this rig: "
            f"humanrig calibrate {session.folder} --boards TAKE"
        )
    kinects = {device.name for device in session.info.devices if device_kind(device.model) == "azure-kinect"}
    rig = given_calibration(sizes, recorded, path, kinects)
    told = [name for name in missing if name not in without]
    warnings = [f"{', '.join(told)}: not in {path}, so left out of the later stages"] if told else []
    return Chosen(rig=rig, chosen=words, left_out=tuple(missing), warnings=(*warnings, *_doubts(session, path, file)))


def _recorded(session: Session) -> CameraFile | None:
    path = session.path(*RECORDED_CAMERAS)
    return read_camera_file(path) if path.is_file() else None


def _choose(session: Session, file: Path | None) -> tuple[Path | None, str, bool]:
    """The file beside the recording's that is used, what it is, and whether `humanrig calibrate` wrote it."""
    if file is not None:
        return file, f"the file {file}", False
    own = session.path(*RESULT)
    if own.is_file():
        return own, f"this session's {RIG_FILE}", True
    take = calibration_take(session)
    if take is not None and (linked := take.joinpath(*RESULT)).is_file():
        return linked, f"{RIG_FILE} of {take.name}, which {LINK} names", True
    return None, "the cameras that the recording brought", False


def _check_placed(session: Session, recorded: CameraFile | None, sizes: Mapping[str, object]) -> None:
    """Raises CalibrationError, with what to run, where only a calibration can tell where the cameras stand."""
    lost = sorted(name for name in sizes if recorded is None or name in recorded.unplaced)
    if not lost:
        return
    take = calibration_take(session)
    if take is not None:
        raise CalibrationError(
            f"no pose in the world for the camera(s) {', '.join(lost)}: {session.folder} takes its calibration from "
            f"{take}, which is not calibrated yet; run: humanrig calibrate {take}"
        )
    if recorded is not None:
        raise CalibrationError(
            f"no pose in the world for the camera(s) {', '.join(lost)}; calibrate the rig with a take of a board: "
            f"humanrig calibrate {session.folder} --boards TAKE, or bring cameras: --option calibrate.file=FILE"
        )


def _doubts(session: Session, path: Path | None, file: Path | None) -> list[str]:
    """A link that was not followed, said."""
    if file is not None or path is not None:
        return []
    take = calibration_take(session)
    if take is None:
        return []
    return [f"{take} is not calibrated, so the recorded cameras are used; run: humanrig calibrate {take}"]
