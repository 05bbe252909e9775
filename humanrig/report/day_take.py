"""One take of a day at a rig: what the rig said of it after the recording, and what its stages say since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calibration.rig import device_of
from capture.session import Session
from humanrig.rig.take_folders import LINKS
from humanrig.trust.evidence import Evidence, gather, number
from humanrig.trust.judge import weighed
from humanrig.trust.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Take:
    """One take of the day."""

    name: str
    session: Session
    evidence: Evidence
    verdict: Verdict
    kept: Mapping[str, Any] = field(default_factory=dict)
    """take/verdict.json: what the rig said after the take; empty where it said nothing."""
    bytes: int = 0

    @property
    def is_person(self) -> bool:
        """Whether somebody is to be reconstructed, rather than the board or the empty room recorded."""
        return self.session.info.action not in LINKS

    def said(self, key: str) -> list[str]:
        """Sentences of the rig's verdict: `reasons` to repeat the take, `doubts` of one that was kept."""
        found = self.kept.get(key)
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    def losses(self) -> dict[str, tuple[float, float]]:
        """By device, frames that were lost and frames that are there; of the stage `sync`, else of the rig."""
        streams = {
            str(one.get("stream", "")): (one.get("drops"), one.get("frames"))
            for one in self.evidence.entries("sync", "streams")
        } or {name: (one.get("lost"), one.get("frames")) for name, one in _tables(self.kept.get("streams")).items()}
        found: dict[str, tuple[float, float]] = {}
        for stream, counts in streams.items():
            before = found.get(device_of(stream), (0.0, 0.0))
            lost, there = (number(count) or 0.0 for count in counts)
            found[device_of(stream)] = (before[0] + lost, before[1] + there)
        return found

    def late_ms(self) -> dict[str, float]:
        """By device, how near 95 % of its frames lie to their instants; of the stage `sync`, else of the rig."""
        pairing = self.kept.get("pairing")
        told = _tables(pairing.get("residuals")) if isinstance(pairing, Mapping) else {}
        entries = [
            (str(one.get("stream", "")), one.get("residual_p95_us")) for one in self.evidence.entries("sync", "streams")
        ] or [(name, one.get("p95_us")) for name, one in told.items()]
        found: dict[str, float] = {}
        for name, value in entries:
            if (us := number(value)) is not None:
                found[device_of(name)] = max(found.get(device_of(name), 0.0), us / 1000)
        return found


def read_take(name: Path, folder: Path, day: Path) -> Take:
    """A take of a day's folder. Raises CaptureError where it cannot be opened."""
    session = Session.open(folder)
    try:
        kept = json.loads(session.path("take", "verdict.json").read_text())
    except (OSError, ValueError, RecursionError):
        kept = {}
    evidence = gather(session)
    return Take(
        name=str(name.relative_to(day) if name.is_relative_to(day) else name),
        session=session,
        evidence=evidence,
        verdict=weighed(evidence),
        kept=kept if isinstance(kept, dict) else {},
        bytes=sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink()),
    )


def _tables(value: Any) -> dict[str, Mapping[str, Any]]:
    return {str(k): v for k, v in value.items() if isinstance(v, Mapping)} if isinstance(value, Mapping) else {}
