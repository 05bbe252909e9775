from __future__ import annotations

import numpy as np
from term_checks import SHAPES, equations, gradient_error, random_state

from registration.fit.rotations import exponential
from registration.fit.state import FitState
from registration.fit.terms.smoothness import LEAST_M_S2, LEAST_RAD_S2, OwnSmoothness, own_spread, second_differences

STEP_S = 1 / 30


def clip(frames, amplitude, noise_rad, noise_m, rng, seconds=0.5):
    """All joints swing by `amplitude` radians in `seconds`, all measured with noise."""
    t = np.arange(frames) * STEP_S
    turns = amplitude * np.sin(2 * np.pi * t / seconds)[:, None, None] * np.ones((1, 24, 3)) / np.sqrt(3)
    transl = 0.2 * amplitude * np.sin(2 * np.pi * t / seconds)[:, None] * np.ones(3)
    return FitState(
        rotations=exponential(turns + noise_rad * rng.standard_normal(turns.shape)),
        transl=transl + noise_m * rng.standard_normal(transl.shape),
        betas=np.zeros(SHAPES),
        offsets=np.zeros((0, 3)),
    )


def test_gradient_is_the_cost_s_near_rest():
    """The change of a turn with small turns is taken for one: exact at rest, 2 % off at these tenths of a radian."""
    rng = np.random.default_rng(0)
    state = clip(6, 0.1, 0.02, 0.01, rng)
    term = OwnSmoothness(sigma=rng.uniform(0.01, 0.03, (4, 75)))
    assert gradient_error(term.add, state, rng) < 0.02


def test_one_and_two_frames_have_no_acceleration():
    for frames in (1, 2):
        state = clip(frames, 1.0, 0.01, 0.01, np.random.default_rng(0))
        term = OwnSmoothness(sigma=own_spread(state, STEP_S))
        assert term.sigma.shape == (0, 75)
        assert equations(term.add, state).cost == 0


def test_a_still_person_is_held_still_and_a_swing_is_left_alone():
    rng = np.random.default_rng(1)
    still = own_spread(clip(12, 0.0, 0.004, 0.002, rng), STEP_S)
    assert np.median(still[:, :72]) < 0.006  # the noise alone has second differences of 0.010
    assert np.median(still[:, 72:]) < 0.002  # 0.005
    assert still.min() >= 0.99 * min(LEAST_RAD_S2, LEAST_M_S2) * STEP_S**2
    moving = clip(24, 1.0, 0.004, 0.002, rng)
    true = second_differences(clip(24, 1.0, 0.0, 0.0, rng))
    found = own_spread(moving, STEP_S)
    ratio = np.sqrt((found**2).mean(0)) / np.sqrt((true**2).mean(0))
    assert ratio.min() > 0.75
    assert ratio.max() < 1.25


def test_smoothing_takes_noise_out_and_leaves_the_motion():
    """Against a measurement of each frame: a still person's noise is at least halved, a swing is not flattened."""
    for amplitude, gain in ((0.0, 0.5), (0.6, 1.05)):
        rng = np.random.default_rng(2)
        true, measured = clip(16, amplitude, 0, 0, rng), clip(16, amplitude, 0.004, 0.002, rng)
        term = OwnSmoothness(sigma=own_spread(measured, STEP_S))
        system = equations(term.add, measured)
        data = np.append(np.full(72, 1 / 0.004**2), np.full(3, 1 / 0.002**2))
        system.A += np.diag(data)
        step, _ = system.solve(0.0, fixed_shared=True)
        smoothed = measured.stepped(step, np.zeros(SHAPES))
        before, after = (np.sqrt(((s.transl - true.transl) ** 2).mean()) for s in (measured, smoothed))
        assert after < gain * before


def test_two_frames_have_no_accelerations():
    rng = np.random.default_rng(3)
    state = random_state(2, rng)
    assert own_spread(state, STEP_S).shape == (0, 75)
    assert equations(OwnSmoothness(sigma=np.zeros((0, 75))).add, state).cost == 0
