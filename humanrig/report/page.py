"""The report's folder: index.html with its pictures beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from capture.session import Session
from geometry.mesh import TriangleMesh
from humanrig.evaluation import evaluate_session
from humanrig.pipeline import completed
from humanrig.report import plots
from humanrig.report.pictures import overlay_sheet, spread, write_jpeg
from humanrig.report.scene3d import scene_figure
from humanrig.results import Results


def write_report(
    results: Results,
    folder: Path,
    *,
    overlays: int,
    scene_steps: int,
    picture_height: int,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Writes the report of a session into a folder; returns the figures of `evaluate_session`."""
    session, figures = results.session, evaluate_session(results.session.folder)
    chosen = spread(results.instants, overlays)
    meshes = {i: _body(results, i) for i in chosen}
    sheet = overlay_sheet(session, meshes, lambda s, i: _detections(results, s, i), picture_height, progress)
    write_jpeg(folder / "overlays.jpg", sheet)
    (folder / "plotly.min.js").write_text(get_plotlyjs(), "utf-8")
    page = _template().render(
        title=f"{session.info.id}: {session.info.action or 'reconstruction'}",
        subtitle=_subtitle(results),
        cards=_cards(figures),
        warnings=_warnings(results, figures),
        pictures=[
            {
                "title": "The fitted body on every camera",
                "note": "Dots are detections: green where the triangulation used them, red where it did not.",
                "file": "overlays.jpg",
            },
            *_synchronisation(session, folder),
        ],
        has_plots=True,
        plots=_plots(results, scene_steps),
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


def _body(results: Results, instant: int) -> TriangleMesh:
    row = results.instants.index(instant)
    posed = results.model.pose(results.parameters[row : row + 1])
    return TriangleMesh(vertices=posed.vertices[0], faces=results.model.faces)


def _detections(results: Results, stream: str, instant: int) -> tuple[np.ndarray, np.ndarray] | None:
    keypoints = results.keypoints
    streams, instants = keypoints["streams"].tolist(), keypoints["instants"].tolist()
    if stream not in streams or instant not in instants:
        return None
    row, column = instants.index(instant), streams.index(stream)
    return keypoints["q"][row, column], keypoints["used"][row, column]


def _plots(results: Results, scene_steps: int) -> list[dict[str, str]]:
    body, keypoints = results.body, results.keypoints
    steps = spread(results.instants, scene_steps)
    cameras = list(results.session.cameras().values())
    vertices = np.stack([_body(results, i).vertices for i in steps])
    scene = scene_figure(
        vertices, results.model.faces, [str(i) for i in steps], cameras, [results.cloud(i) for i in steps]
    )
    found = [
        ("3D view", "Drag to turn, scroll to come closer, slide through time.", scene),
        (
            "Keypoint residual over time",
            "Median distance of the body's landmarks from the detections.",
            plots.over_time(body["instants"], {"keypoints": body["keypoint_px"]}, "px"),
        ),
        (
            "Triangulation residual by camera",
            "Median, quartiles, 5 and 95 %. One camera above the others has moved, or has another lens.",
            plots.reprojection_by_camera(keypoints["streams"].tolist(), keypoints["reprojection_px"]),
        ),
        (
            "Triangulation residual by keypoint",
            "Median.",
            plots.reprojection_by_joint(keypoints["names"].tolist(), keypoints["reprojection_px"]),
        ),
    ]
    if np.isfinite(body["surface_mm"]).any():
        surface = plots.over_time(body["instants"], {"surface": body["surface_mm"]}, "mm")
        found.insert(2, ("Surface residual over time", "Mean distance of the cloud from the body.", surface))
    return [{"title": title, "note": note, "html": _html(figure)} for title, note, figure in found]


def _html(figure: go.Figure) -> str:
    return figure.to_html(full_html=False, include_plotlyjs=False, auto_play=False, config={"displaylogo": False})


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


def _warnings(results: Results, figures: dict[str, Any]) -> list[str]:
    flags = [(i, f) for i, f in zip(results.instants, results.body["flags"].tolist()) if f]
    found = [f"{name}: {text}" for name, m in completed(results.session) for text in m.figures.get("warnings", [])]
    found += [f"instant {i}: {flag}" for i, flag in flags[:12]]
    if len(flags) > 12:
        found.append(f"and {len(flags) - 12} more flagged instants (body/{results.person}.npz)")
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
