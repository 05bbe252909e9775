"""What any lifter must beat: the mean pose, one constant pose, and the most alike picture of the training people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from body.model import BodyModel
from hps.benchmark.prediction import Prediction
from hps.benchmark.rgb.answers import of_lifted
from hps.metrics.alignment import procrustes
from hps.rgb.detector_error.self_occlusion import joint_of_keypoint
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.lifted import LiftedBodies
from hps.rgb.lifting_batch import LiftingBatch

ROUNDS: Final = 5
"""Of generalised Procrustes analysis; the mean shape then moves by less than 0.1 mm."""
AT_ONCE: Final = 100


class MeanPose:
    """The mean of the training people's joints in their cameras' frames: where nothing is looked at."""

    def __init__(self, people: LiftingBatch) -> None:
        """People to take the mean of."""
        self._joints = (people.landmarks[:, :24] - people.landmarks[:, :1]).mean(0)
        self._keys = _relative_keypoints(people).mean(0)

    def __call__(self, batch: KeypointBatch) -> Sequence[Prediction]:
        """The same joints for everybody, put where they explain the keypoints best."""
        root = placed(self._keys.expand(len(batch), -1, -1), batch)
        return [Prediction(joints=(self._joints + one).double().numpy()) for one in root]


class ConstantShape:
    """The mean of the training people's joints after alignment: the best that a method without eyes does under PA.

    Its turn is that of the first training person, so that only PA tells anything of it.
    """

    def __init__(self, people: LiftingBatch) -> None:
        """People to take the mean of."""
        joints = (people.landmarks[:, :24] - people.landmarks[:, :1]).double().numpy()
        mean = joints[0]
        for _ in range(ROUNDS):
            mean = procrustes(joints, np.broadcast_to(mean, joints.shape)).mean(0)
        self._joints = mean - mean[0]

    def __call__(self, batch: KeypointBatch) -> Sequence[Prediction]:
        """The same joints for everybody, 3 m before the camera."""
        return [Prediction(joints=self._joints + [0.0, 0.0, 3.0]) for _ in range(len(batch))]


class NearestNeighbour:
    """The training person whose keypoints look most alike about the middle of the box, at the size of the box."""

    def __init__(self, people: LiftingBatch, model: BodyModel) -> None:
        """People to look among."""
        self._people, self._model = people, model
        self._turns, self._looks, self._known = _looks(people.keypoints)
        self._keys = _relative_keypoints(people)

    def __call__(self, batch: KeypointBatch) -> Sequence[Prediction]:
        """The nearest person's body, turned to the other place in the picture."""
        turns, looks, known = _looks(batch)
        nearest = torch.cat([self._nearest(a, b) for a, b in zip(looks.split(AT_ONCE), known.split(AT_ONCE))])
        R = turns @ self._turns[nearest].transpose(1, 2)
        people = self._people.rows(nearest)
        relative = (people.landmarks - people.landmarks[:, :1]) @ R.transpose(1, 2)
        rotations = torch.cat([R[:, None] @ people.rotations[:, :1], people.rotations[:, 1:]], 1)
        root = placed(self._keys[nearest] @ R.transpose(1, 2), batch)
        unsure = relative.new_ones(len(batch), relative.shape[1], 2)
        bodies = LiftedBodies(
            relative=relative,
            sigma=unsure,
            root=root,
            root_sigma=unsure[:, 0],
            rotations=rotations,
            betas=people.betas,
            child=people.child,
        )
        return of_lifted(bodies, self._model)

    def _nearest(self, looks: Tensor, known: Tensor) -> Tensor:
        """Mean squared distance over the keypoints that both know, a little more for each that only one knows."""
        both = known @ self._known.T
        x2 = (looks**2).sum(-1)
        y2 = (self._looks**2).sum(-1)
        square = (x2 * known) @ self._known.T + known @ (y2 * self._known).T
        cross = (looks * known[..., None]).flatten(1) @ (self._looks * self._known[..., None]).flatten(1).T
        missing = known.sum(1)[:, None] + self._known.sum(1) - 2 * both
        return ((square - 2 * cross) / both.clamp_min(1) + 0.02 * missing).argmin(1)


def placed(keypoints: Float[Tensor, "people keypoints 3"], batch: KeypointBatch) -> Float[Tensor, "people 3"]:
    """Where a body of known keypoints about its pelvis is: least squares of the rays, weighted by confidence.

    Linear in the place: x + X = (z + Z) u for each ray (u, v, 1); divided by the mean depth this is in pixels.
    """
    focal = torch.stack([batch.K[:, 0, 0], batch.K[:, 1, 1]], -1)[:, None]
    u = (batch.q - batch.K[:, None, :2, 2]) / focal
    n, k = u.shape[:2]
    A = torch.zeros(n, k, 2, 3)
    A[..., 0, 0] = A[..., 1, 1] = 1
    A[..., 2] = -u
    b = u * keypoints[..., 2:] - keypoints[..., :2]
    weight = batch.confidence[..., None]
    rows, right = (A * weight[..., None]).flatten(1, 2).double(), (b * weight).flatten(1, 2).double()
    ridge = 1e-9 * torch.eye(3, dtype=torch.float64)
    root = torch.linalg.solve(rows.transpose(1, 2) @ rows + ridge, (rows.transpose(1, 2) @ right[..., None]))[..., 0]
    return root.float()


def _looks(batch: KeypointBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Turns from the box-centred camera, keypoints there about their middle at unit size, and which are known."""
    known = (batch.confidence > 0).float()
    focal = torch.stack([batch.K[:, 0, 0], batch.K[:, 1, 1]], -1)[:, None]
    rays = torch.cat([(batch.q - batch.K[:, None, :2, 2]) / focal, torch.ones(*known.shape, 1)], -1)
    middle = (rays * known[..., None]).sum(1) / known.sum(1, keepdim=True)
    forward = torch.nn.functional.normalize(middle, dim=-1)
    right = torch.nn.functional.normalize(
        torch.linalg.cross(torch.tensor([0.0, 1, 0]).expand_as(forward), forward), dim=-1
    )
    turns = torch.stack([right, torch.linalg.cross(forward, right), forward], 2)
    turned = rays @ turns
    flat = turned[..., :2] / turned[..., 2:].clamp_min(0.05)
    flat = flat - (flat * known[..., None]).sum(1, keepdim=True) / known.sum(1)[:, None, None]
    size = ((flat**2).sum(-1) * known).sum(1) / known.sum(1)
    return turns, flat / size.sqrt()[:, None, None].clamp_min(1e-6), known


def _relative_keypoints(people: LiftingBatch) -> Float[Tensor, "people keypoints 3"]:
    """The joints nearest to the keypoints, about the pelvis."""
    at = [joint_of_keypoint(name) for name in LIFTED.names]
    return people.landmarks[:, at] - people.landmarks[:, :1]
