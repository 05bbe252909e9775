"""The published recipe for rigs with keypoints: three stages of LBFGS on triangulated points, nothing of the surface.

Written after the configuration "HuMMan MoCap" of XRMocap (mview_sperson_smpl_estimator, SMPLify with torch's LBFGS):
10 steps for one shape from limb lengths, 50 for place and heading from shoulders and hips, 120 for the pose from all
points, each step of at most 20 inner ones with a strong Wolfe search; a stage ends early where the loss changes by less
than 1e-4 of itself. Started upright at the points, which the original does not do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from body.joints import JOINT_NAMES
from body.model import BodyModel
from body.parameters import BodyParameters
from body.rotations import axis_angle_to_matrix
from body.skinning import Skinning
from registration.keypoints.sets import smpl_joints, smpl_vertices

STEPS = (10, 50, 120)
BETAS = 10
GMOF_M = 100.0
"""Of Geman and McClure's kernel: at 100 m, least squares."""
TOLERANCE = 1e-4
LIMBS = (
    ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
)  # fmt: skip
TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


@dataclass(eq=False)
class Recipe:
    """A body model with the keypoints that it has; `whole` skins every vertex in each step, as the original does."""

    model: BodyModel
    names: Sequence[str]
    whole: bool = True
    evaluations: int = 0

    def __post_init__(self) -> None:
        """Picks the joints and vertices that are keypoints."""
        joints = smpl_joints(self.names, JOINT_NAMES)
        vertices = smpl_vertices(self.names, self.model.keypoint_vertices)
        self.keypoint = np.concatenate([joints[:, 0], vertices[:, 0]])
        self.joint, self.vertex = joints[:, 1], vertices[:, 1]
        self.skinning = Skinning(self.model, torch.float32, vertex_subset=None if self.whole else self.vertex)
        at = {self.names[k]: n for n, k in enumerate(self.keypoint)}
        self.limbs = np.array([[at[f"{s}_{a}"], at[f"{s}_{b}"]] for s in ("left", "right") for a, b in LIMBS])
        self.trunk = np.array([at[name] for name in TRUNK])

    def fit(self, p_world: Float[np.ndarray, "frames keypoints 3"]) -> BodyParameters:
        """The body of each frame, metres; points that are NaN count for nothing."""
        target = torch.from_numpy(np.nan_to_num(p_world[:, self.keypoint])).float()
        weight = torch.from_numpy(np.isfinite(p_world[:, self.keypoint]).all(-1)).float()
        T = len(target)
        betas = torch.zeros(BETAS)
        orient = torch.tensor([[np.pi / 2, 0.0, 0.0]]).float().repeat(T, 1)
        pose, transl = torch.zeros(T, 23, 3), target[:, self.trunk].mean(1)
        lengths = (target[:, self.limbs[:, 0]] - target[:, self.limbs[:, 1]]).norm(dim=-1)
        known = weight[:, self.limbs[:, 0]] * weight[:, self.limbs[:, 1]]

        def limbs() -> Tensor:
            p = self._points(betas, orient, pose, transl)
            found = (p[:, self.limbs[:, 0]] - p[:, self.limbs[:, 1]]).norm(dim=-1)
            return (known * (found - lengths) ** 2).sum() + 5e-3 * (betas**2).mean()

        def place() -> Tensor:
            p = self._points(betas, orient, pose, transl)
            return _gmof(p - target, weight)[:, self.trunk].sum()

        def everything() -> Tensor:
            p = self._points(betas, orient, pose, transl)
            rotations = axis_angle_to_matrix(torch.cat([orient[:, None], pose], 1))[..., :2]
            smooth = ((rotations[1:] - rotations[:-1]) ** 2).mean() if T > 1 else 0.0
            return 10 * _gmof(p - target, weight).sum() + smooth + 1e-3 * (pose**2).mean()

        for steps, loss, free in (
            (STEPS[0], limbs, (betas,)),
            (STEPS[1], place, (orient, transl)),
            (STEPS[2], everything, (orient, transl, pose)),
        ):
            _minimise(loss, free, steps)
        return BodyParameters(
            betas=betas.numpy().astype(np.float64),
            global_orient=orient.numpy().astype(np.float64),
            body_pose=pose.reshape(T, 69).numpy().astype(np.float64),
            transl=transl.numpy().astype(np.float64),
        )

    def _points(self, betas: Tensor, orient: Tensor, pose: Tensor, transl: Tensor) -> Tensor:
        self.evaluations += 1
        vertices, joints = self.skinning.pose(betas, torch.cat([orient[:, None], pose], 1), transl)
        return torch.cat([joints[:, self.joint], vertices[:, self.vertex] if self.whole else vertices], 1)


def _gmof(residual: Tensor, weight: Tensor) -> Tensor:
    squared = residual**2
    return weight[..., None] * GMOF_M**2 * squared / (GMOF_M**2 + squared)


def _minimise(loss: Callable[[], Tensor], free: Sequence[Tensor], steps: int) -> None:
    for tensor in free:
        tensor.requires_grad_(True)
    optimizer = torch.optim.LBFGS(list(free), lr=1.0, max_iter=20, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(list(free), 1.0)
        return value.detach()

    before = None
    for _ in range(steps):
        now = float(optimizer.step(closure))
        if before is not None and abs(before - now) <= TOLERANCE * max(abs(before), abs(now), 1e-12):
            break
        before = now
    for tensor in free:
        tensor.requires_grad_(False)
