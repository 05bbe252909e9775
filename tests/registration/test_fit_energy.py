from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from simulated_scene import open_body, standing

from registration.errors import RegistrationError
from registration.fit.clip_keypoints import ClipKeypoints
from registration.fit.config import FitConfig
from registration.fit.energy import Energy, Piece
from registration.fit.landmarks import Landmarks
from registration.fit.piece_fit import first_state, fit_piece
from registration.fit.rest import RestBody
from registration.fit.solver import minimise
from registration.fit.state import FitState
from registration.fit.swaps import exchanged, swapped_frames
from registration.fit.system import NormalEquations
from registration.keypoints.sets import BLAZEPOSE_NAMES


@dataclass(frozen=True)
class Known:
    mean: np.ndarray
    precision: np.ndarray


@pytest.fixture(scope="module")
def scene():
    model = open_body()
    parameters = standing(model, 6, np.random.default_rng(1), betas=0.5)
    landmarks = Landmarks.of(model, BLAZEPOSE_NAMES, RestBody.of(model, model.shape_count))
    state = replace(FitState.from_parameters(parameters), offsets=landmarks.offset_m)
    p = np.full((6, len(BLAZEPOSE_NAMES), 3), np.nan)
    p[:, landmarks.index] = landmarks.positions(state)
    none = np.zeros((6, 0, p.shape[1]))
    keypoints = ClipKeypoints(
        names=BLAZEPOSE_NAMES, cameras=[], p_world=p, sigma=np.full(p.shape[:2], 0.003), q=np.zeros((*none.shape, 2)),
        confidence=none, used=none.astype(bool), time_us=np.arange(6) * 33_333, instants=np.arange(6),
    )  # fmt: skip
    return model, keypoints, parameters


def _equations(energy, piece):
    state = first_state(energy, piece, None)
    return energy.equations(state, {"keypoints": energy.points(piece), **energy.priors(piece)})


def test_weights_scale_a_term_and_zero_leaves_it_out(scene):
    model, keypoints, _ = scene
    piece = Piece(keypoints=keypoints, cloud=None)
    costs, A = {}, {}
    for weight in (0.0, 0.5, 1.0):
        system = _equations(Energy(model, keypoints, FitConfig(terms={"pose": weight})), piece)
        costs[weight], A[weight] = system.cost, system.A
    assert costs[0.5] - costs[0.0] == pytest.approx((costs[1.0] - costs[0.0]) / 2, rel=1e-9)
    np.testing.assert_allclose(A[0.5] - A[0.0], (A[1.0] - A[0.0]) / 2, rtol=1e-6, atol=1e-6)
    with pytest.raises(RegistrationError, match="there is no term 'poze'; the terms are keypoints"):
        Energy(model, keypoints, FitConfig(terms={"poze": 1.0}))


def test_a_known_shape_is_kept(scene):
    model, keypoints, parameters = scene
    mean = np.append(parameters.betas[:10], 0.1)
    known = Known(mean=mean, precision=1e8 * np.eye(11))
    energy = Energy(model, keypoints, FitConfig(betas=10, keypoint_iterations=4), known)
    state, _ = fit_piece(energy, Piece(keypoints=keypoints, cloud=None), None)
    np.testing.assert_allclose(state.coefficients, mean, atol=1e-3)
    with pytest.raises(RegistrationError, match="the given shape has 11 coefficients, the fit 4 betas and a child"):
        Energy(model, keypoints, FitConfig(betas=4), known)


def test_exchanged_sides_are_found_by_their_neighbours(scene):
    _, keypoints, _ = scene
    frames = np.arange(6) == 4
    wrong = exchanged(keypoints, frames)
    assert swapped_frames(wrong.p_world, list(BLAZEPOSE_NAMES)).tolist() == frames.tolist()
    assert not swapped_frames(keypoints.p_world, list(BLAZEPOSE_NAMES)).any()
    np.testing.assert_array_equal(exchanged(wrong, frames).p_world, keypoints.p_world)


def test_costs_below_zero_are_minimised_too():
    """Log-densities may be negative; a solver that measures gains against the cost's sign would stop or climb."""
    target = 0.2

    def evaluate(state):
        system = NormalEquations.zeros(1, 0)
        system.A[0], off = np.eye(75), target - state.transl[0, 0]
        system.b[0, 72] = off
        system.cost = 0.5 * off**2 - 100.0
        return system

    state = FitState(
        rotations=np.tile(np.eye(3), (1, 24, 1, 1)),
        transl=np.zeros((1, 3)),
        betas=np.zeros(0),
        offsets=np.zeros((0, 3)),
    )
    found, system = minimise(state, evaluate, 10, 1e-9)
    assert found.transl[0, 0] == pytest.approx(target, abs=1e-4)
    assert system.cost == pytest.approx(-100.0, abs=1e-6)
