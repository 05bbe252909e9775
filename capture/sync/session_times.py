"""What a session's clocks say: device and host times of every stream on one host clock, and exchanges with phones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from capture.errors import CaptureError
from capture.session import Session
from capture.session_info import StreamInfo


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StreamTimes:
    """The times of one image stream."""

    info: StreamInfo
    device_us: Int64[np.ndarray, "frames"]
    host_us: Int64[np.ndarray, "frames"]
    """Arrival, on the monotonic clock of the first recording host."""
    latency_us: float | None = None
    """Constant time from exposure to arrival, where it is known."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Exchanges:
    """Comparisons of a device's clock with its host's over a network."""

    device_us: Int64[np.ndarray, "exchanges"]
    host_us: Int64[np.ndarray, "exchanges"]
    offset_us: Float64[np.ndarray, "exchanges"]
    """Host less device, on the clock of the first recording host."""
    rtt_us: Float64[np.ndarray, "exchanges"]


def stream_times(
    session: Session, streams: Collection[StreamInfo], latency_us: Mapping[str, float] | None = None
) -> dict[str, StreamTimes]:
    """Times of some streams by name. `latency_us` names streams (`iphone/color`) or models (`azure-kinect/depth`).

    Raises CaptureError for a name in `latency_us` that is neither, and for a device whose host is not described.
    """
    known = dict(latency_us or {})
    devices, found = session.devices, {}
    names = {s.name for s in session.streams.values()} | {
        f"{devices[s.device].model}/{s.kind}" for s in session.streams.values() if s.device in devices
    }
    for name in known:
        if name not in names:
            raise CaptureError(
                f"latency_us names '{name}', which is neither a stream nor a model of {session.folder}; "
                f"it has {', '.join(sorted(names))}"
            )
    for stream in streams:
        device_us, host_us = session.timestamps_us(stream.name)
        device = devices.get(stream.device)
        model = f"{device.model}/{stream.kind}" if device else ""
        found[stream.name] = StreamTimes(
            info=stream,
            device_us=device_us,
            host_us=host_us - host_offset_us(session, stream.device, host_us),
            latency_us=known.get(stream.name, known.get(model)),
        )
    return found


def exchanges(session: Session, device: str) -> Exchanges | None:
    """What a device's stream of kind `clock` compared; None when it has none.

    Raises CaptureError when a message of it lacks a number.
    """
    stream = next((s for s in session.streams.values() if s.device == device and s.kind == "clock" and s.frames), None)
    if stream is None:
        return None
    rows = []
    for frame in session.frames(stream.name):
        try:
            offset, rtt = float(frame.payload["offset_us"]), float(frame.payload["rtt_us"])
        except (KeyError, TypeError, ValueError):
            raise CaptureError(
                f"{session.folder}: message {frame.index} of {stream.name} has no offset_us and rtt_us; "
                f"leave the device out: --without {device}"
            ) from None
        rows.append((frame.device_us, frame.host_us, offset, rtt))
    values = np.array(rows, np.float64)
    host_us = values[:, 1].astype(np.int64)
    ahead_us = host_offset_us(session, device, host_us)
    return Exchanges(
        device_us=values[:, 0].astype(np.int64),
        host_us=host_us - ahead_us,
        offset_us=values[:, 2] - ahead_us,
        rtt_us=values[:, 3],
    )


def host_offset_us(
    session: Session, device: str, host_us: Int64[np.ndarray, "moments"]
) -> Int64[np.ndarray, "moments"]:
    """The clock of the host that recorded a device less that of the first host, at moments of its own; 0 where there
    was one host. Its drift counts from the moment for which the offset stands.

    Raises CaptureError when the device names a host that session.toml does not describe.
    """
    name = session.devices[device].host if device in session.devices else ""
    if not name:
        return np.zeros(len(host_us), np.int64)
    hosts = {h.name: h for h in session.info.hosts}
    if name not in hosts:
        raise CaptureError(
            f"{session.folder}: device '{device}' was recorded by the host '{name}', whose clock session.toml does not "
            f"compare; add it to [[hosts]] or leave the device out: --without {device}"
        )
    host = hosts[name]
    drift_us = 1e-6 * host.drift_ppm * (host_us - host.offset_at_us)
    return np.rint(host.offset_us + drift_us).astype(np.int64)
