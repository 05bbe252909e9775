"""What the stages of a reconstruction cost on one core: the table that `humanrig plan` reckons with.

Usage: python scripts/measure_stage_costs.py SESSION[,FRAMES][,-CAMERA…][,people=N] … [--out TABLE.json]

Each argument is one measurement of every stage: a session, or some instants of it (`take,0:8`), or without some of its
cameras (`take,-kinect_003`). The session is not touched: its recording is linked into a scratch folder. Every stage
runs in a process of its own that is held on one core. Seconds are processor seconds, so another program beside it
disturbs little; what the start costs (imports) is not counted. Memory is the most that the process ever held.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from capture.session import Session
from humanrig import manifest
from humanrig.costs.size import WHOLE, Size
from humanrig.pipeline import STAGES, Request, load_stage, reconstruct
from humanrig.registering.options import set_people

TABLE = Path(__file__).resolve().parents[1] / "humanrig" / "costs" / "measured.json"
ONE = {stage: {"workers": 1} for stage in ("masks", "clouds", "keypoints", "mesh", "texture")}


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One measurement: a session, cut down."""

    session: Path
    frames: tuple[int, int] | None = None
    without: tuple[str, ...] = ()
    people: int | None = None

    @classmethod
    def of(cls, text: str) -> Setup:
        """From `SESSION[,A:B][,-CAMERA…][,people=N]`."""
        path, *parts = text.split(",")
        without = tuple(part[1:] for part in parts if part.startswith("-"))
        spans = [(int(a), int(b)) for part in parts if ":" in part for a, b in [part.split(":")]]
        people = [int(part.removeprefix("people=")) for part in parts if part.startswith("people=")]
        return cls(
            session=Path(path).resolve(),
            frames=spans[0] if spans else None,
            without=without,
            people=people[0] if people else None,
        )


def main() -> None:
    """Measures, prints a row for each stage and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setups", nargs="+", metavar="SESSION[,A:B][,-CAMERA][,people=N]")
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--scratch", type=Path, default=None)
    if len(sys.argv) > 1 and sys.argv[1] == "--stage":
        _measure_here(*sys.argv[2:])
        return
    args = parser.parse_args()
    rows = []
    for text in args.setups:
        rows += _measure(Setup.of(text), Path(text).name, args.scratch)
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    args.out.write_text(f'{{\n "processor": {json.dumps(_processor())},\n "rows": [\n{lines}\n ]\n}}\n')
    print(f"{args.out}: {len(rows)} rows")


def _measure(setup: Setup, name: str, scratch: Path | None) -> list[dict]:
    """Every stage, one after the other."""
    folder = Path(tempfile.mkdtemp(dir=scratch)) / setup.session.name
    folder.mkdir()
    try:
        shutil.copy(setup.session / "session.toml", folder)
        (folder / "recording").symlink_to(setup.session / "recording")
        return [_measure_stage(folder, stage, setup, name) for stage in STAGES]
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def _measure_stage(folder: Path, stage: str, setup: Setup, name: str) -> dict:
    """One stage in a process of its own."""
    frames = "" if setup.frames is None else f"{setup.frames[0]}:{setup.frames[1]}"
    command = [sys.executable, __file__, "--stage", str(folder), stage, frames, ",".join(setup.without)]
    command.append("" if setup.people is None else str(setup.people))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{setup.session} {stage}: {done.stderr}")
    row = json.loads(done.stdout.splitlines()[-1])
    spans = None if stage in WHOLE else setup.frames
    size = Size.of(Session.open(folder), frames=spans, without=frozenset(setup.without), people=setup.people)
    row = {"take": name, "stage": stage, "size": asdict(size), **row}
    print(f"{setup.session.name:<12} {stage:<10} {size.instants:>4} instants {row['seconds']:8.2f} s "
          f"{row['memory_bytes'] / 2**20:7.0f} MiB {row['disk_bytes'] / 1e6:8.2f} MB", flush=True)  # fmt: skip
    return row


def _measure_here(folder: str, stage: str, frames: str, without: str, people: str = "") -> None:
    """Runs one stage and prints what it took."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    first, _, last = frames.partition(":")
    session = Session.open(Path(folder))
    configs = {stage: dict(ONE.get(stage, {}))}
    set_people(session, configs, int(people) if people else None)
    request = Request(
        only=stage,
        frames=(int(first), int(last)) if frames else None,
        without=frozenset(filter(None, without.split(","))),
        configs=configs,
    )
    load_stage(stage)
    before = _seconds()
    reconstruct(session, request)
    seconds = _seconds() - before
    made = manifest.read(Path(folder) / load_stage(stage).folder)
    assert made is not None
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) << 10
    disk = sum(size for size, _ in made.outputs.values())
    print(json.dumps({"seconds": round(seconds, 3), "memory_bytes": peak, "disk_bytes": disk}))


def _seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
