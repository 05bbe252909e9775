"""`humanrig calibration convert|compare`: whole chains of formats, what is told, what is refused in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from geometry.camera import Camera
from geometry.camera_files.aniposelib import write_aniposelib
from geometry.camera_files.any_format import read_any_camera_file
from geometry.camera_files.cameras_json import read_camera_file, write_cameras
from geometry.rigid import from_rotvec, look_at
from humanrig.cli import main


def rig() -> dict[str, Camera]:
    cameras = {}
    for index in range(4):
        name, angle = f"kinect_{index:03d}/color", 1.5 * index
        eye = np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.1 + 0.1 * (index % 2)])
        cameras[name] = Camera(
            name=name,
            K=np.array([[610.0, 0, 640], [0, 610, 360], [0, 0, 1]]),
            width=1280,
            height=720,
            distortion=np.array([0.08, -0.05, 1e-3, 0, 0, 0, 0, 0]),
            T_world_camera=look_at(eye, np.array([0.0, 0, 0.9])),
        )
    return cameras


def run(*words: object) -> int:
    return main(["calibration", *map(str, words)])


def test_round_the_formats_and_back_nothing_moved(tmp_path, capsys):
    places = ["a.json", "b.toml", "c.yml", "d.yaml", "colmap", "easymocap", "e.json"]
    write_cameras(tmp_path / places[0], rig(), source="board")
    for before, after in pairwise(places):
        options = [] if "." in after else ["--format", after]
        assert run("convert", tmp_path / before, tmp_path / after, *options) == 0
    told = capsys.readouterr().err
    assert "4 cameras, cameras.json (ours)" in told
    assert "not in it: where the world is: a chain starts at its first camera" in told
    assert "nobody says which axis is up; add --up AXIS" in told
    assert not read_camera_file(tmp_path / "e.json").is_upright
    assert run("compare", tmp_path / "a.json", tmp_path / "e.json", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["center_mm_max"] < 1e-6
    assert figures["rotation_deg_max"] < 1e-6
    assert [c["lens_px"] < 1e-6 for c in figures["cameras"]] == [True] * 4


def test_the_table_names_the_camera_that_moved(tmp_path, capsys):
    write_cameras(tmp_path / "a.json", rig(), source="board")
    other = rig()
    for name in list(other):  # another world, and in it one camera turned by half a degree
        other[name] = other[name].at(
            from_rotvec(np.array([0, 0, 1.0]), np.array([1.0, 0, 0])) @ other[name].T_world_camera
        )
    moved = other["kinect_002/color"]
    other["kinect_002/color"] = moved.at(moved.T_world_camera @ from_rotvec(np.deg2rad([0, 0.5, 0]), np.zeros(3)))
    del other["kinect_003/color"]
    write_aniposelib(tmp_path / "b.toml", [replace(c, name=n.removesuffix("/color")) for n, c in other.items()])
    assert run("compare", tmp_path / "a.json", tmp_path / "b.toml") == 0
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert float(rows["kinect_002/color"][2]) == pytest.approx(0.5, abs=0.001)
    assert float(rows["kinect_001/color"][2]) == 0
    assert rows["only"] == ["only", "in", "A:", "kinect_003/color"]


def test_a_world_is_turned_only_when_told(tmp_path):
    """HuMMan's world has y down where its first camera is level: told so, z is up afterwards."""
    level = rig()["kinect_000/color"].at(look_at(np.array([0.0, -2, 0]), np.zeros(3)))
    write_cameras(tmp_path / "a.json", [level], source="one camera")
    assert run("convert", tmp_path / "a.json", tmp_path / "h.json", "--format", "humman") == 0
    assert run("convert", tmp_path / "h.json", tmp_path / "b.json", "--up", "-y", "--size", "1280x720") == 0
    back = read_camera_file(tmp_path / "b.json")
    assert back.is_upright
    np.testing.assert_allclose(back.cameras["kinect_000/color"].T_world_camera[:3, 1], [0, 0, -1], atol=1e-12)
    assert (back.cameras["kinect_000/color"].width, back.cameras["kinect_000/color"].height) == (1280, 720)


def test_a_session_stands_for_its_best_cameras(tmp_path, capsys):
    session = tmp_path / "take"
    session.mkdir()
    (session / "session.toml").write_text("")
    assert run("convert", session, tmp_path / "b.toml") == 1
    assert "has no cameras yet; run: humanrig calibrate" in capsys.readouterr().err
    write_cameras(session / "calibration" / "cameras.json", rig(), source="recorded")
    write_cameras(session / "rig_calibration" / "cameras.json", rig(), source="board")
    assert run("convert", session, tmp_path / "b.json") == 0
    assert read_camera_file(tmp_path / "b.json").source == "board"


def test_millimetres_are_asked_for(tmp_path, capsys):
    far = [c.at(from_rotvec(np.zeros(3), 1000 * c.center)) for c in rig().values()]
    write_aniposelib(tmp_path / "a.toml", far)
    (tmp_path / "a.toml").write_text((tmp_path / "a.toml").read_text().replace('unit = "metre"\n', ""))
    assert run("convert", tmp_path / "a.toml", tmp_path / "b.json") == 1
    assert "so the file is not in metres" in capsys.readouterr().err
    assert run("convert", tmp_path / "a.toml", tmp_path / "b.json", "--unit-m", "0.001") == 0
    back = read_any_camera_file(tmp_path / "b.json").cameras
    np.testing.assert_allclose(back["kinect_001/color"].center, rig()["kinect_001/color"].center, atol=1e-9)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["convert", "gone.json", "b.toml"], "gone.json is missing; give a camera file"),
        (["convert", "a.json", "b"], "its ending says no format; add --format, one of humanrig, humman"),
        (["convert", "a.json", "a.json"], "is A itself; give B another name"),
        (["convert", "a.json", "b.toml", "--size", "big"], "--size big is no image size; write it as 1920x1080"),
        (["convert", "a.json", "b.toml", "--unit-m", "0"], "--unit-m 0.0 is no unit of length"),
        (["convert", "a.json", "b.toml", "--kinect-modes", "720P"], "--kinect-modes 720P: give two"),
        (["convert", "cut.json", "b.toml"], "cut.json: not a complete JSON file"),
        (["compare", "a.json", "other.json"], "no camera is in both calibrations"),
        (["compare", "a.json", "factory.json"], "no pose in the world for any of its cameras; calibrate the rig first"),
        (["convert", "factory.json", "b.json", "--up", "z"], "does not say where its cameras stand"),
        (["convert", "factory.json", "b.toml"], "no pose in the world for kinect_000/color, kinect_001/color"),
    ],
)
def test_errors_are_one_sentence(tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    write_cameras("a.json", rig(), source="board")
    write_cameras("other.json", [replace(c, name=f"gopro{i}") for i, c in enumerate(rig().values())], source="board")
    write_cameras("factory.json", rig(), source="factory", unplaced=list(rig()))
    (tmp_path / "cut.json").write_text((tmp_path / "a.json").read_text()[:300])
    assert run(*words) == 1
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "b.toml").exists()
