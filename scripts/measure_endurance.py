"""Twenty minutes of rig time through the whole pipeline: memory and time per instant of every stage, and a picture.

Usage: python scripts/measure_endurance.py FOLDER [--minutes 20] [--rate 1.25] [--cameras 3] [--picture FILE.png]

The take has Kinects of 160 x 144 and 640 x 360 pixels and is made of a short simulated one that is played to and fro.
Every stage runs in this one process. Exits with 1 where a stage fails, or a phase of it slows down or grows by more
than the bounds below. What is measured is kept in FOLDER/endurance.json; --again draws it anew without a run.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tyro

from capture.session import Session
from humanrig import pipeline
from humanrig.pipeline import Outcome, Request
from scripts.endurance.flatness import Flatness, StageRecord, phases
from scripts.endurance.long_take import long_take

MOST_KB_PER_STEP = 100.0
"""An hour at 30 instants a second is 108,000 instants: 100 kB each are 11 GB, which a workstation has."""
MOST_SLOWING = 1.25
"""Late steps may take this much longer than early ones; the person stands elsewhere, the machine does other work."""
OPTIONS = {
    "masks": {"workers": 1},
    "clouds": {"workers": 1},
    "keypoints": {"workers": 1},
    "mesh": {"workers": 1, "faces": 2000},
    "texture": {"workers": 1, "size": 256, "polish": False},
}


def main(
    folder: tyro.conf.Positional[Path],
    minutes: float = 20.0,
    rate: float = 1.25,
    cameras: int = 3,
    piece: int = 24,
    seed: int = 3,
    picture: Path | None = None,
    again: bool = False,
) -> int:
    """Runs the take and says what grew.

    Args:
        folder: Where the take and the figures are put.
        minutes: Of rig time.
        rate: Instants a second.
        cameras: Kinects.
        piece: Instants that are simulated.
        seed: Of the person and the noise.
        picture: Where the curves are drawn.
        again: Only print and draw what was measured before.
    """
    kept, instants = folder / "endurance.json", round(60 * minutes * rate)
    if not again:
        session = long_take(folder / "take", cameras=cameras, rate_hz=rate, instants=instants, piece=piece, seed=seed)
        _run(session, kept)
    records = {stage: StageRecord(**values) for stage, values in json.loads(kept.read_text()).items()}
    rows = [row for record in records.values() for row in phases(record, instants)]
    for line in table(records, rows):
        print(line)
    if picture is not None:
        from scripts.endurance.curves import draw

        draw(list(records.values()), picture)
    grown = [row for row in rows if row.kb_per_step > MOST_KB_PER_STEP or row.slowing > MOST_SLOWING]
    for row in grown:
        print(
            f"{row.stage}, phase {row.phase}: {row.kb_per_step:.0f} kB more each step, {row.slowing:.2f} times slower"
        )
    return 1 if grown else 0


def _run(session: Session, kept: Path) -> None:
    """Runs the stages; what was measured so far is kept after each."""
    records: dict[str, StageRecord] = {}

    def on_stage(stage: str, done: int, total: int) -> None:
        records.setdefault(stage, StageRecord(stage)).note(done, total)

    def on_outcome(outcome: Outcome) -> None:
        print(f"{outcome.stage:<10} {outcome.seconds:8.1f} s", flush=True)
        kept.write_text(json.dumps({stage: asdict(record) for stage, record in records.items()}))

    pipeline.reconstruct(session, Request(configs=OPTIONS), on_stage=on_stage, on_outcome=on_outcome)


def table(records: dict[str, StageRecord], rows: list[Flatness]) -> list[str]:
    """A Markdown table: stage, steps, memory, time."""
    lines = [
        "| stage | steps | memory, first to last, MB | growth, kB a step | time a step, early, ms | late, ms |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        name = row.stage if row.phase == 0 else f"{row.stage}, pass {row.phase + 1}"
        lines.append(
            f"| {name} | {row.steps} | {row.first_mb:.0f} to {row.last_mb:.0f} | {row.kb_per_step:.1f} "
            f"| {row.early_ms:.1f} | {row.late_ms:.1f} |"
        )
    few = [name for name in records if name not in {row.stage for row in rows}]
    if few:
        lines.append(f"\nToo few steps to compare: {', '.join(few)}.")
    return lines


if __name__ == "__main__":
    sys.exit(tyro.cli(main, description=__doc__))
