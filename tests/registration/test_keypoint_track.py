"""From detections to the file of one person's keypoints."""

from dataclasses import fields, replace

import numpy as np
import pytest
from keypoint_scenes import observe, ring, stick_person, walk

from registration.errors import RegistrationError
from registration.keypoints.confidence import BLAZEPOSE_NOISE, noise_of_model
from registration.keypoints.detections import detect_stream
from registration.keypoints.detector import Person2D
from registration.keypoints.figures import keypoint_figures
from registration.keypoints.observations import gather
from registration.keypoints.sets import BLAZEPOSE, smpl_joints, smpl_vertices
from registration.keypoints.track import read_track, write_track
from registration.keypoints.tracking import TrackOptions, track_subject

T = 24
TIME_S = np.arange(T) / 30
SIGMA = 3.0


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(0)
    cameras, person = ring(4), walk(T, (-0.1, 0.0), (0.3, 0.1))
    observations, _ = observe(cameras, [person, walk(T, (1.5, 1.2), (0, 0))], rng, SIGMA)
    return cameras, observations, person


def test_the_track_is_the_person(scene):
    cameras, observations, person = scene
    track, flipped = track_subject(cameras, observations, range(T), TIME_S)
    error = np.linalg.norm(track.p_world - person, axis=-1)
    assert np.nanmedian(error) < 0.025  # 3 px at 3 m and f = 620 are 15 mm in each of two axes, in each of 4 views
    assert not flipped.any()
    z = error / track.sigma / np.sqrt(3)
    assert np.sqrt(np.nanmean(z**2)) == pytest.approx(1.0, abs=0.1)  # 792 points with 3 axes: 2 %, and the selection


def test_a_joint_that_one_instant_lacks_is_interpolated_and_marked(scene):
    cameras, observations, person = scene
    wrist = BLAZEPOSE.index("left_wrist")
    q = observations.q.copy()
    q[9, :, :, wrist] = np.nan
    track, _ = track_subject(cameras, replace(observations, q=q), range(T), TIME_S)
    assert not track.used[9, :, wrist].any()
    assert np.linalg.norm(track.p_world[9, wrist] - person[9, wrist]) < 0.05
    assert track.sigma[9, wrist] > track.sigma[8, wrist]
    assert np.isnan(track.reprojection_px[9, :, wrist]).all()


def test_the_file_holds_the_track(scene, tmp_path):
    cameras, observations, _ = scene
    track, flipped = track_subject(cameras, observations, range(100, 100 + T), TIME_S)
    write_track(track, tmp_path / "person00.npz")
    again = read_track(tmp_path / "person00.npz")
    for item in fields(track):
        a, b = getattr(track, item.name), getattr(again, item.name)
        if isinstance(a, list):
            assert a == b
        else:
            np.testing.assert_allclose(b, a, rtol=1e-6)  # float32 pixels
    with np.load(tmp_path / "person00.npz") as data:
        assert data["q"].shape == (T, 4, 33, 2)
        assert data["instants"][0] == 100
    figures = keypoint_figures(track, cameras, flipped)
    assert figures["reprojection_px"]["median"] == pytest.approx(
        SIGMA * 1.18 * np.sqrt(6.5 / 8), rel=0.1
    )  # 8 numbers and 3 unknowns, of which smoothing leaves about half
    assert figures["instants_lost"] == 0
    assert figures["cameras"]["cam02/color"]["instants_seen"] == T


