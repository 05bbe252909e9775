"""Covariances of a fit: against the dense inverse, and the spread of what they predict."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from simulated_scene import open_body

from body.joints import JOINT_INDEX
from registration.errors import RegistrationError
from registration.fit.parts import PART_NAMES
from registration.fit.posing import PosedClip
from registration.fit.rest import RestBody
from registration.fit.state import FitState
from registration.fit.system import NormalEquations
from registration.fit.uncertainty import WEAK, Posterior, posterior
from registration.fit.uncertainty_inflation import WITH_CLOUD, WITHOUT_CLOUD, inflated
from registration.fit.uncertainty_points import joint_covariance, vertex_covariance

F, SHARED, SHAPES = 75, 7, 5
SOME = np.array([10, 700, 3000, 6000])


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_the_wanted_blocks_are_those_of_the_dense_inverse(frames: int) -> None:
    system, dense = _equations(np.random.default_rng(frames), frames)
    found, inverse = posterior(system), np.linalg.inv(dense)
    blocks = inverse[: frames * F, : frames * F].reshape(frames, F, frames, F)
    np.testing.assert_allclose(found.frames, blocks[np.arange(frames), :, np.arange(frames)], atol=1e-12)
    np.testing.assert_allclose(found.cross.reshape(-1, SHARED), inverse[: frames * F, frames * F :], atol=1e-12)
    np.testing.assert_allclose(found.shared, inverse[frames * F :, frames * F :], atol=1e-12)


def test_the_band_of_the_solver_is_the_same_matrix() -> None:
    """Both read A_next; a block turned over in one of them would go unseen above."""
    system, dense = _equations(np.random.default_rng(4), 4)
    band, n = system.band(), 4 * F
    for below in (0, 1, 74, 75, 76, 100, 150):
        expected = np.diagonal(dense[:n, :n], -below)
        np.testing.assert_allclose(band[below, : n - below], expected, atol=1e-5)


def test_contradicting_equations_are_an_error() -> None:
    system, _ = _equations(np.random.default_rng(0), 3)
    system.A[1] *= -1
    with pytest.raises(RegistrationError, match="not positive definite"):
        posterior(system)


def test_predicted_covariance_is_the_spread_of_the_posed_body() -> None:
    rng = np.random.default_rng(2)
    model = dataclasses.replace(open_body(), posedirs=None)  # their change is left out of the derivatives
    rest = RestBody.of(model, SHAPES)
    R = Rotation.from_rotvec(0.5 * rng.normal(size=(48, 3))).as_matrix().reshape(2, 24, 3, 3)
    state = FitState(
        rotations=R, transl=rng.normal(size=(2, 3)), betas=rng.normal(size=SHAPES), offsets=np.zeros((0, 3))
    )
    n = F + SHAPES
    M = rng.normal(size=(n, n))
    whole = 1e-6 * (M @ M.T / n + 0.2 * np.eye(n))
    known = Posterior(
        frames=np.tile(whole[:F, :F], (2, 1, 1)), cross=np.tile(whole[:F, F:], (2, 1, 1)), shared=whole[F:, F:]
    )
    body = PosedClip(state, rest)
    moved = []
    for draw in rng.multivariate_normal(np.zeros(n), whole, size=200):
        other = PosedClip(state.stepped(np.tile(draw[:F], (2, 1)), draw[F:]), rest)
        moved.append(np.concatenate([other.joints, other.vertices[:, SOME]], 1))
    spread = np.sqrt(((np.stack(moved) - np.concatenate([body.joints, body.vertices[:, SOME]], 1)) ** 2).mean((0, 3)))
    predicted = np.concatenate([joint_covariance(body, known), vertex_covariance(body, known, SOME)], 1)
    expected = np.sqrt(np.trace(predicted, axis1=2, axis2=3) / 3)
    # the relative deviation of a standard deviation from 200 draws is 1/sqrt(2 * 200) = 5 % for a single axis
    np.testing.assert_allclose(spread, expected, rtol=0.2)


def _equations(rng: np.random.Generator, frames: int) -> tuple[NormalEquations, np.ndarray]:
    """Equations of a banded problem, and the same as one matrix."""
    M = rng.normal(size=(frames, F, F)) * 0.3
    system = NormalEquations.zeros(frames, SHARED)
    system.A += M @ np.swapaxes(M, 1, 2) + 8 * np.eye(F)
    system.A_next += rng.normal(size=(frames, F, F)) * 0.05
    system.A_second += rng.normal(size=(frames, F)) * 0.3
    system.A_border += rng.normal(size=(frames, F, SHARED)) * 0.05
    system.A_shared += 50 * np.eye(SHARED)
    dense = np.zeros((frames * F + SHARED,) * 2)
    for t in range(frames):
        at = slice(t * F, t * F + F)
        dense[at, at] = system.A[t]
        dense[at, frames * F :], dense[frames * F :, at] = system.A_border[t], system.A_border[t].T
        for step, block in ((1, system.A_next[t]), (2, np.diag(system.A_second[t]))):
            if t + step < frames:
                other = slice((t + step) * F, (t + step + 1) * F)
                dense[other, at], dense[at, other] = block, block.T
    dense[frames * F :, frames * F :] = system.A_shared
    return system, dense + WEAK * np.eye(len(dense))


def test_inflation_adds_to_what_the_equations_say() -> None:
    rng = np.random.default_rng(0)
    M = 1e-3 * rng.normal(size=(2, 24, 3, 3))
    own, part = M @ np.swapaxes(M, -1, -2), np.arange(10)
    skin = np.tile(1e-6 * np.eye(3), (2, 10, 1, 1))
    residual, clouded = np.full((2, 10), np.nan), np.array([False, True])
    residual[1, PART_NAMES.index("left_leg")] = 40.0
    joints, vertices = inflated(own, skin, part, residual, clouded)
    assert (np.linalg.eigvalsh(joints - own)[..., 0] > 0).all()  # no scale is below 1, the floor is above 0
    knees = [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]]
    extra = np.diagonal(joints - WITH_CLOUD.joints["knee"] ** 2 * own, axis1=-2, axis2=-1)[1, knees]
    # the residual of the left leg is a clothed one's; NaN adds nothing
    expected = [np.hypot(WITH_CLOUD.floor_mm, WITH_CLOUD.share * 40.0), WITH_CLOUD.floor_mm]
    np.testing.assert_allclose(1e3 * np.sqrt(extra), np.array(expected)[:, None] * np.ones(3), rtol=1e-9)
    foot = PART_NAMES.index("left_foot")
    scaled = vertices[:, foot, 0, 0] - np.array([c.floor_mm for c in (WITHOUT_CLOUD, WITH_CLOUD)]) ** 2 * 1e-6
    np.testing.assert_allclose(1e3 * np.sqrt(scaled), [WITHOUT_CLOUD.skin["foot"], WITH_CLOUD.skin["foot"]])
