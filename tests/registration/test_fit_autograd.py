from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from simulated_scene import open_body, standing

from geometry.cloud import PointCloud
from registration.fit.autograd import AutogradEnergy, TorchBody, gradient, minimise_autograd
from registration.fit.keypoint_terms import Keypoints3D
from registration.fit.landmarks import Landmarks
from registration.fit.posing import PosedClip
from registration.fit.priors import PosePrior, SharedPrior, SmoothMotion
from registration.fit.rest import RestBody
from registration.fit.solver import minimise
from registration.fit.state import FitState
from registration.fit.surface import CloudPoints, Surface
from registration.fit.system import NormalEquations
from registration.keypoints.sets import BLAZEPOSE_NAMES

FRAMES, BETAS = 3, 6


@pytest.fixture(scope="module")
def scene():
    """A state some centimetres from where landmarks and clouds say it is. Without correctives: rows leave them out."""
    model = replace(open_body(), posedirs=None)
    rng = np.random.default_rng(3)
    rest = RestBody.of(model, BETAS, fit_child=True)
    landmarks = Landmarks.of(model, BLAZEPOSE_NAMES, rest)
    parameters = standing(model, FRAMES, rng, betas=0.5)
    true = replace(
        FitState.from_parameters(parameters),
        betas=parameters.betas[:BETAS],
        offsets=landmarks.offset_m,
        fits_child=True,
    )
    body = PosedClip(true, rest)
    p = landmarks.positions(true) + 0.005 * rng.standard_normal((FRAMES, len(landmarks), 3))
    p[1, 3] = np.nan
    some = rng.choice(len(rest.template), 1500, replace=False)
    clouds = [PointCloud(points=body.vertices[t, some], normals=body.normals[t, some]) for t in range(FRAMES)]
    state = true.stepped(0.05 * rng.standard_normal((FRAMES, 75)), 0.02 * rng.standard_normal(landmarks.shared))
    keypoints = Keypoints3D(p_world=p, sigma=np.full(p.shape[:2], 0.005), landmarks=landmarks, kernel=3.0)
    shared = SharedPrior(
        mean=np.zeros(BETAS + 1), precision=np.diag(np.arange(1.0, BETAS + 2)), offset_m=landmarks.offset_m,
        offset_sigma_m=landmarks.offset_sigma_m, times=2.0,
    )  # fmt: skip
    smooth = SmoothMotion(step_s=1 / 30, joint_acceleration=40.0, root_acceleration=6.0)
    cloud = CloudPoints.of([replace(c, sigma=np.full(len(c), 0.002)) for c in clouds], 600, rng)
    return rest, state, true, keypoints, shared, smooth, cloud


def _equations(state, rest, terms):
    system = NormalEquations.zeros(len(state), len(state.coefficients) + state.offsets.size)
    for term in terms:
        term.add(system, PosedClip(state, rest))
    return system


def test_the_gradient_is_the_compiled_one(scene):
    rest, state, _, keypoints, shared, smooth, _ = scene
    pose = PosePrior()
    system = _equations(state, rest, [keypoints, shared, pose, smooth])
    b, b_shared, cost = gradient(AutogradEnergy(state, rest, keypoints, shared, pose, smooth))
    # float64; sums of 1e5 in size
    np.testing.assert_allclose(cost, system.cost, rtol=1e-9)
    np.testing.assert_allclose(b_shared, system.b_shared, rtol=1e-7, atol=1e-5)
    # the row of an acceleration takes turns of neighbours as if they commuted: exact only for small turns
    exact = _equations(state, rest, [keypoints, shared, pose])
    b, _, _ = gradient(AutogradEnergy(state, rest, keypoints, shared, pose))
    np.testing.assert_allclose(b, exact.b, rtol=1e-6, atol=1e-5)


def test_the_body_is_the_compiled_one(scene):
    rest, state, *_ = scene
    at = lambda a: torch.as_tensor(np.asarray(a))  # noqa: E731
    found = TorchBody.of(rest).posed(at(state.rotations), at(state.transl), at(state.coefficients))
    np.testing.assert_allclose(found.numpy(), PosedClip(state, rest).vertices, atol=1e-12)


def test_both_find_the_same_body(scene):
    rest, state, _, keypoints, shared, smooth, _ = scene
    pose = PosePrior(scale=0.2)  # firm, so that the valley is not flat
    fast, system = minimise(state, lambda s: _equations(s, rest, [keypoints, shared, pose, smooth]), 30, 1e-8)
    rng = np.random.default_rng(5)
    near = fast.stepped(0.01 * rng.standard_normal((FRAMES, 75)), np.zeros(len(system.b_shared)))
    before = gradient(AutogradEnergy(near, rest, keypoints, shared, pose, smooth))[2]
    assert before > 1.5 * system.cost
    found = minimise_autograd(AutogradEnergy(near, rest, keypoints, shared, pose, smooth), 25)
    left = gradient(AutogradEnergy(found, rest, keypoints, shared, pose, smooth))[2]
    assert left == pytest.approx(system.cost, rel=0.1)  # LBFGS is on its way after 25 steps
    a, b = (PosedClip(s, rest).vertices for s in (fast, found))
    # both stop where a step gains too little; without a surface turns about a limb's axis hardly matter
    assert 1e3 * np.linalg.norm(a - b, axis=-1).mean() < 5.0


def test_surfaces_pull_the_same_way(scene):
    rest, _, true, keypoints, shared, _, cloud = scene
    rng = np.random.default_rng(7)
    state = true.stepped(0.01 * rng.standard_normal((FRAMES, 75)), np.zeros(len(true.coefficients) + true.offsets.size))
    surface = Surface(cloud=cloud, sigma_m=0.003, independent=1000.0, kernel_m=0.03, clothes_weight=1.0)
    fast = _equations(state, rest, [surface])
    with_it, without = (
        gradient(AutogradEnergy(state, rest, keypoints, shared, cloud=c))[0] for c in (cloud, None)
    )  # fmt: skip
    pull = with_it - without
    # nearest triangles there, tangent planes of nearest vertices here
    cosine = (pull * fast.b).sum() / np.linalg.norm(pull) / np.linalg.norm(fast.b)
    assert cosine > 0.98
    assert 0.8 < np.linalg.norm(pull) / np.linalg.norm(fast.b) < 1.25


@pytest.mark.gpu
def test_a_gpu_says_the_same(scene):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    rest, state, _, keypoints, shared, smooth, cloud = scene
    here = gradient(AutogradEnergy(state, rest, keypoints, shared, PosePrior(), smooth, cloud))
    there = gradient(AutogradEnergy(state, rest, keypoints, shared, PosePrior(), smooth, cloud, device="cuda"))
    np.testing.assert_allclose(there[0], here[0], rtol=1e-6, atol=1e-4)
    assert abs(there[2] - here[2]) < 1e-6 * here[2]
