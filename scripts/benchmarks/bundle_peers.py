"""The same bundle problem through Ceres, GTSAM and SciPy: rotation vectors, analytic blocks, plain least squares.

A view's block (80 residuals; 6 + 6 + 9 columns) is computed by one numba function, so that the peers pay little more
than their solver. SciPy runs as its cookbook has it: sparse finite differences, `trf`, `lsmr`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix
from scipy.spatial.transform import Rotation

from calibration.bundle.problem import BundleProblem, intrinsics_of
from geometry.camera import Camera
from geometry.rigid import inverse, rigid

LENS = 9
"""fx fy cx cy k1 k2 p1 p2 k3; the rational part is zero."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Vectors:
    """A problem as vectors: T_camera_world and T_world_board as rotation vector and translation, lenses."""

    names: tuple[str, ...]
    camera: np.ndarray
    board: np.ndarray
    p_board: list[np.ndarray]
    q: list[np.ndarray]
    sigma_px: float
    cameras: np.ndarray
    boards: np.ndarray
    lenses: np.ndarray
    held: int

    def cost(self, cameras: np.ndarray, boards: np.ndarray, lenses: np.ndarray) -> float:
        """Half of the sum of squared, whitened residuals."""
        return 0.5 * sum(float((self.error(n, cameras, boards, lenses) ** 2).sum()) for n in range(len(self.camera)))

    def error(self, n: int, cameras: np.ndarray, boards: np.ndarray, lenses: np.ndarray) -> np.ndarray:
        """Whitened residuals of a view."""
        c = self.camera[n]
        return block(cameras[c], boards[self.board[n]], lenses[c], self.p_board[n], self.q[n], self.sigma_px)[0]

    def rig(self, cameras: np.ndarray, problem: BundleProblem) -> dict[str, Camera]:
        """The solved cameras' places."""
        T = [inverse(rigid(Rotation.from_rotvec(c[:3]).as_matrix(), c[3:])) for c in cameras]
        return {name: problem.cameras[name].camera.at(T[n]) for n, name in enumerate(self.names)}


def vectors_of(problem: BundleProblem) -> Vectors:
    """A problem of one sigma and without priors."""
    names, instants = tuple(problem.cameras), tuple(sorted({view.instant for view in problem.views}))

    def vector(T: np.ndarray) -> np.ndarray:
        return np.concatenate([Rotation.from_matrix(T[:3, :3]).as_rotvec(), T[:3, 3]])

    return Vectors(
        names=names,
        camera=np.array([names.index(view.camera) for view in problem.views]),
        board=np.array([instants.index(view.instant) for view in problem.views]),
        p_board=[np.ascontiguousarray(problem.corners[view.ids]) for view in problem.views],
        q=[np.ascontiguousarray(view.q) for view in problem.views],
        sigma_px=problem.views[0].sigma_px,
        cameras=np.array([vector(start.camera.T_camera_world) for start in problem.cameras.values()]),
        boards=np.array([vector(problem.T_world_board[instant]) for instant in instants]),
        lenses=np.array([intrinsics_of(start.camera)[:LENS] for start in problem.cameras.values()]),
        held=names.index(problem.held),
    )


