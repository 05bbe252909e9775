"""Frame sets of a session: wired devices on the master's pulse, free ones by clocks that are fitted to each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from capture.errors import CaptureError
from capture.session import Session
from capture.sync.clock_fit import fit_arrivals
from capture.sync.clock_segments import ClockReset, comparable, segments
from capture.sync.figures import DeviceSync, StreamSync, latency_figures
from capture.sync.free_clocks import FreeTimes, lateness_us, on_session_clock
from capture.sync.pairing import DEFAULT_TOLERANCE_US, FrameSets, assemble, frame_sets
from capture.sync.session_times import StreamTimes, exchanges, stream_times
from capture.sync.wired import on_shared_clock

__all__ = [
    "DEFAULT_TOLERANCE_US",
    "FrameSets",
    "StreamSync",
    "frame_sets",
    "free_devices",
    "session_clock",
    "session_frame_sets",
]


def session_clock(session: Session, without: Collection[str] = ()) -> str:
    """Name of the clock of the instants: the master's, or the one that most devices name.

    Raises CaptureError when no stream of images is left.
    """
    names = _devices(session, without)
    if not names:
        raise CaptureError(f"{session.folder} has no stream of images in use; record or import one")
    masters = [name for name in names if session.devices[name].sync == "master"]
    if masters:
        return session.devices[masters[0]].clock
    return Counter(session.devices[name].clock for name in names).most_common(1)[0][0]


def free_devices(session: Session, without: Collection[str] = ()) -> list[str]:
    """Devices with images whose clock is not the session's."""
    clock = session_clock(session, without)
    return [name for name in _devices(session, without) if session.devices[name].clock != clock]


def session_frame_sets(
    session: Session,
    tolerance_us: int = DEFAULT_TOLERANCE_US,
    without: Collection[str] = (),
    *,
    latency_us: Mapping[str, float] | None = None,
    offsets_us: Mapping[str, float] | None = None,
    shifts_us: Mapping[str, float] | None = None,
) -> FrameSets:
    """Frame sets of a session's image streams, devices in `without` left out.

    `latency_us` has constant latencies from exposure to arrival, by stream or by `model/kind`. `offsets_us` gives the
    session time less the device time of devices whose clocks are not to be trusted, such as content tells; they are
    then matched by it. `shifts_us` is added to what fitted clocks say of a device. Raises CaptureError when the clocks
    of two devices cannot be compared, a clock goes back that no host time sets right, or no stream has a frame.
    """
    offsets = dict(offsets_us or {})
    streams = [s for s in session.streams.values() if s.is_image and s.device not in without]
    if not any(s.frames for s in streams):
        raise CaptureError("no stream has a frame; check the recording with humanrig check")
    times = stream_times(session, streams, latency_us)
    clock = session_clock(session, without)
    shared = {n: t for n, t in times.items() if session.devices[t.info.device].clock == clock}
    wired = {n: t for n, t in shared.items() if t.info.device not in offsets} or shared
    masters = [t for t in wired.values() if session.devices[t.info.device].sync == "master"]
    masters = masters if any(t.info.frames for t in masters) else list(wired.values())
    if not any(t.info.frames for t in masters):
        names = " ".join(dict.fromkeys(t.info.device for t in wired.values()))
        raise CaptureError(f"the devices on the session's clock have no frame; leave them out: --without {names}")
    master = max(masters, key=lambda t: t.info.frames).info.name
    rate_hz = max((t.info.rate_hz or 0.0 for t in masters), default=0.0) or None
    delays_us = {name: t.info.delay_us for name, t in wired.items()}
    placed = on_shared_clock(
        {name: t.device_us for name, t in wired.items()},
        {name: t.host_us for name, t in wired.items()},
        delays_us=delays_us,
        master=master,
        rate_hz=rate_hz,
        tolerance_us=tolerance_us,
    )
    anchors = {name: (t, placed.times_us[name]) for name, t in wired.items()}
    free_us: dict[str, Float64[np.ndarray, "_"]] = {}
    devices = [
        _of_wired(session, name, [t for t in wired.values() if t.info.device == name], placed.resets)
        for name in dict.fromkeys(t.info.device for t in wired.values())
    ]
    for name in dict.fromkeys(t.info.device for t in times.values() if t.info.name not in wired):
        own = [t for t in times.values() if t.info.device == name]
        if name in offsets:
            free_us |= {t.info.name: t.device_us + offsets[name] for t in own}
            devices.append(_device(session, name, method="content", offset_us=float(offsets[name])))
            continue
        if not any(t.info.frames for t in own):
            free_us |= {t.info.name: np.empty(0) for t in own}
            continue
        host = session.devices[name].host
        near = {n: a for n, a in anchors.items() if session.devices[a[0].info.device].host == host}
        found = on_session_clock(name, own, near or anchors, exchanges(session, name))
        free_us |= {stream: t + (shifts_us or {}).get(name, 0.0) for stream, t in found.times_us.items()}
        devices.append(_of_free(session, name, own, found))
    sets = assemble(
        placed.times_us,
        free_us,
        delays_us=delays_us,
        master=master,
        rate_hz=rate_hz,
        tolerance_us=tolerance_us,
        devices=tuple(devices),
        resets=placed.resets,
        notes=(*placed.notes, *(note for device in devices for note in device.notes)),
    )
    return replace(sets, notes=(*sets.notes, *_beside(sets)))


