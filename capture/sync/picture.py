"""A picture of a session's synchronisation: how far its frames lie from the instants, and how late they came."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8

from capture.frame_sets import HOLE
from capture.sync.figures import DeviceSync, StreamSync
from capture.sync.pairing import FrameSets

WIDTH, ROW, LEFT, PLOT, BARS = 1240, 84, 250, 700, 230
INK, PALE, BLUE, RED = (40, 40, 40), (225, 225, 225), (180, 110, 40), (50, 50, 210)


def residual_picture(sets: FrameSets) -> UInt8[np.ndarray, "height width 3"]:
    """BGR. A row for each stream: frames about the median of their distance from the instants over time, holes in red,
    and beside them the histogram of the latency of its device's arrivals, where host times tell it."""
    devices = {d.device: d for d in sets.devices}
    image = np.full((ROW * len(sets.streams) + 40, WIDTH, 3), 255, np.uint8)
    _text(image, "distance from the instants over the take (holes in red)", LEFT, 20)
    _text(image, "latency above the fastest", LEFT + PLOT + 30, 20)
    for row, stream in enumerate(sets.streams):
        top = 36 + row * ROW
        _label(image, stream, top)
        _residuals(image, sets, stream, top)
        device = devices.get(stream.stream.rsplit("/", 1)[0])
        if device is not None:
            _latency(image, device, top)
    return image


def _label(image: np.ndarray, stream: StreamSync, top: int) -> None:
    _text(image, stream.stream, 8, top + 18)
    how = "fitted clock" if stream.free else "cable"
    _text(image, f"{how}, {stream.frames} frames", 8, top + 38, 0.4)
    lost = f"{stream.drops} drops, {len(stream.stalls)} stalls, {stream.holes} holes"
    _text(image, lost, 8, top + 56, 0.4, RED if stream.drops or stream.stalls else INK)


def _residuals(image: np.ndarray, sets: FrameSets, stream: StreamSync, top: int) -> None:
    begin, end = sets.instants[0].time_us, max(sets.instants[-1].time_us, sets.instants[0].time_us + 1)
    time = np.array([i.time_us for i in sets.instants], np.float64)
    x = np.rint(LEFT + (time - begin) / (end - begin) * (PLOT - 1)).astype(int)
    there = np.array([i.index[stream.stream] != HOLE for i in sets.instants])
    offset = np.array([i.offset_us[stream.stream] for i in sets.instants], np.float64)
    cv2.rectangle(image, (LEFT, top), (LEFT + PLOT, top + ROW - 12), PALE, 1)
    middle = top + (ROW - 12) // 2
    cv2.line(image, (LEFT, middle), (LEFT + PLOT, middle), PALE, 1)
    for column in x[~there]:
        cv2.line(image, (int(column), top + ROW - 18), (int(column), top + ROW - 13), RED, 1)
    if there.any():
        center = float(np.median(offset[there]))
        scale = max(10.0, float(np.abs(offset[there] - center).max()))
        y = np.rint(middle - (offset[there] - center) / scale * ((ROW - 24) / 2)).astype(int)
        for column, height in zip(x[there].tolist(), y.tolist()):
            cv2.circle(image, (column, height), 1, BLUE, -1, cv2.LINE_AA)
        _text(image, f"{_time(center)} +- {_time(scale)}", LEFT + 6, top + 13, 0.38)


def _latency(image: np.ndarray, device: DeviceSync, top: int) -> None:
    left, bottom = LEFT + PLOT + 30, top + ROW - 14
    if device.latencies is None:
        _text(image, "no host times of their own", left, top + 30, 0.4)
        return
    counts = device.latencies.counts
    width = BARS // len(counts)
    for k, count in enumerate(counts):
        height = round(count / max(counts) * (ROW - 32))
        cv2.rectangle(image, (left + k * width, bottom - height), (left + (k + 1) * width - 2, bottom), BLUE, -1)
    span = (
        f"{_time(device.latencies.low_us)} to {_time(device.latencies.high_us)}, 95 %: {_time(device.latency_p95_us)}"
    )
    _text(image, span, left, top + 10, 0.38)


def _time(us: float) -> str:
    return f"{us:.0f} us" if abs(us) < 1000 else f"{us / 1000:.1f} ms"


def _text(image: np.ndarray, text: str, x: int, y: int, size: float = 0.48, color: tuple[int, int, int] = INK) -> None:
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, color, 1, cv2.LINE_AA)
