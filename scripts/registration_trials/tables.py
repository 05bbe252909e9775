"""The tables of docs/registration_figures.md, in Markdown, from what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from registration_trials.measuring import Measured

DASH = "–"
BEGIN, END = "<!-- tables -->", "<!-- end of tables -->"


def people_of(measured: Measured) -> list[dict[str, Any]]:
    """Everybody who was fitted in a take."""
    return measured.figures.get("people") or []


def bodies_by_row(all_measured: Sequence[Measured]) -> str:
    """One line for each row of cases and variant: errors over all instants of all takes, and the worst instant."""
    head = ("row", "variant", "takes", "PVE mm", "worst instant", "MPJPE mm", "worst", "PA-MPJPE mm", "height mm",
            "over 25 mm (unflagged)", "flagged", "lost", "failed")  # fmt: skip
    lines = []
    for row, variant in dict.fromkeys((m.row, m.variant) for m in all_measured):
        some = [m for m in all_measured if (m.row, m.variant) == (row, variant)]
        people = [p for m in some for p in people_of(m)]
        frames = sum(m.figures["frames"]["total"] for m in some if m.figures)
        lines.append((
            row, variant, str(len(some)), _mean(people, "pve_mm"), _worst(people, "pve_mm"), _mean(people, "mpjpe_mm"),
            _worst(people, "mpjpe_mm"), _mean(people, "pa_mpjpe_mm"), _heights(people),
            "{} ({})".format(*(sum(p["instants_off"][key] for p in people) for key in ("count", "unflagged"))),
            f"{sum(p['flagged'] for p in people)} of {sum(p['frames'] for p in people)}",
            f"{sum(m.figures['frames']['lost'] for m in some if m.figures)} of {frames}",
            str(sum(m.error is not None for m in some)),
        ))  # fmt: skip
    return _table(head, lines)


def takes(all_measured: Sequence[Measured]) -> str:
    """One line for each person of each take."""
    head = ("take", "variant", "PVE mm", "worst instant", "MPJPE mm", "height mm", "worst part", "flagged",
            "cloud mean / p99.9 mm", "covered", "fit, instants/s", "masks to body, s/instant")  # fmt: skip
    lines = []
    for m in all_measured:
        if m.error is not None:
            lines.append((m.case, m.variant, m.error, *[""] * 9))
        for p in people_of(m):
            part, error = max(((k, v) for k, v in p["pve_mm_by_part"].items() if v is not None), key=lambda x: x[1])
            fit = m.registered["people"][p["person"]]["fit_seconds"]
            lines.append((
                m.case + ("" if len(people_of(m)) == 1 else f" {p['true']}"), m.variant, f"{p['pve_mm']['mean']:.1f}",
                f"{p['pve_mm']['worst_instant_mean']:.1f}", f"{p['mpjpe_mm']['mean']:.1f}",
                f"{p['height_error_mm']:+.0f}", f"{part} {error:.0f}", f"{p['flagged']} of {p['frames']}",
                *_cloud(m), f"{p['frames'] / max(fit, 1e-9):.1f}", f"{sum(m.seconds.values()) / p['frames']:.2f}",
            ))  # fmt: skip
    return _table(head, lines)


def parts(all_measured: Sequence[Measured]) -> str:
    """Vertex errors of each part of the body, a line for each row and variant."""
    lines, names = [], []
    for row, variant in dict.fromkeys((m.row, m.variant) for m in all_measured):
        people = [p for m in all_measured if (m.row, m.variant) == (row, variant) for p in people_of(m)]
        if not people:
            continue
        names = list(people[0]["pve_mm_by_part"])
        cells = [_number([p["pve_mm_by_part"][n] for p in people if p["pve_mm_by_part"][n] is not None]) for n in names]
        lines.append((row, variant, *cells))
    return _table(("row", "variant", *names), lines)


def movement_and_certainty(all_measured: Sequence[Measured]) -> str:
    """Sliding feet, trembling of still people, and how often the intervals hold the truth."""
    head = ("row", "variant", "foot skate mm", "contacts", "still jitter mm rms",
            "joints in 50 / 68 / 90 / 95 %", "vertices in 50 / 68 / 90 / 95 %")  # fmt: skip
    lines = []
    for row, variant in dict.fromkeys((m.row, m.variant) for m in all_measured):
        people = [p for m in all_measured if (m.row, m.variant) == (row, variant) for p in people_of(m)]
        skates = [p["foot_skate_mm"] for p in people if p["foot_skate_mm"] is not None]
        contacts = sum(s["contacts"] for s in skates)
        skate = sum(s["mean"] * s["contacts"] for s in skates) / contacts if contacts else None
        still = [p["still_jitter_mm"]["rms"] for p in people if p["still_jitter_mm"] is not None]
        lines.append((
            row, variant, DASH if skate is None else f"{skate:.2f}", str(contacts), _number(still, 2),
            _shares(people, "joints"), _shares(people, "vertices"),
        ))  # fmt: skip
    return _table(head, lines)


def clouds(all_measured: Sequence[Measured]) -> str:
    """Points against the surface that was really there, a line for each row and variant."""
    head = ("row", "variant", "mean mm", "p99.9 mm", "worst take's p99.9", "covered within 5 mm", "least")
    lines = []
    for row, variant in dict.fromkeys((m.row, m.variant) for m in all_measured):
        found = [c for m in all_measured if (m.row, m.variant) == (row, variant) and (c := _cloud_of(m))]
        far, share = ([c[key] for c in found if c[key] is not None] for key in ("p99_9", "covered"))
        both = (f"{np.mean(share):.1%}", f"{min(share):.1%}") if share else (DASH, DASH)
        lines.append((
            row, variant, _number([c["mean"] for c in found], 2), _number(far, 1),
            f"{max(far):.1f}" if far else DASH, *both,
        ))  # fmt: skip
    return _table(head, lines)


def replace(page: Path, text: str) -> None:
    """Puts text between the marks of a Markdown page. Raises SystemExit where it has none."""
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} has no {BEGIN} … {END} to put the tables between")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")


def _cloud_of(m: Measured) -> dict[str, Any] | None:
    return m.figures.get("cloud_to_true_surface_mm")


def _cloud(m: Measured) -> tuple[str, str]:
    values = _cloud_of(m)
    if values is None:
        return DASH, DASH
    return f"{values['mean']:.2f} / {values['p99_9']:.1f}", DASH if values[
        "covered"
    ] is None else f"{values['covered']:.1%}"


def _mean(people: Iterable[dict[str, Any]], key: str) -> str:
    """Over instants: a longer take counts for more."""
    people = [p for p in people if p[key]["mean"] is not None]
    if not people:
        return DASH
    return f"{np.average([p[key]['mean'] for p in people], weights=[p['frames'] for p in people]):.1f}"


def _worst(people: Iterable[dict[str, Any]], key: str) -> str:
    values = [p[key]["worst_instant_mean"] for p in people]
    return f"{max(values):.1f}" if values else DASH


def _heights(people: Sequence[dict[str, Any]]) -> str:
    """Mean and largest absolute error."""
    errors = np.abs([p["height_error_mm"] for p in people])
    return f"{errors.mean():.0f}, at most {errors.max():.0f}" if len(errors) else DASH


def _shares(people: Sequence[dict[str, Any]], what: str) -> str:
    known = [p["sigma_coverage"][what] for p in people if p["sigma_coverage"] and p["sigma_coverage"][what]["68"]]
    if not known:
        return DASH
    return " / ".join(f"{np.mean([k[name] for k in known]):.0%}" for name in ("50", "68", "90", "95"))


def _number(values: Sequence[float], digits: int = 1) -> str:
    return f"{np.mean(values):.{digits}f}" if len(values) else DASH


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
