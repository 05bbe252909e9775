"""What the report says of the stages: how long each took, what it found, and which have no result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from humanrig.report.section import Section, Subject, table
from humanrig.report.svg import Row, row_chart
from humanrig.trust.evidence import JUDGED, number


def reasons(subject: Subject) -> Section | None:
    """What costs trust, the heaviest first."""
    if not subject.verdict.reasons:
        return None
    rows = [(f"−{reason.cost:.0%}", reason.stage, reason.text) for reason in subject.verdict.reasons]
    note = "What each takes from the score of trust, 1 at best. The truth of a simulated session is not used."
    return Section(key="trust", title="Why", note=note, html=table(("", "stage", ""), rows, numbers=(0,)))


def stages(subject: Subject) -> Section:
    """Timings as bars, and a table of every stage's state and figures."""
    evidence = subject.evidence
    bars, rows = [], []
    for name in JUDGED:
        done = evidence.done.get(name)
        seconds = number(done.seconds) if done is not None else None
        if done is None:
            state = evidence.damaged.get(name, "has not run")
            rows.append((name, Markup('<span class="bad">{}</span>').format(state), "", ""))
            continue
        count = len(done.instants) if isinstance(done.instants, list) else 0
        each = f"{1000 * seconds / count:.0f} ms an instant" if seconds is not None and count else ""
        if seconds is not None:
            bars.append(Row(label=name, value=seconds, text=f"{seconds:.1f} s" + (f", {each}" if each else "")))
        state = "done" if name not in evidence.stale else f"older than {evidence.stale[name]}"
        rows.append((name, state, each, _words(done.figures)))
    total = sum(bar.value for bar in bars)
    columns = ("stage", "state", "time", "figures")
    html = row_chart(bars, "s") + table(columns, rows)
    return Section(key="stages", title="Stages", note=f"{total:.0f} s in all.", html=html)


def _words(figures: Mapping[str, Any]) -> str:
    shown = [(k, v) for k, v in figures.items() if isinstance(v, int | float | str)]
    return ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in shown)
