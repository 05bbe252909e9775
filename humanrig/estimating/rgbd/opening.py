"""Opens what `humanrig estimate rgbd` is given: two files, a session, or a recording that is imported on the way."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from capture.importers.detect import import_recording
from capture.session import INFO_FILE, Session
from humanrig.errors import HumanrigError
from humanrig.estimating.rgb.picture_file import is_picture
from humanrig.estimating.rgbd.footage import RgbdFootage
from humanrig.estimating.rgbd.image_pair import PairCameras, image_pair
from humanrig.estimating.rgbd.session_depth import session_depth

Progress = Callable[[str, int, int], None]


@contextmanager
def opened(
    source: Path,
    depth: Path | None,
    cameras: PairCameras,
    views: Sequence[str],
    frames: tuple[int, int] | None,
    progress: Progress,
) -> Iterator[list[RgbdFootage]]:
    """The footage, for as long as it is worked on: a phone's recording is a session in a temporary folder meanwhile.

    Raises HumanrigError for what is none of the three and for options of another; CaptureError as importers do.
    """
    if depth is not None:
        if source.is_dir():
            raise HumanrigError(f"{source} is a folder; give a colour picture before the depth image {depth.name}")
        if views or frames is not None:
            raise HumanrigError("--views and --frames are for sessions and phones' recordings; two files are one frame")
        yield [image_pair(source, depth, cameras)]
        return
    if cameras != PairCameras():
        raise HumanrigError(
            "a recording knows its cameras; --K, --depth-K, --T-color-depth, --unit and --mask are for two files"
        )
    if not source.exists():
        raise HumanrigError(f"there is nothing at {source}; check the path")
    if (source / INFO_FILE).is_file():
        yield session_depth(Session.open(source), views, frames)
        return
    if source.is_file() and is_picture(source):
        raise HumanrigError(
            f"{source.name} is one picture; give the depth image beside it, or use humanrig estimate rgb"
        )
    with tempfile.TemporaryDirectory(prefix="humanrig-rgbd-") as folder:
        session = import_recording(
            source, Path(folder) / "session", on_progress=lambda done, total: progress("import", done, total)
        )
        yield session_depth(session, views, frames)
