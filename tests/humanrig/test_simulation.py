"""The person of a take stays inside the ring of cameras."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import KDTree

from body.bank import load_body_bank
from body.loading import load_body_model
from body.motion.clip import MotionClip
from capture.errors import CaptureError
from capture.virtual.config import SimulationConfig
from capture.virtual.people import MAX_REACH_M, put_in_ring
from capture.virtual.subject import choose_betas
from geometry.rigid import transform
from humanrig.cli import main
from humanrig.errors import HumanrigError
from humanrig.simulation import make_scene, simulate_session


def _glide(length_m: float) -> MotionClip:
    """A standing figure that moves along the clip's forward axis."""
    positions = np.zeros((11, 3))
    positions[:, 2] = np.linspace(0, length_m, 11)
    return MotionClip(
        name="glide",
        rate_hz=10.0,
        rotations=np.zeros((11, 24, 3)),
        root_positions=positions,
        leg_length_m=0.8,
        root_to_hips=np.zeros(3),
    )


@pytest.mark.parametrize(("length_m", "stays"), [(0.8, False), (4.0, True)])
def test_a_long_way_is_gone_on_the_spot_and_a_short_one_is_gone(length_m, stays):
    model = load_body_model()
    parameters = put_in_ring(_glide(length_m), model, np.zeros(16))
    pelvis = model.pose(parameters).joints[:, 0, :2]
    assert np.linalg.norm(pelvis, axis=1).max() <= MAX_REACH_M
    assert (np.ptp(pelvis, axis=0).max() < 0.01) == stays


def test_a_wrong_option_or_an_existing_folder_is_one_sentence(tmp_path):
    with pytest.raises(HumanrigError, match="cameras = 11"):
        simulate_session(tmp_path / "take", cameras=11)
    with pytest.raises(HumanrigError, match="camera = 2"):
        simulate_session(tmp_path / "take", camera=2)
    with pytest.raises(HumanrigError, match="never overwrites"):
        simulate_session(tmp_path)
    assert not (tmp_path / "take").exists()


def test_an_unknown_clip_names_those_there_are(monkeypatch, tmp_path):
    files = {"walk": Path("w.txt"), "kick": Path("k.txt")}
    monkeypatch.setattr("humanrig.motions.deepmimic_clips", lambda on_progress: files)
    with pytest.raises(
        HumanrigError,
        match=r"no clip 'wlak'; did you mean 'walk'\? the clips are: kick, walk; or somebody stands: .*; or random",
    ):
        simulate_session(tmp_path / "take", clip="wlak")
    assert not (tmp_path / "take").exists()


def _still(name: str = "still") -> MotionClip:
    return MotionClip(
        name=name,
        rate_hz=10.0,
        rotations=np.zeros((11, 24, 3)),
        root_positions=np.zeros((11, 3)),
        leg_length_m=0.8,
        root_to_hips=np.zeros(3),
    )


@pytest.fixture
def one_clip(monkeypatch):
    """A library whose only clip stands still; nothing is fetched."""
    monkeypatch.setattr("humanrig.simulation.clip_chooser", lambda config: lambda rng: _still())


@pytest.mark.slow
def test_a_scene_has_the_people_and_things_asked_for_and_none_touch(one_clip):
    config = SimulationConfig(people=2, furniture=2, seconds=0.1, rate_hz=10, radius_m=3.0, children=1.0)
    told = []
    people, things = make_scene(config, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    assert [len(person.parameters) for person in people] == [1, 1]
    assert len({person.name for person in people}) == 2
    assert all(person.rest_vertices is not None for person in people)
    assert all(np.ptp(person.vertices[0, :, 2]) < 1.75 for person in people)  # children, arms down
    bodies = [person.surface[0] for person in people] + [thing.vertices[0] for thing in things]
    for number, body in enumerate(bodies):
        assert body[:, 2].min() > -0.02
        for other in bodies[:number]:
            assert KDTree(other).query(body)[0].min() > 0.01
    again, _ = make_scene(config)
    assert np.array_equal(again[1].surface, people[1].surface)


@pytest.mark.slow
def test_people_of_the_model_and_of_the_splits(one_clip):
    exact = SimulationConfig(exact_model=True, outfit="minimal", seconds=0.1, rate_hz=10)
    (person,), _ = make_scene(exact)
    assert person.rest_vertices is None
    assert person.parameters.betas == pytest.approx(choose_betas(exact, load_body_model()))
    bank = load_body_bank(load_body_model())
    for split in ("train", "test"):
        (person,), _ = make_scene(SimulationConfig(split=split, outfit="minimal", seconds=0.1, rate_hz=10))
        assert person.name in bank.names(split)
    with pytest.raises(CaptureError, match="add exact_model"):
        make_scene(SimulationConfig(height_m=1.7, seconds=0.1, rate_hz=10))


def test_a_crowd_that_does_not_fit_is_one_sentence(one_clip):
    with pytest.raises(CaptureError, match=r"do not fit on the floor.*ask for fewer people or less furniture"):
        make_scene(SimulationConfig(people=6, furniture=12, radius_m=1.2, outfit="minimal", seconds=0.1, rate_hz=10))


def test_takes_for_calibration_have_things_with_known_poses_and_nobody():
    options = {"cameras": 2, "seconds": 0.5, "rate_hz": 10.0}
    people, (board,) = make_scene(SimulationConfig(scenario="board", **options))
    assert people == ()
    assert board.T_world_thing is not None
    assert board.T_world_thing.shape == (5, 4, 4)
    assert board.vertices.shape[0] == 5
    assert board.description["square_m"] == 0.1
    people, boxes = make_scene(SimulationConfig(scenario="boxes", **options))
    assert people == ()
    for box in boxes:
        assert box.T_world_thing is not None
        there = transform(np.linalg.inv(box.T_world_thing[3]), box.vertices[3].astype(float))
        assert np.abs(there).max(0) == pytest.approx(np.array(box.description["size_m"]) / 2, abs=1e-3)  # float32
    assert make_scene(SimulationConfig(scenario="empty", **options)) == ((), ())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scenario": "board", "people": 3}, "scenario 'board' has neither people nor furniture"),
        ({"scenario": "empty", "furniture": 1}, "scenario 'empty' has neither people nor furniture"),
        ({"wardrobe": "skirt", "outfit": "casual"}, "wardrobe 'skirt' is of tailored clothes"),
        ({"exact_model": True, "children": 0.5}, "children=0.5 is of the bank's people"),
    ],
)
def test_wishes_that_exclude_each_other_are_not_passed_over(tmp_path, options, message):
    with pytest.raises(HumanrigError, match=message):
        simulate_session(tmp_path / "take", **options)
    assert not (tmp_path / "take").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--bias-mm", "-1"), "--bias-mm -1.0 is a standard deviation"),
        (("--no-noise", "--effects-off", "jpeg"), "--no-noise leaves out every effect already"),
        (("--effects-off", "fog"), "no sensor effect 'fog'"),
    ],
)
def test_wrong_effects_are_one_sentence(tmp_path, capsys, options, message):
    assert main(["simulate", str(tmp_path / "take"), *options]) == 1
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "take").exists()
