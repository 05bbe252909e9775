"""How well the table of stage costs foretells a take that it has not seen: each in turn is left out.

Usage: python scripts/backtest_stage_costs.py [TABLE.json]

Prints a Markdown row for each take of the table: seconds of all its stages as foretold by the other takes, as measured,
and the worst stage that took longer than a second.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from humanrig.costs.model import MEASURED, CostModel, Row, read_rows


def main() -> None:
    """Prints the table."""
    rows = read_rows(Path(sys.argv[1]) if len(sys.argv) > 1 else MEASURED)
    print("| take | instants | cameras | people | foretold, s | measured, s | ratio | worst stage |")
    print("|---|---|---|---|---|---|---|---|")
    for take in dict.fromkeys(row.take for row in rows):
        print(_told(take, [r for r in rows if r.take == take], [r for r in rows if r.take != take]))


def _told(take: str, mine: list[Row], others: list[Row]) -> str:
    model = CostModel.fit(others)
    foretold = {row.stage: model.expected(row.stage, row.size).seconds for row in mine}
    measured = {row.stage: row.cost.seconds for row in mine}
    ratios = {stage: foretold[stage] / measured[stage] for stage in measured if measured[stage] > 1}
    worst = max(ratios, key=lambda stage: max(ratios[stage], 1 / ratios[stage]))
    size = mine[-1].size
    cameras = f"{size.color_streams}" + ("" if size.depth_streams else ", no depth")
    before, after = sum(foretold.values()), sum(measured.values())
    return (
        f"| {take} | {size.instants} | {cameras} | {size.people} | {before:.0f} | {after:.0f} | {before / after:.2f} "
        f"| {worst} {ratios[worst]:.2f} |"
    )


if __name__ == "__main__":
    main()
