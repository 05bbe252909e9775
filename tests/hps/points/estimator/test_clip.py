"""One person's clouds over time."""

from dataclasses import replace

import numpy as np
import pytest
from fitted_bodies import FIT_BODY, bodies, changed
from simulated_people import BODY, Knowing, person

from geometry.rigid import transform
from hps.errors import HpsError
from hps.points.baselines.estimator_methods import FitMethod, SmoothMethod
from hps.points.clip import estimate_clip
from hps.points.estimator import PointEstimator
from hps.points.joint_spread import joint_spread
from hps.points.person_cloud import PersonCloud

ONE = person(3)
SHIFTS = 0.02 * np.arange(6)[:, None] * np.array([1.0, 0.0, 0.0])
TIMES = np.arange(6) / 15


def moved(shift: np.ndarray) -> object:
    """The person a little further on."""
    T = np.eye(4)
    T[:3, 3] = shift
    return replace(ONE, cloud=ONE.cloud.moved(T), vertices=transform(T, ONE.vertices), joints=transform(T, ONE.joints))


PEOPLE = [moved(shift) for shift in SHIFTS]


def estimator() -> PointEstimator:
    return PointEstimator(Knowing([ONE], sigma_m=0.004), BODY, points=512)


def clouds(*empty: int) -> list[PersonCloud]:
    given = [one.cloud for one in PEOPLE]
    for n in empty:
        given[n] = given[n].select(np.zeros(0, np.int64))
    return given


def test_a_frame_without_points_is_told_and_the_others_share_one_shape() -> None:
    found = estimate_clip(estimator(), clouds(2), TIMES)
    assert found.frames.tolist() == [0, 1, 3, 4, 5]
    assert list(found.refused) == [2]
    assert "no points" in found.refused[2]
    assert (found.estimate.confidence > 0.5).all()
    for n, row in enumerate(found.frames):
        vertices = BODY.pose(found.estimate.parameters[n : n + 1]).vertices[0]
        off = 1000 * np.linalg.norm(vertices - PEOPLE[row].vertices, axis=1).mean()
        assert off < 15  # the fit's floor with its prior is 8 mm, the landmarks' noise 4 mm
    assert np.isfinite(found.residual_mm).all()


def test_time_bridges_a_frame_without_points_and_says_so() -> None:
    found = estimate_clip(estimator(), clouds(2), TIMES, smooth=True)
    assert found.frames.tolist() == list(range(6))
    assert not found.refused
    assert "no points" in found.estimate.reasons[2]
    assert "bridged" in found.estimate.reasons[2]
    assert found.estimate.confidence[2] == 0
    assert np.isnan(found.residual_mm[2])
    assert np.linalg.norm(found.estimate.joints[2] - PEOPLE[2].joints, axis=1).mean() < 0.02
    sigma = np.trace(found.estimate.joint_covariance, axis1=2, axis2=3).mean(1)
    assert (sigma > 0).all()


@pytest.mark.parametrize("smooth", [False, True])
def test_wider_covariances_leave_the_shape_where_it_was(smooth: bool) -> None:
    """Calibration multiplies them; the prior is in them, and is counted once whatever the factor."""
    one, wide = estimator(), estimator()
    wide.spread = 2.5
    betas = [
        estimate_clip(e, clouds()[:4], 0.5 * np.arange(4), smooth=smooth).estimate.parameters.betas for e in (one, wide)
    ]
    np.testing.assert_allclose(betas[0], betas[1], atol=0.1)  # frames are doubted a little less


def test_the_factor_of_covariances_is_told_without_a_body_too() -> None:
    """Registration reads it from the first of many answers, whatever that is."""
    wide = estimator()
    wide.spread = 2.5
    assert [found.spread for found in wide.estimate_many(clouds(0)[:2])] == [2.5, 2.5]


def test_a_clip_without_any_body_is_an_error() -> None:
    with pytest.raises(HpsError, match=r"none of the 6 clouds gives a body; the first: the cloud has no points"):
        estimate_clip(estimator(), clouds(*range(6)), TIMES)


def test_the_method_of_clips_answers_every_cloud() -> None:
    """Those between others from time, those far from all as alone."""
    method, times = SmoothMethod(estimator()), np.array([0.0, 0.1, 0.2, 0.3, 2.0, 2.1])
    found = method.of_clip(clouds(2, 5), times)
    clip = estimate_clip(estimator(), clouds(2, 5), times, smooth=True)
    assert clip.frames.tolist() == [0, 1, 2, 3, 4]
    for n, row in enumerate(clip.frames):
        np.testing.assert_array_equal(found[row].parameters.transl, clip.estimate.parameters.transl[n : n + 1])
        np.testing.assert_allclose(BODY.pose(found[row].parameters).joints[0], found[row].joints, atol=1e-5)  # float32
        assert (found[row].joint_sigma > 0).all()
        assert found[row].confidence == clip.estimate.confidence[n]
        assert {"network", "fit", "refine", "smooth"} <= set(found[row].milliseconds)
    assert "no points" in found[5].refused
    one, alone = SmoothMethod(estimator()).of_clip(clouds()[:1], times[:1]), FitMethod(estimator())(clouds()[:1])
    np.testing.assert_array_equal(one[0].joints, alone[0].joints)
    nobody = method.of_clip(clouds(*range(6)), times)
    assert all("no points" in answer.refused for answer in nobody)


def test_joints_spread_as_their_derivatives_say() -> None:
    """Each unknown is changed a little, and the posed joints are compared."""
    step, one = 1e-5, bodies().rows(slice(1, 2))
    before = BODY.pose(one.parameters(0)).joints[0]
    J = np.stack([(BODY.pose(changed(one, n, step).parameters(0)).joints[0] - before) / step for n in range(85)], -1)
    expected = np.einsum("jiu,uv,jkv->jik", J, one.covariance[0], J)
    found = joint_spread(FIT_BODY, one.rotations, one.joints, one.covariance)[0]
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=0.02 * expected.max())  # steps of 1e-5 in float32
