"""What people are looked for in: a photograph, a video, a folder of photographs, or colour streams of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from jaxtyping import Int64, UInt8

from capture.session import INFO_FILE, Session
from capture.video import VideoStream
from geometry.camera import Camera
from humanrig.errors import HumanrigError
from humanrig.estimating.rgb.picture_file import ENDINGS, REFUSED, is_picture, read_picture

VIDEOS: Final = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v")
CONSTANT: Final = 0.2
"""Times between frames that differ by more than this share of their median: a variable rate."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Footage:
    """Pictures of one camera that does not change its lens."""

    name: str
    """Tells it from the others of the same source, such as `cam01` or the name of a photograph."""
    path: Path
    frames: Int64[np.ndarray, "frames"]
    """Numbers of the pictures in the file, or instants of the session; 0 of a photograph."""
    time_us: Int64[np.ndarray, "frames"]
    width: int
    height: int
    pictures: Callable[[], Iterator[UInt8[np.ndarray, "height width 3"]]]
    """All pictures in order, RGB; may be called again."""
    camera: Camera | None = None
    """Where the session knows it."""
    tags: tuple[dict[str, str], ...] | None = None
    """Of a video: the file's own words about itself."""
    told: tuple[str, ...] = ()
    """What is to be said of it, a sentence each."""

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.frames)

    @property
    def is_file(self) -> bool:
        """Whether it is a photograph or a video, and no stream of a session."""
        return self.path.is_file()

    @property
    def rate_hz(self) -> float:
        """Mean frame rate; 0 of a single picture."""
        span = float(self.time_us[-1] - self.time_us[0]) * 1e-6
        return (len(self) - 1) / span if span > 0 else 0.0


def is_video(source: Path) -> bool:
    """Whether there is more than one picture: a video's file, by its name, or a session."""
    return source.suffix.lower() in VIDEOS or (source / INFO_FILE).is_file()


def open_footage(source: Path, *, views: Sequence[str] = (), frames: tuple[int, int] | None = None) -> list[Footage]:
    """The footage of a source, in the order of its names.

    frames: of a video or a session, from one number up to another (not included). Raises HumanrigError for what is no
    picture, video or session; CaptureError for damaged videos.
    """
    if source.is_dir():
        if (source / INFO_FILE).is_file():
            from humanrig.estimating.rgb.session_footage import session_footage

            return session_footage(Session.open(source), views, frames)
        if views:
            raise HumanrigError(f"--views is for sessions; {source} is a folder of pictures")
        return _folder(source, frames)
    if views:
        raise HumanrigError(f"--views is for sessions; {source.name} is one file")
    if is_picture(source):
        if frames is not None:
            raise HumanrigError(f"--frames is for videos and sessions; {source.name} is one picture")
        return [_photograph(source)]
    if not source.exists():
        raise HumanrigError(f"there is nothing at {source}; check the path")
    if source.suffix.lower() not in VIDEOS:
        raise HumanrigError(
            f"{source} is neither a picture ({' '.join(ENDINGS)}) nor a video ({' '.join(VIDEOS)}), by its name"
        )
    return [_video(source, frames)]


def _photograph(path: Path) -> Footage:
    picture = read_picture(path)
    height, width = picture.image.shape[:2]
    zero = np.zeros(1, np.int64)
    return Footage(
        name=path.stem, path=path, frames=zero, time_us=zero, width=width, height=height,
        pictures=lambda: iter((read_picture(path).image,)), told=picture.told,
    )  # fmt: skip


def _folder(folder: Path, frames: tuple[int, int] | None) -> list[Footage]:
    """Each picture by itself; what is no picture is left out."""
    if frames is not None:
        raise HumanrigError(f"--frames is for videos and sessions; {folder} is a folder of pictures, each by itself")
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS and not p.name.startswith("."))
    if not files:
        refused = next((p for p in sorted(folder.iterdir()) if p.suffix.lower() in REFUSED), None)
        if refused is not None:
            read_picture(refused)
        raise HumanrigError(f"{folder} holds no pictures ({' '.join(ENDINGS)}) and is no session; check the path")
    return [_photograph(path) for path in files]


def _video(path: Path, frames: tuple[int, int] | None) -> Footage:
    video = VideoStream(path)
    low, high = frames or (0, len(video))
    numbers = np.arange(low, min(high, len(video)), dtype=np.int64)
    if not len(numbers):
        raise HumanrigError(f"--frames {low}:{high}: {path.name} has {len(video)} frames, 0 to {len(video) - 1}")
    time_us = video.timestamps_us[numbers]
    told = []
    gaps = np.diff(time_us)
    if (gaps <= 0).any():
        later = int(numbers[int(np.flatnonzero(gaps <= 0)[0]) + 1])
        raise HumanrigError(
            f"{path}: frame {later} is not later than the one before; the video's times are damaged: convert it again, "
            "or export its pictures"
        )
    if len(gaps) and gaps.max() > (1 + CONSTANT) * np.median(gaps):
        told.append(
            f"{path.name} has a variable frame rate, {1e6 / gaps.max():.1f} to {1e6 / gaps.min():.1f} Hz; its own "
            "times are used"
        )

    def pictures() -> Iterator[np.ndarray]:
        for number in numbers.tolist():
            yield video.frame(number)

    return Footage(
        name=path.stem, path=path, frames=numbers, time_us=time_us, width=video.width, height=video.height,
        pictures=pictures, told=tuple(told), tags=_tags(path),
    )  # fmt: skip


def _tags(path: Path) -> tuple[dict[str, str], ...]:
    with av.open(str(path)) as container:
        return dict(container.metadata), dict(container.streams.video[0].metadata)
