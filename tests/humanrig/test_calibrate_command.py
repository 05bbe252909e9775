"""`humanrig calibrate`: from a session of a board to cameras that a later take uses."""

import json

import numpy as np
import pytest
from board_session import board_session, people_session

from capture.session import CALIBRATED_CAMERAS, Session
from geometry.camera_files.cameras_json import read_camera_file, read_cameras
from humanrig import pipeline
from humanrig.calibrating.former import as_before
from humanrig.calibrating.links import link_calibration
from humanrig.cli import main
from humanrig.errors import HumanrigError

QUICK = ("--floor", "board", "--no-color")
CENTER_M, ROTATION_RAD = 4e-3, np.deg2rad(0.15)
"""Of cameras of 640 px that see 26 boards whose corners are found to 0.05 px: the solve itself states 1 to 2 mm."""


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A session that was calibrated once, with its floor from the board; its truth; the figures."""
    recorded = board_session(tmp_path_factory.mktemp("day") / "board")
    assert main(["calibrate", str(recorded.folder), *QUICK, "--workers", "1"]) == 0
    return recorded


@pytest.fixture
def folder(calibrated):
    return calibrated.folder


def fails(capsys, *words):
    """The one sentence of a command that fails."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    return lines[0]


def test_the_cameras_are_where_they_stand(calibrated):
    solved = read_cameras(calibrated.folder / "rig_calibration" / "cameras.json")
    assert solved.keys() == calibrated.truth.keys()
    names = list(solved)
    ours, true = (np.stack([c[n].center for n in names]) for c in (solved, calibrated.truth))
    U, _, Vt = np.linalg.svd((ours - ours.mean(0)).T @ (true - true.mean(0)))
    R = (U @ np.diag([1, 1, np.linalg.det(U @ Vt)]) @ Vt).T
    error = (ours - ours.mean(0)) @ R.T + true.mean(0) - true
    assert np.linalg.norm(error, axis=1).max() < CENTER_M
    between = [c[names[0]].T_camera_world @ c[names[2]].T_world_camera for c in (solved, calibrated.truth)]
    angle = np.arccos(np.clip((np.trace(between[0][:3, :3].T @ between[1][:3, :3]) - 1) / 2, -1, 1))
    assert angle < ROTATION_RAD


def test_its_world_stands_on_the_floor(calibrated):
    file = read_camera_file(calibrated.folder / "rig_calibration" / "cameras.json")
    assert file.is_upright
    for name, camera in file.cameras.items():
        assert camera.center[2] == pytest.approx(calibrated.truth[name].center[2], abs=0.01)


def test_an_unchanged_call_is_skipped_and_says_the_same(folder, capsys):
    capsys.readouterr()
    assert main(["calibrate", str(folder), *QUICK, "--json"]) == 0
    answer = capsys.readouterr()
    assert "unchanged" in answer.err or "skipped" in answer.err
    figures = json.loads(answer.out)
    assert set(figures["cameras"]) == {"cam_00/color", "cam_01/color", "cam_02/color"}
    assert all(camera["sigma_mm"] < 5 for camera in figures["cameras"].values())


def test_boards_that_were_found_are_kept(folder, monkeypatch):
    monkeypatch.setattr("humanrig.calibrating.found_boards.find_boards", None)
    assert main(["calibrate", str(folder), *QUICK, "--again"]) == 0


def test_an_interrupted_call_keeps_the_former_result(folder, monkeypatch, capsys):
    before = (folder / "rig_calibration" / "cameras.json").read_bytes()

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("humanrig.calibrating.flow.solve_rig", stop)
    assert main(["calibrate", str(folder), *QUICK, "--again"]) == 130
    assert (folder / "rig_calibration" / "cameras.json").read_bytes() == before


