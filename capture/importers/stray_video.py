"""A video kept as it is, with the times that a table tells: pictures are copied, never encoded anew."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from jaxtyping import Float, Int64

from capture.errors import CaptureError
from capture.session_info import StreamInfo
from capture.video import VideoStream

MICROSECOND = Fraction(1, 1_000_000)
TIME_TOLERANCE_US = 1
"""Times of the file that are nearer than this to those of the table are left; beyond it they are no rounding."""
COUNT_TOLERANCE = 3
"""An encoder may lose pictures as it is stopped. More than these are missing in between, nobody knows where."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptVideo:
    """A video that lies in the session."""

    path: Path
    width: int
    height: int
    times_us: Int64[np.ndarray, "frames"]
    """Device time of each picture that has a row in the table."""
    notes: tuple[str, ...]

    @property
    def frames(self) -> int:
        """Pictures that have a row."""
        return len(self.times_us)

    def stream(self, name: str, session: Path) -> StreamInfo:
        """Its description in session.toml."""
        step = float(np.median(np.diff(self.times_us))) if self.frames > 1 else 0.0
        return StreamInfo(
            name=name,
            kind="color",
            file=str(self.path.relative_to(session)),
            encoding="video",
            frames=self.frames,
            width=self.width,
            height=self.height,
            rate_hz=round(1e6 / step, 3) if step > 0 else None,
        )


def keep_video(source: Path, target: Path, times_s: Float[np.ndarray, "rows"] | None, rows: int) -> KeptVideo:
    """Copies a video; if its times are not those of the table, into a container that has them.

    Picture n belongs to row n. `times_s` None: the table has none and the video's are kept. Raises CaptureError when
    the video is damaged or turned, when times do not increase, or when more than COUNT_TOLERANCE pictures or rows are
    over.
    """
    video = VideoStream(source)
    try:
        pictures, own_us = len(video), video.timestamps_us
        width, height, turn = video.width, video.height, video.rotation_degrees
        video.frame(pictures - 1)  # a truncated file fails here
    finally:
        video.close()
    if turn:
        raise CaptureError(
            f"{source} is marked to be shown turned by {turn} degrees, its depth is not; export it again"
        )
    if abs(pictures - rows) > COUNT_TOLERANCE:
        raise CaptureError(
            f"{source} has {pictures} pictures, its table {rows} rows; which belong together is not known, copy again"
        )
    notes: list[str] = []
    frames = min(pictures, rows)
    if pictures != rows:
        over = f"{pictures - rows} pictures" if pictures > rows else f"{rows - pictures} rows of the table"
        notes.append(f"the last {over} have no counterpart and were left out")
    target.parent.mkdir(parents=True, exist_ok=True)
    if times_s is None:
        shutil.copyfile(source, target)
        return KeptVideo(path=target, width=width, height=height, times_us=own_us[:frames], notes=tuple(notes))
    times_us = np.rint(1e6 * times_s[:frames]).astype(np.int64)
    if (np.diff(times_us) <= 0).any():
        at = int(np.flatnonzero(np.diff(times_us) <= 0)[0]) + 1
        raise CaptureError(f"the times that belong to {source} do not increase at row {at}; copy the recording again")
    error_us = np.abs(own_us[:frames] - (times_us - times_us[0])).max()
    if error_us <= TIME_TOLERANCE_US:
        shutil.copyfile(source, target)
    else:
        step = int(np.median(np.diff(times_us))) if frames > 1 else 1
        more = times_us[-1] + step * np.arange(1, pictures - frames + 1)
        retime(source, target, np.concatenate([times_us, more]) - times_us[0])
        notes.append(f"times of the video were off by up to {error_us / 1000:.1f} ms and replaced by the odometry's")
    return KeptVideo(path=target, width=width, height=height, times_us=times_us, notes=tuple(notes))


def retime(source: Path, target: Path, times_us: Int64[np.ndarray, "pictures"]) -> None:
    """Writes the same coded pictures with other presentation times, in the order of presentation.

    Raises CaptureError when the file cannot be read or written.
    """
    try:
        with av.open(str(source)) as container, av.open(str(target), "w", format="mp4") as to:
            given = container.streams.video[0]
            shown = [p.pts for p in container.demux(given) if p.pts is not None and p.size]  # in coded order
            order = {pts: index for index, pts in enumerate(sorted(shown))}
            pts_us = [int(times_us[order[pts]]) for pts in shown]
            early = max(int(t) - pts for t, pts in zip(times_us, pts_us))  # decoding comes before showing
            stream = to.add_stream_from_template(given)
            stream.time_base = MICROSECOND
            container.seek(0)
            coded = (p for p in container.demux(given) if p.pts is not None and p.size)
            for index, packet in enumerate(coded):
                packet.stream, packet.time_base = stream, MICROSECOND
                packet.pts, packet.dts = pts_us[index], int(times_us[index]) - early
                packet.duration = int(times_us[index + 1] - times_us[index]) if index + 1 < len(shown) else None
                to.mux(packet)
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CaptureError(f"{source} cannot be given other times ({reason}); copy the recording again") from None
