"""Keep or repeat: ten lines on a take that has just ended, from the recorder's figures and the frames on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from capture.device import STALL_AFTER_S
from capture.errors import CaptureError
from capture.recorder.recorder import RecordedTake
from capture.recorder.status import StreamStatus
from capture.rig.pulse_monitor import RESIDUAL_LIMIT_US
from humanrig.live.control import TakeVerdict
from humanrig.rig.take_evidence import DepthEvidence, FrameEvidence, depth_evidence, frame_evidence

LOST_SHARE = 0.02
"""A frame in fifty: a rig in trouble, as `ClockEffects.drop_rate` says. Fewer, alone, are filled in by their
neighbours."""
GAP_S = 0.2
"""A device without a frame for longer: six frames of a Kinect. What a limb did meanwhile is guessed."""
CLOCK_SIGMA_US = 1000.0
"""A hand at 5 m/s moves 5 mm in that time; the fit of a phone's clock shall be better than 1 ms."""
SHORT_SHARE = 0.95
"""A take that ended by itself before this share of its planned length lacks the end of the action."""
INVALID_SHARE = 0.75
"""Empty depth pixels, as in the check of the rig: a real Kinect had 24 %, simulated ones 61 %."""
INVALID_RISE = 0.15
"""More than in the empty room: a person hides walls but returns light too; other infrared light does not. Assumed."""
SLOW_SHARE = 0.9
"""Of a stream's rate over the whole take; one that is interrupted has other reasons too."""
EDGE_FRAMES = 6
"""Not counted at the ends: devices begin up to four frames apart (SDK issue 1224), and latencies differ."""
LATE_S = 2.0
"""p99 from arrival to the file: the recorder's own target."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A verdict with the figures that it stands on."""

    verdict: TakeVerdict
    figures: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For verdict.json."""
        return {"schema": 1, "keep": self.verdict.keep, "lines": list(self.verdict.lines), **self.figures}


def judge(
    take: RecordedTake,
    *,
    title: str = "",
    planned_s: float | None = None,
    background: Path | None = None,
    speed: float = 1.0,
) -> Judged:
    """The verdict on a take. `background` is the take of the empty room that it links to; `speed` is rig seconds in a
    second, where a recording was played.

    Never raises CaptureError: a take that cannot be read is one to repeat, and the lines say why.
    """
    session = take.session
    frames, problem = None, ""
    try:
        frames = frame_evidence(session)
        depth = depth_evidence(session, background)
    except CaptureError as error:
        depth, problem = (), str(error)
    checks = _Checks(take, frames, depth, planned_s, speed)
    repeat = [*([f"it cannot be read: {problem}"] if problem else []), *checks.repeat()]
    doubts = checks.doubts()
    head = "REPEAT" if repeat else "KEEP"
    why = repeat or doubts or ["nothing was lost and every device kept to its time"]
    lines = (
        f"{head}: {why[0]}",
        f"take      {session.folder.name}" + (f" · {title}" if title else ""),
        checks.length(),
        checks.frames(),
        checks.holes(),
        checks.devices(),
        checks.pulse(),
        checks.depth(),
        checks.disk(),
        "also      " + ("; ".join(why[1:3]) + ("; …" if len(why) > 3 else "") if len(why) > 1 else "nothing else"),
    )
    figures = {
        "reasons": repeat,
        "doubts": doubts,
        "seconds": take.figures.seconds,
        "planned_s": planned_s,
        "streams": {name: asdict(stream) for name, stream in take.figures.streams.items()},
        "events": [{"device": event.device, "text": event.text} for event in take.events],
        "pairing": None if frames is None else frames.as_json(),
        "depth": [asdict(one) for one in depth],
        "lag_p99_s": take.figures.lag_p99_s,
        "stopped_because": take.figures.stopped_because,
    }
    verdict = TakeVerdict(keep=not repeat, lines=lines, session=session.folder.name)
    return Judged(verdict=verdict, figures=figures)


class _Checks:
    """One method for each line, and what it says against the take."""

    def __init__(
        self,
        take: RecordedTake,
        frames: FrameEvidence | None,
        depth: Sequence[DepthEvidence],
        planned_s: float | None,
        speed: float,
    ) -> None:
        self.rig_s = take.figures.seconds * speed
        self.take, self.frames_found, self.depth_found, self.planned_s = take, frames, depth, planned_s
        self.events = [e for e in take.events if e.text != "has no more frames"]

    def repeat(self) -> list[str]:
        """Reasons to record it again, the worst first."""
        reasons, figures = [], self.take.figures
        empty = [s.name for s in self.take.session.streams.values() if not s.frames and s.kind != "clock"]
        if empty:
            reasons.append(f"{_some(empty)} recorded no frame; run humanrig rig check")
        if self._is_short():
            why = figures.stopped_because or "the devices had no more frames"
            reasons.append(f"it ended after {figures.seconds:.1f} of {self.planned_s:.1f} s: {why}")
        elif figures.stopped_because:
            reasons.append(f"it ended by itself: {figures.stopped_because}")
        if given_up := sorted({e.device for e in self.events if e.text.startswith("given up")}):
            reasons.append(f"{_some(given_up)} was lost and did not come back; look at its cable")
        if self.frames_found is not None:
            reasons += self._pairing_reasons(self.frames_found)
        lost = {n: s.lost / (s.lost + s.frames) for n, s in figures.streams.items() if s.lost}
        if bad := {n: share for n, share in lost.items() if share > LOST_SHARE}:
            worst = max(bad, key=lambda n: bad[n])
            advice = _advice(figures.streams[worst])
            reasons.append(f"{worst} lost {bad[worst]:.1%} of its frames, {LOST_SHARE:.0%} allowed; {advice}")
        return reasons + self._slow()

    def _slow(self) -> list[str]:
        """Streams that gave too few frames without any being counted as lost: too slow a device, or computer."""
        slow = {
            s.name: s.frames / self.rig_s
            for s in self.take.session.streams.values()
            if s.is_image and s.rate_hz and s.frames and s.frames + EDGE_FRAMES < SLOW_SHARE * s.rate_hz * self.rig_s
        }
        if not slow:
            return []
        worst = min(slow, key=lambda n: slow[n])
        return [
            f"{worst} gave {slow[worst]:.1f} frames a second, {self.take.session.streams[worst].rate_hz:g} expected"
        ]

    def _pairing_reasons(self, found: FrameEvidence) -> list[str]:
        reasons = []
        if found.longest_gap_s > GAP_S:
            reasons.append(f"{found.longest_gap_device} was silent for {found.longest_gap_s:.1f} s, {GAP_S} s allowed")
        late = {name: r.worst_us for name, r in found.residuals.items() if r.p95_us > RESIDUAL_LIMIT_US}
        if late:
            worst = max(late, key=lambda n: late[n])
            reasons.append(f"{worst} left the pulse by {late[worst]:.0f} us, {RESIDUAL_LIMIT_US} us allowed")
        for name, clock in found.free.items():
            if clock.stall_s > GAP_S:
                reasons.append(f"{name} was silent for {clock.stall_s:.1f} s, {GAP_S} s allowed")
        return reasons

    def doubts(self) -> list[str]:
        """What is worth knowing of a take that is kept."""
        doubts, figures = [], self.take.figures
        if figures.lost:
            doubts.append(f"{figures.lost} frames were lost" if figures.lost > 1 else "1 frame was lost")
        if self.frames_found is not None:
            single = {n: r.worst_us for n, r in self.frames_found.residuals.items() if r.worst_us > RESIDUAL_LIMIT_US}
            if self.frames_found.unmatched:
                doubts.append(f"not all devices can be matched: {self.frames_found.unmatched}")
            unsure = [n for n, clock in self.frames_found.free.items() if clock.sigma_us > CLOCK_SIGMA_US]
            if unsure:
                sigma = self.frames_found.free[unsure[0]].sigma_us
                doubts.append(f"the clock of {_some(unsure)} is known to {1e-3 * sigma:.1f} ms only; record for longer")
            if single:
                doubts.append(f"single frames of {_some(list(single))} lie over {RESIDUAL_LIMIT_US} us off the pulse")
        doubts += [str(event) for event in self.events if not event.text.startswith("given up")]
        dark = [one for one in self.depth_found if one.invalid_share > INVALID_SHARE]
        if dark:
            doubts.append(f"{dark[0].device}: {dark[0].invalid_share:.0%} of depth is empty; is its lens covered?")
        risen = [one for one in self.depth_found if one.rise is not None and one.rise > INVALID_RISE]
        if risen:
            doubts.append(f"{risen[0].device}: {risen[0].rise:.0%} more depth is empty than in the empty room")
        if figures.lag_p99_s > LATE_S:
            doubts.append(f"the disk was slow: frames waited {figures.lag_p99_s:.1f} s")
        return doubts

    def length(self) -> str:
        """How long it is."""
        planned = "" if self.planned_s is None else f" of {self.planned_s:.1f} s planned"
        instants = "" if self.frames_found is None else f", {self.frames_found.instants} instants"
        return f"length    {self.take.figures.seconds:.1f} s{planned}{instants}"

    def frames(self) -> str:
        """What was written and what was lost."""
        streams = self.take.figures.streams.values()
        written = sum(s.frames for s in streams)
        dropped, over = sum(s.dropped for s in streams), sum(s.overflowed for s in streams)
        refused = sum(s.refused for s in streams)
        return f"frames    {written} written, lost {dropped} by devices, {over} by a full queue, {refused} damaged"

    def holes(self) -> str:
        """Which instants lack a frame."""
        found = self.frames_found
        if found is None:
            return "holes     not known"
        gap = f", the longest {found.longest_gap_s:.2f} s ({found.longest_gap_device})" if found.longest_gap_s else ""
        return f"holes     {found.holes} in {found.incomplete} instants{gap}; {found.edges} at start and end"

    def devices(self) -> str:
        """What happened to devices."""
        found = self.frames_found
        if not self.events and found is not None and found.longest_gap_s > STALL_AFTER_S:
            return f"devices   {found.longest_gap_device} fell silent for {found.longest_gap_s:.1f} s"
        if not self.events:
            return "devices   none stalled, none was opened again"
        more = f"; {len(self.events) - 1} more events" if len(self.events) > 1 else ""
        return f"devices   {self.events[0]}{more}"

    def pulse(self) -> str:
        """How wired devices keep to the pulse."""
        found = self.frames_found
        if found is None or not found.residuals:
            return "pulse     no devices on a cable"  # one device, or none that delivered
        p95 = max(r.p95_us for r in found.residuals.values())
        worst = max(found.residuals, key=lambda n: found.residuals[n].worst_us)
        free = "".join(f"; {name}'s clock is known to {clock.sigma_us:.0f} us" for name, clock in found.free.items())
        return (
            f"pulse     95 % within {p95:.0f} us, all within {found.residuals[worst].worst_us:.0f} us ({worst}), "
            f"{RESIDUAL_LIMIT_US} us allowed{free}"
        )

    def depth(self) -> str:
        """How much of the depth images is empty."""
        if not self.depth_found:
            return "depth     none"
        worst = max(self.depth_found, key=lambda one: one.invalid_share)
        rise = "" if worst.rise is None else f", {worst.rise:+.0%} against the empty room"
        return f"depth     at most {worst.invalid_share:.0%} empty ({worst.device}){rise}"

    def disk(self) -> str:
        """What was written, and how late."""
        figures = self.take.figures
        return (
            f"disk      {figures.bytes_written / 1e6:.0f} MB, 99 % written within {figures.lag_p99_s:.2f} s, "
            f"{figures.disk_free_bytes / 1e9:.0f} GB free"
        )

    def _is_short(self) -> bool:
        return self.planned_s is not None and self.take.figures.seconds < SHORT_SHARE * self.planned_s


def _advice(stream: StreamStatus) -> str:
    """What to look at, by where most of a stream's frames were lost."""
    if stream.overflowed >= max(stream.dropped, stream.refused):
        return "the disk was too slow for this rig: record to a faster one"
    if stream.refused > stream.dropped:
        return "they were damaged or of another size: check its cable and its modes"
    return "check its USB"


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
