"""Free devices on the clock of the session: two clocks that one host saw are fitted to each other.

A frame of a free device is carried to host time by the fit of its own clock, and from there to the session's clock by
the fit of a device that is on it, of the same kind of stream where both have one. What both frames take to arrive
cancels when it is equal, or is taken off where it is known. An unknown constant latency shows in no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from capture.errors import CaptureError
from capture.sync.clock_fit import ClockFit, fit_arrivals
from capture.sync.clock_segments import LATEST_US, ClockReset, clock_resets, comparable, segments
from capture.sync.exchange_fit import fit_comparisons
from capture.sync.session_times import Exchanges, StreamTimes

FEWEST_FRAMES = 3
"""A run shorter than this after a reset is left out: its arrival is not known well enough."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FreeTimes:
    """A free device on the session's clock."""

    times_us: Mapping[str, Float64[np.ndarray, "_"]]
    """By stream; NaN for a frame whose time is not known."""
    resets: Mapping[str, list[ClockReset]]
    reference: str
    """The stream on the session's clock that it was compared with."""
    method: str
    """`exchanges` over a network, or `arrival` of frames."""
    offset_us: float
    """Session time less device time at the middle of the longest run."""
    offset_sigma_us: float
    skew_ppm: float
    """The device's clock runs faster than the session's by this many millionths."""
    skew_sigma_ppm: float
    latency_known: bool
    """Whether the latencies of both sides are known; else they are taken to be equal, or 0 beside exchanges."""
    notes: tuple[str, ...] = ()


def on_session_clock(
    device: str,
    streams: Sequence[StreamTimes],
    reference: Mapping[str, tuple[StreamTimes, Float64[np.ndarray, "_"]]],
    exchanged: Exchanges | None = None,
) -> FreeTimes:
    """The times of a free device's streams on the session's clock.

    `reference` are streams on the session's clock with their times there, by name. Raises CaptureError when the host
    times of either say nothing.
    """
    anchors = {
        name: (s, t)
        for name, (s, t) in reference.items()
        if comparable(s.device_us, s.host_us) and np.isfinite(t).any()
    }
    only_arrival = [s.info.name for s in streams if _only_arrival(s, [a for a, _ in anchors.values()])]
    usable = [s for s in streams if comparable(s.device_us, s.host_us) or s.info.name in only_arrival]
    if not anchors or (not usable and exchanged is None):
        blamed = device if not usable else next(iter(reference), device).rsplit("/", 1)[0]
        raise CaptureError(
            f"the host times of '{blamed}' say nothing of their own (an imported recording has none), so '{device}' "
            f"and the session's clock were not synchronised; leave it out with --without {device}, or find its offset "
            "from the pictures: --option sync.by_content=true"
        )
    fits = {name: fit_arrivals(t[np.isfinite(t)], s.host_us[np.isfinite(t)]) for name, (s, t) in anchors.items()}
    resets = {s.info.name: clock_resets(s.device_us, s.host_us) if s in usable else [] for s in streams}
    own, anchor = _compared(usable, {n: s for n, (s, _) in anchors.items()}, fits, exchanged is not None)
    anchor_latency = anchors[anchor][0].latency_us
    if own is not None:
        runs, own_latency = _of_arrivals(own, resets[own.info.name]), own.latency_us
    else:
        assert exchanged is not None
        runs, own_latency = _of_exchanges(exchanged), 0.0
    known = own_latency is not None and anchor_latency is not None
    # arrival at the anchor = exposure + its latency, so the anchor's time of a host time wants its latency added
    later_us = (anchor_latency or 0.0) - (own_latency or 0.0) if known else 0.0
    times, notes = {}, []
    if only_arrival:
        notes.append(
            f"{', '.join(only_arrival)}: has no clock, only arrivals; the time that frames took is in its times"
        )
    for stream in streams:
        moved = np.full(len(stream.device_us), np.nan)
        parts = segments(len(stream.device_us), resets[stream.info.name])
        for part in parts:
            own_us, host_us = stream.device_us[part].astype(np.float64), stream.host_us[part]
            late = [abs(float(np.median(host_us - fit.host_us(own_us)))) if len(own_us) else 0.0 for fit in runs]
            if len(parts) == len(runs) == 1 or min(late) <= LATEST_US:  # else they are of another clock
                moved[part] = fits[anchor].device_us(runs[int(np.argmin(late))].host_us(own_us) + later_us)
        lost = int(np.isnan(moved).sum())
        if lost:
            notes.append(f"{stream.info.name}: {lost} frames about a reset of its clock cannot be placed, left out")
        times[stream.info.name] = moved
        for reset in resets[stream.info.name]:
            told = f"{stream.info.name}: its clock was reset at frame {reset.frame}"
            notes.append(f"{told} ({reset.from_us} to {reset.to_us} us); each part was fitted alone")
    mine, theirs = min(runs, key=lambda fit: fit.skew_sigma_ppm), fits[anchor]
    middle = float(theirs.device_us(np.array([mine.offset_us + mine.reference_us + later_us]))[0])
    return FreeTimes(
        times_us=times,
        resets=resets,
        reference=anchor,
        method="arrival" if exchanged is None else "exchanges",
        offset_us=middle - mine.reference_us,
        offset_sigma_us=float(np.hypot(mine.offset_sigma_us, theirs.offset_sigma_us)),
        skew_ppm=mine.skew_ppm - theirs.skew_ppm,
        skew_sigma_ppm=float(np.hypot(mine.skew_sigma_ppm, theirs.skew_sigma_ppm)),
        latency_known=known,
        notes=tuple(notes),
    )


