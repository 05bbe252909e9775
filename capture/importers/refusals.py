"""Why something cannot be imported: said of a path that no layout knows, and of files that are no videos."""

from __future__ import annotations

from pathlib import Path

import av
import av.error

from capture.errors import CaptureError
from capture.session import INFO_FILE

EBML_MAGIC = b"\x1a\x45\xdf\xa3"
"""What Matroska files begin with."""
SEE = "humanrig import --help lists the layouts that can be imported"


def refuse_unimportable(source: Path) -> None:
    """Raises CaptureError for what is no recording of any layout: nothing, an empty folder, or a session already."""
    if not source.exists():
        raise CaptureError(f"there is nothing at {source}; check the path")
    if not source.is_dir():
        return
    if (source / INFO_FILE).is_file():
        raise CaptureError(f"{source} is a session already; use it as it is: humanrig reconstruct {source}")
    if any(source.glob("recording/*.mcap")):
        raise CaptureError(f"{source} is a take that was not finished; run: humanrig repair {source}")
    if not any(source.iterdir()):
        raise CaptureError(f"{source} is empty; check the path")


def unknown(source: Path) -> CaptureError:
    """Says that no layout knows a file or folder, and where they are listed."""
    if source.is_dir():
        return CaptureError(f"{source} holds no recording that can be imported; {SEE}")
    if source.is_file() and not source.stat().st_size:
        return CaptureError(f"{source} is empty; copy it again from its source")
    return CaptureError(f"{source} is not a recording that can be imported; {SEE}")


def check_video(path: Path) -> None:
    """Raises CaptureError for a file without a first picture; a later one that is damaged shows when it is read."""
    if not path.stat().st_size:
        raise unknown(path)
    try:
        with av.open(str(path)) as container:
            if container.streams.video and next(container.decode(container.streams.video[0]), None) is not None:
                return
        reason = "it holds no picture"
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    with path.open("rb") as file:
        cut = f"a Matroska file of {path.stat().st_size} bytes, cut short or damaged"
        kind = cut if file.read(len(EBML_MAGIC)) == EBML_MAGIC else "no Azure Kinect recording either"
    raise CaptureError(f"{path} cannot be read as a video ({reason}) and is {kind}; copy it again from its source")
