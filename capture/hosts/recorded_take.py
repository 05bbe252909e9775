"""A merged session with what its hosts said of it, as if one computer had recorded it: what a verdict stands on."""

from __future__ import annotations

import math

from capture.hosts.address import HostError
from capture.hosts.hosts_take import HostPart, HostsTake
from capture.recorder.rig_events import RigEvent
from capture.recorder.status import RecordedTake, RecorderStatus, StreamStatus
from capture.session import Session


def recorded_take(take: HostsTake, session: Session) -> RecordedTake:
    """The take with the figures of all hosts: sums and worst ones, every stream of `session`. Its length is that of
    the host that started last: from then on all devices ran.

    A host that is not in the session counts as a device that was given up. Of one that was not heard at the end,
    frames are those of its part, and an event says that nobody knows what its devices dropped. Times of events are
    those of the computer that started the take. Raises HostError when a host's figures are none.
    """
    heard = sorted((part for part in take.parts if part.figures), key=lambda part: part.started_us)
    try:
        told = {
            name: StreamStatus(**values) for part in heard for name, values in part.figures.get("streams", {}).items()
        }
        streams = {s.name: told.get(s.name, StreamStatus(frames=s.frames)) for s in session.streams.values()}
        figures = RecorderStatus(
            seconds=float(heard[-1].figures["seconds"]) if heard else _seconds(session),
            streams=streams,
            queue_frames=0,
            queue_bytes=0,
            queue_s=0.0,
            queue_share=0.0,
            bytes_written=sum(int(part.figures["bytes"]) for part in heard),
            mb_per_s=0.0,
            lag_s=0.0,
            lag_p99_s=max((float(part.figures.get("lag_p99_s", 0.0)) for part in heard), default=0.0),
            sync_s=0.0,
            disk_free_bytes=min((int(part.figures["disk_free_bytes"]) for part in heard), default=0),
            disk_s=math.inf,
            stopped_because="; ".join(
                f"{part.name}: {part.figures['ended_because']}" for part in heard if part.figures.get("ended_because")
            ),
        )
        events = [event for part in take.parts for event in _events(part, session)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HostError(
            f"what the hosts said of {take.session} cannot be read ({type(error).__name__}: {error}); "
            "start the agents of all computers with the same version of humanrig"
        ) from None
    return RecordedTake(session=session, figures=figures, events=tuple(sorted(events, key=lambda e: e.host_us)))


def _events(part: HostPart, session: Session) -> list[RigEvent]:
    """What happened to the host and to its devices."""
    shift_us = part.offset.offset_us
    events = [
        RigEvent(host_us=round(e["host_us"] - shift_us), device=e["device"], text=e["text"])
        for e in part.figures.get("events", ())
    ]
    devices = {device["name"] for device in part.devices}
    if not any(name.rsplit("/", maxsplit=1)[0] in devices for name in session.streams):
        text = f"given up: {part.lost or 'its part was not given'}"
        events.append(RigEvent(host_us=round(part.started_us), device=f"host {part.name}", text=text))
    elif "streams" not in part.figures:
        text = "was not heard at the end, what its devices dropped is not known"
        events.append(RigEvent(host_us=round(part.started_us), device=f"host {part.name}", text=text))
    return events


def _seconds(session: Session) -> float:
    """From the first to the last frame of the longest stream: of a take whose end no host told."""
    spans = [session.timestamps_us(s.name)[1] for s in session.streams.values() if s.frames]
    return max((1e-6 * float(times[-1] - times[0]) for times in spans), default=0.0)
