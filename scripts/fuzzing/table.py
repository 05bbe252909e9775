"""The table of docs/robustness.md: every importer, every fault, and what became of the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fuzzing.faults.chosen import FAULTS
from fuzzing.importer import Importer
from fuzzing.journal import Tally
from fuzzing.outcome import FINDINGS, FINE

BEGIN, END = "<!-- made by scripts/fuzz_importers.py -->", "<!-- end of what scripts/fuzz_importers.py made -->"


def table(importers: Sequence[Importer], tallies: Mapping[str, Tally]) -> str:
    """Two tables in Markdown: totals, and by fault `refused/read` of the inputs, findings in bold."""
    lines = [
        BEGIN,
        "",
        "| importer | reads | inputs | read | refused | findings | slowest, s | memory, MiB |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for each in importers:
        tally = tallies[each.name]
        found = sum(tally.of(what) for what in FINDINGS)
        lines.append(
            f"| `{each.name}` | {each.reads} | {tally.done:,} | {tally.of('read'):,} | {tally.of('refused'):,} "
            f"| {found} | "
            f"{tally.slowest_s:.1f} | {tally.most_bytes / 2**20:.0f} |"
        )
    total = sum(tally.done for tally in tallies.values())
    findings = sum(tally.of(what) for tally in tallies.values() for what in FINDINGS)
    lines += [f"| all | | {total:,} | | | {findings} | | |", ""]
    lines += ["| importer | " + " | ".join(FAULTS) + " |", "|---|" + "--:|" * len(FAULTS)]
    for each in importers:
        cells = [_cell(tallies[each.name], fault) for fault in FAULTS]
        lines.append(f"| `{each.name}` | {' | '.join(cells)} |")
    return "\n".join([*lines, "", END, ""])


def _cell(tally: Tally, fault: str) -> str:
    counts = {what: tally.at(fault, what) for what in (*FINE, *FINDINGS)}
    if not sum(counts.values()):
        return ""
    bad = ", ".join(f"**{count} {what}**" for what, count in counts.items() if what in FINDINGS and count)
    return bad or f"{counts['refused']}/{counts['read']}"
