"""The report: everything of a session on one page that needs nothing else, whatever state the session is in."""

import asyncio
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, browser_page
from export_take import INSTANTS
from judged_take import change, sound_figures, write_stage
from shown_people_take import finish, shown_take
from small_rig import small_session

from body.loading import OPEN_BODY
from capture.session import Session
from humanrig.cli import main
from humanrig.report.page import Look, Page, draw_page, rendered
from humanrig.report.people import shown_people
from humanrig.report.section import Section
from humanrig.report.svg import Line, Row, line_chart, row_chart, runs, strip_chart, thinned, ticks
from humanrig.report.worst import worst_instants

needs_body = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")
SECTIONS = (
    "trust",
    "scene",
    "worst",
    "people",
    "residuals",
    "cameras",
    "sync",
    "coverage",
    "texture",
    "overlays",
    "stages",
)
SMALL = Look(instants=2, height=120)
BAD = "<script>alert(1)</script><img onerror=alert(2)>"


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    session = shown_take(tmp_path_factory.mktemp("takes") / "take")
    finish(session)
    return session.folder


@pytest.fixture
def take(template, tmp_path) -> Session:
    shutil.copytree(template, tmp_path / "take")
    return Session.open(tmp_path / "take")


@pytest.fixture(scope="module")
def drawn(template, tmp_path_factory) -> Page:
    """The page of a take whose words mean harm."""
    folder = tmp_path_factory.mktemp("drawn") / "take"
    shutil.copytree(template, folder)
    take = Session.open(folder)
    change(take, "masks", "warnings", value=[BAD])
    change(take, "sync", "streams", 0, "stream", value=BAD)
    change(take, "calibrate", "source", value=BAD)
    change(take, "mesh", "surface", value=BAD)
    with np.load(take.path("body", "person01.npz")) as arrays:
        body = dict(arrays)
    body["flags"] = np.array([f"{BAD} left arm: no points"])
    np.savez(take.path("body", "person01.npz"), **body)
    write_stage(take, "register", sound_figures(take)["register"] | {"model": BAD})
    return draw_page(take, SMALL)


@pytest.fixture
def unrecorded(tmp_path) -> Session:
    return Session.open(small_session(tmp_path / "take", frames=4))


def outside(page: str) -> list[str]:
    """Addresses that a browser would fetch, and other pages."""
    found = re.findall(r"""(?:src|href|action|url)\s*[=(]\s*["']?([^"'\s>)]+)""", page)
    return [one for one in found if not one.startswith(("data:", "#", "blob:", "${", "`", "URL"))]


@needs_body
def test_a_page_has_every_part_and_needs_no_other_file(drawn) -> None:
    for key in SECTIONS:
        assert f'id="{key}"' in drawn.html
    assert "Not shown" not in drawn.html
    assert drawn.figures is not None
    assert drawn.figures["frames"]["with_body"] == len(INSTANTS)
    assert len(drawn.overlays) == len(INSTANTS)
    for word in ("person00", "person01", "left arm: no points", "Trust 0."):
        assert word in drawn.html
    assert outside(drawn.html) == []
    assert len(drawn.html) < 4_000_000  # the scene's 3 MB and pictures of 120 pixels


@needs_body
def test_words_of_a_session_cannot_become_part_of_the_page(drawn) -> None:
    assert "<script>alert" not in drawn.html
    assert "<img onerror" not in drawn.html
    assert drawn.html.count("&lt;script&gt;alert(1)") >= 6  # each of the six places shows it


def test_titles_and_notes_are_escaped() -> None:
    shown = rendered("report_rig.html", title=BAD, subtitle=BAD, broken=[BAD], sections=[Section(key=BAD, title=BAD)])
    assert shown.count("&lt;script&gt;") == 8
    assert "<script>" not in shown


def test_a_session_without_a_stage_has_a_page_too(unrecorded) -> None:
    page = draw_page(unrecorded, SMALL)
    assert page.figures is None
    assert page.overlays == []
    assert "stage sync has not run" in page.html
    assert "kinect_001" in page.html
    assert "No 3D scene" in page.html


@needs_body
@pytest.mark.parametrize(
    ("damage", "says"),
    [("body/person00.npz", "body"),
     *(pytest.param(*some, marks=pytest.mark.slow) for some in (
         ("keypoints/person00.npz", "keypoints"), ("sync/frames.parquet", "sync"),
         ("calibration/cameras.json", "calibration"), ("recording/rig.mcap", "rig.mcap")))],
)  # fmt: skip
def test_a_damaged_file_costs_its_part_of_the_page_alone(take, damage, says) -> None:
    path = take.path(*damage.split("/"))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    page = draw_page(Session.open(take.folder), SMALL).html
    assert says in page
    assert ("Not shown" in page) or ("unfinished" in page)
    assert 'id="stages"' in page


