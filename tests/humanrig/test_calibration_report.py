"""The calibration's page: it needs no other file, says every verdict, and its figures are those of the solve."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from browser import CHROMIUM, browser_page
from small_solve import small_solve

from calibration.color_correction import ColorCorrection
from calibration.depth_correction import DepthCorrection
from calibration.pose_covariance import PoseCovariance
from calibration.rig import Verdict
from calibration.rig_solve.result import MovedCamera, RigSolve
from geometry.rigid import from_rotvec
from humanrig.calibration_report import page, write_calibration_report
from humanrig.calibration_report.page import FurtherTable
from humanrig.calibration_report.residual_field import field_scale, field_svg, residual_field
from humanrig.calibration_report.rig_scene import exaggeration, rig_scene
from humanrig.calibration_report.tables import camera_rows, pair_matrix
from humanrig.errors import HumanrigError

REASON = "it never saw the board: show it <b>here</b>"


@pytest.fixture(scope="module")
def solved():
    return small_solve()


@pytest.fixture(scope="module")
def solve(solved) -> RigSolve:
    """A small solve, to which an unsolved and a moved camera and a doubt were added."""
    moved = MovedCamera(
        camera="kinect_001/color",
        instant=17,
        time_us=3_400_000,
        shift_mm=12.5,
        turn_deg=0.8,
        kept="after",
        T_world_camera_other=np.eye(4),
    )
    doubt = Verdict(subject="kinect_002/color", good=False, text="weakly tied: wave the board there")
    return replace(
        solved.solve,
        moved=(moved,),
        unsolved={"gopro/color": REASON},
        verdicts=(*solved.solve.verdicts, doubt),
    )


def test_the_page_stands_alone_and_says_every_verdict(tmp_path, solved, solve):
    calibration = replace(
        solve.calibration,
        depth_corrections={"kinect_000/depth": DepthCorrection(bias_m=0.0031, scale=-0.0012)},
        color_corrections={"kinect_000/color": ColorCorrection(matrix=np.diag([1.234, 1.0, 0.9]))},
    )
    table = FurtherTable(title="Phone", note="drift", columns=("minute", "mm"), rows=(("1", "4.56"),))
    write_calibration_report(
        tmp_path / "report.html", solve, calibration=calibration, known=solved.known, notes=["A note."], further=[table]
    )
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    text = (tmp_path / "report.html").read_text("utf-8")
    ours = text.split("</script>", 1)[1]  # what follows plotly's own code
    assert not re.search(r"""(src|href)=["'](?!data:)""", ours)
    for name in (*solve.cameras, "gopro/color"):
        assert name in ours
    assert "show it &lt;b&gt;here" in ours  # words are words, not markup
    for said in ("weakly tied: wave the board there", "instant 17, 3.4 s", "12.5 mm and 0.80°", "the place after it"):
        assert said in ours
    for said in ("+3.10", "-1.20", "1.234, 1.000, 0.900", "A note.", "4.56", "drawn", "squares of 100 mm"):
        assert said in ours
    factory = 100 * (
        solve.calibration.cameras["kinect_003/color"].K[0, 0] / solved.known["kinect_003/color"].K[0, 0] - 1
    )
    assert abs(factory) > 0.01
    assert f"{factory:+.1f}" in ours


def test_the_worst_come_first(solve):
    rows = camera_rows(solve)
    assert [row["state"] for row in rows].count("not solved") == 1
    assert rows[0] == rows[0] | {"name": "gopro/color", "words": [{"good": False, "text": REASON}], "body_mm": ""}
    figures = [float(row["body_mm"]) for row in rows[1:]]
    assert figures == sorted(figures, reverse=True)
    doubted = next(row for row in rows if row["name"] == "kinect_002/color")
    assert doubted["state"] == "doubtful"
    assert {"good": False, "text": "weakly tied: wave the board there"} in doubted["words"]


def test_the_matrix_counts_boards(solve):
    matrix = pair_matrix(solve)
    for tie in solve.graph.ties:
        i, j = matrix["names"].index(tie.a), matrix["names"].index(tie.b)
        assert matrix["rows"][i]["cells"][j]["count"] == matrix["rows"][j]["cells"][i]["count"] == tie.boards
    shades = [cell["shade"] for row in matrix["rows"] for cell in row["cells"] if not cell["own"]]
    assert max(shades) == 1.0


