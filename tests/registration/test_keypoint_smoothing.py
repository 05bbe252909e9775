"""Smoothing takes out noise and no motion, says how sure it is, and crosses gaps with a growing spread."""

import numpy as np
import pytest
from keypoint_scenes import walk

from registration.keypoints.bone_lengths import bones_of, with_bones
from registration.keypoints.sets import BLAZEPOSE
from registration.keypoints.smoothing import noise_share, smooth

RATE = 30.0
T = 90
TIME_S = np.arange(T) / RATE
SIGMA = 0.008


def motion(amplitude, hz, joints=4):
    phase = 2 * np.pi * hz * TIME_S[:, None] + np.arange(joints)
    return amplitude * np.stack([np.sin(phase), np.cos(phase), 0.3 * np.sin(2 * phase)], -1)


def noisy(p, sigma=SIGMA, seed=0):
    rng = np.random.default_rng(seed)
    covariance = np.broadcast_to(sigma**2 * np.eye(3), (*p.shape[:2], 3, 3)).copy()
    return p + rng.normal(0, sigma, p.shape), covariance


def rms(e):
    return float(np.sqrt((e**2).mean()))


def test_a_still_person_is_smoothed_strongly():
    p = motion(0.002, 0.3)
    z, covariance = noisy(p)
    assert rms(smooth(z, covariance, TIME_S).p - p) < 0.45 * SIGMA


@pytest.mark.parametrize(("amplitude", "hz"), [(0.3, 1.0), (0.5, 2.5)])
def test_motion_is_not_smoothed_away(amplitude, hz):
    p = motion(amplitude, hz)  # up to 12 and 120 m/s²
    z, covariance = noisy(p)
    assert rms(smooth(z, covariance, TIME_S).p - p) < 1.05 * SIGMA


def test_a_kick_in_a_quiet_clip_keeps_its_height():
    p = motion(0.002, 0.3)
    p[40:50, :, 2] += 0.6 * np.sin(np.linspace(0, np.pi, 10))[:, None] ** 2
    z, covariance = noisy(p)
    e = smooth(z, covariance, TIME_S).p - p
    assert rms(e[38:52]) < 1.2 * SIGMA
    assert rms(e[:30]) < 0.6 * SIGMA


def test_the_covariance_is_that_of_the_errors():
    """White-noise acceleration of 5 m/s² over the steps, the model itself: z² is 1."""
    rng = np.random.default_rng(1)
    joints = 40
    v = np.cumsum(rng.normal(0, 5 / RATE, (T, joints, 3)), axis=0)
    p = np.cumsum(v, axis=0) / RATE
    z, covariance = noisy(p, 0.02)
    found = smooth(z, covariance, TIME_S)
    assert found.noise > 0.7  # the model's own motion looks quiet beside noise of 20 mm
    e = (found.p - p) / np.sqrt(np.diagonal(found.covariance, axis1=-2, axis2=-1))
    assert rms(e) == pytest.approx(1.0, abs=0.25)  # 1.18 when written: windows of 13 instants know motion to a third


def test_errors_that_stay_are_kept_in_the_covariance():
    """A detector that is wrong in the same way for as long as the pose is: differences over time do not show it."""
    p = motion(0.05, 0.5)
    z, covariance = noisy(p, SIGMA / 4)
    z += np.random.default_rng(2).normal(0, SIGMA, (1, 4, 3))
    covariance *= 16
    assert noise_share(z, covariance, np.ones((T, 4), bool), TIME_S) < 0.15
    found = smooth(z, covariance, TIME_S)
    sigma = np.sqrt(np.trace(found.covariance, axis1=-2, axis2=-1) / 3)
    assert (sigma > 0.9 * SIGMA).all()


def test_gaps_are_crossed_and_say_so():
    p = motion(0.4, 1.2)  # 23 m/s²
    z, covariance = noisy(p)
    z[40:46, 1] = np.nan
    covariance[40:46, 1] = np.nan
    found = smooth(z, covariance, TIME_S)
    error = np.linalg.norm(found.p - p, axis=-1)[40:46, 1]
    sigma = np.sqrt(np.trace(found.covariance, axis1=-2, axis2=-1) / 3)
    assert (error < 3 * sigma[40:46, 1]).all()
    assert sigma[42:44, 1].min() > 1.5 * sigma[30, 1]
    assert np.isfinite(found.p).all()


def test_a_joint_that_is_never_known_stays_unknown_and_short_clips_stay_as_they_are():
    z, covariance = noisy(motion(0.1, 1.0))
    z[:, 2] = np.nan
    found = smooth(z, covariance, TIME_S)
    assert np.isnan(found.p[:, 2]).all()
    assert np.isfinite(found.p[:, [0, 1, 3]]).all()
    short = smooth(z[:3], covariance[:3], TIME_S[:3])
    np.testing.assert_array_equal(short.p, z[:3])


def test_smoothing_does_not_depend_on_the_frame_of_the_world():
    p = motion(0.3, 1.0)
    z, covariance = noisy(p)
    covariance[..., 0, 0] *= 4
    R = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    there = smooth(z @ R.T + [1, 2, 3], R @ covariance @ R.T, TIME_S)
    here = smooth(z, covariance, TIME_S)
    np.testing.assert_allclose(there.p, here.p @ R.T + [1, 2, 3], atol=1e-9)


def test_bones_pull_an_uncertain_joint_to_its_place():
    person = walk(30, (0, 0), (0.5, 0))
    person[:, :, 2] += 0.001 * np.arange(30)[:, None]
    rng = np.random.default_rng(4)
    sigma = np.full((30, 33), 0.006)
    elbow, wrist = BLAZEPOSE.index("left_elbow"), BLAZEPOSE.index("left_wrist")
    sigma[10, wrist] = 0.08
    z = person + sigma[..., None] * rng.normal(size=person.shape)
    forearm = person[10, wrist] - person[10, elbow]
    z[10, wrist] = person[10, wrist] + 0.4 * forearm  # too long by two fifths
    covariance = sigma[..., None, None] ** 2 * np.eye(3)
    bones = bones_of(z, covariance, BLAZEPOSE)
    assert len(bones.length) == 12
    p, C = with_bones(z, covariance, bones)
    assert np.linalg.norm(p[10, wrist] - person[10, wrist]) < 0.25 * np.linalg.norm(z[10, wrist] - person[10, wrist])
    along = forearm / np.linalg.norm(forearm)
    assert along @ C[10, wrist] @ along < 0.1 * 0.08**2
    nose = BLAZEPOSE.index("nose")
    np.testing.assert_array_equal(p[:, nose], z[:, nose])
    known = rms(p[11:] - person[11:])
    assert known < rms(z[11:] - person[11:])


def test_a_clip_without_lengths_is_left_alone():
    person = walk(3, (0, 0), (0.5, 0))
    covariance = np.broadcast_to(1e-4 * np.eye(3), (3, 33, 3, 3)).copy()
    p, C = with_bones(person, covariance, bones_of(person, covariance, BLAZEPOSE))
    np.testing.assert_array_equal(p, person)
    np.testing.assert_array_equal(C, covariance)