def test_the_command_writes_the_page_of_an_unfinished_session(unrecorded, tmp_path, capsys) -> None:
    assert main(["report", str(unrecorded.folder)]) == 0
    page = unrecorded.path("report", "index.html")
    assert "has not run" in page.read_text()
    assert not unrecorded.path("report", "manifest.json").exists()  # the stage has yet to run
    assert main(["report", str(unrecorded.folder), "--out", str(tmp_path / "elsewhere.html")]) == 0
    assert (tmp_path / "elsewhere.html").is_file()
    assert capsys.readouterr().out.split() == []  # pages are named on the other stream


@pytest.mark.parametrize(
    ("words", "says"),
    [((), "name a session"), (("--rig", "D", "--index", "I"), "--rig takes one folder"),
     (("A", "B", "--out", "x.html"), "--out x.html is one file"), (("A", "--index", "I", "--out", "x"), "leave --out"),
     (("nowhere",), "there is no session at nowhere"), (("nowhere", "--index", "I"), "there is no session at nowhere"),
     (("--rig", "nowhere"), "nowhere has no take")],
)  # fmt: skip
def test_wrong_use_is_a_sentence(words, says, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", *words]) == 1
    assert says in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


@needs_body
def test_the_worst_instants_are_flagged_ones_and_apart_from_each_other(take) -> None:
    chosen = worst_instants(shown_people(take), 2)
    assert [(one.instant, one.person) for one in chosen] == [(INSTANTS[1], "person01"), (INSTANTS[0], "person00")]
    assert "left arm" in chosen[0].why


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 0.003), (3.0, 812.0), (0.0, 1e6), (0.0, 1e-12)])
def test_ticks_are_few_and_reach_the_end(low, high) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 8
    assert found[0] >= low - 1e-9
    assert found[-1] >= high * (1 - 1e-6)
    assert np.ptp(np.diff(found)) == pytest.approx(0, abs=1e-9 * max(high, 1))


def test_a_long_line_keeps_its_peak() -> None:
    y = np.ones(30_000)
    y[17_123] = 9.0
    y[2_000:4_000] = np.nan
    x, short = thinned(np.arange(30_000.0), y)
    assert len(x) == len(short) == 500
    assert np.nanmax(short) == 9.0
    assert np.isnan(short).any()
    assert len(line_chart([Line(name="a", color="red", x=np.arange(30_000.0), y=y)], "mm")) < 30_000


def test_runs_and_charts_of_nothing() -> None:
    assert runs(np.array([3, 4, 5, 9, 11, 12])) == [(3, 5), (9, 9), (11, 12)]
    assert runs(np.zeros(0, int)) == []
    nothing = np.full(3, np.nan)
    assert line_chart([Line(name="a", color="red", x=np.arange(3.0), y=nothing)], "mm") == ""
    assert row_chart([Row(label="a", value=float("nan"))], "mm") == ""
    assert strip_chart({}, []) == ""


def test_charts_escape_names_and_show_holes() -> None:
    there = np.ones(10, bool)
    there[[2, 3, 7]] = False
    strip = strip_chart({"<b>cam</b>": there}, list(range(10)))
    assert "&lt;b&gt;cam" in strip
    assert "<b>cam" not in strip
    assert strip.count("#c62828") == 2  # two runs of holes
    long = np.ones(60_000, bool)
    long[::2] = False
    assert strip_chart({"a": long}, list(range(60_000))).count("#c62828") == 1, "no page grows with a take's holes"
    rows = row_chart([Row(label="<i>x", value=1.0, text="</svg>")], "mm")
    assert "<i>" not in rows
    assert rows.count("</svg>") == 1


@needs_body
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize(("width", "height", "mobile"), [(1280, 800, False), (390, 844, True)])
def test_in_a_browser_the_page_fits_and_pictures_grow(take, tmp_path, width, height, mobile) -> None:
    page_file = tmp_path / "page.html"
    page_file.write_text(draw_page(take, SMALL).html)
    (tmp_path / "profile").mkdir()

    async def look() -> None:
        async with browser_page(tmp_path / "profile") as page:
            await page.open(page_file.as_uri(), width, height, mobile=mobile)
            await page.until("document.readyState === 'complete'")
            assert await page.value("document.documentElement.scrollWidth") <= width
            assert await page.value("document.querySelectorAll('section').length") == len(SECTIONS)
            tap = "(() => { const i = document.querySelector('.pictures img'); i.click(); return i.className; })()"
            assert await page.value(tap) == "large"
            own = [e for e in page.errors if page_file.name not in e and "software WebGL" not in e]
            assert own == []

    asyncio.run(look())
