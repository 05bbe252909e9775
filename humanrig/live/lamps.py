"""One lamp for each device: green when it is in step and loses nothing, yellow for a doubt, red when it is not."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from capture.device import DeviceDescription, DeviceHealth
from humanrig.live.pulse_watch import TOLERANCE_US, WIRED_CLOCK

OUT_OF_STEP_US = 1000.0
"""Ten times the tolerance: a device this far off has lost the pulse or was started after its master."""
RECENT_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Lamp:
    """What a person at the rig is to see of one device."""

    device: str
    light: Literal["green", "yellow", "red"]
    text: str
    """Why, in a few words."""
    residual_us: float | None
    """From the master's pulse; None where it is not on the cable."""
    dropped: int
    temperature_c: float | None


class Lamps:
    """Decides the lamps, with a memory of recent losses so that a short one can be seen."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self._losses: dict[str, deque[tuple[float, int]]] = {}

    def lamp(
        self, health: DeviceHealth, description: DeviceDescription | None, residual_us: float | None, now_s: float
    ) -> Lamp:
        """The lamp of one device now; `now_s` is `time.monotonic()`."""
        lost = self._recently_lost(health, now_s)
        light, text = _judge(health, description, residual_us, lost)
        return Lamp(
            device=health.device,
            light=light,
            text=text,
            residual_us=residual_us,
            dropped=health.dropped,
            temperature_c=health.temperature_c,
        )

    def _recently_lost(self, health: DeviceHealth, now_s: float) -> int:
        seen = self._losses.setdefault(health.device, deque())
        if seen and health.dropped < seen[-1][1]:  # it was started again: its counts begin at 0
            seen.clear()
        seen.append((now_s, health.dropped))
        while len(seen) > 1 and seen[1][0] <= now_s - RECENT_S:
            seen.popleft()
        return health.dropped - seen[0][1]


def _judge(
    health: DeviceHealth, description: DeviceDescription | None, residual_us: float | None, lost: int
) -> tuple[Literal["green", "yellow", "red"], str]:
    if health.stalled or health.state == "closed":
        return "red", health.message or f"it is {health.state}"
    if health.state == "open":
        return ("red", health.message) if health.message else ("yellow", "not started")
    if residual_us is not None and abs(residual_us) > OUT_OF_STEP_US:
        return "red", f"out of step by {residual_us / 1000:.1f} ms"
    if residual_us is not None and abs(residual_us) > TOLERANCE_US:
        return "yellow", f"{residual_us:.0f} us from the pulse"
    if lost:
        return "yellow", f"{lost} frames lost in the last {RECENT_S:.0f} s"
    if health.message:
        return "yellow", health.message
    if residual_us is not None:
        return "green", f"in step, {residual_us:.0f} us"
    wired = description is not None and description.info.clock == WIRED_CLOCK
    return ("yellow", "no pulse compared yet") if wired else ("green", "clock of its own")
