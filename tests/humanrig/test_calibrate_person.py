"""`humanrig calibrate --person-height`: from keypoints to cameras.json, without the detector."""

import json

import numpy as np
import pytest
from board_session import BOARD, board_session

from calibration.bootstrap.keypoints import Keypoints
from geometry.camera_files.cameras_json import read_cameras
from humanrig.calibrating import person_flow
from humanrig.cli import main
from registration.keypoints.observations import Observations

HEIGHTS = {
    "nose": 1.62, "eye": 1.65, "ear": 1.63, "mouth": 1.58, "shoulder": 1.42, "elbow": 1.12, "wrist": 0.88,
    "pinky": 0.8, "index": 0.8, "thumb": 0.82, "hip": 0.93, "knee": 0.5, "ankle": 0.08, "heel": 0.03, "foot": 0.03,
}  # fmt: skip
NARROW = ("eye", "ear", "mouth", "hip")


def standing():
    """A crude person of 1.78 m on the floor."""
    points = []
    for name in person_flow.BLAZEPOSE_NAMES:
        side = 0.2 if "left" in name else -0.2 if "right" in name else 0.0
        height = next(height for part, height in HEIGHTS.items() if part in name)
        points.append([0.02, side * (0.5 if any(part in name for part in NARROW) else 1.0), height])
    return np.array(points)


def walking(truth):
    """What a perfect detector with a pixel of noise sees of the person at forty places."""
    rng, person = np.random.default_rng(0), standing()
    names, cameras = person_flow.BLAZEPOSE_NAMES, tuple(truth)
    q = np.full((40, len(cameras), len(names), 2), np.nan)
    for t in range(len(q)):
        c, s = np.cos(a := rng.uniform(0, 2 * np.pi)), np.sin(a)
        turned = (person + rng.normal(0, [0.05, 0.05, 0.015], person.shape)) @ np.array(
            [[c, s, 0], [-s, c, 0], [0, 0, 1]]
        )
        moved = turned + [rng.uniform(-0.5, 0.3), rng.uniform(-0.4, 0.4), 0]
        for n, camera in enumerate(truth.values()):
            q[t, n] = camera.project(moved) + rng.normal(0, 1, (len(names), 2))
    ones = np.ones(q.shape[:3])
    return Keypoints(names=names, cameras=cameras, q=q, confidence=ones, sigma_px=ones)


def test_a_passer_by_who_comes_near_does_not_become_the_subject():
    names, cameras = person_flow.BLAZEPOSE_NAMES, ("cam_00/color", "cam_01/color")
    q = np.full((20, 2, 2, len(names), 2), np.nan)
    body = np.stack([np.linspace(-30, 30, len(names)), np.linspace(0, 200, len(names))], -1)
    q[:, :, 0] = body + [300, 100]
    q[8:10, 1, 1] = 1.1 * body + [600, 100]
    ones = np.ones(q.shape[:4])
    seen = Observations(streams=list(cameras), q=q, visibility=ones, sigma_px=ones)
    subject = person_flow.subject_of(seen)
    body_alone = [n for n, name in enumerate(names) if not any(part in name for part in person_flow.FACE)]
    assert subject.names == tuple(names[n] for n in body_alone)
    assert "nose" not in subject.names
    np.testing.assert_array_equal(subject.q, q[:, :, 0, body_alone])
    assert subject.cameras == cameras
    np.testing.assert_array_equal(subject.sigma, 1.0)


@pytest.mark.slow
def test_a_person_of_known_height_places_the_cameras(tmp_path, monkeypatch, capsys):
    recorded = board_session(tmp_path / "walk", boards=6, on_floor=0, described=False)
    monkeypatch.setattr(person_flow, "_keypoints", lambda *_: walking(recorded.truth))
    capsys.readouterr()
    assert main(["calibrate", str(recorded.folder), "--person-height", "1.78", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures["cameras"]) == set(recorded.truth)
    solved = read_cameras(recorded.folder / "rig_calibration" / "cameras.json")
    first = next(iter(solved))
    for name, camera in solved.items():
        apart = np.linalg.norm(camera.center - solved[first].center)
        true = np.linalg.norm(recorded.truth[name].center - recorded.truth[first].center)
        assert apart == pytest.approx(true, rel=0.05)  # the solve itself states a scale of 2 %
        assert camera.center[2] == pytest.approx(recorded.truth[name].center[2], abs=0.15)


def test_wrong_words_end_in_one_sentence(tmp_path, capsys):
    recorded = board_session(tmp_path / "walk", cameras=2, boards=2, on_floor=0, board=BOARD)
    assert main(["calibrate", str(recorded.folder), "--person-height", "7"]) == 1
    assert "give the height in metres" in capsys.readouterr().err
    assert main(["calibrate", str(recorded.folder), "--person-height", "1.7", "--squares", "8x6"]) == 1
    assert "takes without a board" in capsys.readouterr().err
