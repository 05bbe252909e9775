"""Logs of trainings as a page with curves: error against clouds seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go


def draw_logs(logs: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Writes an HTML page that needs no network: each run's error in training, and on validation clouds where known."""
    figure = go.Figure()
    for name, lines in logs.items():
        seen = [line["clouds"] for line in lines]
        figure.add_trace(
            go.Scatter(x=seen, y=[line["error_mm"] for line in lines], name=f"{name}, training", opacity=0.5)
        )
        looked = [line for line in lines if "validation_mm" in line]
        if looked:
            figure.add_trace(
                go.Scatter(
                    x=[line["clouds"] for line in looked],
                    y=[line["validation_mm"] for line in looked],
                    name=f"{name}, validation",
                    mode="lines+markers",
                )
            )
    figure.update_layout(
        xaxis={"title": "clouds seen", "type": "log"},
        yaxis={"title": "mean error of landmarks or joints, mm", "type": "log"},
        template="plotly_white",
    )
    figure.write_html(path, include_plotlyjs=True)
