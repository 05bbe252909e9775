"""Who is the subject, and which side is left, when several people are in the pictures."""

from dataclasses import replace

import numpy as np
import pytest
from keypoint_scenes import observe, ring, walk

from registration.errors import RegistrationError
from registration.keypoints.association import people, subject
from registration.keypoints.flips import find_flips, swap
from registration.keypoints.linking import middle_of_rig
from registration.keypoints.observations import select
from registration.keypoints.sets import BLAZEPOSE

T = 20
TIME_S = np.arange(T) / 30


def test_the_middle_of_a_ring():
    np.testing.assert_allclose(middle_of_rig(ring(5)), [0, 0, 1], atol=1e-9)


def test_the_subject_is_followed_among_others():
    rng = np.random.default_rng(0)
    cameras = ring(4)
    people = [walk(T, (-0.2, 0.1), (0.5, 0)), walk(T, (1.4, 1.2), (0, 0.2), heading=2.0)]
    observations, order = observe(cameras, people, rng)
    choice = subject(cameras, observations, TIME_S)
    np.testing.assert_array_equal(choice, (order == 0).argmax(2))


def test_a_bystander_seen_by_two_cameras_is_not_the_subject_even_where_the_subject_is_lost():
    rng = np.random.default_rng(1)
    cameras = ring(5)
    observations, order = observe(cameras, [walk(T, (0, 0), (0.3, 0)), walk(T, (1.5, -1.3), (0, 0))], rng)
    q = observations.q.copy()
    bystander = order == 1
    bystander[:, [0, 1]] = False
    q[bystander] = np.nan
    lost = (order == 0) & (np.arange(T) == 7)[:, None, None]
    q[lost] = np.nan  # one instant at which nobody saw the subject
    choice = subject(cameras, replace(observations, q=q), TIME_S)
    expected = (order == 0).argmax(2)
    expected[7] = -1
    np.testing.assert_array_equal(choice, expected)


def test_two_people_keep_their_numbers_when_they_pass_each_other():
    rng = np.random.default_rng(7)
    cameras = ring(5)
    both = [walk(T, (-0.9, 0.25), (3.0, 0)), walk(T, (0.9, -0.25), (-3.0, 0), heading=np.pi)]
    observations, order = observe(cameras, both, rng)
    choice = people(cameras, observations, TIME_S, count=0)
    assert len(choice) == 2
    for number, chosen in enumerate(choice):
        same = [np.array_equal(chosen, (order == k).argmax(2)) for k in (0, 1)]
        assert same.count(True) == 1, number
    centers = np.stack([both[1].mean(1), both[0].mean(1)], 1)
    centers[8:11] = np.nan  # the depth cameras lose both where they pass
    choice = people(cameras, observations, TIME_S, count=0, centers=centers)
    np.testing.assert_array_equal(choice[0], (order == 1).argmax(2))
    np.testing.assert_array_equal(choice[1], (order == 0).argmax(2))
    assert len(people(cameras, observations, TIME_S, count=1, centers=centers)) == 1


def test_a_second_reading_of_a_picture_takes_nobodys_track():
    """Two cameras read the person also from behind, in the same place; the track goes on with the eight others."""
    rng = np.random.default_rng(10)
    cameras = ring(6)
    person = walk(T, (0, 0), (1.0, 0))
    observations, _ = observe(cameras, [person, person + [0.02, 0.15, -0.03]], rng)
    q = observations.q.copy()
    q[:, 2:, 1] = np.nan
    q[0] = q[0][:, [0, 0]]
    q[0, :, 1] = np.nan
    q[3:, :, 1] = np.nan
    for t in range(T):  # `observe` shuffled the people of each image
        for c in range(6):
            near = np.nanargmin(np.linalg.norm(observations.q[t, c] - cameras[c].project(person[t]), axis=-1).mean(-1))
            q[t, c, 0] = observations.q[t, c, near]
    (choice,) = people(cameras, replace(observations, q=q), TIME_S, count=0)
    assert (choice == 0).all()


def test_one_detection_is_not_two_people():
    rng = np.random.default_rng(8)
    cameras = ring(4)
    close = [walk(T, (0, 0.2), (0, 0)), walk(T, (0, -0.2), (0, 0))]
    observations, order = observe(cameras, close, rng)
    q = observations.q.copy()
    q[5:9, 2][order[5:9, 2] == 1] = np.nan  # one hides the other in a camera
    centers = np.stack([p.mean(1) for p in close], 1)
    first, second = people(cameras, replace(observations, q=q), TIME_S, count=2, centers=centers)
    np.testing.assert_array_equal(first, (order == 0).argmax(2))
    assert (second[5:9, 2] == -1).all()


