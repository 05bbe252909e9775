"""The kernels of the bundle adjustment against finite differences of the camera model itself."""

from dataclasses import replace

import numpy as np
import pytest
from bundle_scene import CORNERS, problem_of, scene
from scipy.spatial.transform import Rotation

from calibration.bundle.layout import lay_out
from calibration.bundle.prior_terms import pair_error
from calibration.bundle.problem import BundleProblem, CameraStart, DevicePair, TimingPrior
from calibration.bundle.reduction import normal_equations
from calibration.bundle.state import State, start_state
from calibration.bundle.view_terms import view_terms
from geometry.camera import Camera
from geometry.rigid import rigid, transform

LATE = TimingPrior(offset_s=0.003, readout_s=0.02)
RATIONAL = np.array([0.5, -2.6, 3e-4, -2e-4, 1.5, 0.4, -2.4, 1.4])
"""Like an Azure Kinect's colour camera."""


def rational_problem() -> BundleProblem:
    problem = problem_of(scene(2, 4))
    cameras = {
        name: CameraStart(camera=replace(start.camera, distortion=RATIONAL), prior=start.prior)
        for name, start in problem.cameras.items()
    }
    priors = {n: replace(c, prior=replace(c.prior, sigma=np.full(12, np.inf))) for n, c in cameras.items()}
    rng = np.random.default_rng(5)
    moving = tuple(replace(view, velocity=rng.normal(0, 80, view.q.shape)) for view in problem.views)
    return replace(problem, cameras=priors, views=moving, timings={name: LATE for name in priors})


def predicted(problem: BundleProblem, state: State) -> np.ndarray:
    """Whitened residuals (predicted less found) by Camera.project and velocities, in the layout's order."""
    layout = lay_out(problem)
    out = []
    for n in layout.order:
        view = problem.views[n]
        c, b = layout.names.index(view.camera), layout.instants.index(view.instant)
        k = state.own[c]
        camera = Camera(
            name="c",
            K=np.array([[k[0], 0, k[2]], [0, k[1], k[3]], [0, 0, 1]]),
            width=1,
            height=1,
            distortion=k[4:12],
            T_world_camera=rigid(state.R_world_camera[c], state.center[c]),
        )
        T_world_board = rigid(state.R_world_board[b], state.t_world_board[b])
        height = next(iter(problem.cameras.values())).camera.height
        delay = k[12] + k[13] * ((view.q[:, 1:] + 0.5) / height - 0.5)
        q = camera.project(transform(T_world_board, CORNERS[view.ids])) + delay * view.velocity
        out.append((q - view.q) / view.sigma_px)
    return np.concatenate(out).ravel()


def test_residuals_are_those_of_the_camera_model() -> None:
    problem = rational_problem()
    layout = lay_out(problem)
    state = start_state(problem, layout)
    terms = view_terms(state, layout, np.inf)
    sigma = np.repeat(layout.sigma_px, np.diff(layout.first))[:, None]
    whitened = predicted(problem, state)
    np.testing.assert_allclose(-(terms.residual / sigma).ravel(), whitened, atol=1e-8)
    assert terms.cost == pytest.approx(0.5 * whitened @ whitened, rel=1e-12)


def test_normal_equations_are_those_of_finite_differences() -> None:
    problem = rational_problem()
    layout = lay_out(problem)
    state = start_state(problem, layout)
    equations = normal_equations(view_terms(state, layout, np.inf), state, layout)
    cameras, boards = len(layout.names), len(layout.instants)
    steps = np.concatenate(
        [np.tile([1e-6] * 6 + [1e-3] * 4 + [1e-6] * 10, cameras), np.full(6 * boards, 1e-6)]
    )  # central differences of these steps are good to 1e-7 of a column

    def moved(n: int, by: float) -> np.ndarray:
        step = np.zeros(len(steps))
        step[n] = by
        camera, board = step[: 20 * cameras].reshape(-1, 20), step[20 * cameras :].reshape(-1, 6)
        return predicted(problem, state.moved(layout, camera, board))

    J = np.stack([(moved(n, h) - moved(n, -h)) / (2 * h) for n, h in enumerate(steps)], 1)
    r = predicted(problem, state)
    scale = np.linalg.norm(J, axis=0)
    H = J.T @ J / np.outer(scale, scale)
    camera, board = slice(0, 20 * cameras), slice(20 * cameras, None)
    np.testing.assert_allclose(equations.cameras / np.outer(scale[camera], scale[camera]), H[camera, camera], atol=1e-5)
    np.testing.assert_allclose(equations.camera_gradient / scale[camera], J[:, camera].T @ r / scale[camera], rtol=1e-4)
    np.testing.assert_allclose(
        equations.board_gradient.ravel() / scale[board], J[:, board].T @ r / scale[board], rtol=1e-4
    )
    across = np.zeros((20 * cameras, 6 * boards))
    for n, block in enumerate(equations.across):
        c, b = 20 * layout.camera[n], 6 * layout.board[n]
        across[c : c + 20, b : b + 6] += block
    np.testing.assert_allclose(across / np.outer(scale[camera], scale[board]), H[camera, board], atol=1e-5)
    for b, block in enumerate(equations.boards):
        own = slice(20 * cameras + 6 * b, 20 * cameras + 6 * b + 6)
        np.testing.assert_allclose(block / np.outer(scale[own], scale[own]), H[own, own], atol=1e-5)


def test_pair_error_is_zero_at_the_factory_and_has_the_derivative_of_finite_differences() -> None:
    rng = np.random.default_rng(3)
    R_a = Rotation.random(random_state=1).as_matrix()
    T_a_b = rigid(Rotation.from_rotvec([0.1, -0.2, 0.3]).as_matrix(), np.array([0.03, 0.002, -0.004]))
    pair = DevicePair(a="a", b="b", T_a_b=T_a_b, sigma_rad=0.01, sigma_m=0.001)
    c_a = rng.normal(size=3)
    R_b, c_b = R_a @ T_a_b[:3, :3], c_a + R_a @ T_a_b[:3, 3]
    np.testing.assert_allclose(pair_error(pair, R_a, c_a, R_b, c_b)[0], 0, atol=1e-9)
    R_b = R_b @ Rotation.from_rotvec([0.3, 0.4, -0.2]).as_matrix()

    def error(step: np.ndarray) -> np.ndarray:
        a, b = Rotation.from_rotvec(step[:3]).as_matrix(), Rotation.from_rotvec(step[6:9]).as_matrix()
        return pair_error(pair, R_a @ a, c_a + step[3:6], R_b @ b, c_b + step[9:])[0]

    _, J = pair_error(pair, R_a, c_a, R_b, c_b)
    numeric = np.stack([(error(h) - error(-h)) / 2e-6 for h in 1e-6 * np.eye(12)], 1)
    np.testing.assert_allclose(J, numeric, atol=1e-5 * np.abs(J).max())
