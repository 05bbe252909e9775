"""Measures synchronisation on simulated clocks: groups of wired devices, and phones over a network."""

from __future__ import annotations

import argparse
import json
import time

from capture.virtual.clock_trials import phone_trial, wired_trial


def main() -> None:
    """Prints one JSON object for each trial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="length of each take")
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--trials", type=int, default=10, help="seeds of each kind")
    wanted = parser.parse_args()
    for resets in ("none", "subordinate back", "subordinate forward", "master", "everyone"):
        rows = []
        for seed in range(wanted.trials):
            begin = time.perf_counter()
            rows.append(wired_trial(seed, devices=wanted.devices, seconds=wanted.seconds, reset=resets))
            rows[-1]["seconds"] = time.perf_counter() - begin
        print(json.dumps({"wired, reset": resets, **{key: max(row[key] for row in rows) for key in rows[0]}}))
    for seconds in (10.0, 60.0, 300.0, 600.0):
        rows = [phone_trial(seed, seconds=seconds) for seed in range(wanted.trials * 3)]
        print(json.dumps({"phone, seconds": seconds, **{key: max(row[key] for row in rows) for key in rows[0]}}))


if __name__ == "__main__":
    main()
