"""A phone's video: pictures at the times of the phone's own clock, as HEVC where FFmpeg here can write it."""

from __future__ import annotations

import errno
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import av
import av.error
import numpy as np
from av.codec import Codec
from jaxtyping import UInt8

from capture.errors import CaptureError

MICROSECOND = Fraction(1, 1_000_000)
CODECS: Final = (
    (
        "libx265",
        {"crf": "18", "preset": "ultrafast", "x265-params": "log-level=none:pools=1:frame-threads=1:bframes=0"},
    ),
    ("libx264", {"crf": "16", "preset": "veryfast", "threads": "1", "bf": "0"}),
)
"""The first that this build of FFmpeg has. Pictures are stored in the order in which they are shown."""


class PhoneVideo:
    """An .mp4 that is being written, on a time base of microseconds."""

    def __init__(self, path: Path, width: int, height: int, rate_hz: float) -> None:
        """Raises CaptureError without an encoder, OSError when the file cannot be made."""
        known = [(name, options) for name, options in CODECS if has_encoder(name)]
        if not known:
            raise CaptureError(f"{path}: FFmpeg here can write neither HEVC nor H.264; install av from its wheel")
        self.codec, options = known[0]
        self.path = path
        try:
            self._container = av.open(str(path), "w", options={"video_track_timescale": str(MICROSECOND.denominator)})
        except (av.error.FFmpegError, OSError) as error:
            raise _refused(error) from None
        self._stream: Any = self._container.add_stream(self.codec, rate=Fraction(rate_hz).limit_denominator(1001))
        self._stream.options = dict(options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = MICROSECOND
        if self.codec == "libx265":
            self._stream.codec_context.codec_tag = "hvc1"  # the one of the two HEVC tags that phones write and play

    def add(self, rgb: UInt8[np.ndarray, "height width 3"], time_us: int) -> None:
        """The next picture; times count from the first and increase. Raises OSError when the disk refuses."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        frame.pts, frame.time_base = time_us, MICROSECOND
        self._write(frame)

    def _write(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise _refused(error) from None

    def __enter__(self) -> PhoneVideo:
        """The video itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends and closes the file."""
        try:
            if error is None:
                self._write(None)
        finally:
            try:
                self._container.close()
            except (av.error.FFmpegError, OSError) as failure:
                if error is None:
                    raise _refused(failure) from None


def _refused(error: Exception) -> OSError:
    """The same error, of the one kind that whoever owns the folder knows."""
    return OSError(getattr(error, "errno", None) or errno.EIO, str(error))


def has_encoder(codec: str) -> bool:
    """Whether FFmpeg here can write it."""
    try:
        Codec(codec, "w")
    except (av.error.FFmpegError, ValueError):
        return False
    return True
