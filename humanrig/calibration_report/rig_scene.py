"""The rig in 3D: cameras with the ellipsoids of their uncertainty, drawn larger, and where the board was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from calibration.pose_covariance import PoseCovariance
from capture.board import Board
from geometry.camera import Camera
from geometry.rigid import rigid, transform

COLORS = {"color": "#2a6fbb", "depth": "#d9822b"}
"""Of colour cameras and of depth cameras."""
OTHER, BOARD_LINE, TIE_LINE = "#555555", "#b4b4b4", "#7a9a3a"
FRUSTUM_DEPTH_M = 0.22
ELLIPSOID_M = 0.12
"""Length of the longest half axis that the middle camera is drawn with, about."""
BOARDS_SHOWN = 40
_STEPS = (12, 9)
"""Around and along an ellipsoid."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RigScene:
    """A figure, and in words what in it is not to scale."""

    figure: go.Figure
    note: str


def rig_scene(
    cameras: Mapping[str, Camera],
    covariance: PoseCovariance | None,
    board: Board,
    Ts_world_board: Float[np.ndarray, "boards 4 4"],
    ties: Sequence[tuple[str, str, int]],
    moved: Mapping[str, Float[np.ndarray, "4 4"]],
) -> RigScene:
    """`ties` are pairs of cameras and how many boards both saw; `moved` the places that cameras were pushed from or to.

    A world whose z is not up, such as that of a camera, is turned so that the cameras stand upright.
    """
    T_shown_world, turned = _upright(cameras)
    shown = {name: camera.at(T_shown_world @ camera.T_world_camera) for name, camera in cameras.items()}
    larger = 1
    traces: list[go.Scatter3d | go.Mesh3d] = []
    if covariance is not None and covariance.cameras:
        R = T_shown_world[:3, :3]
        blocks = {n: R @ covariance.of(n)[3:, 3:] @ R.T for n in covariance.cameras if n in cameras}
        larger = exaggeration(blocks)
        for kind, names in _kinds(blocks).items():
            traces.append(_ellipsoids({n: (shown[n].center, blocks[n]) for n in names}, larger, kind))
    for kind, names in _kinds(shown).items():
        traces.append(_frusta([shown[name] for name in names], kind))
    traces.append(_names(shown, covariance))
    step = max(1, -(-len(Ts_world_board) // BOARDS_SHOWN))
    traces.append(_boards(board, T_shown_world @ Ts_world_board[::step]))
    traces.append(_ties(shown, ties))
    if moved:
        places = {name: (T_shown_world @ T)[:3, 3] for name, T in moved.items()}
        x, y, z = np.array(list(places.values())).T
        traces.append(
            go.Scatter3d(
                x=x, y=y, z=z, mode="markers+text", text=[f"{n}, other place" for n in places], name="moved",
                marker={"symbol": "x", "color": "#b00020", "size": 4},
            )
        )  # fmt: skip
    figure = go.Figure(traces)
    figure.update_layout(
        height=680,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={
            "aspectmode": "data",
            "xaxis_title": "x, m",
            "yaxis_title": "y, m",
            "zaxis_title": "z, m",
            "camera": {"eye": {"x": 1.1, "y": 1.1, "z": 0.8}},
        },
        legend={"x": 0.01, "y": 0.99, "bgcolor": "rgba(255,255,255,0.7)"},
        template="plotly_white",
    )
    words = ["Drag to turn, scroll to come closer; a click in the legend shows or hides."]
    if covariance is not None:
        words.append(f"Ellipsoids are one standard deviation of each camera's centre, drawn {larger} times larger.")
    if turned:
        words.append(
            "This rig has not been placed on a floor; the picture is turned so that the cameras stand upright."
        )
    if step > 1:
        words.append(f"One board in {step} is drawn.")
    return RigScene(figure=figure, note=" ".join(words))


def exaggeration(covariances: Mapping[str, Float[np.ndarray, "3 3"]]) -> int:
    """A round factor that draws the middle camera's longest half axis at about ELLIPSOID_M."""
    longest = [np.sqrt(np.linalg.eigvalsh(block)[-1]) for block in covariances.values()]
    positive = [length for length in longest if length > 0]
    if not positive:
        return 1
    wanted = max(ELLIPSOID_M / float(np.median(positive)), 1.0)
    power = 10 ** int(np.floor(np.log10(wanted)))
    return int(power * max(digit for digit in (1, 2, 5) if digit * power <= wanted))


def _upright(cameras: Mapping[str, Camera]) -> tuple[Float[np.ndarray, "4 4"], bool]:
    """Identity where the cameras' mean up is near z, else the turn that brings it there."""
    up = -np.mean([camera.T_world_camera[:3, 1] for camera in cameras.values()], 0)
    length = float(np.linalg.norm(up))
    if length < 1e-6 or up[2] / length > 0.7:
        return np.eye(4), False
    z = up / length
    x = np.cross(z, [0.0, 0.0, 1.0])
    x = x / np.linalg.norm(x) if np.linalg.norm(x) > 1e-6 else np.array([1.0, 0, 0])
    return rigid(np.stack([x, np.cross(z, x), z]), np.zeros(3)), True


def _kinds(names: Mapping[str, object]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(name.rpartition("/")[2] if "/" in name else "camera", []).append(name)
    return kinds


def _ellipsoids(
    places: Mapping[str, tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3 3"]]], larger: int, kind: str
) -> go.Mesh3d:
    around, along = np.meshgrid(np.linspace(0, 2 * np.pi, _STEPS[0] + 1), np.linspace(0, np.pi, _STEPS[1]))
    ball = np.stack([np.sin(along) * np.cos(around), np.sin(along) * np.sin(around), np.cos(along)], -1).reshape(-1, 3)
    rows, columns = around.shape
    n = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (n[:-1, :-1], n[:-1, 1:], n[1:, 1:], n[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])
    points, triangles = [], []
    for center, covariance in places.values():
        values, axes = np.linalg.eigh(covariance)
        triangles.append(faces + len(ball) * len(points))
        points.append(ball * (larger * np.sqrt(np.maximum(values, 0))) @ axes.T + center)
    x, y, z = np.concatenate(points).astype(np.float32).T
    i, j, k = np.concatenate(triangles).astype(np.int32).T
    return go.Mesh3d(
        x=x, y=y, z=z, i=i, j=j, k=k, color=COLORS.get(kind, OTHER), opacity=0.45, hoverinfo="skip",
        name=f"sigma, {kind} (x{larger})", showlegend=True,
    )  # fmt: skip


def _frusta(cameras: Sequence[Camera], kind: str) -> go.Scatter3d:
    lines, gap = [], np.full(3, np.nan)
    for camera in cameras:
        w, h = camera.width - 0.5, camera.height - 0.5
        rays = np.array([[-0.5, -0.5, 1], [w, -0.5, 1], [w, h, 1], [-0.5, h, 1]]) @ np.linalg.inv(camera.K).T
        c, o = transform(camera.T_world_camera, FRUSTUM_DEPTH_M * rays), camera.center
        lines += [o, c[0], c[1], o, c[2], c[3], o, gap, c[1], c[2], gap, c[3], c[0], gap]
    return _lines(np.array(lines), COLORS.get(kind, OTHER), f"{kind} cameras", width=2)


def _names(cameras: Mapping[str, Camera], covariance: PoseCovariance | None) -> go.Scatter3d:
    texts = []
    for name in cameras:
        known = covariance is not None and name in covariance.cameras
        sigma = f"<br>{1000 * covariance.center_sigma_m(name):.2f} mm" if known and covariance is not None else ""
        texts.append(name + sigma)
    x, y, z = np.array([camera.center for camera in cameras.values()]).T
    labels = [name.removesuffix("/color") if not name.endswith(("/depth", "/ir")) else "" for name in cameras]
    return go.Scatter3d(
        x=x, y=y, z=z, mode="markers+text", text=labels, textfont={"size": 10}, textposition="top center",
        hovertext=texts, hoverinfo="text", marker={"size": 2, "color": "#222222"}, name="names",
    )  # fmt: skip


def _boards(board: Board, Ts_world_board: Float[np.ndarray, "boards 4 4"]) -> go.Scatter3d:
    width, height = board.columns * board.square_m, board.rows * board.square_m
    outline = np.array([[0, 0, 0], [width, 0, 0], [width, height, 0], [0, height, 0], [0, 0, 0]])
    gap = np.full((1, 3), np.nan)
    points = [part for T in Ts_world_board for part in (transform(T, outline), gap)] or [gap]
    return _lines(np.concatenate(points), BOARD_LINE, "boards", width=2)


def _ties(cameras: Mapping[str, Camera], ties: Sequence[tuple[str, str, int]]) -> go.Scatter3d:
    gap = np.full(3, np.nan)
    ends = [(cameras[a].center, cameras[b].center) for a, b, boards in ties if boards and a in cameras and b in cameras]
    lines = np.array([point for a, b in ends for point in (a, b, gap)] or [gap])
    trace = _lines(lines, TIE_LINE, "saw the board together", width=2)
    trace.visible = "legendonly"
    return trace


def _lines(points: Float[np.ndarray, "n 3"], color: str, name: str, width: int) -> go.Scatter3d:
    x, y, z = points.astype(np.float32).T
    return go.Scatter3d(x=x, y=y, z=z, mode="lines", line={"color": color, "width": width}, name=name, hoverinfo="skip")
