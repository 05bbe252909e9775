"""The shipped detector and lifter on what is nobody, and on a real person before four cameras."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.importers.video_size import camera_of_size
from capture.video import VideoStream
from geometry.camera_files.qualisys import read_qualisys
from humanrig.cli import main
from humanrig.errors import HumanrigError
from humanrig.wheel_assets import blazepose_weights
from registration.body_track import read_body_track

FRAME = 50
"""The person leans far to one side on one leg."""


@pytest.fixture(scope="module")
def detector() -> None:
    try:
        blazepose_weights()
    except HumanrigError as error:
        pytest.skip(f"needs BlazePose's weights: {error}")


def stick_figure() -> np.ndarray:
    picture = np.full((480, 400, 3), 255, np.uint8)
    cv2.circle(picture, (200, 90), 40, (0, 0, 0), 4)
    for a, b in (((200, 130), (200, 290)), ((200, 170), (120, 230)), ((200, 170), (280, 230)),
                 ((200, 290), (140, 420)), ((200, 290), (260, 420))):  # fmt: skip
        cv2.line(picture, a, b, (0, 0, 0), 4)
    return picture


@pytest.mark.slow
@pytest.mark.usefixtures("detector")
@pytest.mark.parametrize("what", ["stick figure", "noise", "grey"])
def test_nobody_is_found_where_nobody_is(tmp_path: Path, capsys: pytest.CaptureFixture, what: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (360, 480, 3)).astype(np.uint8)
    picture = {"stick figure": stick_figure(), "noise": noise, "grey": np.full_like(noise, 120)}[what]
    cv2.imwrite(str(tmp_path / "p.png"), picture)
    assert main(["estimate", "rgb", str(tmp_path / "p.png"), "--out", str(tmp_path / "b.npz")]) == 1
    assert "no person was found in p.png" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.usefixtures("detector")
def test_two_cameras_agree_on_a_real_person(real_data: Path, tmp_path: Path) -> None:
    """Each looks by itself; about the pelvis their bodies must agree better than a mean pose would: 200 mm."""
    folder = real_data / "multicam_person_pose2sim/Demo_SinglePerson"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    joints = []
    for name, camera in sorted(read_qualisys(folder / "calibration/Calib.qca.txt").items())[2:]:
        image = VideoStream(folder / "videos" / f"{name.split('/')[0]}.mp4").frame(FRAME)
        cv2.imwrite(str(tmp_path / "p.png"), image[..., ::-1])
        K = camera_of_size(camera, image.shape[1], image.shape[0], "fit").K
        words = ["--K", *(f"{K[row, column]:.6f}" for row, column in ((0, 0), (1, 1), (0, 2), (1, 2)))]
        out = tmp_path / "b.npz"
        assert main(["estimate", "rgb", str(tmp_path / "p.png"), *words, "--people", "1", "--out", str(out)]) == 0
        own = read_body_track(out).joints[0]
        joints.append((own - own[0]) @ camera.T_world_camera[:3, :3].T)
    assert np.linalg.norm(joints[0] - joints[1], axis=-1).mean() < 0.2
