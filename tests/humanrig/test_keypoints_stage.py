"""The stage `keypoints` on a recording whose pictures say, by their colour, which instant they show."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from keypoint_takes import PERSON, Reads, T, cameras, take

from geometry.camera_files.cameras_json import write_cameras
from humanrig import manifest
from humanrig.stage import StageContext
from humanrig.stages import keypoints
from registration.errors import RegistrationError
from registration.keypoints import detections
from registration.keypoints.track import read_track
from registration.masks.people_files import PeopleTrack, write_people_track


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setattr(keypoints, "make_detector", lambda *_: Reads())
    monkeypatch.setattr(keypoints, "BlazePose", Reads)
    monkeypatch.setattr(Reads, "blind", ())
    session = take(tmp_path / "take")
    output = tmp_path / "out"
    output.mkdir()
    return StageContext(
        session=session,
        output=output,
        config=keypoints.KeypointsConfig(workers=2),
        instants=[10, 11, 12, 13, 14, 15],
        without=frozenset(),
        progress=lambda done, total: None,
    )


def test_the_stage_writes_the_person(context):
    figures = keypoints.run(context)
    track = read_track(context.output / "person00.npz")
    expected = PERSON + 0.01 * np.arange(T)[:, None, None] * [1, 0, 0]
    np.testing.assert_allclose(track.p_world, expected, atol=2e-5)  # detections are kept as float32 pixels
    assert track.streams == ["cam0/color", "cam1/color", "cam2/color"]
    assert track.instants.tolist() == context.instants
    assert np.isnan(track.q[3, 1]).all()  # the hole
    assert track.used.sum() == (3 * T - 1) * 33
    assert json.loads(json.dumps(figures))["reprojection_px"]["median"] < 0.001
    assert figures["cameras"]["cam1/color"]["instants_seen"] == T - 1


def test_pictures_searched_ahead_are_taken_and_the_outputs_are_the_same(context, monkeypatch):
    monkeypatch.setattr(detections, "PART", 2)
    monkeypatch.setattr(detections, "LEAD", 1)
    figures = keypoints.run(context)
    hashes = manifest.hash_outputs(context.output)
    cache = context.session.path("cache", "detections")
    kept = {path.name for path in cache.iterdir()}
    shutil.rmtree(cache)
    searched = []
    detect = Reads.detect
    monkeypatch.setattr(Reads, "detect", lambda self, *given: searched.append(1) or detect(self, *given))
    assert keypoints.STAGE.ahead is not None
    for some in ([13, 14, 15], [10, 11, 12]):  # where one piece ends and the next begins, no part needs to
        piece = dataclasses.replace(context, instants=some, whole=tuple(context.instants))
        keypoints.STAGE.ahead.run(piece)
    assert {path.name for path in cache.iterdir()} == kept
    done = len(searched)
    assert done == 3 * T - 1 + 3 * 2  # each picture once, and again before two parts of three cameras
    assert keypoints.run(context) == figures
    assert len(searched) == done
    assert manifest.hash_outputs(context.output) == hashes


def test_devices_can_be_left_out(context):
    keypoints.run(dataclasses.replace(context, without=frozenset({"cam0"}), instants=[11, 12]))
    track = read_track(context.output / "person00.npz")
    assert track.streams == ["cam1/color", "cam2/color"]
    assert track.instants.tolist() == [11, 12]
    with pytest.raises(RegistrationError, match=r"depth camera beside it; 1 in use \(cam2/color\)"):
        keypoints.run(dataclasses.replace(context, without=frozenset({"cam0", "cam1"})))


def test_cameras_that_saw_nobody_are_named(context, monkeypatch):
    monkeypatch.setattr(Reads, "blind", (0, 2))
    with pytest.raises(RegistrationError, match=r"nobody was found by cam0/color, cam2/color"):
        keypoints.run(context)


def test_a_stream_without_a_camera_is_named(context):
    path = context.session.path("calibration", "cameras.json")
    write_cameras(path, cameras()[:2], source="test")
    with pytest.raises(RegistrationError, match=r"no camera 'cam2/color'.*--without cam2"):
        keypoints.run(context)


def test_people_are_numbered_as_in_the_masks(context, monkeypatch):
    monkeypatch.setattr(Reads, "people", (0.0, 1.0))
    center = np.stack([np.full((T, 3), [1.0, 0, 0.9]), np.full((T, 3), [0.0, 0, 0.9])], 1)
    center[2] = np.nan
    context.session.path("masks").mkdir()
    write_people_track(
        context.session.path("masks", "people.npz"), PeopleTrack(instants=np.array(context.instants), center=center)
    )
    figures = keypoints.run(context)
    assert figures["people"] == 2
    assert len(figures["others"]) == 1
    for name, x in (("person00", 1.0), ("person01", 0.0)):
        track = read_track(context.output / f"{name}.npz")
        expected = PERSON + (0.01 * np.arange(T) + x)[:, None, None] * [1, 0, 0]
        np.testing.assert_allclose(track.p_world, expected, atol=2e-5)
    one = dataclasses.replace(context, config=keypoints.KeypointsConfig(workers=1, people=1))
    assert keypoints.run(one)["people"] == 1


def test_somebody_whom_no_colour_camera_sees_is_warned_of(context):
    center = np.stack([np.full((T, 3), [0.0, 0, 0.9]), np.full((T, 3), [-1.5, 0, 0.9])], 1)
    context.session.path("masks").mkdir()
    write_people_track(
        context.session.path("masks", "people.npz"), PeopleTrack(instants=np.array(context.instants), center=center)
    )
    figures = keypoints.run(context)
    (warning,) = figures["warnings"]
    assert "person01 is in the masks, but no two colour cameras saw" in warning
    assert np.isnan(read_track(context.output / "person01.npz").p_world).all()


def test_an_onnx_model_and_its_description_are_inputs(context, tmp_path, monkeypatch):
    model = tmp_path / "pose.onnx"
    model.write_bytes(b"x")
    assert keypoints.KeypointsConfig(detector=model).description is None
    model.with_suffix(".toml").write_text("padding = 1.5")
    assert keypoints.KeypointsConfig(detector=model).description == model.with_suffix(".toml")
    monkeypatch.setattr(keypoints, "blazepose_weights", lambda: (tmp_path / "a", tmp_path / "b"))
    with pytest.raises(RegistrationError, match=r"pose.onnx is not an ONNX file"):
        keypoints.run(dataclasses.replace(context, config=keypoints.KeypointsConfig(detector=model)))
