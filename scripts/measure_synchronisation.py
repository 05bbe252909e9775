"""Measures synchronisation on simulated clocks: groups of wired devices, and phones over a network."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from capture.session import Session
from capture.sync.content.check import content_offsets
from capture.synchronisation import free_devices, session_frame_sets
from capture.virtual.clock_trials import RESETS, matching_errors, phone_trial, wired_trial


def main() -> None:
    """Prints one JSON object for each trial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="length of each take")
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--trials", type=int, default=10, help="seeds of each kind")
    parser.add_argument("--sessions", type=Path, nargs="*", default=[], help="simulated sessions, against their truth")
    wanted = parser.parse_args()
    if wanted.sessions:
        for folder in wanted.sessions:
            measure_session(Session.open(folder))
        return
    for resets in RESETS:
        rows = []
        for seed in range(wanted.trials):
            begin = time.perf_counter()
            rows.append(wired_trial(seed, devices=wanted.devices, seconds=wanted.seconds, reset=resets))
            rows[-1]["seconds"] = time.perf_counter() - begin
        print(json.dumps({"wired, reset": resets, **{key: max(row[key] for row in rows) for key in rows[0]}}))
    for seconds in (10.0, 60.0, 300.0, 600.0):
        rows = [phone_trial(seed, seconds=seconds) for seed in range(wanted.trials * 3)]
        print(json.dumps({"phone, seconds": seconds, **{key: max(row[key] for row in rows) for key in rows[0]}}))


def measure_session(session: Session) -> None:
    """Prints how far matched frames of a simulated session are from the truth, by their clocks and by content."""
    sets = session_frame_sets(session)
    for stream, error in matching_errors(session, sets).items():
        print(json.dumps({"session": session.folder.name, "stream": stream, **error}))
    free = free_devices(session)
    wired = [name for name in session.devices if name not in free]
    begin = time.perf_counter()
    found = content_offsets(session, sets.times_us, reference=wired, devices=free, seconds=10.0, largest_us=1e6)
    for offset in found:
        told = {
            "lag_ms": round(offset.lag_us / 1000, 1),
            "confidence": round(offset.confidence, 2),
            "kind": offset.kind,
        }
        print(json.dumps({"session": session.folder.name, "by content": offset.device, **told}))
    print(json.dumps({"content, seconds": round(time.perf_counter() - begin, 1)}))


if __name__ == "__main__":
    main()
