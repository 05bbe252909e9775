"""A landmark network that knows where the landmarks of given clouds are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from body.loading import load_body_model
from geometry.rigid import transform
from hps.points.estimator import PointEstimator
from hps.points.landmarks import landmarks_of
from hps.points.network.landmark_network import NetworkOutput
from hps.points.network_input import network_input
from hps.points.person_cloud import PersonCloud

BODY = load_body_model()
POINTS = 512
SIGMA_M = 0.004


class KnowingNetwork:
    """Tells clouds by their points; what it does not know is in the middle, and uncertain."""

    def __init__(self, clouds: Sequence[PersonCloud], vertices: Sequence[np.ndarray], joints: Sequence[np.ndarray]):
        self.given = network_input(clouds, POINTS)
        self.truth = [
            transform(T, landmarks_of(BODY).of(v, j)) for T, v, j in zip(self.given.T_canonical_cloud, vertices, joints)
        ]

    def __call__(self, points: Tensor, rays: Tensor) -> NetworkOutput:
        batch, count, _ = points.shape
        position, sigma = torch.zeros(batch, 88, 3), torch.full((batch, 88), 0.6)
        for n, cloud in enumerate(points):
            shift = (cloud[None] - self.given.points).mean(1, keepdim=True)
            gap = (cloud[None] - self.given.points - shift).abs().amax((1, 2))
            row = int(gap.argmin())
            if gap[row] < 1e-3:
                position[n] = torch.from_numpy(self.truth[row]).float() + shift[row]
                sigma[n] = SIGMA_M
        logits = torch.zeros(batch, count, 25)
        logits.scatter_(2, torch.cdist(points, position[:, :24]).argmin(-1)[..., None], 5.0)
        return NetworkOutput(
            position=position,
            log_sigma=sigma.log(),
            part_logits=logits,
            skin_offset=torch.zeros(batch, count, 3),
            skin_log_sigma=torch.full((batch, count), float(np.log(0.01))),
        )


def knowing_estimator(
    clouds: Sequence[PersonCloud], vertices: Sequence[np.ndarray], joints: Sequence[np.ndarray]
) -> PointEstimator:
    """An estimator with such a network."""
    return PointEstimator(KnowingNetwork(clouds, vertices, joints), BODY, points=POINTS)
