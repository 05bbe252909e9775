"""Kills recorders at random moments and repairs what they leave: what every take lost, in seconds.

Usage: python scripts/kill_trials.py [--trials 50] [--devices 4] [--seed 0] [--folder FOLDER] [--json]
Three kinds, in turn: `kill` is `kill -9`; `sync` also cuts the file back to the last fsync, as a computer that loses
power may; `zeros` fills what was cut off with zeros, as some file systems do. Exits with 1 where a session does not
open after repair, has an error that `humanrig check` sees, or lost more than 2 s.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from capture.checking import check_session
from capture.mcap_recording import McapWriter
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import Recorder
from capture.recorder.repair import repair_session
from capture.recorder.status import RecorderLimits
from scripts.recorder_rig.light_rig import light_rig

MOST_LOST_S = 2.0
LONGEST_S = 4.0
KINDS = ("kill", "sync", "zeros")


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One killed take."""

    kind: str
    recorded_s: float
    frames: int
    lost_s: float
    """From the last frame that the repaired session has, of the stream that has the least, to the kill."""
    repair_s: float
    problem: str
    """Why the trial failed; empty when it did not."""


def record(folder: Path, devices: int) -> None:
    """The child: records until it is killed, and notes beside the folder what each fsync made safe."""
    log = folder.with_suffix(".syncs").open("a", buffering=1)
    sync = McapWriter.sync

    def noted(self: McapWriter) -> None:
        size = self.size
        sync(self)
        log.write(f"{size}\n")

    McapWriter.sync = noted
    with LiveRig(light_rig(devices)) as rig:
        recorder = Recorder(rig, folder, host="pc", limits=RecorderLimits(least_s=1.0, reserve_bytes=0))
        rig.start()
        recorder.start()
        folder.with_suffix(".started").touch()
        while True:
            time.sleep(1.0)


def trial(folder: Path, kind: str, devices: int, rng: np.random.Generator) -> Trial:
    """Starts a recorder, kills it, repairs the take and looks at it."""
    begun_s, killed_s = _kill_one(folder, devices, float(rng.uniform(0.05, LONGEST_S)))
    file = folder / "recording" / "pc.mcap"
    if kind != "kill":
        size, safe = file.stat().st_size, int(folder.with_suffix(".syncs").read_text().split()[-1])
        with file.open("r+b") as opened:
            opened.truncate(safe)
            if kind == "zeros":
                opened.truncate(size)
    start_s = time.monotonic()
    try:
        session = repair_session(folder).session
        repair_s = time.monotonic() - start_s
        last_s = [
            1e-6 * int(times[-1]) if len(times := session.timestamps_us(name)[1]) else begun_s
            for name in session.streams
        ]
        for name, stream in session.streams.items():
            for index in range(0, stream.frames, 10):
                session.frame(name, index)
        errors = [f"{f.where}: {f.text}" for f in check_session(session) if f.level == "error"]
        again = repair_session(folder).changed
        lost_s, frames = killed_s - min(last_s), sum(s.frames for s in session.streams.values())
        problem = "; ".join([*errors, *again]) or (f"lost {lost_s:.2f} s" if lost_s > MOST_LOST_S else "")
    except Exception as error:  # any error is a failed trial, not the end of the trials
        return Trial(
            kind=kind, recorded_s=killed_s - begun_s, frames=0, lost_s=float("nan"), repair_s=0.0, problem=repr(error)
        )
    return Trial(
        kind=kind, recorded_s=killed_s - begun_s, frames=frames, lost_s=lost_s, repair_s=repair_s, problem=problem
    )


def _kill_one(folder: Path, devices: int, after_s: float) -> tuple[float, float]:
    """Begin of the take and the moment of the kill, on the monotonic clock that both processes read."""
    command = [sys.executable, __file__, "--record", str(folder), "--devices", str(devices)]
    child = subprocess.Popen(command)
    started = folder.with_suffix(".started")
    while not started.exists():
        if child.poll() is not None:
            raise SystemExit(f"the recorder ended with {child.returncode} before it was killed")
        time.sleep(0.005)
    begun_s = time.monotonic()
    time.sleep(after_s)
    child.send_signal(signal.SIGKILL)
    killed_s = time.monotonic()
    child.wait()
    return begun_s, killed_s


def main() -> int:
    """Runs the trials and prints them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--devices", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the takes are recorded; a temporary folder by default")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record is not None:
        record(options.record, options.devices)
        return 0
    rng = np.random.default_rng(options.seed)
    trials = []
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        for number in range(options.trials):
            folder = Path(scratch) / f"take{number:03d}"
            trials.append(trial(folder, KINDS[number % len(KINDS)], options.devices, rng))
            shutil.rmtree(folder, ignore_errors=True)
            if not options.json:
                t = trials[-1]
                print(
                    f"{number:3d} {t.kind:<5} after {t.recorded_s:.2f} s: {t.frames:4d} frames, lost {t.lost_s:.2f} s, "
                    f"repaired in {t.repair_s:.2f} s {t.problem}",
                    flush=True,
                )
    if options.json:
        print(json.dumps([asdict(t) for t in trials]))
    else:
        for kind in KINDS:
            lost = [t.lost_s for t in trials if t.kind == kind and not t.problem]
            if lost:
                print(f"{kind:<5} {len(lost)} whole, lost median {np.median(lost):.2f} s, most {max(lost):.2f} s")
        print(f"{sum(bool(t.problem) for t in trials)} of {len(trials)} trials failed")
    return 1 if any(t.problem for t in trials) else 0


if __name__ == "__main__":
    sys.exit(main())