def test_a_placed_rig_takes_its_boards_along(tmp_path, solve, monkeypatch):
    """The boards are known in the solve's world; the page shows them where the placed cameras are."""
    T = from_rotvec(np.array([0.3, 0.1, -2.0]), np.array([5.0, 6, 7]))
    placed = {n: c.at(T @ c.T_world_camera) for n, c in solve.calibration.cameras.items()}
    seen = {}

    def spy(*arguments):
        seen["boards"] = arguments[3]
        return rig_scene(*arguments)

    monkeypatch.setattr(page, "rig_scene", spy)
    write_calibration_report(
        tmp_path / "r.html", solve, calibration=replace(solve.calibration, cameras=placed, covariance=None)
    )
    first = solve.solution.T_world_board[min(solve.solution.T_world_board)]
    np.testing.assert_allclose(seen["boards"][0], T @ first, atol=1e-9)
    with pytest.raises(HumanrigError, match="holds none of the solved cameras"):
        write_calibration_report(tmp_path / "r.html", solve, calibration=replace(solve.calibration, cameras={}))


def test_the_scene_draws_ellipsoids_of_the_stated_size(solve):
    cameras = solve.calibration.cameras
    names = tuple(cameras)
    block = np.diag([1e-8, 1e-8, 1e-8, (0.5e-3) ** 2, (1e-3) ** 2, (2e-3) ** 2])
    covariance = PoseCovariance(cameras=names, matrix=np.kron(np.eye(len(names)), block), gauge="aligned")
    boards = np.array([np.eye(4)])
    scene = rig_scene(cameras, covariance, solve.take_used.board, boards, [(names[0], names[1], 5)], {})
    assert "drawn 50 times larger" in scene.note  # 2 mm to 0.1 m
    (mesh,) = scene.figure.select_traces(selector={"type": "mesh3d"})
    assert isinstance(mesh, go.Mesh3d)
    points = np.array([mesh["x"], mesh["y"], mesh["z"]]).T
    reach = np.linalg.norm(
        points - points.reshape(len(names), -1, 3).mean(1).repeat(len(points) // len(names), 0), axis=1
    )
    assert reach.max() == pytest.approx(0.1, rel=0.1)
    assert exaggeration({"a": np.eye(3) * 1e-6}) == 100
    assert exaggeration({"a": np.zeros((3, 3))}) == exaggeration({}) == 1


def field(shift_px: float, seed: int = 0):
    """Corners all over an image, noise of 0.1 px, and a shift of the left half."""
    rng = np.random.default_rng(seed)
    q = rng.uniform([0, 0], [1280, 720], (20_000, 2))
    r = rng.normal(0, 0.1, q.shape)
    r[q[:, 0] < 640, 0] += shift_px
    r[:20] = 30.0  # false corners, set aside by the solve
    w = np.ones(len(q))
    w[:20] = 0.0
    views = np.split(np.arange(len(q)), 100)
    shared = rng.normal(0, 0.05, (100, 2))  # what the corners of a view have in common is chance as well
    return residual_field(
        "kinect_000/color",
        (1280, 720),
        [q[view] for view in views],
        [r[view] + common for view, common in zip(views, shared)],
        [w[view] for view in views],
    )


def test_what_residuals_have_in_common_is_found_and_chance_is_not():
    """A shift of 0.05 px in half of the image has an rms of 0.05 / 2 along an axis; the mean of 100 views' own shifts
    of 0.05 px is 0.005 px off in all cells alike."""
    shifted, plain = field(0.05), field(0.0)
    assert shifted.systematic_px == pytest.approx(0.025, rel=0.25)
    assert plain.systematic_px < 0.008
    assert plain.rms_px == pytest.approx(np.hypot(0.1, 0.05), rel=0.03)
    left, right = np.nanmean(shifted.mean[:, :8, 0]), np.nanmean(shifted.mean[:, 8:, 0])
    assert left - right == pytest.approx(0.05, abs=0.003)
    assert len(shifted.outliers) == 20
    svg = field_svg(shifted, field_scale([shifted, plain]))
    assert svg.count("<path") == 16 * 9 + 20


def test_a_camera_without_corners_has_an_empty_field():
    empty = residual_field("a", (640, 480), [], [], [])
    assert np.isnan(empty.rms).all()
    assert np.isnan(empty.rms_px)
    assert np.isnan(empty.systematic_px)
    assert field_svg(empty, field_scale([empty])).count("<path") == 0


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_draws_it_without_a_word_on_the_console(tmp_path, solve):
    write_calibration_report(tmp_path / "report.html", solve)

    async def go_look():
        async with browser_page(tmp_path / "profile") as tab:
            await tab.open((tmp_path / "report.html").as_uri(), 1280, 800)
            await tab.until("document.querySelectorAll('.js-plotly-plot .main-svg').length > 2")
            await tab.until("document.readyState == 'complete' && document.querySelectorAll('.grid svg').length == 4")
            graphics = ("file://", "WebGL", "Canvas2D")  # the page itself, and what plotly draws with
            assert [error for error in tab.errors if not any(word in error for word in graphics)] == []

    asyncio.run(go_look())
