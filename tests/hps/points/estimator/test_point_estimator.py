"""From clouds to bodies, with a network that knows the truth: what the estimator does with what a network says."""

import numpy as np
import pytest
from simulated_people import BODY, Knowing, Person, person

from geometry.rigid import from_rotvec, rotate, transform
from hps.errors import HpsError
from hps.points.estimator import PointEstimator
from hps.points.fitting.config import BodyFitConfig
from hps.points.person_cloud import PersonCloud

PEOPLE = [person(seed) for seed in range(3)]
ONLY_FIT = BodyFitConfig(refine=False)


def estimator(network: Knowing, **choices: object) -> PointEstimator:
    return PointEstimator(network, BODY, points=512, **choices)


def vertex_error_mm(estimate: object, one: Person) -> float:
    vertices = BODY.pose(estimate.parameters).vertices[0]
    return 1000 * float(np.linalg.norm(vertices - one.vertices, axis=1).mean())


def test_true_landmarks_give_the_true_body_in_the_frame_of_the_cloud() -> None:
    found = estimator(Knowing(PEOPLE, sigma_m=0.003), twice=True).estimate_many([one.cloud for one in PEOPLE])
    for one, estimate in zip(PEOPLE, found):
        assert vertex_error_mm(estimate, one) < 12  # the fit's floor with its prior, 8 mm, and 3 mm of noise
        np.testing.assert_allclose(estimate.joints[0], BODY.pose(estimate.parameters).joints[0], atol=1e-6)
        assert np.linalg.norm(estimate.joints[0] - one.joints, axis=1).max() < 0.05
        assert np.linalg.norm(estimate.landmarks[0] - one.landmarks, axis=1).mean() < 0.01
        assert estimate.confidence[0] > 0.5
        assert estimate.reasons == ("",)
        assert set(estimate.milliseconds) == {"network", "fit", "refine"}


def test_an_estimate_moves_with_the_cloud_and_so_does_its_covariance() -> None:
    one = PEOPLE[0]
    T = from_rotvec(np.array([0.4, -0.8, 1.9]), np.array([1.0, -2.0, 3.0]))
    here = estimator(Knowing([one]), twice=False, fit=ONLY_FIT).estimate(one.cloud)
    moved = Person(
        cloud=one.cloud.moved(T),
        T_camera_world=one.T_camera_world,
        vertices=transform(T, one.vertices),
        joints=transform(T, one.joints),
        parameters=one.parameters,
    )
    there = estimator(Knowing([moved]), twice=False, fit=ONLY_FIT).estimate(moved.cloud)
    # The middle of a cloud is the median of each axis, so that another frame moves the input, in float32, and the
    # landmarks' noise, of which there are 5 mm, is drawn in its frame.
    np.testing.assert_allclose(there.joints[0], transform(T, here.joints[0]), atol=0.03)
    size = np.trace(here.joint_covariance[0], axis1=1, axis2=2)
    np.testing.assert_allclose(np.trace(there.joint_covariance[0], axis1=1, axis2=2), size, rtol=0.2)


def test_sigma_grows_from_the_network_to_the_joints() -> None:
    one = PEOPLE[0]
    sure, unsure = (
        estimator(Knowing([one], sigma_m=sigma), twice=False, fit=ONLY_FIT).estimate(one.cloud)
        for sigma in (0.005, 0.03)
    )
    ratio = np.sqrt(np.trace(unsure.joint_covariance[0].sum(0)) / np.trace(sure.joint_covariance[0].sum(0)))
    assert 2 < ratio < 7  # of sigma it is 6; the prior takes some of it away


def test_the_second_look_is_from_the_pelvis_and_is_kept_only_if_it_is_surer() -> None:
    one = PEOPLE[2]
    network = Knowing([one], sigma_m=0.003)
    seen = estimator(network, twice=True).seeing([one.cloud])
    first, second = network.asked
    pelvis = network.truth[0][0]
    np.testing.assert_allclose((first - second).mean((0, 1)), pelvis, atol=0.02)
    back = transform(np.linalg.inv(seen.given.T_canonical_cloud[0]), seen.position[0].double().numpy())
    np.testing.assert_allclose(back, one.landmarks, atol=0.02)


def test_one_by_one_is_the_same_as_many_at_once() -> None:
    clouds = [one.cloud for one in PEOPLE]
    many = estimator(Knowing(PEOPLE, sigma_m=1e-3), fit=ONLY_FIT, at_once=2).estimate_many(clouds)
    for cloud, one, estimate in zip(clouds, PEOPLE, many):
        alone = estimator(Knowing([one], sigma_m=1e-3), fit=ONLY_FIT).estimate(cloud)
        np.testing.assert_allclose(alone.joints, estimate.joints, atol=0.01)  # landmarks' noise of 1 mm differs


def test_a_refused_cloud_keeps_its_place_among_others() -> None:
    clouds = [PEOPLE[0].cloud, PersonCloud.of_camera(np.zeros((0, 3))), PEOPLE[1].cloud]
    subject = estimator(Knowing(PEOPLE))
    found = subject.estimate_many(clouds)
    assert found[1].confidence[0] == 0
    assert "no points" in found[1].reasons[0]
    assert np.isnan(found[1].joints).all()
    assert np.isfinite(found[0].joints).all()
    assert np.isfinite(found[2].joints).all()
    with pytest.raises(HpsError, match="no points"):
        subject.estimate(clouds[1])
    assert all("no points" in one.reasons[0] for one in subject.estimate_many([clouds[1]] * 2))


def test_an_array_is_taken_for_one_camera_and_other_shapes_are_refused() -> None:
    one = PEOPLE[0]
    subject = estimator(Knowing([Person(**{**_fields(one), "cloud": PersonCloud.of_camera(one.cloud.points)})]))
    assert vertex_error_mm(subject.estimate(np.asarray(one.cloud.points)), one) < 20
    with pytest.raises(HpsError, match="points x 3"):
        subject.estimate(np.zeros((100, 6)))


def test_landmarks_that_lie_are_not_trusted() -> None:
    """A network that is sure of a body that is 20 cm off the points gives a body that should not be used."""
    one = PEOPLE[0]
    network = Knowing([one], sigma_m=0.01)
    network.truth = [network.truth[0] + [0.0, 0.35, 0.0]]
    found = estimator(network, twice=False, fit=ONLY_FIT).estimate(one.cloud)
    assert found.confidence[0] < 0.5
    assert "no trustworthy body" in found.reasons[0]
    assert "points" in found.reasons[0]


def test_up_is_passed_on() -> None:
    """A camera that is tilted by 40° sees the same person, when it knows where up is."""
    one = PEOPLE[1]
    T = from_rotvec(np.array([0.7, 0.0, 0.0]), np.zeros(3))
    cloud = one.cloud.moved(T)
    np.testing.assert_allclose(cloud.up, rotate(T, one.cloud.up))
    moved = Person(**{**_fields(one), "cloud": cloud, "vertices": transform(T, one.vertices),
                      "joints": transform(T, one.joints)})  # fmt: skip
    found = estimator(Knowing([moved]), twice=False).estimate(cloud)
    assert vertex_error_mm(found, moved) < 20


def _fields(one: Person) -> dict:
    return {name: getattr(one, name) for name in ("cloud", "T_camera_world", "vertices", "joints", "parameters")}