def _devices(session: Session, without: Collection[str]) -> list[str]:
    used = dict.fromkeys(s.device for s in session.streams.values() if s.is_image)
    return [name for name in used if name not in without and name in session.devices]


def _device(session: Session, name: str, **values: object) -> DeviceSync:
    info = session.devices[name]
    return DeviceSync(device=name, clock=info.clock, host=info.host, **values)  # pyright: ignore[reportArgumentType]


def _of_wired(
    session: Session, name: str, own: list[StreamTimes], resets: Mapping[str, list[ClockReset]]
) -> DeviceSync:
    told = [t for t in own if comparable(t.device_us, t.host_us)]
    return _device(
        session,
        name,
        method="pulse",
        resets=max((len(resets[t.info.name]) for t in own), default=0),
        **_latency(told, resets),
    )


def _of_free(session: Session, name: str, own: list[StreamTimes], found: FreeTimes) -> DeviceSync:
    told = [t for t in own if comparable(t.device_us, t.host_us)]
    return _device(
        session,
        name,
        method=found.method,
        reference=found.reference,
        offset_us=found.offset_us,
        offset_sigma_us=found.offset_sigma_us,
        skew_ppm=found.skew_ppm,
        skew_sigma_ppm=found.skew_sigma_ppm,
        resets=max((len(r) for r in found.resets.values()), default=0),
        notes=found.notes,
        **_latency(told, found.resets),
    )


def _latency(told: list[StreamTimes], resets: Mapping[str, list[ClockReset]]) -> dict[str, object]:
    """The keys of DeviceSync that arrivals tell; none without host times."""
    if not told:
        return {}
    late = [lateness_us(t.device_us, t.host_us, resets[t.info.name]) for t in told]
    longest = max(told, key=lambda t: len(t.device_us))
    run = max(segments(len(longest.device_us), resets[longest.info.name]), key=lambda part: part.stop - part.start)
    skew = fit_arrivals(longest.device_us[run], longest.host_us[run]).skew_ppm
    return {**latency_figures(late), "host_skew_ppm": skew}


def _beside(sets: FrameSets) -> list[str]:
    """Streams of free devices none of whose frames fall on an instant: other takes, or clocks that do not belong."""
    lost = [s.stream for s in sets.streams if s.free and s.frames and s.unused == s.frames]
    return [f"no frame of {', '.join(lost)} falls on an instant of the take; were they recorded together?"] * bool(lost)
