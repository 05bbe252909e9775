"""What the table of stage costs says, and how well it foretells a take that it has not seen: each in turn is left out.

Usage: python scripts/backtest_stage_costs.py [TABLE.json] [--unseen OTHER.json]

Prints what each stage costs with ten Kinects, how long one such session and twenty take on several workers, and a row
for each take: seconds of all its stages as foretold by the other takes, as measured, and the worst stage that took
longer than a second. `--unseen`: takes of another table are foretold by all of this one.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from humanrig.costs.model import MEASURED, CostModel, Row, read_rows
from humanrig.costs.paper import usual_size
from humanrig.costs.plan import step_of
from humanrig.costs.schedule import simulated
from humanrig.pipeline import STAGES, Request, ahead_instants, load_stage

INSTANTS = 300


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, nargs="?", default=MEASURED)
    parser.add_argument("--unseen", type=Path, default=None)
    args = parser.parse_args()
    rows = read_rows(args.table)
    _tell_stages(CostModel.fit(rows))
    _tell_workers(CostModel.fit(rows))
    print("| take | instants | cameras | people | foretold, s | measured, s | ratio | worst stage |")
    print("|---|---|---|---|---|---|---|---|")
    for take in dict.fromkeys(row.take for row in rows):
        print(_told(take, [r for r in rows if r.take == take], [r for r in rows if r.take != take]))
    unseen = read_rows(args.unseen) if args.unseen else []
    for take in dict.fromkeys(row.take for row in unseen):
        print(_told(take, [row for row in unseen if row.take == take], rows))


def _tell_stages(model: CostModel) -> None:
    """Of 300 instants of ten Kinects at 720p."""
    size = usual_size(INSTANTS, color=(1280, 720))
    print("| stage | start, s | s an instant | a second person, s an instant | memory, MB | kB an instant |")
    print("|---|---|---|---|---|---|")
    for stage in STAGES:
        cost = model.expected(stage, size)
        start = model.expected(stage, replace(size, instants=0)).seconds
        more = model.expected(stage, replace(size, people=2)).seconds - cost.seconds
        print(
            f"| {stage} | {start:.1f} | {(cost.seconds - start) / INSTANTS:.2f} | {more / INSTANTS:.2f} "
            f"| {cost.memory_bytes / 1e6:.0f} | {cost.disk_bytes / INSTANTS / 1e3:.0f} |"
        )
    print()


def _tell_workers(model: CostModel) -> None:
    """Of one such session and of twenty, with work ahead by workers that would be idle."""
    size = usual_size(INSTANTS, color=(1280, 720))
    steps = [step_of(stage, size, model, ahead_instants(load_stage(stage), Request())) for stage in STAGES]
    print("| sessions | workers | minutes | busy |")
    print("|---|---|---|---|")
    for sessions, workers in ((1, 1), (1, 2), (1, 4), (1, 8), (20, 8), (20, 16)):
        timeline = simulated([steps] * sessions, workers)
        print(f"| {sessions} | {workers} | {timeline.seconds / 60:.1f} | {timeline.efficiency:.0%} |")
    print()


def _told(take: str, mine: list[Row], others: list[Row]) -> str:
    model = CostModel.fit(others)
    foretold = {row.stage: model.expected(row.stage, row.size).seconds for row in mine}
    measured = {row.stage: row.cost.seconds for row in mine}
    ratios = {stage: foretold[stage] / measured[stage] for stage in measured if measured[stage] > 1}
    worst = max(ratios, key=lambda stage: max(ratios[stage], 1 / ratios[stage]))
    size = next(row.size for row in mine if row.stage == "masks")
    cameras = f"{size.color_streams}" + ("" if size.depth_streams else ", no depth")
    before, after = sum(foretold.values()), sum(measured.values())
    return (
        f"| {take} | {size.instants} | {cameras} | {size.people} | {before:.0f} | {after:.0f} | {before / after:.2f} "
        f"| {worst} {ratios[worst]:.2f} |"
    )


if __name__ == "__main__":
    main()
