"""Covariances of a fit: against the dense inverse, finite differences, and the spread of what they predict."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body.loading import load_body_model
from body.model import BodyModel, PosedBody
from body.parameters import BodyParameters
from registration.errors import RegistrationError
from registration.fit.uncertainty import WEAK, Posterior, posterior
from registration.fit.uncertainty_points import CarriedPoints, point_covariance, point_jacobian

F, SHARED, SHAPES = 75, 7, 5
SOME = np.array([10, 700, 3000, 6000])


@pytest.fixture(scope="module")
def model() -> BodyModel:
    """Without pose correctives, whose change is left out of the derivatives."""
    return dataclasses.replace(load_body_model(), posedirs=None)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("full", [False, True])
def test_the_wanted_blocks_are_those_of_the_dense_inverse(frames: int, full: bool) -> None:
    rng = np.random.default_rng(frames)
    system, dense = _equations(rng, frames, full)
    found, inverse = posterior(system), np.linalg.inv(dense)
    blocks = inverse[: frames * F, : frames * F].reshape(frames, F, frames, F)
    np.testing.assert_allclose(found.frames, blocks[np.arange(frames), :, np.arange(frames)], atol=1e-12)
    np.testing.assert_allclose(found.cross.reshape(-1, SHARED), inverse[: frames * F, frames * F :], atol=1e-12)
    np.testing.assert_allclose(found.shared, inverse[frames * F :, frames * F :], atol=1e-12)


def test_contradicting_equations_are_an_error() -> None:
    system, _ = _equations(np.random.default_rng(0), 3, full=False)
    system.A[1] *= -1
    with pytest.raises(RegistrationError, match="not positive definite"):
        posterior(system)


@pytest.mark.parametrize("skin", [False, True])
def test_points_move_as_finite_differences_say(model: BodyModel, skin: bool) -> None:
    rng = np.random.default_rng(1)
    R, betas, transl = _random_body(rng)
    parameters = _parameters(R, betas, transl)
    posed = model.pose(parameters)
    points = CarriedPoints.vertices(model, parameters, SOME) if skin else CarriedPoints.joints(model, parameters)
    assert posed.transforms is not None
    J = point_jacobian(model, posed.transforms, posed.joints, points)
    for unknown in [0, 1, 14, 40, 59, 71, 72, 74, 75, 79]:
        h = 1e-6
        step = _stepped(model, R, betas, transl, unknown, h), _stepped(model, R, betas, transl, unknown, -h)
        high, low = ((p.vertices[:, SOME] if skin else p.joints) for p in step)
        # rounding of 1e-16 m / 1e-6 leaves 1e-9
        np.testing.assert_allclose(J[..., unknown], (high - low) / (2 * h), atol=1e-7)


def test_predicted_covariance_is_the_spread_of_posed_joints(model: BodyModel) -> None:
    rng = np.random.default_rng(2)
    R, betas, transl = _random_body(rng)
    parameters = _parameters(R, betas, transl)
    posed = model.pose(parameters)
    n = F + SHAPES
    M = rng.normal(size=(n, n))
    whole = 1e-6 * (M @ M.T / n + 0.2 * np.eye(n))
    known = Posterior(
        frames=np.tile(whole[:F, :F], (2, 1, 1)), cross=np.tile(whole[:F, F:], (2, 1, 1)), shared=whole[F:, F:]
    )
    assert posed.transforms is not None
    joints = CarriedPoints.joints(model, parameters)
    predicted = point_covariance(model, parameters, posed.transforms, posed.joints, joints, known)
    draws = rng.multivariate_normal(np.zeros(n), whole, size=600)
    moved = []
    for draw in draws:
        turned = np.tile(Rotation.from_rotvec(draw[:72].reshape(-1, 3)).as_matrix(), (2, 1, 1, 1)) @ R
        moved.append(model.pose(_parameters(turned, betas + draw[F:], transl + draw[72:75])).joints)
    offset = np.stack(moved) - posed.joints
    spread = np.sqrt((offset**2).mean((0, 3)))
    expected = np.sqrt(np.trace(predicted, axis1=2, axis2=3) / 3)
    # the relative deviation of a standard deviation from 600 draws is 1/sqrt(2 * 600) = 3 % for each axis
    np.testing.assert_allclose(spread, expected, rtol=0.12)


def _equations(rng: np.random.Generator, frames: int, full: bool) -> tuple[SimpleNamespace, np.ndarray]:
    """Equations of a banded problem, and the same as one matrix."""
    M = rng.normal(size=(frames, F, F)) * 0.3
    A = M @ np.swapaxes(M, 1, 2) + 8 * np.eye(F)
    shape = (frames, F, F) if full else (frames, F)
    following, second = (rng.normal(size=shape) * (0.05 if full else 0.3) for _ in range(2))
    border, shared = rng.normal(size=(frames, F, SHARED)) * 0.05, 50 * np.eye(SHARED)
    dense = np.zeros((frames * F + SHARED,) * 2)
    for t in range(frames):
        at = slice(t * F, t * F + F)
        dense[at, at] = A[t]
        dense[at, frames * F :], dense[frames * F :, at] = border[t], border[t].T
        for step, coupling in ((1, following), (2, second)):
            if t + step < frames:
                block = coupling[t] if full else np.diag(coupling[t])
                other = slice((t + step) * F, (t + step + 1) * F)
                dense[at, other], dense[other, at] = block, block.T
    dense[frames * F :, frames * F :] = shared
    system = SimpleNamespace(A=A, A_next=following, A_second=second, A_border=border, A_shared=shared)
    return system, dense + WEAK * np.eye(len(dense))


def _random_body(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    R = Rotation.from_rotvec(0.5 * rng.normal(size=(48, 3))).as_matrix().reshape(2, 24, 3, 3)
    return R, rng.normal(size=SHAPES), rng.normal(size=(2, 3))


def _parameters(R: np.ndarray, betas: np.ndarray, transl: np.ndarray) -> BodyParameters:
    pose = Rotation.from_matrix(R.reshape(-1, 3, 3)).as_rotvec().reshape(len(R), 72)
    return BodyParameters(betas=betas, global_orient=pose[:, :3], body_pose=pose[:, 3:], transl=transl)


def _stepped(
    model: BodyModel, R: np.ndarray, betas: np.ndarray, transl: np.ndarray, unknown: int, h: float
) -> PosedBody:
    turn, transl, betas = np.zeros((24, 3)), transl.copy(), betas.copy()
    if unknown < 72:
        turn[unknown // 3, unknown % 3] = h
    elif unknown < 75:
        transl[:, unknown - 72] += h
    else:
        betas[unknown - 75] += h
    return model.pose(_parameters(Rotation.from_rotvec(turn).as_matrix() @ R, betas, transl))
