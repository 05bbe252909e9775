"""The 3D view of the report: who is painted how, and the colours of the clouds."""

import numpy as np
import plotly.graph_objects as go
import pytest

from geometry.camera import Camera
from geometry.cloud import PointCloud
from humanrig.report import scene3d
from humanrig.report.scene3d import scene_figure


def test_every_frame_has_the_colours_of_its_bodies_and_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene3d, "POINTS_SHOWN", 50)
    rng = np.random.default_rng(0)
    vertices, faces = rng.random((2, 6, 3)), np.array([[0, 1, 2], [3, 4, 5]])
    camera = Camera(name="a", K=np.array([[90.0, 0, 50], [0, 90, 40], [0, 0, 1]]), width=100, height=80)
    rgb = rng.integers(0, 255, (105, 3)).astype(np.uint8)
    cloud = PointCloud(points=rng.random((105, 3)), colors=rgb)
    two = np.array([[200, 10, 20], [30, 40, 250]])
    for colors, painted in (
        (two, {"facecolor": ["rgb(200,10,20)", "rgb(30,40,250)"]}),
        (two[[0, 0]], {"color": "rgb(200,10,20)"}),
    ):
        drawn = scene_figure(vertices, faces, ["4", "5"], [camera], [None, cloud], colors)
        assert [frame["name"] for frame in drawn["frames"]] == ["4", "5"]
        for traces in (drawn["data"], *(frame["data"] for frame in drawn["frames"])):
            assert {key: value for key, value in traces[0].items() if "color" in key} == painted
        shown = drawn["frames"][1]["data"][1]["marker"]["color"]
        assert shown == [f"rgb({r},{g},{b})" for r, g, b in rgb[::2]]
        assert "color" not in drawn["frames"][0]["data"][1].get("marker", {})
        go.Figure(drawn)  # plotly itself accepts it