def test_a_person_whom_only_depth_sees_is_nobody_in_colour_and_the_first_one_must_be_seen():
    rng = np.random.default_rng(9)
    cameras = ring(4)
    person = walk(T, (0, 0), (0.3, 0))
    observations, _ = observe(cameras, [person], rng)
    centers = np.stack([person.mean(1), person.mean(1) + [1.5, 0, 0]], 1)
    first, second = people(cameras, observations, TIME_S, count=0, centers=centers)
    assert (first == 0).all()
    assert (second == -1).all()
    with pytest.raises(RegistrationError, match="seen by no two colour cameras"):
        people(cameras, observations, TIME_S, centers=centers[:, 1:])


def test_a_false_detection_and_a_blind_camera_are_holes():
    rng = np.random.default_rng(2)
    cameras = ring(4)
    observations, _ = observe(cameras, [walk(T, (0, 0), (0.3, 0))], rng)
    q = observations.q.copy()
    q[5, 1, 0] = q[5, 1, 0, ::-1] + 40  # joints in a wrong order: no person stands like that
    q[:, 3] = np.nan
    choice = subject(cameras, replace(observations, q=q), TIME_S)
    assert choice[5, 1] == -1
    assert (choice[:, 3] == -1).all()
    assert (np.delete(choice, 5, 0)[:, :3] == 0).all()


def test_one_camera_is_enough_to_keep_the_subject_for_a_moment():
    rng = np.random.default_rng(3)
    cameras = ring(4)
    observations, _ = observe(cameras, [walk(T, (0, 0), (0.3, 0))], rng)
    q = observations.q.copy()
    q[8:10, 1:] = np.nan
    choice = subject(cameras, replace(observations, q=q), TIME_S)
    assert (choice[8:10, 0] == 0).all()


def test_views_that_never_agree_are_an_error():
    rng = np.random.default_rng(4)
    cameras = ring(3)
    observations, _ = observe(cameras, [walk(T, (0, 0), (0.3, 0))], rng)
    q = observations.q.copy()
    q[:, 0, ..., 1] += 300
    q[:, 1, ..., 1] -= 300
    with pytest.raises(RegistrationError, match=r"cam00/color, cam01/color, cam02/color.*calibration"):
        subject(cameras, replace(observations, q=q), TIME_S)


@pytest.mark.parametrize("part", [0, 1])
def test_flipped_sides_are_found_and_only_those(part):
    rng = np.random.default_rng(5)
    cameras = ring(4)
    observations, _ = observe(cameras, [walk(T, (-0.1, 0), (0.3, 0))], rng, sigma=3.0)
    q, _, sigma = select(observations, np.zeros((T, 4), np.int64))
    truth = np.zeros((T, 4, 2), bool)
    truth[4:11, 2, part] = True
    truth[13:, 0, part] = True
    found = find_flips(cameras, swap(q, truth), sigma)
    np.testing.assert_array_equal(found, truth)
    np.testing.assert_array_equal(swap(swap(q, truth), found), q)


def test_nothing_is_flipped_without_reason():
    rng = np.random.default_rng(6)
    for cameras in (ring(2, radius=2.5), ring(6)):
        if len(cameras) == 2:
            cameras = ring(5)[:2]
        observations, _ = observe(cameras, [walk(T, (0, 0.2), (0.3, 0))], rng, sigma=4.0)
        q, _, sigma = select(observations, np.zeros((T, len(cameras)), np.int64))
        assert not find_flips(cameras, q, sigma).any()


def test_swapping_exchanges_left_and_right_of_one_part():
    q = np.arange(33, dtype=float)[None, None, :, None]
    upper = swap(q, np.array([[[True, False]]]))[0, 0, :, 0]
    assert upper[BLAZEPOSE.index("left_wrist")] == BLAZEPOSE.index("right_wrist")
    assert upper[BLAZEPOSE.index("left_knee")] == BLAZEPOSE.index("left_knee")
    assert upper[BLAZEPOSE.index("nose")] == BLAZEPOSE.index("nose")
