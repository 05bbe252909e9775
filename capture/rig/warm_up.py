"""For how long each sensor has been running, as this computer's own record of its checks and takes has it.

Devices do not tell. A depth camera's distance drifts until it is warm, so the record is kept across programs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from geometry.told_values import json_of

WARM_UP_S = 40 * 60.0
"""Depth of an Azure Kinect drifts for 40 to 50 minutes after its start (Tölgyessy et al., Sensors 2021, 21, 413)."""
PAUSE_S = 120.0
"""A break that does not count: between a check and the first take. Assumed, short against the warm-up."""
NEEDS_WARM_UP = ("azure_kinect",)
"""Drivers whose devices need one."""


def state_file() -> Path:
    """Where the record is: the user's state folder."""
    folder = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(folder).expanduser() / "humanrig" / "running.json"


class RunningRecord:
    """By serial, since when and until when a device has run without a long break; times are UTC, in seconds."""

    def __init__(self, path: Path | None = None) -> None:
        """Reads what is there; a damaged record is begun again, for it only says more warnings than needed."""
        self.path = path or state_file()
        self._spans: dict[str, tuple[float, float]] = {}
        try:
            values = json_of(self.path.read_text("utf-8"))
            self._spans = {str(serial): (float(begin), float(end)) for serial, (begin, end) in values.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            pass

    def running(self, serials: Iterable[str], now: float | None = None) -> None:
        """These devices run at this moment, and have since they were last noted unless that was long ago."""
        now = time.time() if now is None else now
        for serial in serials:
            begin, end = self._spans.get(serial, (now, now))
            self._spans[serial] = (begin if 0 <= now - end <= PAUSE_S else now, now)

    def seconds(self, serial: str, now: float | None = None) -> float:
        """For how long it has been running; 0 when nothing is known or it has been off."""
        now = time.time() if now is None else now
        begin, end = self._spans.get(serial, (now, now))
        return now - begin if 0 <= now - end <= PAUSE_S else 0.0

    def save(self) -> str:
        """Writes the record; returns why it could not be, empty when it could."""
        partial = self.path.with_name(f".{self.path.name}.partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(self._spans) + "\n", "utf-8")
            partial.replace(self.path)
        except OSError as error:
            return f"the record of running devices {self.path} cannot be written ({error.strerror})"
        return ""


def warm_up_warning(serial: str, record: RunningRecord, now: float | None = None) -> str:
    """What to say of a device that is not warm, and how that is known; empty when it is warm."""
    seconds = record.seconds(serial, now)
    if seconds >= WARM_UP_S:
        return ""
    left = int(-(-(WARM_UP_S - seconds) // 60))
    return (
        f"not warm: it has run for {seconds / 60:.0f} min by the record of checks and takes on this computer, "
        f"40 min needed; keep it running for {left} min: humanrig rig check --seconds {60 * left}"
    )
