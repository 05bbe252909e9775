"""Signals from pictures: how much moves in a stream, and how bright its most blinking spot is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from jaxtyping import Float32, Float64

from capture.errors import CaptureError
from capture.session import Session
from capture.sync.content.correlation import Signal
from capture.video import VideoStream
from geometry.coded_images import decode_jpeg

SIZE_PX = 160
"""Width of the pictures that are compared; a person is still 30 pixels wide."""
NOISE = 6.0
"""Grey levels that a pixel changes without anything moving."""
EDGE_PX = 4
BLOCK_PX = 8
DEPTH_STEP_M = (0.03, 1.0)
"""Depth changes below are noise, above a change of what is seen at an edge."""
BASELINE_US = 33_333.0
"""Pictures about this far apart are compared, so that fast and slow cameras see the same of a movement."""


def grey_pictures(
    session: Session, stream: str, indices: Sequence[int]
) -> Iterator[Float32[np.ndarray, "height width"]]:
    """Small grey pictures of a colour or infrared stream; JPEG is decoded at a fraction of its size."""
    info = session.stream(stream)
    if info.encoding == "video" and info.topic is None:
        video = VideoStream(session.path(info.file))
        yield from (video.small_grey(index, SIZE_PX).astype(np.float32) for index in indices)
        video.close()
        return
    for index in indices:
        if info.encoding == "jpeg" and info.topic is not None:
            data = session.recording(info.file).read(info.topic, index).data
            try:
                grey = decode_jpeg(data, "GRAY", min_width=SIZE_PX, min_height=SIZE_PX // 2)[..., 0]
            except ValueError as error:
                raise CaptureError(f"{session.folder}: frame {index} of {stream} is damaged ({error})") from None
        else:
            image = np.asarray(session.frame(stream, index).payload)
            grey = image if image.ndim == 2 else image.mean(-1, dtype=np.float32)
        size = (SIZE_PX, max(1, round(SIZE_PX * grey.shape[0] / grey.shape[1])))
        yield cv2.resize(grey.astype(np.float32), size, interpolation=cv2.INTER_AREA)


def picture_signals(
    session: Session, stream: str, time_us: Float64[np.ndarray, "frames"], indices: Sequence[int]
) -> tuple[Signal, Signal]:
    """Motion and light of some frames of a colour stream; `time_us` are the times of all its frames."""
    times = time_us[list(indices)]
    pictures = list(grey_pictures(session, stream, indices))
    return motion_of_pictures(stream, times, pictures), light_of_pictures(stream, times, pictures)


def motion_of_pictures(
    name: str, time_us: Float64[np.ndarray, "frames"], pictures: Sequence[Float32[np.ndarray, "height width"]]
) -> Signal:
    """How much changes from picture to picture, in a time, at the middle between the two."""
    inner, apart = slice(EDGE_PX, -EDGE_PX), _apart(time_us)
    pairs = zip(pictures, pictures[apart:])
    changed = [float(np.maximum(0, np.abs(b - a)[inner, inner] - NOISE).mean()) for a, b in pairs]
    return _between(name, time_us, changed, apart)


def motion_of_depth(
    session: Session, stream: str, time_us: Float64[np.ndarray, "frames"], indices: Sequence[int]
) -> Signal:
    """The same of depth images: the surface, at its distance, over which depth changes."""
    times, changed = time_us[list(indices)], []
    apart = _apart(times)
    before: list[np.ndarray] = []
    for index in indices:
        depth_m = np.asarray(session.frame(stream, index).payload)
        step = max(1, depth_m.shape[1] // SIZE_PX)
        before.append(depth_m[::step, ::step])
        if len(before) > apart:
            first = before.pop(0)
            near = np.fmin(before[-1], first)
            with np.errstate(invalid="ignore"):
                moved = np.abs(before[-1] - first)
                there = (moved > DEPTH_STEP_M[0]) & (moved < DEPTH_STEP_M[1])
            changed.append(float((near[there] ** 2).sum()))
    return _between(stream, times, changed, apart)


def light_of_pictures(
    name: str, time_us: Float64[np.ndarray, "frames"], pictures: Sequence[Float32[np.ndarray, "height width"]]
) -> Signal:
    """Brightness of the spot that blinks most: the one whose brightness is best told apart into two levels.

    The camera must stand still. The signal is constant where nothing blinks.
    """
    blocks = np.stack([cv2.resize(p, (p.shape[1] // BLOCK_PX, max(1, p.shape[0] // BLOCK_PX))) for p in pictures])
    flat = blocks.reshape(len(blocks), -1).astype(np.float64)
    low, high = flat.min(0), flat.max(0)
    bright = flat > (low + high) / 2
    count = bright.sum(0)
    apart = np.where(bright, flat, 0).sum(0) / np.maximum(count, 1) - np.where(bright, 0, flat).sum(0) / np.maximum(
        len(flat) - count, 1
    )
    within = np.where(bright, high - flat, flat - low).mean(0)
    both = (count >= 2) & (len(flat) - count >= 2)
    score = np.where(both, apart - 4 * within, -np.inf)
    best = int(np.argmax(score))
    blinks = np.isfinite(score[best]) and score[best] > 2 * NOISE
    value = flat[:, best] if blinks else np.zeros(len(flat))
    return Signal(name=name, kind="light", time_us=time_us, value=value, spacing_us=_spacing(time_us))


def _between(name: str, time_us: np.ndarray, changed: Sequence[float], apart: int) -> Signal:
    """The signal of what changed between frames `apart`, in the usual time between those."""
    gaps = np.maximum(time_us[apart:] - time_us[:-apart], 1.0)
    value = np.sqrt(np.array(changed, np.float64) / gaps * np.median(gaps)) if len(gaps) else np.empty(0)
    middle = (time_us[apart:] + time_us[:-apart]) / 2
    return Signal(name=name, kind="motion", time_us=middle, value=value, spacing_us=_spacing(time_us))


def _apart(time_us: np.ndarray) -> int:
    """How many frames on the next picture is that a picture is compared with."""
    return max(1, round(BASELINE_US / max(_spacing(time_us), 1.0)))


def _spacing(time_us: np.ndarray) -> float:
    return float(np.median(np.diff(time_us))) if len(time_us) > 1 else 0.0
