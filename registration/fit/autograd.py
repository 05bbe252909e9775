"""The fit's energy written plainly in torch, for any device: what the compiled terms add up, with derivatives for free.

It is the readable twin of the solver and its way onto a GPU. Left out are the lens model (triangulated landmarks stand
for the pixels), clothes and the floor; the surface is the body's vertices with their tangent planes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from body.joints import JOINT_COUNT, JOINT_INDEX, PARENTS
from body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from registration.fit.keypoint_terms import Keypoints3D
from registration.fit.priors import LIMIT_SIGMA, LIMITS, PosePrior, SharedPrior, SmoothMotion, pose_mean, pose_spread
from registration.fit.rest import RestBody
from registration.fit.state import FRAME_SIZE, FitState
from registration.fit.surface import MIN_AGREEMENT, CloudPoints

NEIGHBOURS_AT_ONCE = 512
"""Points whose distances to all vertices are held at once."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TorchBody:
    """A rest body on one device."""

    template: Tensor
    directions: Tensor
    posedirs: Tensor | None
    weights: Tensor
    joints: Tensor
    d_joints: Tensor

    @classmethod
    def of(cls, rest: RestBody, device: torch.device | str = "cpu") -> TorchBody:
        """The arrays in float64, with dense weights."""
        dense = np.zeros((len(rest.template), JOINT_COUNT))
        np.add.at(dense, (np.arange(len(dense))[:, None], rest.carriers), rest.weights)
        at = lambda a: torch.as_tensor(np.asarray(a), dtype=torch.float64, device=device)  # noqa: E731
        return cls(
            template=at(rest.template), directions=at(rest.directions),
            posedirs=None if rest.posedirs is None else at(rest.posedirs), weights=at(dense),
            joints=at(rest.joints), d_joints=at(rest.d_joints),
        )  # fmt: skip

    def posed(
        self, rotations: Tensor, transl: Tensor, coefficients: Tensor, offsets: Tensor | float = 0.0
    ) -> Float[Tensor, "frames vertices 3"]:
        """Linear blend skinning with pose correctives; offsets are added to the rest vertices."""
        J = self.joints + self.d_joints @ coefficients
        eye = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        rest = (self.template + self.directions @ coefficients + offsets).expand(len(rotations), -1, -1)
        if self.posedirs is not None:
            rest = rest + ((rotations[:, 1:] - eye).flatten(1) @ self.posedirs).unflatten(1, (-1, 3))
        R, joints = [rotations[:, 0]], [J[0] + transl]
        for j, parent in list(enumerate(PARENTS))[1:]:
            joints.append(joints[parent] + R[parent] @ (J[j] - J[parent]))
            R.append(R[parent] @ rotations[:, j])
        turn, at = torch.stack(R, 1), torch.stack(joints, 1)
        move = at - (turn @ J[..., None])[..., 0]
        blended = torch.einsum("vk,tkij->tvij", self.weights, turn)
        return (blended @ rest[..., None])[..., 0] + self.weights @ move


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Unknowns:
    """A step away from a state, as leaves of the graph."""

    frames: Float[Tensor, "frames 75"]
    shared: Float[Tensor, "shared"]

    @classmethod
    def zeros(cls, state: FitState, device: torch.device | str = "cpu") -> Unknowns:
        """No step."""
        shared = len(state.coefficients) + state.offsets.size
        new = lambda *shape: torch.zeros(*shape, dtype=torch.float64, device=device, requires_grad=True)  # noqa: E731
        return cls(frames=new(len(state), FRAME_SIZE), shared=new(shared))


