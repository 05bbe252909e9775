"""The index of many sessions and the page of a day: sorted, linked, escaped, and never stopped by one bad folder."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from judged_take import change, judged_session
from small_rig import small_session

from capture.session import INFO_FILE, Session
from capture.session_info import write_info
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import look_at
from humanrig.cli import main
from humanrig.report.batch_index import write_index
from humanrig.report.section import Section, made
from humanrig.report.svg import ticks
from humanrig.trust.evidence import gather

CAMERA = "kinect_002"


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    return judged_session(tmp_path_factory.mktemp("judged") / "take").folder


@pytest.fixture
def day(template, tmp_path) -> Path:
    """A sound take, one with a camera that moved, one that was never reconstructed, and a folder that is none."""
    for name in ("sound", "moved"):
        shutil.copytree(template, tmp_path / "day" / name)
    moved = Session.open(tmp_path / "day" / "moved")
    change(moved, "clouds", "apart_mm", f"{CAMERA}/depth", value=12.0)
    change(moved, "sync", "streams", 4, "drops", value=9)
    small_session(tmp_path / "day" / "fresh", frames=3)
    (tmp_path / "day" / "broken").mkdir()
    (tmp_path / "day" / "broken" / INFO_FILE).write_text("id = [")
    return tmp_path / "day"


def test_the_least_trusted_come_first_and_reports_are_linked(day, tmp_path) -> None:
    (day / "sound" / "report").mkdir()
    (day / "sound" / "report" / "index.html").write_text("a report")
    page, unreadable = write_index([str(day)], tmp_path / "out")
    html = page.read_text()
    assert page == tmp_path / "out" / "index.html"
    assert unreadable == 1
    places = [html.index(f"/day/{name}<") for name in ("broken", "fresh", "moved", "sound")]
    assert places == sorted(places)
    links = re.findall(r'href="([^"]+)"', html)
    assert [(page.parent / link).resolve() for link in links] == [(day / "sound" / "report" / "index.html").resolve()]
    assert "kinect_002 (1)" in html
    assert html.count("data:image/jpeg") == 3  # all but the broken one show a camera


def test_an_index_of_bodies_alone_does_not_miss_textures(day, tmp_path) -> None:
    shutil.rmtree(day / "sound" / "texture")
    words = [str(day / "sound")]
    assert "stage texture has not run" in write_index(words, tmp_path)[0].read_text()
    assert "1.00" in write_index(words, tmp_path, until="register")[0].read_text()


def test_names_of_folders_and_words_of_sessions_are_escaped(template, tmp_path) -> None:
    bad = "<script>alert(1)<"
    folder = tmp_path / f"a{bad}b".replace("/", "")
    shutil.copytree(template, folder)
    session = Session.open(folder)
    session.path(INFO_FILE).unlink()
    write_info(session.path(INFO_FILE), replace(session.info, action=bad, subject=bad))
    change(session, "masks", "warnings", value=[bad])
    html = write_index([str(folder)], tmp_path / "i.html")[0].read_text()
    assert "<script>alert" not in html
    assert main(["report", "--rig", str(tmp_path), "--out", str(tmp_path / "r.html")]) == 0
    assert "<script>alert" not in (tmp_path / "r.html").read_text()


def test_the_command_writes_an_index_and_says_when_a_session_cannot_be_opened(day, tmp_path) -> None:
    assert main(["report", str(day / "sound"), "--index", str(tmp_path / "one.html")]) == 0
    assert main(["report", str(day), "--index", str(tmp_path / "all")]) == 1
    assert (tmp_path / "all" / "index.html").is_file()


def test_a_day_names_the_camera_to_fix_its_losses_and_what_cannot_be_opened(day) -> None:
    verdict = {"keep": False, "reasons": ["kinect_001/color lost 8.0% of its frames"],
               "streams": {"kinect_001/color": {"frames": 92, "lost": 8}},
               "pairing": {"residuals": {"kinect_001": {"p95_us": 250.0, "worst_us": 900.0}}}}  # fmt: skip
    (day / "fresh" / "take").mkdir()
    (day / "fresh" / "take" / "verdict.json").write_text(json.dumps(verdict))
    info = day / "sound" / INFO_FILE
    info.write_text(info.read_text().replace("rate_hz = 30.0", "rate_hz = 60.0", 1))  # a faster camera than the others
    assert main(["report", "--rig", str(day)]) == 0
    html = (day / "rig_report.html").read_text()
    assert "Look at kinect_002 first" in html
    assert "Cannot be opened" in html
    assert "8 of 180" in html  # the rig counted 92 and 8, sync twice 20 in each of the two other takes
    assert html.count(">0.7 s<") == 2  # 20 frames at 30 Hz, whatever the first camera's rate is
    assert "kinect_001/color lost 8.0% of its frames" in html
    assert "0.25" in html  # ms, from the rig, of a take that is not synchronised
    assert "repeat" in html
    assert "12.0" in html  # mm, among the surfaces
    assert "src=" not in html


def test_two_calibrations_of_a_day_tell_which_camera_moved(template, tmp_path) -> None:
    for n, name in enumerate(("morning", "evening")):
        shutil.copytree(template, tmp_path / name)
        eyes = [np.array([2 * np.cos(a), 2 * np.sin(a), 1.2]) for a in np.linspace(0, 5, 5)]
        eyes[2] = eyes[2] + [0.0, 0.0, 0.020 * n]
        cameras = {
            f"kinect_{i:03d}/color": Camera(
                name=f"kinect_{i:03d}/color", K=np.array([[600.0, 0, 319], [0, 600, 239], [0, 0, 1]]), width=640,
                height=480, T_world_camera=look_at(eye, np.array([0, 0, 1.0])),
            )
            for i, eye in enumerate(eyes)
        }  # fmt: skip
        write_cameras(tmp_path / name / "rig_calibration" / "cameras.json", cameras, source="made up")
    assert main(["report", "--rig", str(tmp_path)]) == 0
    html = (tmp_path / "rig_report.html").read_text()
    row = r'<tr><td class="">(?:<span class="bad">)?(kinect_\d+)/color(?:</span>)?</td><td class="n">([\d.]+)'
    rows = re.findall(row, html)
    assert rows[0][0] == CAMERA  # the furthest first
    # laid upon each other, five centres of a ring take up 3/5 of the 20 mm by their height and two tilts
    assert float(rows[0][1]) == pytest.approx(8.0, abs=0.5)
    assert html.count('<span class="bad">kinect_002/color') == 1


def test_a_day_without_takes_is_told(tmp_path, capsys) -> None:
    assert main(["report", "--rig", str(tmp_path)]) == 1
    assert "has no take" in " ".join(capsys.readouterr().err.split())


def test_making_an_index_changes_no_session(day, tmp_path) -> None:
    before = {p: p.stat().st_mtime_ns for p in day.rglob("*")}
    write_index([str(day)], tmp_path / "out")
    assert {p: p.stat().st_mtime_ns for p in day.rglob("*")} == before


def test_a_name_that_is_no_text_is_linked_and_shown(template, tmp_path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/take\xff"))
    shutil.copytree(template, folder)
    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_text("a report")
    html = write_index([str(folder)], tmp_path / "i.html")[0].read_text("utf-8")
    assert 'href="take%FF/report/index.html"' in html
    assert "/take?<" in html


def test_what_nobody_worded_is_told_as_damage_or_as_a_fault_of_the_program(template, tmp_path) -> None:
    shutil.copytree(template, tmp_path / "take")
    session = Session.open(tmp_path / "take")

    def told() -> str:
        section = made("key", "Title", lambda: Section(key="", title=str(ticks(0.0, np.nan))), [gather(session)])
        assert section is not None
        return section.html

    assert "this program is at fault (ValueError: cannot convert float NaN to integer, svg.py line" in told()
    written = session.path("masks", "output.bin").read_bytes()
    session.path("masks", "output.bin").write_bytes(bytes(len(written)))
    assert "masks/output.bin is not what was written (ValueError" in told()


def test_a_session_without_a_page_does_not_keep_the_others_and_bodies_that_cannot_be_measured_get_one(
    template, tmp_path, capsys
) -> None:
    shutil.copytree(template, tmp_path / "take")
    assert main(["report", str(tmp_path / "nowhere"), str(tmp_path / "take")]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "there is no session at" in told
    assert "frames.parquet is missing" in told
    page = (tmp_path / "take" / "report" / "index.html").read_text()
    assert "No figures: " in page
    assert not (tmp_path / "take" / "report" / "manifest.json").exists()  # the stage has yet to run
