"""Landmarks of two networks as one Gaussian each: Bayes' rule, and no more error than either says."""

import numpy as np
import pytest
import torch

from hps.points.fitting.evidence import LandmarkGaussians
from hps.rgb.lifted import LiftedBodies
from hps.rgbd.config import FusionConfig
from hps.rgbd.product import product

COUNT, LANDMARKS = 200, 88
NETWORK_M, ACROSS_M, ALONG_M = 0.03, 0.02, 0.08
ROOT = np.array([0.3, -0.2, 2.5])


def drawn() -> tuple[np.ndarray, LandmarkGaussians, LiftedBodies]:
    """Landmarks, and what two networks say of them with errors as large as they say; the root lies far off."""
    rng = np.random.default_rng(0)
    truth = ROOT + rng.normal(0, 0.3, (COUNT, LANDMARKS, 3))
    truth[:, 0] = ROOT
    v = ROOT / np.linalg.norm(ROOT)
    away = rng.normal(0, ACROSS_M, truth.shape)
    away += ((rng.normal(0, ALONG_M, truth.shape[:2]) - away @ v)[..., None]) * v
    x = truth + rng.normal(0, NETWORK_M, truth.shape)
    network = LandmarkGaussians(position=torch.from_numpy(x), sigma=torch.full((COUNT, LANDMARKS), NETWORK_M))
    lifted = LiftedBodies(
        relative=torch.from_numpy(truth - ROOT + away),
        sigma=torch.tensor([ACROSS_M, ALONG_M]).repeat(COUNT, LANDMARKS, 1),
        root=torch.from_numpy(np.tile(ROOT + 0.3 * v, (COUNT, 1))),
        root_sigma=torch.tensor([0.02, 0.3]).repeat(COUNT, 1),
        rotations=torch.eye(3).repeat(COUNT, 24, 1, 1),
        betas=torch.zeros(COUNT, 10),
        child=torch.zeros(COUNT),
    )
    return truth, network, lifted


def test_the_product_errs_as_its_covariance_says_and_less_than_either() -> None:
    truth, network, lifted = drawn()
    found = product(network, lifted, 1.0)
    away = found.mean - truth
    squared = np.einsum("bli,blij,blj->bl", away, np.linalg.inv(found.covariance), away)
    assert squared.mean() == pytest.approx(3, rel=0.05)  # 17,600 draws; the common place adds some 1 %
    expected = 2 / (1 / NETWORK_M**2 + 1 / ACROSS_M**2) + 1 / (1 / NETWORK_M**2 + 1 / ALONG_M**2)
    assert (away**2).sum(-1).mean() == pytest.approx(expected, rel=0.05)
    assert (away**2).sum(-1).mean() < ((found.lifted - truth) ** 2).sum(-1).mean()
    assert found.apart.mean() == pytest.approx(1, rel=0.02)


def test_landmarks_that_the_points_do_not_show_are_the_lifters_in_their_place() -> None:
    _, network, lifted = drawn()
    sigma = network.sigma.clone()
    sigma[:, 5] = torch.inf
    found = product(LandmarkGaussians(position=network.position, sigma=sigma), lifted, 1.0)
    np.testing.assert_allclose(found.mean[:, 5], found.lifted[:, 5], atol=1e-4)
    place = np.linalg.norm((found.lifted - lifted.relative.numpy()).mean((0, 1)) - ROOT)
    assert place < 0.01  # the lifter's own guess is 0.3 m behind it


def test_a_product_moved_is_the_product_of_what_was_moved() -> None:
    _, network, lifted = drawn()
    found = product(network, lifted, FusionConfig().lifter_redundancy)
    T = np.tile(np.array([[0.0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, -3], [0, 0, 0, 1]]), (COUNT, 1, 1))
    there = found.moved(T)
    np.testing.assert_allclose(there.mean, found.mean @ T[0, :3, :3].T + T[0, :3, 3], atol=1e-12)
    eigenvalues = np.linalg.eigvalsh(found.covariance)
    np.testing.assert_allclose(np.linalg.eigvalsh(there.covariance), eigenvalues, rtol=1e-9)
