"""Frame-accurate reading of video files: any frame by number, neighbours fast."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import av
import av.error
import numpy as np
from jaxtyping import Int64, UInt8

from capture.errors import CaptureError

FORWARD_LIMIT = 30  # frames that are decoded and thrown away rather than seeking, when no keyframe lies between


class VideoStream:
    """One video file. Frames are counted by presentation time, from 0.

    Frames are returned as a player shows them: a rotation stated in the file's metadata (phones) is applied, and
    `width` and `height` are those of the picture as shown. Times start at 0 with the first frame.
    """

    def __init__(self, path: Path) -> None:
        """Opens a file and lists its packets without decoding them. Raises CaptureError when it is damaged."""
        self.path = Path(path)
        if not self.path.is_file():
            raise CaptureError(f"video {self.path} is missing")
        try:
            self._list_packets()
            self._open()
            first = next(self._decoder, None)
        except (av.error.FFmpegError, ValueError) as error:
            raise CaptureError(
                f"video {self.path} cannot be read ({_reason(error)}); copy it again from its source"
            ) from None
        if first is None or not len(self._pts):
            raise CaptureError(f"video {self.path} holds no picture; copy it again from its source")
        self.rotation_degrees: int = round(first.rotation) % 360
        """Turn that the file's metadata asks for, counter-clockwise; applied to the frames."""
        turned = self.rotation_degrees in (90, 270)
        self.width: int = first.height if turned else first.width
        self.height: int = first.width if turned else first.height
        self.codec: str = self._container.streams.video[0].codec_context.name
        self._seek(0)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._pts)

    @cached_property
    def timestamps_us(self) -> Int64[np.ndarray, "frames"]:
        """Presentation time of each frame, the first at 0."""
        ticks = self._pts - self._pts[0]
        return np.array([round(int(t) * self._time_base * 1_000_000) for t in ticks], np.int64)

    @property
    def rate_hz(self) -> float:
        """Mean frame rate; 0 for a single frame."""
        span = float((self._pts[-1] - self._pts[0]) * self._time_base)
        return (len(self) - 1) / span if span > 0 else 0.0

    def frame(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Frame `index`, RGB. Raises CaptureError when there is no such frame or it cannot be decoded."""
        rgb = self._decoded(index).to_ndarray(format="rgb24")
        return np.ascontiguousarray(np.rot90(rgb, self.rotation_degrees // 90)) if self.rotation_degrees else rgb

    def small_grey(self, index: int, width: int) -> UInt8[np.ndarray, "height width"]:
        """Frame `index` as a small grey picture, as it is stored: not turned. Raises as `frame` does."""
        picture = self._decoded(index)
        height = max(2, round(width * picture.height / picture.width))
        return picture.reformat(width=width, height=height, format="gray", interpolation="AREA").to_ndarray()

    def _decoded(self, index: int) -> av.VideoFrame:
        if not 0 <= index < len(self):
            raise CaptureError(f"video {self.path} has {len(self)} frames, there is no frame {index}")
        keyframe = int(self._keyframes[np.searchsorted(self._keyframes, index, side="right") - 1])
        if not (self._next <= index < self._next + FORWARD_LIMIT or keyframe <= self._next <= index):
            self._seek(keyframe)
        try:
            picture = self._advance(index)
            if picture is None:  # a demuxer that seeks too far, or an open group of pictures
                self._open()
                picture = self._advance(index)
        except av.error.FFmpegError as error:
            raise CaptureError(f"video {self.path}: frame {index} cannot be decoded ({_reason(error)})") from None
        if picture is None:
            raise CaptureError(f"video {self.path}: frame {index} of {len(self)} is missing; the file is damaged")
        return picture

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """All frames in order."""
        for index in range(len(self)):
            yield self.frame(index)

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def _list_packets(self) -> None:
        with av.open(str(self.path)) as container:
            if not container.streams.video:
                raise CaptureError(f"{self.path} has no video stream")
            stream = container.streams.video[0]
            found = [(p.pts, p.is_keyframe) for p in container.demux(stream) if p.pts is not None and p.size]
            assert stream.time_base is not None
            self._time_base = stream.time_base
            self._declared = stream.frames
        found.sort()
        self._pts = np.array([pts for pts, _ in found], np.int64)
        self._keyframes = np.flatnonzero([i == 0 or key for i, (_, key) in enumerate(found)])
        if len(found) < self._declared:
            raise CaptureError(
                f"video {self.path} is truncated: {len(found)} of {self._declared} frames are there; copy it again"
            )

    def _open(self) -> None:
        if hasattr(self, "_container"):
            self._container.close()
        self._container = av.open(str(self.path))
        self._container.streams.video[0].thread_type = "AUTO"
        self._decoder = self._container.decode(video=0)
        self._next = 0

    def _seek(self, index: int) -> None:
        """Moves to a keyframe (0 is always one)."""
        if index == 0:
            self._open()
            return
        stream = self._container.streams.video[0]
        self._container.seek(int(self._pts[index]), stream=stream, backward=True)
        self._decoder = self._container.decode(video=0)
        self._next = index

    def _advance(self, index: int) -> av.VideoFrame | None:
        """Decodes on to the frame; None when it does not come. Frames are known by their time, never by counting."""
        wanted = self._pts[index]
        for picture in self._decoder:
            if picture.pts == wanted:
                self._next = index + 1
                return picture
            if picture.pts is not None and picture.pts > wanted:
                break
        self._next = len(self)
        return None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
