"""What the page is told a few times a second: the rig's state, a lamp for each device, rates, problems."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from capture.device import DeviceDescription, DeviceHealth, DeviceStream
from capture.device_frames import EncodedFrame
from humanrig.live.control import RigControl
from humanrig.live.lamps import Lamps
from humanrig.live.newest_frames import NewestFrames
from humanrig.live.pulse_watch import PulseWatch
from humanrig.live.tiles import has_tile

if TYPE_CHECKING:
    from capture.recorder.live_rig import LiveRig

LAST_EVENTS = 5


class RigView:
    """Looks at a rig through one sink; everything else is asked for when the page wants it."""

    def __init__(self, rig: LiveRig, control: RigControl) -> None:
        """`attach` begins to look."""
        self._rig, self._control = rig, control
        self._lamps = Lamps()
        self._watch = PulseWatch(())
        self._watched: tuple[DeviceDescription, ...] = ()
        self.newest = NewestFrames()

    def attach(self) -> None:
        """Adds the sink to the rig."""
        self._rig.attach(self._take)

    def detach(self) -> None:
        """Removes it."""
        self._rig.detach(self._take)

    def streams(self) -> list[DeviceStream]:
        """Of all devices that were opened."""
        return [stream for description in self._descriptions() for stream in description.streams]

    def state(self, tile_problems: Mapping[str, str]) -> dict[str, Any]:
        """All that the page shows beside the tiles, ready for JSON."""
        status = self._control.status()
        health = self._rig.health()
        shown = {
            name: getattr(status, name)
            for name in (
                *("state", "session", "subject", "action", "prompt", "next_prompt", "countdown_s", "seconds"),
                *("planned_s", "disk_free_bytes", "disk_left_s"),
            )
        }
        return {
            **{name: _finite(value) for name, value in shown.items()},
            "verdict": asdict(status.verdict) if status.verdict else None,
            "problems": [*status.problems, *tile_problems.values()],
            "events": [str(event) for event in self._rig.events[-LAST_EVENTS:]],
            "devices": self._devices(health),
            "streams": [self._stream(stream) for stream in self.streams()],
        }

    def _devices(self, health: Sequence[DeviceHealth]) -> list[dict[str, Any]]:
        described = {description.info.name: description for description in self._descriptions()}
        self._follow(tuple(described.values()))
        residuals = self._watch.residuals_us()
        now_s = time.monotonic()
        lamps = (self._lamps.lamp(h, described.get(h.device), residuals.get(h.device), now_s) for h in health)
        return [asdict(lamp) for lamp in lamps]

    def _stream(self, stream: DeviceStream) -> dict[str, Any]:
        return {
            "name": stream.name,
            "kind": stream.kind,
            "tile": has_tile(stream),
            "aspect": (stream.width / stream.height) if stream.width and stream.height else 16 / 9,
            "rate_hz": round(self.newest.rate_hz(stream.name), 1),
            "age_s": self.newest.age_s(stream.name),
        }

    def _descriptions(self) -> list[DeviceDescription]:
        return list(self._rig.descriptions.values())

    def _follow(self, descriptions: tuple[DeviceDescription, ...]) -> None:
        """A rig that was opened again may have other delays."""
        if tuple(map(id, descriptions)) != tuple(map(id, self._watched)):
            self._watched, self._watch = descriptions, PulseWatch(descriptions)

    def _take(self, frame: EncodedFrame) -> None:
        self.newest(frame)
        self._watch(frame)


def _finite(value: Any) -> Any:
    """JSON knows no infinity: a browser would refuse all of it."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