def solve_ceres(v: Vectors) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Cameras, boards, lenses and iterations; one thread."""
    import pyceres

    class View(pyceres.CostFunction):
        def __init__(self, n: int) -> None:
            pyceres.CostFunction.__init__(self)
            self.given = (v.p_board[n], v.q[n], v.sigma_px)
            self.set_num_residuals(2 * len(v.q[n]))
            self.set_parameter_block_sizes([6, 6, LENS])

        def Evaluate(self, parameters, residuals, jacobians):
            error, *blocks = block(*parameters, *self.given)
            residuals[:] = error
            if jacobians is not None:
                for into, J in zip(jacobians, blocks):
                    if into is not None:
                        into[:] = J.ravel()
            return True

    cameras, boards, lenses = (list(x.copy()) for x in (v.cameras, v.boards, v.lenses))
    problem, kept = pyceres.Problem(), []
    for n in range(len(v.camera)):
        kept.append(View(n))
        c = v.camera[n]
        problem.add_residual_block(kept[-1], pyceres.TrivialLoss(), [cameras[c], boards[v.board[n]], lenses[c]])
    problem.set_parameter_block_constant(cameras[v.held])
    options = pyceres.SolverOptions()
    options.linear_solver_type = pyceres.LinearSolverType.SPARSE_NORMAL_CHOLESKY
    options.max_num_iterations, options.function_tolerance, options.num_threads = 100, 1e-10, 1
    summary = pyceres.SolverSummary()
    pyceres.solve(options, problem, summary)
    return np.array(cameras), np.array(boards), np.array(lenses), summary.num_successful_steps


def solve_gtsam(v: Vectors) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Cameras, boards, lenses and iterations."""
    import gtsam

    graph, values = gtsam.NonlinearFactorGraph(), gtsam.Values()
    keys = [
        [gtsam.symbol(letter, n) for n in range(len(x))] for letter, x in zip("cbk", (v.cameras, v.boards, v.lenses))
    ]
    for own, x in zip(keys, (v.cameras, v.boards, v.lenses)):
        for key, vector in zip(own, x):
            values.insert(key, vector)

    def factor(n: int) -> gtsam.CustomFactor:
        own = [keys[0][v.camera[n]], keys[1][v.board[n]], keys[2][v.camera[n]]]

        def evaluate(_: object, at: gtsam.Values, H: list[np.ndarray] | None) -> np.ndarray:
            error, *blocks = block(*(at.atVector(key) for key in own), v.p_board[n], v.q[n], v.sigma_px)
            if H is not None:
                for i, J in enumerate(blocks):
                    H[i] = np.asfortranarray(J)
            return error

        return gtsam.CustomFactor(gtsam.noiseModel.Unit.Create(2 * len(v.q[n])), own, evaluate)

    for n in range(len(v.camera)):
        graph.add(factor(n))
    tight = gtsam.noiseModel.Isotropic.Sigma(6, 1e-9)
    graph.add(gtsam.PriorFactorVector(keys[0][v.held], v.cameras[v.held], tight))
    options = gtsam.LevenbergMarquardtParams()
    options.setMaxIterations(100)
    options.setRelativeErrorTol(1e-10)
    optimizer = gtsam.LevenbergMarquardtOptimizer(graph, values, options)
    found = optimizer.optimize()
    cameras, boards, lenses = (np.array([found.atVector(key) for key in own]) for own in keys)
    return cameras, boards, lenses, optimizer.iterations()


SCIPY_STEPS = 25
"""Steps after which SciPy is stopped: it takes seconds for each, and is far from the minimum then."""


