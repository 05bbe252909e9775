"""`humanrig import`: the help names every layout, and what was assumed of a recording is said."""

import json

import cv2
import numpy as np
import pytest

from capture.importers.detect import LAYOUTS
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import look_at
from humanrig.cli import main


def test_the_help_names_every_layout(capsys):
    with pytest.raises(SystemExit):
        main(["import", "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith("usage: humanrig import [-h] [IMPORT OPTIONS] SOURCE SESSION")
    assert "\n\n\n" not in shown
    assert "\n- 3d-scanner-app, a folder: raw export of 3D Scanner App" in shown
    for name in (*(layout.name for layout in LAYOUTS), "azure-kinect-mkv", "videos"):
        assert name in shown
    for option in {option for layout in LAYOUTS for option in layout.options}:
        assert f"--{option.replace('_', '-')}" in shown


def refusal(source, tmp_path, capsys):
    assert main(["import", str(source), str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()
    return " ".join(capsys.readouterr().err.split())


def test_what_is_no_recording_is_refused_for_what_it_is(tmp_path, capsys):
    for name, content, reason in (
        ("rnd.mkv", np.random.default_rng(0).bytes(5000), "rnd.mkv cannot be read as a video ("),
        ("empty.mkv", b"", "empty.mkv is empty; copy it again"),
        ("cut.mkv", b"\x1a\x45\xdf\xa3" + bytes(400), "a Matroska file of 404 bytes, cut short or damaged"),
        ("table.csv", b"a,b", "is not a recording that can be imported; humanrig import --help lists the layouts"),
    ):
        (tmp_path / name).write_bytes(content)
        said = refusal(tmp_path / name, tmp_path, capsys)
        assert reason in said
        assert ".mp4" not in said
        assert "calibration" not in said
    (tmp_path / "folder").mkdir()
    assert "folder is empty; check the path" in refusal(tmp_path / "folder", tmp_path, capsys)
    (tmp_path / "folder" / "notes.txt").write_text("text")
    assert "folder holds no recording that can be imported; humanrig import --help" in refusal(
        tmp_path / "folder", tmp_path, capsys
    )
    (tmp_path / "folder" / "session.toml").write_text("")
    assert "folder is a session already" in refusal(tmp_path / "folder", tmp_path, capsys)


@pytest.fixture
def source(tmp_path):
    """A camera with two depth images of a wall."""
    folder = tmp_path / "in" / "cam" / "depth"
    folder.mkdir(parents=True)
    for index in range(2):
        cv2.imwrite(str(folder / f"{index:06d}.png"), np.full((24, 32), 1500 + index, np.uint16))
    K = np.array([[30.0, 0, 15], [0, 30, 12], [0, 0, 1]])
    T = look_at(np.array([0.0, -2, 1]), np.array([0.0, 0, 1]))
    camera = Camera(name="cam/depth", K=K, width=32, height=24, T_world_camera=T)
    write_cameras(tmp_path / "in" / "cameras.json", [camera], source="a test")
    return tmp_path / "in"


def test_what_was_assumed_is_said(source, tmp_path, capsys):
    assert main(["import", str(source), str(tmp_path / "s"), "--rate-hz", "15", "--depth-scale", "1000"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "cam: frame n of all cameras taken as simultaneous, at n / 15 Hz; depth taken as millimetres" in said
    assert "cameras: cameras.json: a test;" in said
    assert "not checked against the images: that takes two depth cameras" in said
    assert main(["check", str(tmp_path / "s")]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--frame-shift", "1"), "has no video, so --frame-shift has no meaning"),
        (("--rate-hz", "-3"), "must be a positive number"),
        (("--unit-m", "0"), "must be a positive number of metres"),
        (("--up", "sideways"), ""),
        (("--calibration", "nowhere.json"), "nowhere.json is missing"),
    ],
)
def test_options_without_a_meaning_are_one_sentence(source, tmp_path, capsys, words, message):
    if "--up" in words:
        content = json.loads((source / "cameras.json").read_text())["cameras"][0]
        T = np.linalg.inv(np.array(content["T_world_camera"]))
        (source / "cameras.json").write_text(
            json.dumps(
                {
                    "class_name": "PinholeCameraParameters",
                    "extrinsic": T.T.ravel().tolist(),
                    "intrinsic": {
                        "width": 32,
                        "height": 24,
                        "intrinsic_matrix": np.array(content["K"]).T.ravel().tolist(),
                    },
                }
            )
        )
        message = "--up sideways is not one of auto, x"
    assert main(["import", str(source), str(tmp_path / "s"), *words]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "s").exists()
