"""What the frames of a fresh take show: holes, distances from the pulse, empty depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import CaptureError
from capture.frame_sets import HOLE, Instant
from capture.session import Session
from capture.synchronisation import session_frame_sets

EDGE_S = 0.25
"""Holes this near to the first or the last instant are how a take begins and ends: devices deliver with different
latencies (45 ms colour, 31 ms depth of the virtual rig) and begin up to four frames apart (SDK issue 1224)."""
SAMPLES = 7
"""Depth images of a device that are looked at, over the whole take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PulseDistance:
    """How far the frames of a device lie from the pulse, its delays taken off."""

    p95_us: float
    worst_us: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FreeClock:
    """How a device on a clock of its own is matched to the others."""

    method: str
    """`arrival` or `exchanges`: what its clock was fitted from."""
    sigma_us: float
    """How well its offset is known, an unknown constant latency apart."""
    stall_s: float
    """Its longest silence of a second or more; 0 without one."""


@dataclass(frozen=True, kw_only=True)
class FrameEvidence:
    """What pairing by time shows."""

    instants: int
    holes: int
    """Missing frames, but for those at the ends."""
    incomplete: int
    """Instants with such a hole."""
    edges: int
    """Missing frames at the ends."""
    longest_gap_s: float
    longest_gap_device: str
    residuals: dict[str, PulseDistance]
    """By device on the cable."""
    free: dict[str, FreeClock]
    """By device on a clock of its own, as far as it could be matched."""
    unmatched: str
    """Why devices on clocks of their own could not be matched; empty when all could."""

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthEvidence:
    """Empty pixels of a device's depth."""

    device: str
    invalid_share: float
    """Median of some images."""
    rise: float | None
    """Less that of the empty room; None without one."""


def frame_evidence(session: Session) -> FrameEvidence:
    """Pairs the wired devices of a session. Raises CaptureError when no stream of theirs has a frame."""
    wired, others = _on_cable(session)
    sets = session_frame_sets(session, without=others)
    delays = {name: session.streams[name].delay_us for name in session.streams}
    names = [name for name in sets.instants[0].index if session.streams[name].frames]
    edge = round(EDGE_S * 1e6 / sets.period_us)
    holes = edges = 0
    incomplete: set[int] = set()
    gap, gap_device = 0, ""
    for name in names:
        missing = np.array([i.index.get(name, HOLE) == HOLE for i in sets.instants])
        inner = np.zeros(len(missing), bool)
        inner[edge : max(edge, len(missing) - edge)] = True
        inside = missing & (inner | _longer_than(missing, edge))
        holes, edges = holes + int(inside.sum()), edges + int((missing & ~inside).sum())
        incomplete |= set(np.flatnonzero(inside).tolist())
        longest = _longest_run(inside)
        if longest > gap:
            gap, gap_device = longest, name.rsplit("/", maxsplit=1)[0]
    free, unmatched = _free_clocks(session, others)
    return FrameEvidence(
        instants=len(sets.instants),
        holes=holes,
        incomplete=len(incomplete),
        edges=edges,
        longest_gap_s=gap * sets.period_us * 1e-6,
        longest_gap_device=gap_device,
        residuals=_residuals(sets.instants, names, delays) if len(wired) > 1 else {},
        free=free,
        unmatched=unmatched,
    )


def _free_clocks(session: Session, names: Sequence[str]) -> tuple[dict[str, FreeClock], str]:
    if not names:
        return {}, ""
    try:
        sets = session_frame_sets(session)
    except CaptureError as error:
        return {}, str(error).removeprefix(f"{session.folder}: ")
    stalls = {name: 0.0 for name in names}
    for stream in sets.streams:
        device = stream.stream.rsplit("/", maxsplit=1)[0]
        if device in stalls:
            stalls[device] = max([stalls[device], *(stall.seconds for stall in stream.stalls)])
    clocks = {
        one.device: FreeClock(method=one.method, sigma_us=one.offset_sigma_us, stall_s=stalls[one.device])
        for one in sets.devices
        if one.device in stalls
    }
    return clocks, ""


def depth_evidence(session: Session, background: Path | None) -> tuple[DepthEvidence, ...]:
    """How much of each device's depth is empty, also against the empty room where there is a take of it."""
    room = None
    if background is not None:
        try:
            room = Session.open(background)
        except CaptureError:
            room = None  # the take can be judged without it
    found = []
    for name in session.of_kind("depth"):
        share = _invalid_share(session, name)
        if share is None:
            continue
        before = None if room is None or name not in room.streams else _invalid_share(room, name)
        rise = None if before is None else share - before
        found.append(DepthEvidence(device=name.rsplit("/", maxsplit=1)[0], invalid_share=share, rise=rise))
    return tuple(found)


def _on_cable(session: Session) -> tuple[list[str], list[str]]:
    """Devices with images that share the master's clock (or the commonest), and the others."""
    names = list(dict.fromkeys(s.device for s in session.streams.values() if s.is_image))
    clocks = [session.devices[name].clock for name in names]
    masters = [session.devices[name].clock for name in names if session.devices[name].sync == "master"]
    clock = masters[0] if masters else max(clocks, key=clocks.count, default="")
    wired = [name for name in names if session.devices[name].clock == clock]
    return wired, [name for name in names if name not in wired]


def _residuals(instants: Sequence[Instant], names: Sequence[str], delays: dict[str, int]) -> dict[str, PulseDistance]:
    by_device: dict[str, list[float]] = {}
    for name in names:
        off = [i.offset_us[name] - delays[name] for i in instants if i.has(name)]
        by_device.setdefault(name.rsplit("/", maxsplit=1)[0], []).extend(off)
    return {
        device: PulseDistance(p95_us=float(np.percentile(np.abs(off), 95)), worst_us=float(np.abs(off).max()))
        for device, off in by_device.items()
        if off
    }


def _invalid_share(session: Session, stream: str) -> float | None:
    count = session.stream(stream).frames
    if not count:
        return None
    indices = np.unique(np.linspace(0, count - 1, SAMPLES).astype(int)).tolist()
    return float(np.median([np.isnan(frame.payload).mean() for frame in session.frames(stream, indices)]))


def _runs(missing: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2])]


def _longest_run(missing: np.ndarray) -> int:
    return max((b - a for a, b in _runs(missing)), default=0)


def _longer_than(missing: np.ndarray, length: int) -> np.ndarray:
    """Where runs of True are longer: a device that ends early is no matter of how a take ends."""
    kept = np.zeros(len(missing), bool)
    for a, b in _runs(missing):
        kept[a:b] = b - a > length
    return kept
