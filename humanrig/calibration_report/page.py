"""One self-contained HTML page about a calibration."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from calibration.board_view import BoardView
from calibration.intrinsics.coverage import camera_coverage
from calibration.intrinsics.coverage_drawing import draw_coverage
from calibration.rig import RigCalibration
from calibration.rig_solve.result import RigSolve
from capture.board import Board
from geometry.camera import Camera
from geometry.camera_files.writing import write_text
from geometry.rigid import inverse
from humanrig.calibration_report import tables
from humanrig.calibration_report.residual_field import ResidualField, field_scale, field_svg, residual_field
from humanrig.calibration_report.rig_scene import COLORS, rig_scene
from humanrig.errors import HumanrigError

_KINDS = {"charuco": "ChArUco", "checkerboard": "checkerboard", "aprilgrid": "AprilGrid"}


@dataclass(frozen=True, kw_only=True, slots=True)
class FurtherTable:
    """A table of another part of the calibration, such as a check by geometry or a phone's drift."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_calibration_report(
    path: Path | str,
    solve: RigSolve,
    *,
    calibration: RigCalibration | None = None,
    known: Mapping[str, Camera] | None = None,
    title: str = "Calibration of the rig",
    notes: Sequence[str] = (),
    further: Sequence[FurtherTable] = (),
) -> None:
    """Writes the page; whoever opens it needs no other file and no network.

    `calibration` is the solved rig after it was placed on a floor and got its corrections, by default the solve's own;
    `known` are the factory's cameras, to tell what the solve changed; `notes` are sentences for the head of the page.
    Raises HumanrigError when the calibration holds none of the solved cameras.
    """
    placed = calibration or solve.calibration
    common = [name for name in solve.calibration.cameras if name in placed.cameras]
    if not common:
        raise HumanrigError(f"{path}: the calibration holds none of the solved cameras; give the one of this solve")
    T_placed_solved = placed.cameras[common[0]].T_world_camera @ inverse(
        solve.calibration.cameras[common[0]].T_world_camera
    )
    scene = rig_scene(
        placed.cameras,
        placed.covariance,
        solve.take_used.board,
        T_placed_solved @ np.array([T for _, T in sorted(solve.solution.T_world_board.items())]).reshape(-1, 4, 4),
        [(tie.a, tie.b, tie.boards) for tie in solve.graph.ties],
        {one.camera: T_placed_solved @ one.T_world_camera_other for one in solve.moved},
    )
    fields = residual_fields(solve)
    scale = field_scale(fields)
    page = _template().render(
        title=title,
        subtitle=_subtitle(solve, placed),
        notes=notes,
        cards=_cards(solve),
        cameras=tables.camera_rows(solve),
        others=tables.other_verdicts(solve),
        moved=tables.moved_rows(solve),
        scene={"html": _html(scene.figure), "note": scene.note},
        quality=_html(quality_figure(solve)),
        matrix=tables.pair_matrix(solve),
        coverage=[{"name": name, "picture": picture} for name, picture in _coverage(solve)],
        fields=[
            {
                "name": field.camera,
                "svg": field_svg(field, scale),
                "note": _field_words(field),
            }
            for field in fields
        ],
        field_scale=scale,
        lenses=tables.lens_rows(solve, known),
        has_known=bool(known),
        has_unsolved=bool(solve.unsolved),
        depth=tables.depth_rows(placed),
        color=tables.color_rows(placed),
        further=further,
        plotly=get_plotlyjs(),
    )
    write_text(path, page)


def residual_fields(solve: RigSolve) -> list[ResidualField]:
    """The field of every camera that has views in the solve, in the order of the calibration."""
    views: dict[str, list[tuple[BoardView, np.ndarray, np.ndarray]]] = {}
    for view, residuals, weights in zip(solve.take_used.views, solve.solution.residuals, solve.solution.weights):
        views.setdefault(view.camera, []).append((view, residuals, weights))
    return [
        residual_field(
            name,
            solve.take_used.image_sizes[name],
            [view.q for view, _, _ in views[name]],
            [residuals for _, residuals, _ in views[name]],
            [weights for _, _, weights in views[name]],
        )
        for name in solve.calibration.cameras
        if name in views
    ]