def _only_arrival(stream: StreamTimes, anchors: Sequence[StreamTimes]) -> bool:
    """Whether a device without a clock was recorded beside the others: its device times are arrivals, in their midst.

    A file that was imported has copies too, but those of another clock.
    """
    device, host = stream.device_us, stream.host_us
    if len(device) < FEWEST_FRAMES or not np.array_equal(device, host) or not anchors:
        return False
    return bool(host[-1] > min(a.host_us[0] for a in anchors) and host[0] < max(a.host_us[-1] for a in anchors))


def lateness_us(device_us: np.ndarray, host_us: np.ndarray, resets: Sequence[ClockReset]) -> Float64[np.ndarray, "_"]:
    """How much later than the fitted line each frame arrived: the spread of its latency. NaN in runs too short."""
    late = np.full(len(device_us), np.nan)
    for part in segments(len(device_us), list(resets)):
        if part.stop - part.start >= FEWEST_FRAMES:
            device = device_us[part].astype(np.float64)
            late[part] = host_us[part] - fit_arrivals(device, host_us[part]).host_us(device)
    return late


def _compared(
    own: Sequence[StreamTimes], anchors: Mapping[str, StreamTimes], fits: Mapping[str, ClockFit], exchanged: bool
) -> tuple[StreamTimes | None, str]:
    """The stream of the device (None: its exchanges) and the one of the reference whose arrivals are compared.

    Two of one kind, with known latencies if there are such, of several colour and the steadiest; else the fastest.
    """
    told = [name for name, a in anchors.items() if a.latency_us is not None]
    fastest = min(told if exchanged and told else anchors, key=lambda name: fits[name].offset_us)
    if exchanged:
        return None, fastest
    pairs = [(s, name) for s in own for name, a in anchors.items() if a.info.kind == s.info.kind]
    sure = [(s, name) for s, name in pairs if s.latency_us is not None and name in told]
    if pairs:  # colour first: where depth is sent together with it, both arrive when colour does
        return min(sure or pairs, key=lambda p: (p[0].info.kind != "color", fits[p[1]].offset_sigma_us))
    return max(own, key=lambda s: len(s.device_us)), fastest


def _of_arrivals(stream: StreamTimes, resets: list[ClockReset]) -> list[ClockFit]:
    parts = _long_enough(segments(len(stream.device_us), resets))
    return [fit_arrivals(stream.device_us[part], stream.host_us[part]) for part in parts]


def _of_exchanges(told: Exchanges) -> list[ClockFit]:
    parts = _long_enough(segments(len(told.device_us), clock_resets(told.device_us, told.host_us)))
    return [fit_comparisons(told.device_us[part], told.offset_us[part], told.rtt_us[part]) for part in parts]


def _long_enough(parts: list[slice]) -> list[slice]:
    """The runs that can be fitted; all frames together are one where none can."""
    return [p for p in parts if p.stop - p.start >= FEWEST_FRAMES] or [slice(parts[0].start, parts[-1].stop)]
