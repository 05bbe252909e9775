"""`humanrig import`: a session from a recording that another tool made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.terminal import progress, say

if TYPE_CHECKING:
    from capture.session import Session


def import_(
    source: Annotated[Positional[Path], arg(metavar="SOURCE")],
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    calibration: Annotated[Path | None, arg(metavar="FILE")] = None,
    size_mismatch: Literal["refuse", "crop", "scale", "fit"] = "refuse",
    trim_to_shortest: bool = False,
    rate_hz: Annotated[float | None, arg(metavar="HZ")] = None,
    depth_scale: Annotated[float | None, arg(metavar="UNITS")] = None,
    transforms: Literal["documented", "inverted"] | None = None,
    unit_m: Annotated[float | None, arg(metavar="M")] = None,
    up: Annotated[str | None, arg(metavar="AXIS")] = None,
    frame_shift: Annotated[int | None, arg(metavar="N")] = None,
) -> int:
    """Make a session from a recording of another rig or application.

    {layouts}

    The layout is recognised by itself. What it leaves open (direction of transforms, units, which frames belong
    together, which way is up) is assumed, written down in the session, and checked against the images. Images are
    never re-encoded. The new session appears only when it is complete.

    Args:
        source: The file or folder. docs/importers.md describes each layout.
        session: Folder to create.
        calibration: Camera file: Qualisys .qca.txt, aniposelib .toml or our cameras.json; for rgbd-folder also
            Open3D's JSON, HuMMan's cameras.json or a COLMAP model's cameras.txt or .bin. Found by itself when it lies
            in the folder (of videos, also in its subfolder `calibration`).
        size_mismatch: What to do when a video is not as large as its calibration says: refuse; or it was cut out
            at the top left, stretched, or scaled evenly to fit inside with bars around.
        trim_to_shortest: Cut videos of different lengths to the shortest instead of refusing them.
        rate_hz: Frame rate of numbered images, where the layout does not state it.
        depth_scale: Units a metre of depth images: 1000 for millimetres (assumed), 5000 for TUM's.
        transforms: Read the camera file's transforms as its description says, or the other way round.
        unit_m: Metres for one unit of the camera file: 0.001 for millimetres.
        up: What points up in the camera file's world: auto (looked for in depth), x, y, z, or as --up=-y the other way.
        frame_shift: Video frame less number of the depth image that belongs to it.
    """
    from capture.importers.detect import import_recording

    options = {"rate_hz": rate_hz, "depth_scale": depth_scale, "transforms": transforms}
    options |= {"unit_m": unit_m, "up": up, "frame_shift": frame_shift}
    with progress("import") as update:
        made = import_recording(
            source,
            session,
            calibration=calibration,
            size_mismatch=size_mismatch,
            trim_to_shortest=trim_to_shortest,
            layout_options=options,
            on_progress=update,
        )
    for name, stream in made.streams.items():
        size = f"{stream.width}x{stream.height}" if stream.width else ""
        say(f"{name:<28} {stream.frames:>6} frames  {size:<10} {stream.encoding}")
    for line in _assumptions(made):
        say(line)
    say(f"{session}\n{_next(made)}")
    return 0


_BEFORE = ("azure-kinect-mkv", "file: .mkv of an Azure Kinect, or a folder with one for each device")
_AFTER = ("videos", "folder: synchronised videos and their calibration")


def list_layouts() -> None:
    """Puts what can be imported into the command's help. Apart from the rest: it loads every importer."""
    from capture.importers.detect import LAYOUTS

    listed = (_BEFORE, *((layout.name, layout.description) for layout in LAYOUTS), _AFTER)
    lines = [f"- {name}, a {text}." for name, text in listed]
    import_.__doc__ = (import_.__doc__ or "").replace("{layouts}", "\n    ".join(["What can be imported:", *lines]))


def _assumptions(session: Session) -> list[str]:
    """What the importer assumed and found, each note once with the devices that share it."""
    by_note: dict[str, list[str]] = {}
    for name, device in session.devices.items():
        if device.note:
            by_note.setdefault(device.note, []).append(name)
    lines = [
        f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {note}" for note, names in by_note.items()
    ]
    source = session.recorded_camera_file().source if session.path("recording", "cameras.json").is_file() else ""
    return [*lines, *([f"cameras: {source}"] if source else [])]


def _next(session: Session) -> str:
    """What to do with the new session: cameras without a place in the world must get one first."""
    if not session.path("recording", "cameras.json").is_file():
        return f"the recording came without cameras: humanrig reconstruct {session.folder} --option calibrate.file=FILE"
    lost = session.recorded_camera_file().unplaced
    if not lost:
        return f"next: humanrig reconstruct {session.folder}"
    devices = ", ".join(sorted({name.split("/")[0] for name in lost}))
    return (
        f"the recording does not say where {devices} stood; bring a calibration of the rig: "
        f"humanrig reconstruct {session.folder} --option calibrate.file=FILE"
    )
