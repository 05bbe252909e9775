"""All devices of a recorded or simulated session, played together as the devices of a rig."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from capture.errors import CaptureError
from capture.session import Session
from capture.virtual.clocks import ClockEffects, DeviceClock, draw_clocks
from capture.virtual.driver import RigTime, VirtualDriver
from capture.virtual.frame_sources import RecordedFrames


def open_virtual_devices(
    folder: Path,
    clocks: ClockEffects | None = None,
    *,
    speed: float = 1.0,
    seed: int = 0,
    loops: int = 1,
    queue_bytes: int | None = None,
) -> list[VirtualDriver]:
    """The devices of a session in the order of the cable, the master first, closed; open, start and take their frames.

    Devices that share the master's clock are wired, others run free. `clocks` None plays without any fault. `speed` is
    rig seconds in a second, infinity as fast as frames are taken. Delays that the session states are kept: its frames
    were exposed with them. Raises CaptureError when the session cannot be played.
    """
    session = Session.open(folder)
    wired, free = cable_order(session)
    drawn = draw_clocks(wired, free, effects=ClockEffects.quiet() if clocks is None else clocks, seed=seed)
    masters = [name for name in wired if session.devices[name].sync == "master"]
    rig = RigTime(speed=speed, master=masters[0] if masters else None)
    return [
        VirtualDriver(
            name,
            RecordedFrames(session, name, loops=loops),
            _with_delays(drawn[name], session, keep=clocks is None),
            rig,
            queue_bytes=queue_bytes,
        )
        for name in (*wired, *free)
    ]


def cable_order(session: Session) -> tuple[list[str], list[str]]:
    """Names of the devices on the cable, the master first, and of those that run free.

    Without a master, the devices of the commonest clock count as wired.
    """
    devices = {name: session.devices[name] for name in dict.fromkeys(s.device for s in session.streams.values())}
    if not devices:
        raise CaptureError(f"{session.folder} has no stream to play; record or simulate a session first")
    masters = [name for name, device in devices.items() if device.sync == "master"]
    if len(masters) > 1:
        raise CaptureError(f"{session.folder} has {len(masters)} masters ({', '.join(masters)}); a cable has one")
    clock = devices[masters[0]].clock if masters else Counter(d.clock for d in devices.values()).most_common(1)[0][0]
    others = [name for name, device in devices.items() if device.clock == clock and name not in masters]
    return [*masters, *others], [name for name, device in devices.items() if device.clock != clock]


def _with_delays(clock: DeviceClock, session: Session, *, keep: bool) -> DeviceClock:
    stated = {s.kind: s.delay_us for s in session.streams.values() if s.device == clock.device}
    return replace(clock, delays_us=stated) if keep or any(stated.values()) else clock
