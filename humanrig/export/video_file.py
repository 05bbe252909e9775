"""A video of pictures, one after the other at a constant rate, as H.264 that every player opens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import av
import av.error
import numpy as np
from av.codec import Codec
from jaxtyping import UInt8

from humanrig.errors import DiskError, HumanrigError

CODECS: Final = (("libx264", {"crf": "14", "preset": "veryfast", "threads": "1"}), ("mpeg4", {"qscale": "2"}))
"""The first that this build of FFmpeg has. crf 14: simulated pictures with sensor noise come back 1.8/255 in the mean
from what went in, at 52 kB a picture of 720p in 31 ms; crf 23, the usual one, 2.4, and noise and cloth are gone."""


class VideoFile:
    """An .mp4 that is being written; frame n is the n-th picture."""

    def __init__(self, path: Path, width: int, height: int, rate_hz: float) -> None:
        """Raises HumanrigError when the file cannot be made."""
        known = [(name, options) for name, options in CODECS if _has(name)]
        if not known:
            raise HumanrigError(f"{path}: FFmpeg here can write neither H.264 nor MPEG-4; install av from its wheel")
        self.codec, options = known[0]
        self.path = path
        try:
            self._container = av.open(str(path), "w")
        except (av.error.FFmpegError, OSError) as error:
            raise DiskError(f"{path} cannot be written ({error}); choose another folder with --to") from None
        self._stream: Any = self._container.add_stream(self.codec, rate=Fraction(rate_hz).limit_denominator(1001))
        self._stream.options = dict(options)
        self._stream.width, self._stream.height = width, height
        even = width % 2 == 0 and height % 2 == 0
        self._stream.pix_fmt = "yuv420p" if even or self.codec == "mpeg4" else "yuv444p"

    def add(self, rgb: UInt8[np.ndarray, "height width 3"]) -> None:
        """The next picture. Raises HumanrigError when the disk refuses."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        self._write(frame)

    def _write(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise DiskError(f"{self.path} could not be written ({error}); is the disk full?") from None

    def __enter__(self) -> VideoFile:
        """The file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends and closes the file."""
        if error is None:
            self._write(None)
        self._container.close()


@contextmanager
def whole_video(path: Path, width: int, height: int, rate_hz: float) -> Iterator[VideoFile]:
    """A video that is there under its name when it is whole, and not at all when writing it ended early.

    Raises HumanrigError as VideoFile does.
    """
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with VideoFile(part, width, height, rate_hz) as video:
            yield video
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _has(codec: str) -> bool:
    try:
        Codec(codec, "w")
    except (av.error.FFmpegError, ValueError):
        return False
    return True
