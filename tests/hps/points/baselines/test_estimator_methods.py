"""The estimator as methods: landmarks, fit, refinement."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from hps.points.baselines.estimator_methods import FitMethod, LandmarkMethod, refine_method
from hps.points.estimator import PointEstimator
from hps.points.fitting.config import BodyFitConfig
from hps.points.network.config import NetworkConfig
from hps.points.network.landmark_network import LandmarkNetwork
from hps.points.person_cloud import PersonCloud
from hps.points.weights_file import WeightsInfo, landmarks_sha256, write_weights


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    config = NetworkConfig(points=128, tokens=16, neighbours=8, width=32, heads=2, layers=1, rounds=2)
    return LandmarkNetwork(config).eval().requires_grad_(False)


def estimator(network, body, *, refine=True):
    return PointEstimator(network, body, points=128, fit=BodyFitConfig(refine=refine))


def test_landmarks_give_joints_where_the_network_places_them_and_no_body(network, open_body, seen_bodies):
    ours = estimator(network, open_body)
    clouds = [sample.cloud for sample in seen_bodies(2)]
    for found, estimate in zip(LandmarkMethod(ours)(clouds), ours.estimate_many(clouds), strict=True):
        assert found.parameters is None
        np.testing.assert_allclose(found.joints, estimate.landmarks[0, :24], atol=1e-5)
        np.testing.assert_allclose(found.joint_sigma, estimate.landmark_sigma[0, :24], atol=1e-6)
        assert list(found.milliseconds) == ["network"]


@pytest.mark.parametrize("refine", [False, True])
def test_fits_are_those_of_the_estimator(refine, network, open_body, seen_bodies):
    ours = estimator(network, open_body, refine=refine)
    clouds = [sample.cloud for sample in seen_bodies(2)]
    for found, estimate in zip(FitMethod(ours)(clouds), ours.estimate_many(clouds), strict=True):
        np.testing.assert_allclose(found.parameters.transl, estimate.parameters.transl, atol=1e-6)
        np.testing.assert_allclose(open_body.pose(found.parameters).joints[0], found.joints, atol=1e-4)
        assert (found.joint_sigma > 0).all()
        assert found.confidence == estimate.confidence[0]
        assert {"network", "fit", "refine"} <= set(found.milliseconds)


def test_what_the_estimator_refuses_is_refused_with_its_reason(network, open_body, seen_bodies):
    (sample,) = seen_bodies(1)
    few = PersonCloud.of_points(np.zeros((30, 3)))
    for method in (LandmarkMethod(estimator(network, open_body)), FitMethod(estimator(network, open_body))):
        refused, given = method([few, sample.cloud])
        assert "30 points" in refused.refused
        assert not given.refused


def test_a_second_look_costs_as_much_as_the_first(network, open_body):
    once = PointEstimator(network, open_body, points=128, twice=False)
    twice = PointEstimator(network, open_body, points=128, twice=True)
    assert FitMethod(twice).gflops == 2 * FitMethod(once).gflops > 0
    assert FitMethod(once).parameters == sum(each.numel() for each in network.parameters())


def test_another_calibration_of_the_same_weights_asks_anew(network, open_body, tmp_path):
    digests = []
    for place, calibration in enumerate(({}, {"sigma": {"joints": 0.5, "markers": 0.5}}, {})):
        info = WeightsInfo(
            size="tiny",
            network=asdict(network.config),
            body=open_body.name,
            body_sha256=open_body.sha256,
            landmarks_sha256=landmarks_sha256(open_body),
            calibration=calibration,
        )
        write_weights(tmp_path / f"{place}.safetensors", network.state_dict(), info)
        digests.append(refine_method(str(tmp_path / f"{place}.safetensors")).digest)
    assert digests[0] == digests[2] != digests[1]
