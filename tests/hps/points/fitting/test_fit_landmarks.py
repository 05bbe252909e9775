"""A body from landmarks alone: exact where they are, robust where they are not, and as sure as it should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_bodies import drawn_bodies, gaussians, the_body, vertex_error_mm

from body.rotations import axis_angle_to_matrix
from hps.points.fitting import BodyFitConfig, LandmarkGaussians, fit_bodies

INDEPENDENT = BodyFitConfig(landmark_redundancy=1.0, landmark_freedom=1e6)
"""What is true of noise that is drawn landmark by landmark."""


def test_true_landmarks_give_the_true_body():
    # 2 mm of assumed noise let the priors pull a millimetre or two, most where few landmarks are
    bodies = drawn_bodies(12, seed=1)
    found = fit_bodies(the_body(), gaussians(bodies, 0.0), None, INDEPENDENT)
    assert vertex_error_mm(bodies, found).median() < 2.5
    assert vertex_error_mm(bodies, found).max() < 8
    assert found.landmark_rms.max() < 0.006


def test_the_error_falls_with_the_noise():
    bodies = drawn_bodies(12, seed=2)
    errors = [
        float(vertex_error_mm(bodies, fit_bodies(the_body(), gaussians(bodies, noise, 3), None, INDEPENDENT)).mean())
        for noise in (0.0, 0.01, 0.03, 0.06)
    ]
    assert errors == sorted(errors)
    # 88 landmarks tell about 86 unknowns, but the prior most of the rest: better than a single landmark
    assert errors[2] < 30
    assert errors[3] < 60


def test_moving_the_landmarks_moves_the_body():
    bodies = drawn_bodies(4, seed=4)
    told = gaussians(bodies, 0.02, 5)
    turn = axis_angle_to_matrix(torch.tensor([0.3, -1.2, 0.8], dtype=torch.float64))
    shift = torch.tensor([0.4, -2.0, 1.0], dtype=torch.float64)
    one = fit_bodies(the_body(), told)
    other = fit_bodies(the_body(), LandmarkGaussians(position=told.position @ turn.T + shift, sigma=told.sigma))
    # both stop after the same steps, from starts that are the same up to rounding
    assert torch.allclose(one.joints @ turn.T + shift, other.joints, atol=1e-6)
    assert torch.allclose(turn @ one.joint_covariance @ turn.T, other.joint_covariance, atol=1e-9)
    assert torch.allclose(one.betas, other.betas, atol=1e-5)


def test_what_is_not_known_says_nothing():
    bodies = drawn_bodies(4, seed=6)
    told = gaussians(bodies, 0.01, 7)
    left_hand = [20, 22]
    sigma = told.sigma.clone()
    sigma[:, left_hand] = torch.inf
    position = told.position.clone()
    position[:, left_hand] = torch.nan
    here = fit_bodies(the_body(), LandmarkGaussians(position=position, sigma=sigma))
    position[:, left_hand] = 5.0
    there = fit_bodies(the_body(), LandmarkGaussians(position=position, sigma=sigma))
    assert torch.equal(here.joints, there.joints)
    assert torch.isfinite(here.covariance).all()


def test_one_landmark_far_off_bends_nothing():
    bodies = drawn_bodies(8, seed=8)
    told = gaussians(bodies, 0.01, 9)
    position = told.position.clone()
    position[:, 40] += 0.5
    clean = vertex_error_mm(bodies, fit_bodies(the_body(), told)).mean()
    off = vertex_error_mm(bodies, fit_bodies(the_body(), replace(told, position=position))).mean()
    # an even weight on all would move the body's middle by 500 / 88 = 6 mm, and the part itself far more
    assert off < clean + 3


@pytest.mark.parametrize("noise_m", [0.01, 0.04])
def test_the_covariance_is_the_spread(noise_m):
    # poses and shapes come from the fit's own priors, so errors squared over variances must average 1 for every joint's
    # axis; 1.5 allows for linearising a mixture of poses, and 64 bodies x 24 joints for chance
    bodies = drawn_bodies(64, seed=10)
    found = fit_bodies(the_body(), gaussians(bodies, noise_m, 11), None, replace(INDEPENDENT, steps=6))
    away = (found.joints - bodies.joints)[..., None]
    squared = (away.transpose(-1, -2) @ torch.linalg.solve(found.joint_covariance, away))[..., 0, 0] / 3
    assert 1 / 1.5 < squared.mean() < 1.5
    shift = (found.transl - bodies.transl) ** 2 / found.covariance.diagonal(dim1=1, dim2=2)[:, -3:]
    assert 1 / 1.6 < shift.mean() < 1.6


def test_reported_turns_are_about_the_axes_of_the_frame():
    # turning the frame turns the blocks of the covariance that belong to one joint
    bodies = drawn_bodies(2, seed=12)
    told = gaussians(bodies, 0.02, 13)
    turn = axis_angle_to_matrix(torch.tensor([0.9, 0.4, -0.7], dtype=torch.float64))
    one = fit_bodies(the_body(), told)
    other = fit_bodies(the_body(), replace(told, position=told.position @ turn.T))
    for joint in (0, 5, 18):
        at = slice(3 * joint, 3 * joint + 3)
        assert torch.allclose(turn @ one.covariance[:, at, at] @ turn.T, other.covariance[:, at, at], atol=1e-7)


def test_float32_in_float32_out():
    bodies = drawn_bodies(2, seed=14)
    told = gaussians(bodies, 0.01, 15)
    found = fit_bodies(the_body(), LandmarkGaussians(position=told.position.float(), sigma=told.sigma.float()))
    assert found.rotations.dtype == found.covariance.dtype == torch.float32
    eye = found.rotations @ found.rotations.transpose(-1, -2)
    assert np.allclose(eye.numpy(), np.eye(3), atol=1e-5)
    assert set(found.milliseconds) == {"fit", "refine"}
    assert not found.refined.any()
