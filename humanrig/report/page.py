"""The report's folder: index.html with its pictures beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from capture.session import Session
from humanrig.evaluation import evaluate_session
from humanrig.pipeline import completed
from humanrig.report.charts import all_instants, charts
from humanrig.report.people import ShownPerson, shown_people
from humanrig.report.pictures import overlay_sheet, spread, write_jpeg
from humanrig.results import Results

SHOWN_FLAGS = 12
"""Flagged instants of a person that the page lists."""


def write_report(
    results: Results,
    folder: Path,
    *,
    overlays: int,
    scene_steps: int,
    picture_height: int,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Writes the report of a session, of everybody in it, into a folder; returns the figures of `evaluate_session`."""
    session, figures = results.session, evaluate_session(results.session.folder)
    everybody = shown_people(session)
    sheet = overlay_sheet(session, everybody, spread(all_instants(everybody), overlays), picture_height, progress)
    write_jpeg(folder / "overlays.jpg", sheet)
    (folder / "plotly.min.js").write_text(get_plotlyjs(), "utf-8")
    page = _template().render(
        title=f"{session.info.id}: {session.info.action or 'reconstruction'}",
        subtitle=_subtitle(results),
        cards=_cards(figures),
        people=[person.row() for person in everybody],
        warnings=_warnings(everybody, figures),
        pictures=[
            {
                "title": "The fitted bodies on every camera",
                "note": "Dots are detections: green where the triangulation used them, red where it did not.",
                "file": "overlays.jpg",
            },
            *_synchronisation(session, folder),
        ],
        has_plots=True,
        plots=charts(everybody, scene_steps),
        stages=[{"name": name, "seconds": m.seconds, "figures": _words(m.figures)} for name, m in completed(session)],
    )
    (folder / "index.html").write_text(page, "utf-8")
    return figures


def _synchronisation(session: Session, folder: Path) -> list[dict[str, str]]:
    """The picture of the stage `sync`, copied into the report; none where it drew none."""
    drawn = session.path("sync", "residuals.png")
    if not drawn.is_file():
        return []
    shutil.copyfile(drawn, folder / "synchronisation.png")
    note = "Each stream's distance in time from the instants, holes in red, and how late its device's frames arrived."
    return [{"title": "Synchronisation", "note": note, "file": "synchronisation.png"}]


def _cards(figures: dict[str, Any]) -> list[dict[str, str]]:
    frames = figures["frames"]
    cards = [{"value": f"{frames['with_body']} / {frames['total']}", "text": "instants with a body"}]
    for key, name, unit, text in (
        ("reprojection_px", "median", "px", "median reprojection"),
        ("cloud_to_surface_mm", "mean", "mm", "cloud to surface"),
        ("pve_mm", "mean", "mm", "vertex error against truth"),
        ("mpjpe_mm", "mean", "mm", "joint error against truth"),
    ):
        if figures[key] is not None and figures[key][name] is not None:
            cards.append({"value": f"{figures[key][name]:.1f} {unit}", "text": text})
    return cards


def _warnings(everybody: list[ShownPerson], figures: dict[str, Any]) -> list[str]:
    found = [
        f"{name}: {text}"
        for name, m in completed(everybody[0].results.session)
        for text in m.figures.get("warnings", [])
    ]
    for person in everybody:
        who = f"{person.name}, " if len(everybody) > 1 else ""
        found += [f"{who}instant {instant}: {flag}" for instant, flag in list(person.flags.items())[:SHOWN_FLAGS]]
        if len(person.flags) > SHOWN_FLAGS:
            found.append(f"{who}{len(person.flags) - SHOWN_FLAGS} more flagged instants (body/{person.name}.npz)")
    if figures["flips"]:
        found.append(f"{figures['flips']} instants look flipped, left against right")
    return found


def _subtitle(results: Results) -> str:
    session = results.session
    counts = f"{len(session.devices)} devices, {len(results.instants)} instants"
    return f"{counts}, body model {results.body['model']}; {session.folder.name}"


def _words(figures: dict[str, Any]) -> str:
    shown = [(k, v) for k, v in figures.items() if isinstance(v, int | float | str)]
    return ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in shown)


def _template() -> jinja2.Template:
    source = files("humanrig").joinpath("templates/report.html").read_text("utf-8")
    return jinja2.Environment(autoescape=True).from_string(source)
