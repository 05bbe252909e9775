"""The 3D view of the report: body, cloud and cameras in one page that needs no server."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from geometry.camera import Camera
from geometry.cloud import PointCloud

POINTS_SHOWN = 6000
"""More points make the page slow on a phone."""
FRUSTUM_DEPTH_M = 0.25


def scene_figure(
    vertices: Float[np.ndarray, "frames vertices 3"],
    faces: Int[np.ndarray, "faces 3"],
    labels: list[str],
    cameras: list[Camera],
    clouds: list[PointCloud | None],
    colors: Int[np.ndarray, "faces 3"],
) -> dict[str, Any]:
    """The bodies over time with a slider, the fused cloud of each shown instant, and every camera's frustum.

    colors: RGB of each face. A body with NaN vertices is not there. The figure is plotly's dictionary: colours of faces
    and points go in after plotly has checked the rest, for it checks every colour three times (3 s for four instants).
    """
    first = [_mesh(vertices[0], faces), _points(clouds[0])]
    frames = [
        go.Frame(data=[_mesh(v, faces), _points(c)], traces=[0, 1], name=text)
        for v, c, text in zip(vertices, clouds, labels)
    ]
    figure = go.Figure(data=[*first, _frusta(cameras)], frames=frames)
    steps = [
        {"label": text, "method": "animate", "args": [[text], {"mode": "immediate", "frame": {"duration": 0}}]}
        for text in labels
    ]
    play = {"label": "play", "method": "animate", "args": [None, {"frame": {"duration": 120}, "fromcurrent": True}]}
    figure.update_layout(
        height=720,
        margin={"l": 0, "r": 0, "t": 0, "b": 50},
        scene={"aspectmode": "data", "xaxis_title": "x, m", "yaxis_title": "y, m", "zaxis_title": "z (up), m"},
        sliders=[{"steps": steps, "currentvalue": {"prefix": "instant "}}],
        updatemenus=[{"type": "buttons", "buttons": [play], "x": 0.02, "y": 0.98}],
        showlegend=True,
        legend={"x": 0.8, "y": 0.98},
    )
    drawn: dict[str, Any] = figure.to_dict()
    paint = _paint(colors)
    for traces, cloud in [(drawn["data"], clouds[0]), *((f["data"], c) for f, c in zip(drawn["frames"], clouds))]:
        traces[0].update(paint)
        if cloud is not None and cloud.colors is not None and len(cloud):
            traces[1]["marker"]["color"] = _rgb(cloud.colors[_shown(cloud)])
    return drawn


def _paint(colors: np.ndarray) -> dict[str, Any]:
    """The colour of a body, or those of its faces where there are several."""
    face_colors = _rgb(colors)
    return {"color": face_colors[0]} if len(set(face_colors)) == 1 else {"facecolor": face_colors}


def _rgb(colors: np.ndarray) -> list[str]:
    return [f"rgb({r},{g},{b})" for r, g, b in np.asarray(colors).tolist()]


def _shown(cloud: PointCloud) -> slice:
    return slice(None, None, max(1, len(cloud) // POINTS_SHOWN))


def _mesh(vertices: np.ndarray, faces: np.ndarray) -> go.Mesh3d:
    x, y, z = vertices.astype(np.float32).T
    i, j, k = faces.astype(np.int32).T
    return go.Mesh3d(
        x=x, y=y, z=z, i=i, j=j, k=k, name="body", showlegend=True,
        lighting={"ambient": 0.45, "diffuse": 0.8, "specular": 0.05},
    )  # fmt: skip


def _points(cloud: PointCloud | None) -> go.Scatter3d:
    if cloud is None or len(cloud) == 0:
        return go.Scatter3d(x=[], y=[], z=[], mode="markers", name="cloud")
    x, y, z = cloud.points[_shown(cloud)].astype(np.float32).T
    return go.Scatter3d(x=x, y=y, z=z, mode="markers", marker={"size": 1.5}, name="cloud")


def _frusta(cameras: list[Camera]) -> go.Scatter3d:
    lines: list[list[float]] = []
    gap = [np.nan] * 3
    for camera in cameras:
        w, h = camera.width - 0.5, camera.height - 0.5
        pinhole = np.linalg.inv(camera.K)
        corners = np.array([[-0.5, -0.5, 1], [w, -0.5, 1], [w, h, 1], [-0.5, h, 1]]) @ pinhole.T * FRUSTUM_DEPTH_M
        c = (corners @ camera.T_world_camera[:3, :3].T + camera.center).tolist()
        o = camera.center.tolist()
        lines += [o, c[0], c[1], o, c[2], c[3], o, gap, c[1], c[2], gap, c[3], c[0], gap]
    x, y, z = np.array(lines if lines else [gap]).T
    return go.Scatter3d(x=x, y=y, z=z, mode="lines", line={"color": "#3366aa", "width": 2}, name="cameras")