def solve_scipy(v: Vectors) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Cameras, boards, lenses and evaluations of the Jacobian by finite differences."""
    split = np.cumsum([v.cameras.size, v.boards.size])
    rows = np.cumsum([0, *(2 * len(q) for q in v.q)])
    p, q = np.concatenate(v.p_board), np.concatenate(v.q)
    of_view = np.repeat(np.arange(len(v.camera)), np.diff(rows) // 2)
    camera, board = v.camera[of_view], v.board[of_view]

    def parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cameras, boards, lenses = np.split(x, split)
        cameras = cameras.reshape(-1, 6).copy()
        cameras[v.held] = v.cameras[v.held]
        return cameras, boards.reshape(-1, 6), lenses.reshape(-1, LENS)

    def residuals(x: np.ndarray) -> np.ndarray:
        cameras, boards, lenses = parts(x)
        R_b, R_c = (Rotation.from_rotvec(y[:, :3]).as_matrix() for y in (boards, cameras))
        p_world = np.einsum("nij,nj->ni", R_b[board], p) + boards[board, 3:]
        X = np.einsum("nij,nj->ni", R_c[camera], p_world) + cameras[camera, 3:]
        a, b = X[:, 0] / X[:, 2], X[:, 1] / X[:, 2]
        r = a * a + b * b
        k = lenses[camera].T
        g = 1 + r * (k[4] + r * (k[5] + r * k[8]))
        u = k[0] * (a * g + 2 * k[6] * a * b + k[7] * (r + 2 * a * a)) + k[2]
        w = k[1] * (b * g + k[6] * (r + 2 * b * b) + 2 * k[7] * a * b) + k[3]
        return ((np.stack([u, w], -1) - q) / v.sigma_px).ravel()

    sparsity = lil_matrix((rows[-1], split[-1] + v.lenses.size), dtype=np.int8)
    for n in range(len(v.camera)):
        own, c, b = slice(rows[n], rows[n + 1]), v.camera[n], v.board[n]
        if c != v.held:
            sparsity[own, 6 * c : 6 * c + 6] = 1
        sparsity[own, split[0] + 6 * b : split[0] + 6 * b + 6] = 1
        sparsity[own, split[1] + LENS * c : split[1] + LENS * c + LENS] = 1
    start = np.concatenate([v.cameras.ravel(), v.boards.ravel(), v.lenses.ravel()])
    tolerances = {"ftol": 1e-8, "xtol": 1e-10, "max_nfev": SCIPY_STEPS}
    found = least_squares(residuals, start, jac_sparsity=sparsity, method="trf", x_scale="jac", **tolerances)
    return *parts(found.x), int(found.njev)


@nb.njit(cache=True, error_model="numpy")
def block(camera, board, lens, p_board, q, sigma_px):
    """Whitened residuals of a view, and their derivatives by camera, board and lens."""
    n = len(q)
    error, by_camera, by_board, by_lens = (
        np.empty(2 * n),
        np.empty((2 * n, 6)),
        np.empty((2 * n, 6)),
        np.zeros((2 * n, 9)),
    )
    R_b, L_b = rotation_and_left_jacobian(board[:3])
    R_c, L_c = rotation_and_left_jacobian(camera[:3])
    fx, fy, k1, k2, p1, p2, k3 = lens[0], lens[1], lens[4], lens[5], lens[6], lens[7], lens[8]
    J, JR = np.empty((2, 3)), np.empty((2, 3))
    for i in range(n):
        turned_b = R_b @ p_board[i]
        turned_c = R_c @ (turned_b + board[3:])
        X = turned_c + camera[3:]
        iz = 1 / X[2]
        x, y = X[0] * iz, X[1] * iz
        r = x * x + y * y
        g = 1 + r * (k1 + r * (k2 + r * k3))
        dg = k1 + r * (2 * k2 + 3 * k3 * r)
        xd, yd = x * g + 2 * p1 * x * y + p2 * (r + 2 * x * x), y * g + p1 * (r + 2 * y * y) + 2 * p2 * x * y
        dxx, dxy = g + 2 * x * x * dg + 2 * p1 * y + 6 * p2 * x, 2 * x * y * dg + 2 * p1 * x + 2 * p2 * y
        dyy = g + 2 * y * y * dg + 6 * p1 * y + 2 * p2 * x
        error[2 * i] = (fx * xd + lens[2] - q[i, 0]) / sigma_px
        error[2 * i + 1] = (fy * yd + lens[3] - q[i, 1]) / sigma_px
        J[0] = np.array([dxx, dxy, -(dxx * x + dxy * y)]) * (fx * iz / sigma_px)
        J[1] = np.array([dxy, dyy, -(dxy * x + dyy * y)]) * (fy * iz / sigma_px)
        JR[:] = J @ R_c
        for row in range(2):
            at = 2 * i + row
            by_camera[at, :3] = np.cross(turned_c, J[row]) @ L_c
            by_camera[at, 3:] = J[row]
            by_board[at, :3] = np.cross(turned_b, JR[row]) @ L_b
            by_board[at, 3:] = JR[row]
            f, along, distorted = (fx, x, xd) if row == 0 else (fy, y, yd)
            by_lens[at, row] = distorted / sigma_px
            by_lens[at, 2 + row] = 1 / sigma_px
            by_lens[at, 4:6] = np.array([r, r * r]) * (f * along / sigma_px)
            by_lens[at, 6 + row] = 2 * f * x * y / sigma_px
            by_lens[at, 7 - row] = f * (r + 2 * along * along) / sigma_px
            by_lens[at, 8] = f * along * r * r * r / sigma_px
    return error, by_camera, by_board, by_lens


@nb.njit(cache=True, error_model="numpy")
def rotation_and_left_jacobian(v):
    """Of a rotation vector."""
    angle = max(np.sqrt((v * v).sum()), 1e-9)
    X = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    XX = X @ X
    s, c = np.sin(angle), np.cos(angle)
    R = np.eye(3) + s / angle * X + (1 - c) / angle**2 * XX
    return R, np.eye(3) + (1 - c) / angle**2 * X + (angle - s) / angle**3 * XX