def quality_figure(solve: RigSolve) -> go.Figure:
    """What the solve expects of each camera, and what boards that stayed out of it found."""
    names = list(solve.cameras)[::-1]
    expected = [round(solve.quality[name].body_sigma_mm, 4) for name in names]
    found = [solve.held_out.cross_mm.get(name) for name in names]
    figure = go.Figure(
        [
            go.Scatter(
                x=expected, y=names, mode="markers", name="expected at the body (sigma)",
                marker={"size": 10, "symbol": "line-ns-open", "color": "#222222", "line": {"width": 2}},
            ),
            go.Scatter(
                x=found, y=names, mode="markers", name="held-out boards, across the line of sight (rms)",
                marker={"size": 9, "color": [COLORS.get(n.rpartition("/")[2], "#555555") for n in names]},
            ),
        ]
    )  # fmt: skip
    figure.update_layout(
        height=120 + 22 * len(names),
        margin={"l": 140, "r": 10, "t": 10, "b": 45},
        template="simple_white",
        xaxis={"title": "mm", "rangemode": "tozero"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def _coverage(solve: RigSolve) -> list[tuple[str, str]]:
    """A picture for each camera that saw the board, as a data address."""
    pictures = []
    for name, camera in solve.calibration.cameras.items():
        views = [*solve.take_used.of_camera(name), *solve.take_held.of_camera(name)]
        if not views:
            continue
        drawn = draw_coverage(camera_coverage(camera, solve.take_used.board.corners, views))
        done, encoded = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        if done:
            pictures.append((name, "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode()))
    return pictures


def _cards(solve: RigSolve) -> list[dict[str, str]]:
    total = len(solve.cameras) + len(solve.unsolved)
    cards = [
        (f"{len(solve.cameras)} of {total}", "cameras solved"),
        (str(len(solve.solution.T_world_board)), "boards in the solve"),
    ]
    held = solve.held_out
    for value, unit, digits, text in (
        (held.square_mm, "mm", 2, f"squares of {len(held.instants)} held-out boards, rms error"),
        (held.planarity_mm, "mm", 2, "their flatness, rms"),
        (100 * (held.scale - 1), "%", 3, "larger than the board says"),
        (max((q.body_sigma_mm for q in solve.quality.values()), default=float("nan")), "mm", 2, "worst camera, sigma"),
        (solve.solution.rms_px, "px", 3, "rms of the residuals"),
    ):
        if np.isfinite(value):
            cards.append((f"{value:.{digits}f} {unit}", text))
    return [{"value": value, "text": text} for value, text in cards]


def _field_words(field: ResidualField) -> str:
    systematic = "" if np.isnan(field.systematic_px) else f", systematic {field.systematic_px:.3f} px"
    return f"rms {field.rms_px:.3f} px{systematic}, {int(field.count.sum())} corners"


def _subtitle(solve: RigSolve, placed: RigCalibration) -> str:
    return f"{_board(solve.take_used.board)}; {placed.source}"


def _board(board: Board) -> str:
    words = f"{_KINDS[board.kind]} {board.columns}x{board.rows}, squares of {1000 * board.square_m:.4g} mm"
    if board.kind != "checkerboard":
        words += f", markers of {1000 * board.marker_m:.4g} mm, {board.dictionary}"
    flags = [name for name, yes in (("legacy", board.legacy), ("inverted", board.inverted)) if yes]
    flags += ["two-sided"] if board.thickness_m else []
    return ", ".join([words, *flags])


def _html(figure: go.Figure) -> str:
    return figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False, "responsive": True})


def _template() -> jinja2.Template:
    source = files("humanrig").joinpath("templates/calibration.html").read_text("utf-8")
    environment: Any = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)
