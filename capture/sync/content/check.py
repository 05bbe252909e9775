"""Offsets of devices from what they show and sound, against devices whose times are trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from capture.errors import CaptureError
from capture.session import Session
from capture.sync.content.audio import audio_signal
from capture.sync.content.correlation import Lag, Signal, find_lag, mean_signal
from capture.sync.content.pictures import motion_of_depth, picture_signals

TRUSTED = 0.55
"""Confidence from which an offset is applied, or warned of."""
REFERENCES = 4
"""Trusted devices whose pictures are read: what several views have in common, in bounded time."""
KINDS = ("audio", "light", "motion")
"""In the order in which they are believed: a clap is sharper than a blink, a blink than a movement."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentOffset:
    """What content says of one device."""

    device: str
    kind: str
    """`audio`, `light` or `motion`."""
    lag_us: float
    """To be added to the device's times."""
    confidence: float
    """0 to 1; below 0.55 it says nothing."""
    correlation: float
    overlap_s: float
    spacing_us: float
    """Of the coarser of the two signals."""

    @property
    def sure(self) -> bool:
        """Whether it may be used."""
        return self.confidence >= TRUSTED


def content_offsets(
    session: Session,
    times_us: Mapping[str, Float64[np.ndarray, "_"]],
    *,
    reference: Sequence[str],
    devices: Sequence[str],
    seconds: float,
    largest_us: float,
    growing: bool = False,
    light: bool = False,
) -> list[ContentOffset]:
    """The offset of each of `devices` against the devices of `reference`, at most `largest_us`.

    `times_us` are the frames' times by stream, as far as they are known; NaN leaves a frame out. The middle `seconds`
    of each stream are read, and `largest_us` more on both sides of the devices. `growing`: a device that was
    found helps to find the next ones. `light`: a light blinks in view of all; without one, whatever passes
    before the cameras would be taken for it. A device that cannot be compared is
    missing in the result. Raises CaptureError for damaged frames.
    """
    places = np.unique(np.linspace(0, len(reference) - 1, REFERENCES).round().astype(int)).tolist()
    span_us = _middle(times_us, seconds)
    trusted = [_signals(session, str(reference[k]), times_us, span_us) for k in places]
    kinds = KINDS if light else tuple(kind for kind in KINDS if kind != "light")
    by_kind = {kind: [found[kind] for found in trusted if kind in found] for kind in kinds}
    offsets = []
    for device in devices:
        own = _signals(session, device, times_us, _middle(times_us, seconds + 2e-6 * largest_us))
        found = [
            _offset(device, kind, by_kind[kind], own[kind], largest_us)
            for kind in kinds
            if kind in own and by_kind[kind]
        ]
        told = [offset for offset in found if offset is not None]
        if told:
            sure = [offset for offset in told if offset.sure]
            offsets.append(sure[0] if sure else max(told, key=lambda offset: offset.confidence))
            if growing and sure:
                for kind in by_kind.keys() & own.keys():
                    signal = own[kind]
                    by_kind[kind].append(replace(signal, time_us=signal.time_us + offsets[-1].lag_us))
    return offsets


def _offset(device: str, kind: str, trusted: list[Signal], own: Signal, largest_us: float) -> ContentOffset | None:
    try:
        lag: Lag = find_lag(mean_signal(trusted) if kind != "audio" else trusted[0], own, largest_us=largest_us)
    except CaptureError:
        return None
    return ContentOffset(
        device=device,
        kind=kind,
        lag_us=lag.lag_us,
        confidence=lag.confidence,
        correlation=lag.correlation,
        overlap_s=lag.overlap_s,
        spacing_us=max(own.spacing_us, trusted[0].spacing_us),
    )


def _middle(times_us: Mapping[str, Float64[np.ndarray, "_"]], seconds: float) -> tuple[float, float]:
    """From when to when frames are read."""
    every = [t[np.isfinite(t)] for t in times_us.values()]
    begin = float(np.median([t.min() for t in every if len(t)]))
    end = float(np.median([t.max() for t in every if len(t)]))
    middle, half = (begin + end) / 2, min(0.5e6 * seconds, (end - begin) / 2 + 1e6)
    return middle - half, middle + half


def _signals(
    session: Session, device: str, times_us: Mapping[str, Float64[np.ndarray, "_"]], span_us: tuple[float, float]
) -> dict[str, Signal]:
    """What a device's colour stream tells, or its depth or infrared stream where it has no colour."""
    streams = {s.kind: s for s in session.streams.values() if s.device == device and s.name in times_us and s.frames}
    found: dict[str, Signal] = {}
    stream = next((streams[kind] for kind in ("color", "ir", "depth") if kind in streams), None)
    if stream is None:
        return found
    times = times_us[stream.name]
    with np.errstate(invalid="ignore"):
        indices = np.flatnonzero((times >= span_us[0]) & (times <= span_us[1])).tolist()
    if len(indices) > 4 and stream.kind == "depth":
        found["motion"] = motion_of_depth(session, stream.name, times, indices)
    elif len(indices) > 4:
        found["motion"], light = picture_signals(session, stream.name, times, indices)
        if light.value.any():
            found["light"] = light
    if stream.encoding == "video" and np.isfinite(times).any():
        first_us = float(times[np.isfinite(times)][0])
        audio = audio_signal(session.path(stream.file), stream.name, first_us)
        if audio is not None:
            found["audio"] = audio
    return found