def test_a_damaged_or_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(RegistrationError, match="missing; run the stage keypoints"):
        read_track(tmp_path / "person00.npz")
    (tmp_path / "person00.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(RegistrationError, match="not a keypoint file"):
        read_track(tmp_path / "person00.npz")


class Nobody:
    """A detector that sees a person in bright images only."""

    keypoints = BLAZEPOSE
    fingerprint = "nobody"

    def detect(self, image, previous=(), search=True):
        if not image.any():
            return []
        return [Person2D(q=np.zeros((33, 2)), visibility=np.ones(33), score=0.9, pixel_size=2.0)]


def test_fewer_than_two_cameras_that_saw_somebody_are_named():
    dark, bright = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    streams = {name: detect_stream([image] * 3, Nobody(), stream=name) for name, image in
               (("a/color", dark), ("b/color", bright), ("c/color", dark))}  # fmt: skip
    with pytest.raises(RegistrationError, match=r"a/color, c/color: people in 1 of 3"):
        gather(streams, {stream: [0, 1, 2] for stream in streams})
    two = {"a/color": streams["b/color"], "b/color": streams["b/color"], "c/color": streams["c/color"]}
    rows = {"a/color": [0, 1, 2], "b/color": [2, -1, 0], "c/color": [0, 1, 2]}
    seen = gather(two, rows).seen[..., 0]
    np.testing.assert_array_equal(seen, [[True, True, False], [True, False, False], [True, True, False]])


def test_the_mirror_of_the_set_is_the_mirror_of_a_person():
    person = stick_person()
    mirrored = person * [1, -1, 1]
    mirrored[BLAZEPOSE.index("nose")] = person[BLAZEPOSE.index("nose")]
    np.testing.assert_allclose(mirrored, person[BLAZEPOSE.mirror])
    assert (BLAZEPOSE.parts.sum(0) == 1).all()
    assert len(BLAZEPOSE.bones) == 22


def test_keypoints_that_show_joints_and_vertices_of_a_body():
    joints = smpl_joints(BLAZEPOSE.names, ["pelvis", "left_hip", "right_wrist"])
    assert {(BLAZEPOSE.names[k], j) for k, j in joints.tolist()} == {("left_hip", 1), ("right_wrist", 2)}
    vertices = smpl_vertices(BLAZEPOSE.names, {"nose": 331, "LHeel": 12, "elsewhere": 5})
    assert {(BLAZEPOSE.names[k], v) for k, v in vertices.tolist()} == {("nose", 331), ("left_heel", 12)}
    with pytest.raises(RegistrationError, match="no keypoint 'tail'"):
        BLAZEPOSE.index("tail")


def test_sigmas_follow_the_detectors_belief_and_the_size_of_the_person():
    sigma = BLAZEPOSE_NOISE.sigma_px(np.array([[0.0, 0.35, 1.0], [1.0, 1.0, 1.0]]), np.array([1.0, 4.0]))
    np.testing.assert_allclose(sigma, [[8.5, 3.1, 1.6], [6.4, 6.4, 6.4]])
    wander = BLAZEPOSE_NOISE.wander_m(["left_ankle", "right_ankle", "left_tail"])
    assert wander[0] == wander[1] == pytest.approx(0.009)
    assert 0.005 < wander[2] < 0.009  # the mean of what is known
    plain = noise_of_model(2.0)
    np.testing.assert_allclose(plain.sigma_px(np.array([0.5, 1.0]), np.array(3.0)), [6 / np.sqrt(0.5), 6.0])
    assert not plain.wander_m(["left_ankle"]).any()


def test_what_the_detector_means_is_less_sure_than_where_it_is(scene):
    cameras, observations, _ = scene
    plain, _ = track_subject(cameras, observations, range(T), TIME_S)
    wander = np.where(np.arange(33) == BLAZEPOSE.index("left_wrist"), 0.02, 0.0)
    track, _ = track_subject(cameras, replace(observations, wander_m=wander), range(T), TIME_S)
    np.testing.assert_array_equal(track.sigma, plain.sigma)
    more = track.covariance - plain.covariance
    expected = wander[None, :, None, None] ** 2 * np.broadcast_to(np.eye(3), more.shape)
    np.testing.assert_allclose(more[np.isfinite(more)], expected[np.isfinite(more)], atol=1e-12)


def test_views_that_disagree_make_a_joint_less_sure():
    six = ring(6)
    seen, _ = observe(six, [walk(T, (-0.1, 0.0), (0.3, 0.1))], np.random.default_rng(3), SIGMA)
    knee = BLAZEPOSE.index("right_knee")
    q = seen.q.copy()
    q[:, :2, :, knee] += 60
    agreed, _ = track_subject(six, seen, range(T), TIME_S)
    split, _ = track_subject(six, replace(seen, q=q), range(T), TIME_S)
    assert split.used[:, :2, knee].mean() < 0.1
    assert np.nanmedian(split.sigma[:, knee] / agreed.sigma[:, knee]) > 1.3
    elbow = BLAZEPOSE.index("left_elbow")
    np.testing.assert_allclose(split.sigma[:, elbow], agreed.sigma[:, elbow], rtol=0.1)


def test_views_that_guess_a_hidden_joint_are_worth_one():
    six = ring(6)
    seen, _ = observe(six, [walk(T, (-0.1, 0.0), (0.3, 0.1))], np.random.default_rng(3), SIGMA)
    wrist = BLAZEPOSE.index("left_wrist")
    visibility = seen.visibility.copy()
    visibility[..., wrist] = 0.2
    sure, _ = track_subject(six, seen, range(T), TIME_S, options=TrackOptions(smooth=False, bones=False))
    guess, _ = track_subject(
        six, replace(seen, visibility=visibility), range(T), TIME_S, options=TrackOptions(smooth=False, bones=False)
    )
    ratio = np.nanmedian(guess.sigma / sure.sigma, axis=0)
    assert ratio[wrist] == pytest.approx(np.sqrt(1 + 5 * 0.8), rel=1e-6)
    np.testing.assert_allclose(np.delete(ratio, wrist), 1.0)


def test_a_file_of_before_covariances_is_read(scene, tmp_path):
    cameras, observations, _ = scene
    track, _ = track_subject(cameras, observations, range(T), TIME_S)
    write_track(track, tmp_path / "person00.npz")
    with np.load(tmp_path / "person00.npz") as data:
        arrays = {name: data[name] for name in data.files if name != "covariance"}
    np.savez(tmp_path / "old.npz", **arrays)
    again = read_track(tmp_path / "old.npz")
    np.testing.assert_allclose(again.covariance[3, 4], track.sigma[3, 4] ** 2 * np.eye(3))
    np.savez(tmp_path / "bad.npz", **{name: value for name, value in arrays.items() if name != "p_world"})
    with pytest.raises(RegistrationError, match="it has no p_world"):
        read_track(tmp_path / "bad.npz")
