"""Residual plots of the report."""

from __future__ import annotations

import warnings

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

_LAYOUT = {"height": 320, "margin": {"l": 60, "r": 10, "t": 10, "b": 45}, "template": "simple_white"}


def people_over_time(series: dict[str, tuple[np.ndarray, np.ndarray]], unit: str) -> go.Figure:
    """One line for each person, whose instants may differ: name → (instants, values)."""
    figure = go.Figure([go.Scatter(x=x, y=np.round(y, 3), name=name) for name, (x, y) in series.items()])
    figure.update_layout(**_LAYOUT, xaxis_title="instant", yaxis_title=unit, showlegend=len(series) > 1)
    figure.update_yaxes(rangemode="tozero")
    return figure


def by_part(
    names: list[str], residual_mm: Float[np.ndarray, "frames parts"], coverage: Float[np.ndarray, "frames parts"]
) -> go.Figure:
    """Mean residual of each part as bars, and its mean coverage as dots on an axis of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a part that no camera sees at any instant
        residual, covered = np.nanmean(residual_mm, 0), 100 * np.nanmean(coverage, 0)
    labels = [name.replace("_", " ") for name in names]
    dots = go.Scatter(x=labels, y=np.round(covered, 1), name="coverage", mode="markers", yaxis="y2")
    figure = go.Figure([go.Bar(x=labels, y=np.round(residual, 2), name="residual"), dots])
    second = {"title": "%", "overlaying": "y", "side": "right", "range": [0, 105], "tickvals": [0, 50, 100]}
    figure.update_layout(**{**_LAYOUT, "margin": {"l": 60, "r": 50, "t": 10, "b": 60}}, yaxis_title="mm", yaxis2=second)
    return figure


def reprojection_by_camera(streams: list[str], residual_px: Float[np.ndarray, "frames cameras joints"]) -> go.Figure:
    """The spread of the residuals in each camera: median, quartiles and 5–95 %."""
    boxes = []
    for index, stream in enumerate(streams):
        values = residual_px[:, index][np.isfinite(residual_px[:, index])]
        if len(values):
            low, q1, median, q3, high = np.round(np.percentile(values, [5, 25, 50, 75, 95]), 2)
            boxes.append(
                go.Box(x=[stream], q1=[q1], median=[median], q3=[q3], lowerfence=[low], upperfence=[high], name=stream)
            )
    figure = go.Figure(boxes)
    figure.update_layout(**_LAYOUT, yaxis_title="px", showlegend=False)
    return figure


def reprojection_by_joint(names: list[str], residual_px: Float[np.ndarray, "frames cameras joints"]) -> go.Figure:
    """Median residual of each keypoint."""
    with np.errstate(all="ignore"):
        flat = residual_px.reshape(-1, len(names))
        medians = [float(np.round(np.nanmedian(c), 2)) if np.isfinite(c).any() else None for c in flat.T]
    figure = go.Figure([go.Bar(x=names, y=medians)])
    figure.update_layout(**_LAYOUT, yaxis_title="px")
    return figure
