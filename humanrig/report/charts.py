"""The report's interactive figures: the scene in 3D, and residuals, coverage and certainty over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io

from geometry.cloud import PointCloud, concatenate
from humanrig.report import plots
from humanrig.report.people import ShownPerson
from humanrig.report.pictures import spread
from humanrig.report.scene3d import scene_figure


def charts(everybody: Sequence[ShownPerson], scene_steps: int) -> list[dict[str, str]]:
    """Title, note and HTML of each figure."""
    keypoints = everybody[0].results.keypoints
    found: list[tuple[str, str, go.Figure | dict[str, Any]]] = [
        ("3D view", "Drag to turn, scroll to come closer, slide through time.", _scene(everybody, scene_steps))
    ]
    over_time = (
        (
            "keypoint_px",
            "px",
            "Keypoint residual over time",
            "Median distance of the body's landmarks from detections.",
        ),
        ("surface_mm", "mm", "Surface residual over time", "Mean distance of the person's cloud from the body."),
        ("sigma", "mm", "Certainty over time", "Standard deviation of the joints along an axis, mean of all 24."),
    )
    for key, unit, title, note in over_time:
        series = {p.name: (p.results.body["instants"], _of(p, key)) for p in everybody}
        if any(np.isfinite(values).any() for _, values in series.values()):
            found.append((title, note, plots.people_over_time(series, unit)))
    for person in everybody:
        body = person.results.body
        if "part_names" in body:
            figure = plots.by_part(body["part_names"].tolist(), body["part_residual_mm"], body["part_coverage"])
            note = "Mean distance of the points from each part of the body; share of what cameras see that has points."
            found.append((f"Parts of {person.name}", note, figure))
    found += [
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
    return [{"title": title, "note": note, "html": _html(figure)} for title, note, figure in found]


def all_instants(everybody: Sequence[ShownPerson]) -> list[int]:
    """Instants at which anybody has a body."""
    return sorted({i for person in everybody for i in person.results.instants})


def _scene(everybody: Sequence[ShownPerson], scene_steps: int) -> dict[str, Any]:
    steps, model = spread(all_instants(everybody), scene_steps), everybody[0].results.model
    nowhere = np.full((model.vertex_count, 3), np.nan)
    vertices, clouds = [], []
    for instant in steps:
        bodies = [person.body(instant) for person in everybody]
        vertices.append(np.concatenate([nowhere if body is None else body.vertices for body in bodies]))
        known = [c for c in (person.results.cloud(instant) for person in everybody) if c is not None]
        clouds.append(concatenate(known) if known else None)
    faces = np.concatenate([model.faces + n * model.vertex_count for n in range(len(everybody))])
    colors = np.repeat([person.color for person in everybody], len(model.faces), 0)
    cameras = list(everybody[0].results.session.cameras().values())
    shown: list[PointCloud | None] = clouds
    return scene_figure(np.stack(vertices), faces, [str(i) for i in steps], cameras, shown, colors)


def _of(person: ShownPerson, key: str) -> np.ndarray:
    body = person.results.body
    if key != "sigma":
        return body[key]
    return 1000 * body["joint_sigma"].mean(1) if "joint_sigma" in body else np.full(len(body["instants"]), np.nan)


def _html(figure: go.Figure | dict[str, Any]) -> str:
    shown = {"full_html": False, "include_plotlyjs": False, "auto_play": False, "config": {"displaylogo": False}}
    return plotly.io.to_html(figure, validate=False, **shown)