class AutogradEnergy:
    """The sum of the terms at a step away from a state."""

    def __init__(
        self,
        state: FitState,
        rest: RestBody,
        keypoints: Keypoints3D,
        shared: SharedPrior,
        pose: PosePrior | None = None,
        smooth: SmoothMotion | None = None,
        cloud: CloudPoints | None = None,
        sigma_m: float = 0.003,
        independent: float = 1000.0,
        kernel_m: float = 0.03,
        device: torch.device | str = "cpu",
    ) -> None:
        """cloud: its points with the settings of `surface.Surface`, every point taken for skin."""
        self.state, self.rest = state, rest
        self.keypoints, self.shared, self.pose, self.smooth, self.cloud = keypoints, shared, pose, smooth, cloud
        self.sigma_m, self.independent, self.kernel_m = sigma_m, independent, kernel_m
        self.device = torch.device(device)
        self.body = TorchBody.of(rest, device)
        self.landmarks = TorchBody.of(keypoints.landmarks.points, device)
        self.faces = torch.as_tensor(rest.faces, device=device)

    def __call__(self, step: Unknowns) -> Tensor:
        """The energy: a negative log-likelihood up to a constant."""
        known = len(self.state.coefficients)
        turn = axis_angle_to_matrix(step.frames[:, :-3].unflatten(1, (JOINT_COUNT, 3)))
        rotations = turn @ self._at(self.state.rotations)
        transl = self._at(self.state.transl) + step.frames[:, -3:]
        coefficients = self._at(self.state.coefficients) + step.shared[:known]
        offsets = self._at(self.state.offsets) + step.shared[known:].reshape(-1, 3)
        total = self._shared(coefficients, offsets)
        total = total + self._keypoints(self.landmarks.posed(rotations, transl, coefficients, offsets))
        if self.pose is not None:
            total = total + self._pose(rotations, self.pose.scale)
        if self.smooth is not None and len(rotations) > 2:
            total = total + self._smooth(rotations, transl, self.smooth)
        if self.cloud is not None:
            total = total + self._surface(self.body.posed(rotations, transl, coefficients), self.cloud)
        return total

    def _shared(self, coefficients: Tensor, offsets: Tensor) -> Tensor:
        off = coefficients - self._at(self.shared.mean)
        away = (offsets - self._at(self.shared.offset_m)) / self._at(self.shared.offset_sigma_m)[:, None]
        return 0.5 * self.shared.times * (off @ self._at(self.shared.precision) @ off + away.square().sum())

    def _keypoints(self, points: Tensor) -> Tensor:
        measured = self._at(self.keypoints.p_world)
        sigma2 = self._at(self.keypoints.sigma) ** 2 + self._at(self.keypoints.landmarks.jitter_m) ** 2
        known = torch.isfinite(measured).all(-1) & torch.isfinite(sigma2)
        squared = (measured[known] - points[known]).square().sum(-1) / sigma2[known]
        return _robust(squared, self.keypoints.kernel).sum()

    def _pose(self, rotations: Tensor, scale: float) -> Tensor:
        theta = matrix_to_axis_angle(rotations)
        total = 0.5 * ((theta - self._at(pose_mean())) / (self._at(pose_spread()) * scale)).square().sum()
        for name, (axis, low, high) in LIMITS.items():
            angle = theta[:, JOINT_INDEX[name], axis]
            beyond = (angle - high).clamp(min=0) + (angle - low).clamp(max=0)
            total = total + 0.5 * (beyond / LIMIT_SIGMA).square().sum()
        return total

    def _smooth(self, rotations: Tensor, transl: Tensor, smooth: SmoothMotion) -> Tensor:
        turn = matrix_to_axis_angle(rotations[1:] @ rotations[:-1].mT)
        joints = (turn[1:] - turn[:-1]) / (smooth.joint_acceleration * smooth.step_s**2)
        root = (transl[2:] - 2 * transl[1:-1] + transl[:-2]) / (smooth.root_acceleration * smooth.step_s**2)
        return 0.5 * (joints.square().sum() + root.square().sum())

    def _surface(self, vertices: Tensor, cloud: CloudPoints) -> Tensor:
        """Distances of points from the tangent planes of their nearest vertices with like normals."""
        total = vertices.new_zeros(())
        for t in np.flatnonzero(cloud.weight.any(1)):
            points, normals = self._at(cloud.points[t]), self._at(cloud.normals[t])
            with torch.no_grad():
                own = _normals(vertices[t], self.faces)
                nearest = torch.cat([
                    _nearest(points[i : i + NEIGHBOURS_AT_ONCE], normals[i : i + NEIGHBOURS_AT_ONCE], vertices[t], own)
                    for i in range(0, len(points), NEIGHBOURS_AT_ONCE)
                ])  # fmt: skip
                agreement = (own[nearest] * normals).sum(-1)
                trust = self._at(cloud.weight[t]) * torch.where(agreement > MIN_AGREEMENT, agreement, 0.0)
                trust = trust * self.independent / len(points)
            off = ((points - vertices[t][nearest]) * own[nearest]).sum(-1)
            sigma2 = self._at(cloud.sigma[t]) ** 2 + self.sigma_m**2
            total = total + (trust * _robust((off / self.kernel_m) ** 2, 1.0) * self.kernel_m**2 / sigma2).sum()
        return total

    def _at(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(np.asarray(array, np.float64), device=self.device)


ANGLE_RAD, MOVE_M = 0.03, 0.01
"""Sizes of turns and moves that weigh about the same as a deviation of the shape, for the search's scaling."""


def minimise_autograd(energy: AutogradEnergy, iterations: int = 100) -> FitState:
    """The state of least energy that LBFGS finds, on the energy's device. Hundreds of times slower than the solver."""
    step = Unknowns.zeros(energy.state, energy.device)
    known = len(energy.state.coefficients)
    of_frames = torch.full_like(step.frames, ANGLE_RAD, requires_grad=False)
    of_frames[:, -3:] = MOVE_M
    of_shared = torch.ones_like(step.shared, requires_grad=False)
    of_shared[known:] = MOVE_M
    optimiser = torch.optim.LBFGS(
        [step.frames, step.shared], max_iter=iterations, history_size=50, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        cost = energy(Unknowns(frames=of_frames * step.frames, shared=of_shared * step.shared))
        cost.backward()
        return cost

    optimiser.step(closure)
    frames, shared = (of_frames * step.frames).detach().cpu(), (of_shared * step.shared).detach().cpu()
    return energy.state.stepped(frames.numpy(), shared.numpy())


def gradient(energy: AutogradEnergy) -> tuple[Float[np.ndarray, "frames 75"], Float[np.ndarray, "shared"], float]:
    """What `NormalEquations` calls b and b_shared, and the energy itself, at the energy's state."""
    step = Unknowns.zeros(energy.state, energy.device)
    cost = energy(step)
    cost.backward()
    assert step.frames.grad is not None
    assert step.shared.grad is not None
    return -step.frames.grad.cpu().numpy(), -step.shared.grad.cpu().numpy(), float(cost.detach())


def _robust(squared: Tensor, kernel: float) -> Tensor:
    """Geman–McClure's cost of a squared residual."""
    return 0.5 * kernel**2 * squared / (kernel**2 + squared)


def _normals(vertices: Tensor, faces: Tensor) -> Tensor:
    corners = vertices[faces]
    of_faces = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out = torch.zeros_like(vertices).index_add_(0, faces.flatten(), of_faces.repeat_interleave(3, 0))
    return torch.nn.functional.normalize(out, dim=-1)


def _nearest(points: Tensor, normals: Tensor, vertices: Tensor, own: Tensor) -> Tensor:
    distance = torch.cdist(points, vertices)
    return torch.where(normals @ own.mT > MIN_AGREEMENT, distance, torch.inf).argmin(-1)
