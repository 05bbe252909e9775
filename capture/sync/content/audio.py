"""The sound of a video file as a signal: how loud it is, a thousand times a second. A clap is its best moment."""

from __future__ import annotations

from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer

from capture.errors import CaptureError
from capture.sync.content.correlation import Signal

SPACING_US = 1000.0
SAMPLES_HZ = 16_000
QUIET = 1e-4
"""Amplitude, of 1, below which nothing is heard."""


def audio_signal(path: Path, name: str, first_us: float = 0.0, seconds: float | None = None) -> Signal | None:
    """Loudness of a video's first audio track, on a logarithmic scale; None when it has none, or a silent one.

    Times are those of the file's pictures: those of the first picture are `first_us`. Raises CaptureError when the
    file cannot be read.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio or not container.streams.video:
                return None
            samples, begin_s = _samples(container, seconds)
    except (av.error.FFmpegError, OSError) as error:
        raise CaptureError(f"{path}: its sound cannot be read ({error}); copy it again from its source") from None
    each = round(SAMPLES_HZ * SPACING_US * 1e-6)
    count = len(samples) // each
    if count < 4 or float(np.abs(samples).max()) < QUIET:
        return None
    loud = np.sqrt((samples[: count * each].reshape(count, each) ** 2).mean(1))
    time_us = first_us + 1e6 * begin_s + SPACING_US * (np.arange(count) + 0.5)
    return Signal(name=name, kind="audio", time_us=time_us, value=np.log(loud + QUIET), spacing_us=SPACING_US)


def _samples(container: InputContainer, seconds: float | None) -> tuple[np.ndarray, float]:
    """Mono samples, and when the first one sounds after the first picture, seconds."""
    video, audio = container.streams.video[0], container.streams.audio[0]
    shown = float((video.start_time or 0) * video.time_base) if video.time_base else 0.0
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLES_HZ)
    parts: list[np.ndarray] = []
    begin, held = None, 0
    for frame in container.decode(audio):
        if begin is None:
            begin = float(frame.time or 0.0)
        for part in resampler.resample(frame):
            parts.append(part.to_ndarray().ravel())
            held += len(parts[-1])
        if seconds is not None and held > SAMPLES_HZ * (seconds + 1):
            break
    return (np.concatenate(parts) if parts else np.zeros(0, np.float32)).astype(np.float64), (begin or 0.0) - shown
