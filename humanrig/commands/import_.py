"""`humanrig import`: a session from a recording that another tool made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from capture.session import Session
from humanrig.terminal import progress, say


def import_(
    source: Positional[Path],
    session: Positional[Path],
    calibration: Annotated[Path | None, arg(metavar="FILE")] = None,
    size_mismatch: Literal["refuse", "crop", "scale", "fit"] = "refuse",
    trim_to_shortest: bool = False,
) -> int:
    """Make a session from an Azure Kinect .mkv, a folder of them, or a folder of synchronised videos.

    The recording itself is kept as it is: images are never re-encoded. The new session is written beside its final
    place and appears only when it is complete.

    Args:
        source: A .mkv of an Azure Kinect, a folder with one for each device, or a folder with one video per camera.
        session: Folder to create.
        calibration: Rig calibration: Qualisys .qca.txt, aniposelib .toml or our cameras.json. Videos need one (it is
            found by itself when it lies in the folder or in its subfolder `calibration`).
        size_mismatch: What to do when a video is not as large as its calibration says: refuse; or it was cut out
            at the top left, stretched, or scaled evenly to fit inside with bars around.
        trim_to_shortest: Cut videos of different lengths to the shortest instead of refusing them.
    """
    from capture.importers.detect import import_recording

    with progress("import") as update:
        made = import_recording(
            source,
            session,
            calibration=calibration,
            size_mismatch=size_mismatch,
            trim_to_shortest=trim_to_shortest,
            on_progress=update,
        )
    for name, stream in made.streams.items():
        size = f"{stream.width}x{stream.height}" if stream.width else ""
        say(f"{name:<28} {stream.frames:>6} frames  {size:<10} {stream.encoding}")
    say(f"{session}\n{_next(made)}")
    return 0


def _next(session: Session) -> str:
    """What to do with the new session: cameras without a place in the world must get one first."""
    lost = session.recorded_camera_file().unplaced
    if not lost:
        return f"next: humanrig reconstruct {session.folder}"
    devices = ", ".join(sorted({name.split("/")[0] for name in lost}))
    return (
        f"the recording does not say where {devices} stood; bring a calibration of the rig: "
        f"humanrig reconstruct {session.folder} --option calibrate.file=FILE"
    )