def test_a_later_take_refers_to_it(calibrated, tmp_path, capsys):
    take = people_session(tmp_path / "walk", calibrated).folder
    with pytest.raises(Exception, match=r"humanrig calibrate .* --boards TAKE"):
        pipeline.reconstruct(Session.open(take), pipeline.Request(only="calibrate"))
    words = ["calibrate", str(take), "--boards", str(calibrated.folder), *QUICK]
    assert main(words) == 0
    linked = Session.open(take).info.links["calibration_from"]
    assert (take / linked).resolve() == calibrated.folder.resolve()
    (outcome,) = pipeline.reconstruct(Session.open(take), pipeline.Request(only="calibrate"))
    assert "calibration_from" in outcome.figures["chosen"]
    used = read_cameras(take.joinpath(*CALIBRATED_CAMERAS))
    solved = read_cameras(calibrated.folder / "rig_calibration" / "cameras.json")
    for name, camera in used.items():
        np.testing.assert_allclose(camera.T_world_camera, solved[name].T_world_camera)
        np.testing.assert_allclose(camera.K, solved[name].K)
    capsys.readouterr()
    assert main(["calibrate", str(take), *QUICK]) == 0  # it follows the link
    assert "skipped" in capsys.readouterr().err


def test_a_take_that_refers_to_it_keeps_what_was_said_then(calibrated, tmp_path, capsys):
    board = calibrated.folder / "recording" / "board.toml"
    kept = board.read_bytes()
    board.unlink()
    try:
        words = ["--squares", "8x6", "--square-mm", "100", "--no-depth", *QUICK]
        assert main(["calibrate", str(calibrated.folder), *words]) == 0
        capsys.readouterr()
        take = people_session(tmp_path / "walk", calibrated).folder
        assert main(["calibrate", str(take), "--boards", str(calibrated.folder), "--json"]) == 0
        answer = capsys.readouterr()
        assert "skipped" in answer.err
        assert json.loads(answer.out)["board_from"] == "the command line"
        said = as_before(Session.open(calibrated.folder), {"floor": "auto", "depth": True, "max_instants": 90})
        assert (said["floor"], said["depth"], said["max_instants"]) == ("board", False, 90)
    finally:
        board.write_bytes(kept)


def test_a_changed_calibration_redoes_the_stage(calibrated, tmp_path):
    take = people_session(tmp_path / "walk", calibrated)
    own = take.path("rig_calibration", "cameras.json")
    own.parent.mkdir()
    own.write_bytes((calibrated.folder / "rig_calibration" / "cameras.json").read_bytes())
    request = pipeline.Request(until="calibrate")
    run = lambda: pipeline.run_alone(take, pipeline.load_stage("calibrate"), {})  # noqa: E731
    assert "this session's" in run().figures["chosen"]
    assert run().skipped
    own.write_text(own.read_text().replace("boards", "charts").replace('"source": "', '"source": "other, '))
    assert not run().skipped
    assert request.until == "calibrate"


def test_a_camera_that_never_sees_the_board_is_left_out_and_named(tmp_path, capsys):
    recorded = board_session(tmp_path / "board", boards=14, on_floor=0, blind=("cam_02",))
    capsys.readouterr()
    assert main(["calibrate", str(recorded.folder), "--floor", "none", "--no-color", "--json"]) == 3
    figures = json.loads(capsys.readouterr().out)
    assert set(figures["cameras"]) == {"cam_00/color", "cam_01/color"}
    assert "cam_02/color" in figures["unsolved"]
    (outcome,) = pipeline.reconstruct(Session.open(recorded.folder), pipeline.Request(only="calibrate"))
    assert outcome.figures["left_out"] == ["cam_02"]
    assert any("cam_02" in text for text in outcome.figures["warnings"])


def test_bad_words_end_in_one_sentence(folder, tmp_path, capsys):
    blank = board_session(tmp_path / "blank", cameras=1, boards=2, on_floor=0, described=False, blind=("cam_00",))
    assert "does not say which board" in fails(capsys, "calibrate", blank.folder)
    assert "--square-mm" in fails(capsys, "calibrate", blank.folder, "--squares", "8x6")
    assert "already" in fails(capsys, "calibrate", folder, "--board", "room", "--squares", "8x6")
    assert "no session" in fails(capsys, "calibrate", folder, "--boards", tmp_path / "gone")
    assert "there is no camera 'cam_09'" in fails(capsys, "calibrate", folder, "--origin", "cam_09")


def test_a_link_is_refused_where_it_cannot_hold(calibrated, tmp_path):
    take = people_session(tmp_path / "walk", calibrated)
    with pytest.raises(HumanrigError, match="is the session itself"):
        link_calibration(take, take)
    other = Session.create(tmp_path / "other", streams=[], origin="test")
    with pytest.raises(HumanrigError, match="has none of the streams"):
        link_calibration(take, other)
