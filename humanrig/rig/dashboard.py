"""What the terminal shows of a running rig: a line for each device, the take, the disk, what is wrong."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from capture.device import DeviceHealth
from capture.recorder.live_rig import LiveRig
from capture.rig.pulse_monitor import PulseMonitor, Residual
from humanrig.live.control import RigStatus

RATE_WINDOW_S = 2.0
SLOW_SHARE = 0.95
LATE_QUEUE_S = 2.0
LOW_DISK_S = 120.0
COUNTDOWN = "countdown"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceLine:
    """One device on the dashboard."""

    name: str
    state: str
    sync: str
    fps: float | None
    """Of its main image stream; None before it is known."""
    rate_hz: float
    """What it should be."""
    dropped: int
    queued: int
    residual: Residual | None
    exposure: str
    temperature_c: float | None
    message: str

    @property
    def bad(self) -> bool:
        """Whether it needs somebody."""
        return bool(self.message)


class Rates:
    """Frames a second of each device's main image stream, over the last two seconds."""

    def __init__(self, rig: LiveRig) -> None:
        """The main stream is colour, or the first there is."""
        self._main = {}
        for name, description in rig.descriptions.items():
            images = [s for s in description.streams if s.kind in ("color", "depth", "ir")] or description.streams
            self._main[name] = next((s for s in images if s.kind == "color"), images[0]) if images else None
        self._seen: dict[str, deque[tuple[float, int]]] = {name: deque() for name in self._main}
        self._speed = {name: getattr(device, "speed", 1.0) for name, device in rig.devices.items()}

    def rate_hz(self, device: str) -> float:
        """What the main stream should have."""
        stream = self._main.get(device)
        return stream.rate_hz if stream else 0.0

    def update(self, health: DeviceHealth) -> float | None:
        """The rate now; None before half a second was seen."""
        stream, seen = self._main.get(health.device), self._seen.get(health.device)
        if stream is None or seen is None or stream.name not in health.streams:
            return None
        now, count = time.monotonic(), health.streams[stream.name].delivered
        if seen and count < seen[-1][1]:
            seen.clear()
        seen.append((now, count))
        while now - seen[0][0] > RATE_WINDOW_S:
            seen.popleft()
        span = seen[-1][0] - seen[0][0]
        return (seen[-1][1] - seen[0][1]) / span / self._speed[health.device] if span > 0.5 else None


class RigView:
    """Collects what the dashboard shows; `lines` is cheap enough for four times a second."""

    def __init__(self, rig: LiveRig, monitor: PulseMonitor, exposures: Mapping[str, str]) -> None:
        """`exposures` is what is known of them by device."""
        self._rig, self._monitor, self._exposures = rig, monitor, exposures
        self._rates = Rates(rig)

    def lines(self) -> list[DeviceLine]:
        """The devices now, in the rig's order."""
        residuals = self._monitor.residuals()
        found = []
        for health in self._rig.health():
            info = self._rig.descriptions[health.device].info
            found.append(
                DeviceLine(
                    name=health.device,
                    state="stalled" if health.stalled else health.state,
                    sync=info.sync if health.device in self._monitor.wired else "free",
                    fps=self._rates.update(health),
                    rate_hz=self._rates.rate_hz(health.device),
                    dropped=health.dropped,
                    queued=health.queued,
                    residual=residuals.get(health.device),
                    exposure=self._exposures.get(health.device, "–"),
                    temperature_c=health.temperature_c,
                    message=health.message,
                )
            )
        return found


def dashboard(lines: Sequence[DeviceLine], status: RigStatus, *, title: str, hint: str) -> RenderableType:
    """The whole picture."""
    parts: list[RenderableType] = [_head(status), Text(""), _devices(lines), Text(""), _take(status)]
    told = [line.name for line in lines if line.message]
    problems = [text for text in status.problems if not any(text.startswith(f"{name}/") for name in told)]
    wrong = [*problems, *(f"{line.name}: {line.message}" for line in lines if line.message)]
    for text in wrong[:4]:
        parts.append(Text(f"! {text}", style="bold red"))
    if len(wrong) > 4:
        parts.append(Text(f"! and {len(wrong) - 4} more", style="bold red"))
    return Panel(Group(*parts), title=Text(title), subtitle=Text(hint, style="dim"), padding=(0, 1))


def _head(status: RigStatus) -> RenderableType:
    if status.state == COUNTDOWN:
        seconds = math.ceil(status.countdown_s)
        return Text.assemble((f"◌ IN {seconds} ", "bold yellow"), (status.session, "bold"), "\n", status.prompt)
    mark = {"recording": ("● REC ", "bold red"), "stopping": ("● WRITING ", "bold yellow"), "idle": ("○ READY ", "dim")}
    return Text.assemble(mark[status.state], (status.session, "bold"), "\n", status.prompt)


def _devices(lines: Sequence[DeviceLine]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    table.add_column("device", no_wrap=True)
    table.add_column("sync", no_wrap=True)
    for name in ("fps", "drops", "queue", "off pulse", "exposure", "°C"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(
            Text(line.name, style="bold red" if line.bad else ""),
            {"subordinate": "sub"}.get(line.sync, line.sync),
            _fps(line),
            Text(str(line.dropped), style="bold red" if line.dropped else "dim"),
            Text(str(line.queued), style="yellow" if line.queued > line.rate_hz else "dim"),
            _residual(line),
            line.exposure,
            "–" if line.temperature_c is None else f"{line.temperature_c:.0f}",
        )
    return table


def _fps(line: DeviceLine) -> Text:
    if line.state == "stalled":
        return Text("stalled", style="bold red")
    if line.fps is None:
        return Text("…", style="dim")
    slow = line.fps < SLOW_SHARE * line.rate_hz
    return Text(f"{line.fps:.1f}", style="bold red" if slow else "green")


def _residual(line: DeviceLine) -> Text:
    if line.residual is None:
        return Text("own clock" if line.sync == "free" else "…", style="dim")
    style = "green" if line.residual.good else "bold red"
    return Text(f"{line.residual.median_us:+.0f} ≤{line.residual.worst_us:.0f} us", style=style)


def _take(status: RigStatus) -> RenderableType:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    planned, recorder = status.planned_s, status.recorder
    left = "until stopped" if planned is None else f"{max(0.0, planned - status.seconds):.1f} s left"
    share = min(1.0, status.seconds / planned) if planned else 0.0
    table.add_row(f"take {status.seconds:.1f} s", ProgressBar(total=1.0, completed=share, width=None), left)
    if recorder is not None:
        style = "bold red" if recorder.queue_s > LATE_QUEUE_S else ""
        table.add_row(
            Text(f"queue {recorder.queue_s:.1f} s", style=style),
            ProgressBar(total=1.0, completed=min(1.0, recorder.queue_share)),
            f"{recorder.queue_bytes / 1e6:.0f} MB wait",
        )
        low = status.disk_left_s is not None and status.disk_left_s < LOW_DISK_S
        lasts = "" if status.disk_left_s is None else f", lasts {_long(status.disk_left_s)}"
        table.add_row(
            Text(f"disk {recorder.mb_per_s:.0f} MB/s", style="bold red" if low else ""),
            Text(f"{recorder.bytes_written / 1e6:.0f} MB written, {recorder.lost} frames lost", style="dim"),
            Text(f"{recorder.disk_free_bytes / 1e9:.0f} GB free{lasts}", style="bold red" if low else ""),
        )
    return table


def _long(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
