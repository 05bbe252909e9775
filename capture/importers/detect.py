"""Imports a recording, whatever tool made it; the session appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from capture.errors import CaptureError
from capture.importers import (
    dna_smc,
    humman_folder,
    humman_smc,
    realsense_file,
    record3d,
    rgbd_folder,
    scanner3d_app,
    stray_scanner,
)
from capture.importers.azure_kinect_mkv import import_kinect
from capture.importers.layout import Layout
from capture.importers.refusals import EBML_MAGIC, check_video, refuse_unimportable, unknown
from capture.importers.video_size import SizeMismatch
from capture.importers.videos import SUFFIXES, find_calibration, import_videos
from capture.session import Session

PROBE_BYTES = 1 << 20
KINECT_MARKS = (b"K4A_", b"b16g")

LAYOUTS: tuple[Layout, ...] = (
    scanner3d_app.LAYOUT,
    record3d.LAYOUT,
    stray_scanner.LAYOUT,
    realsense_file.LAYOUT,
    humman_folder.RECON_LAYOUT,
    humman_folder.POINT_LAYOUT,
    dna_smc.LAYOUT,
    humman_smc.LAYOUT,
    rgbd_folder.LAYOUT,
)  # fmt: skip
"""Recordings of other rigs and applications, asked in this order before plain .mkv files and videos."""


def import_recording(
    source: Path | Sequence[Path],
    session_folder: Path,
    calibration: Path | None = None,
    *,
    size_mismatch: SizeMismatch = "refuse",
    crop_offset: tuple[int, int] = (0, 0),
    trim_to_shortest: bool = False,
    layout_options: Mapping[str, Any] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Makes a session from a recording of others.

    `source` is a recording of one of the `LAYOUTS`, an Azure Kinect .mkv, a folder with one for each device, a folder
    of synchronised videos (or one whose subfolder `videos` has them), or a list of such files. The calibration of
    videos is found by itself when it lies in the folder or its subfolder `calibration`. The work is done in a hidden
    folder beside the target, which is renamed at the end: on any error the target is as before.

    `layout_options` are what the user says of a layout that leaves it open (`Layout.options`), None for nothing.

    Raises CaptureError when the target exists and is not empty, when a layout does not know an option, when there is
    nothing to import, a file is no video, or kinds are mixed, and as the importers do (`import_kinect`,
    `import_videos`, `Layout.write`).
    """
    target = Path(session_folder)
    _check_target(target)
    if calibration is not None and not Path(calibration).is_file():
        raise CaptureError(f"the calibration {calibration} is missing; check the path")
    if not isinstance(source, Sequence):
        refuse_unimportable(Path(source))
    layout = None if isinstance(source, Sequence) else layout_of(Path(source))
    options = _options(layout, source, layout_options or {})
    files: list[Path] = []
    if layout is None:
        files = [Path(path) for path in source] if isinstance(source, Sequence) else find_files(Path(source))
    kinect = [path for path in files if is_kinect(path)]
    for path in files:
        if path not in kinect and (not kinect or path.suffix.lower() == ".mkv"):
            check_video(path)
    if kinect and len(kinect) < len(files):
        other = next(path for path in files if path not in kinect)
        raise CaptureError(
            f"{kinect[0].name} is an Azure Kinect recording, {other.name} is not; import them separately"
        )
    partial = target.parent / f".{target.name}.partial{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        if layout is not None:
            assert not isinstance(source, Sequence)
            layout.write(
                Path(source),
                partial,
                calibration=calibration,
                session_id=target.name,
                on_progress=on_progress,
                **options,
            )
        elif kinect:
            import_kinect(files, partial, calibration, session_id=target.name, on_progress=on_progress)
        else:
            import_videos(
                files,
                partial,
                calibration or _calibration_near(files[0].parent),
                session_id=target.name,
                size_mismatch=size_mismatch,
                crop_offset=crop_offset,
                trim_to_shortest=trim_to_shortest,
                on_progress=on_progress,
            )
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Session.open(target)


def layout_of(source: Path) -> Layout | None:
    """The layout of others that a file or folder has, or None."""
    return next((layout for layout in LAYOUTS if layout.recognises(source)), None)


def _options(layout: Layout | None, source: object, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given. Raises CaptureError for one that the layout cannot be told."""
    options = {name: value for name, value in given.items() if value is not None}
    known = layout.options if layout else frozenset()
    for name in options:
        if name not in known:
            kind = f"a recording of layout {layout.name}" if layout else "an Azure Kinect recording or a set of videos"
            takes = ", ".join(f"--{option.replace('_', '-')}" for option in sorted(known)) or "no such option"
            raise CaptureError(f"{source} is {kind}, which takes {takes}; leave out --{name.replace('_', '-')}")
    return options


def find_files(source: Path) -> list[Path]:
    """The recordings at a path, by name. Raises CaptureError when there are none."""
    if source.is_file():
        if source.suffix.lower() not in SUFFIXES:
            raise unknown(source)
        return [source]
    if not source.is_dir():
        raise CaptureError(f"there is nothing at {source}; check the path")
    for folder in (source, source / "videos"):
        if folder.is_dir():
            found = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
            if found:
                return found
    raise unknown(source)


def is_kinect(path: Path) -> bool:
    """Whether a file is an Azure Kinect's .mkv. Raises CaptureError when it cannot be opened."""
    try:
        with path.open("rb") as file:
            head = file.read(PROBE_BYTES)
    except OSError as error:
        raise CaptureError(f"{path} cannot be opened ({error.strerror}); check the path") from None
    return head.startswith(EBML_MAGIC) and any(mark in head for mark in KINECT_MARKS)


def _calibration_near(folder: Path) -> Path | None:
    """The calibration beside the videos, or beside their folder when that is called `videos`."""
    return find_calibration(folder) or (find_calibration(folder.parent) if folder.name == "videos" else None)


def _check_target(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CaptureError(f"{target} exists and is not empty; choose another folder for the session")
