"""What the stage `sync` asks of content: which devices to check, and whether to believe it over their clocks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, field
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from capture.errors import CaptureError
from capture.session import Session
from capture.sync.content.check import ContentOffset, content_offsets
from capture.synchronisation import FrameSets, free_devices, session_clock

TELLING_US = 15_000.0
"""Offsets below are within what content tells of short takes: 10 ms, and half as much again."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ContentOptions:
    """Options about synchronisation by content."""

    content: Literal["auto", "always", "never"] = "auto"
    """Check clocks by what the pictures show: auto where there are devices on clocks of their own, or videos."""
    by_content: bool = False
    """Move devices whose clocks cannot be trusted by what their pictures show."""
    light: bool = False
    """A light blinks in view of all cameras, which stand still: believe it."""
    content_seconds: float = Field(default=10.0, gt=1.0)
    """Seconds in the middle of the take that are read for it."""
    largest_lag_s: float = Field(default=3.0, gt=0.0)
    """Offsets are looked for up to this, on both sides."""


@dataclass(frozen=True, kw_only=True)
class ContentMove:
    """By how much devices are moved, and what was found."""

    offsets_us: dict[str, float] = field(default_factory=dict)
    """Session time less device time, of devices whose clocks say nothing."""
    shifts_us: dict[str, float] = field(default_factory=dict)
    """What is added to fitted clocks."""
    warnings: list[str] = field(default_factory=list)


def doubtful_devices(session: Session, without: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Devices that content may set right, and those it is compared with.

    Devices on clocks of their own are compared with all others; of videos without a cable every one with the first.
    """
    free = free_devices(session, without)
    clock = session_clock(session, without)
    used = [s.device for s in session.streams.values() if s.is_image and s.frames and s.device not in without]
    shared = [name for name in dict.fromkeys(used) if session.devices[name].clock == clock]
    loose = all(session.devices[name].sync == "standalone" for name in shared)
    videos = all(s.encoding == "video" for s in session.streams.values() if s.is_image and s.device in shared)
    if loose and videos and len(shared) > 1:
        return [*shared[1:], *free], shared[:1]
    return [name for name in free if name in used], shared


def check(session: Session, sets: FrameSets, options: ContentOptions, without: Collection[str]) -> dict[str, Any]:
    """What content says of the clocks: figures by device, and warnings where it contradicts them."""
    devices, reference = doubtful_devices(session, without)
    if options.content == "always" and not devices:
        devices, reference = reference[1:], reference[:1]
    if options.content == "never" or not devices:
        return {"devices": [], "warnings": []}
    found = _offsets(session, sets.times_us, reference, devices, options)
    warnings = [
        f"{offset.device}: its {offset.kind} says that it is {offset.lag_us / 1000:+.0f} ms off (confidence "
        f"{offset.confidence:.2f}); move it with --option sync.by_content=true, or look whether all show the same take"
        for offset in found
        if offset.sure and abs(offset.lag_us) > max(TELLING_US, 0.5 * offset.spacing_us)
    ]
    return {"devices": [_rounded(offset) for offset in found], "warnings": warnings}


def move_by_content(
    session: Session, sets: FrameSets | None, options: ContentOptions, without: Collection[str]
) -> ContentMove:
    """By how much to move the devices that are not trusted; `sets` are frame sets by the clocks, None where they cannot
    be compared: recordings are then taken to begin together, but for `largest_lag_s`.

    Raises CaptureError when content does not tell the offset of a device whose clock says nothing either.
    """
    devices, reference = doubtful_devices(session, without)
    if not devices:
        return ContentMove(warnings=["by_content: all devices are on one cable; there is nothing to move"])
    fitted = {d.device for d in sets.devices if d.method in ("arrival", "exchanges")} if sets else set()
    begin = {name: 0.0 for name in fitted}
    times = dict(sets.times_us) if sets else {}
    if sets is None:
        own = {
            s.name: session.timestamps_us(s.name)[0].astype(np.float64) for s in session.streams.values() if s.is_image
        }
        start = min(float(t[0]) for n, t in own.items() if n.rsplit("/", 1)[0] in reference and len(t))
        for name, t in own.items():
            device = name.rsplit("/", 1)[0]
            if device in devices and device not in begin:
                first = min(float(u[0]) for n, u in own.items() if n.rsplit("/", 1)[0] == device and len(u))
                begin[device] = start - first
            times[name] = t + begin.get(device, 0.0)
    found = {offset.device: offset for offset in _offsets(session, times, reference, devices, options)}
    move = ContentMove()
    for device in devices:
        offset = found.get(device)
        if offset is None or not offset.sure:
            how = f"(confidence {offset.confidence:.2f})" if offset else "(too short, or no pictures)"
            if sets is None:
                raise CaptureError(
                    f"{session.folder}: what {device} shows does not tell its offset {how}; leave it out with "
                    f"--without {device}, or record a clap, a blinking light or a fast movement that all cameras see"
                )
            move.warnings.append(f"{device}: its content does not tell its offset {how}; its clock is kept")
        elif device in fitted:
            move.shifts_us[device] = offset.lag_us
        elif sets is not None and abs(offset.lag_us) <= TELLING_US:
            continue  # its clock agrees, and says it better
        else:
            move.offsets_us[device] = begin.get(device, 0.0) + offset.lag_us
        if offset is not None and offset.sure:
            move.warnings.append(
                f"{device}: moved by {offset.lag_us / 1000:+.1f} ms by its {offset.kind} (confidence "
                f"{offset.confidence:.2f})"
            )
    return move


def _offsets(
    session: Session, times_us: Any, reference: list[str], devices: list[str], options: ContentOptions
) -> list[ContentOffset]:
    return content_offsets(
        session,
        times_us,
        reference=reference,
        devices=devices,
        seconds=options.content_seconds,
        largest_us=1e6 * options.largest_lag_s,
        growing=len(reference) == 1,
        light=options.light,
    )


def _rounded(offset: ContentOffset) -> dict[str, Any]:
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(offset).items()}
