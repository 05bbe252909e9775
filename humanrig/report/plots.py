"""Residual plots of the report."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

_LAYOUT = {"height": 320, "margin": {"l": 60, "r": 10, "t": 10, "b": 45}, "template": "simple_white"}


def over_time(instants: Int[np.ndarray, "frames"], series: dict[str, np.ndarray], unit: str) -> go.Figure:
    """One line for each series, against the instant."""
    figure = go.Figure([go.Scatter(x=instants, y=np.round(y, 3), name=name) for name, y in series.items()])
    figure.update_layout(**_LAYOUT, xaxis_title="instant", yaxis_title=unit, showlegend=len(series) > 1)
    figure.update_yaxes(rangemode="tozero")
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
