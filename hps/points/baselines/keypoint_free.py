"""Optimisation from several starts, as a method: no network, no landmarks, only the points and what bodies are like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from body.loading import load_body_model
from body.model import BodyModel
from geometry.rigid import inverse
from hps.benchmark.prediction import Prediction
from hps.points.baselines.asking import asked
from hps.points.baselines.points_alone import points_alone
from hps.points.fitted_clouds import FittedClouds
from hps.points.fitting.body import FitBody
from hps.points.fitting.evidence import LandmarkGaussians
from hps.points.fitting.keypoint_free import KeypointFreeConfig, fit_keypoint_free
from hps.points.landmarks import LANDMARK_COUNT
from hps.points.network_input import network_input
from hps.points.person_cloud import PersonCloud

POINTS: Final = 512
"""Of each cloud."""


class KeypointFree:
    """The likeliest body of those that `fit_keypoint_free` ends at."""

    parameters = 0
    gflops = 0.0

    def __init__(self, body: BodyModel | None = None, config: KeypointFreeConfig | None = None) -> None:
        self.fit_body = FitBody.of(load_body_model() if body is None else body)
        self.config = KeypointFreeConfig() if config is None else config

    def __call__(self, clouds: Sequence[PersonCloud]) -> list[Prediction]:
        """One body for each cloud, with the sigma of its joints."""
        return asked(clouds, self._answer)

    def _answer(self, clouds: list[PersonCloud]) -> list[Prediction]:
        given = network_input(clouds, POINTS)
        fitted = fit_keypoint_free(self.fit_body, points_alone(given.points, given.rays), self.config)
        none = LandmarkGaussians(
            position=given.points.new_zeros(len(clouds), LANDMARK_COUNT, 3),
            sigma=given.points.new_full((len(clouds), LANDMARK_COUNT), np.inf),
        )
        bodies = FittedClouds.of(fitted, self.fit_body, none).moved(inverse(given.T_canonical_cloud))
        return [
            Prediction(
                parameters=bodies.parameters(row),
                joints=bodies.joints[row],
                joint_sigma=np.sqrt(np.trace(bodies.joint_covariance[row], axis1=-2, axis2=-1) / 3),
                milliseconds={name: value / len(clouds) for name, value in fitted.milliseconds.items()},
            )
            for row in range(len(clouds))
        ]
