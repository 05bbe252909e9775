"""The fit to true landmarks: what a body of ten betas, and the fit, cost when nothing has to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from body.loading import load_body_model
from body.model import BodyModel
from geometry.rigid import inverse, transform
from hps.benchmark.prediction import Prediction
from hps.datasets.cloud_sample import CloudSample
from hps.errors import HpsError
from hps.points.canonical import canonical_frame
from hps.points.fitted_clouds import FittedClouds
from hps.points.fitting.body import FitBody
from hps.points.fitting.evidence import LandmarkGaussians
from hps.points.fitting.fit import fit_bodies
from hps.points.landmarks import landmarks_of
from hps.points.person_cloud import PersonCloud

TRUE_SIGMA_M: Final = 0.002
"""What ten of the body's betas leave open."""


class Oracle:
    """Knows the true landmarks, so that it is asked with samples: it is a ceiling, not a method."""

    parameters = 0
    gflops = 0.0

    def __init__(self, body: BodyModel | None = None) -> None:
        self.body = load_body_model() if body is None else body
        self.fit_body = FitBody.of(self.body)

    def __call__(self, clouds: Sequence[PersonCloud]) -> list[Prediction]:
        """Raises HpsError: a cloud does not tell its truth."""
        raise HpsError(f"the oracle knows nothing of {len(clouds)} clouds without their truth; ask it with samples")

    def of_samples(self, samples: Sequence[CloudSample]) -> list[Prediction]:
        """One body for each sample; refused where the truth is not known."""
        found = {
            row: Prediction(refused=f"the truth of {sample.key} is not known")
            for row, sample in enumerate(samples)
            if sample.truth is None
        }
        rows = [row for row in range(len(samples)) if row not in found]
        if rows:
            found |= zip(rows, self._answer([samples[row] for row in rows]), strict=True)
        return [found[row] for row in range(len(samples))]

    def _answer(self, samples: list[CloudSample]) -> list[Prediction]:
        Ts = np.stack([canonical_frame(sample.cloud) for sample in samples])
        position = np.stack([transform(T, self._landmarks(sample)) for T, sample in zip(Ts, samples, strict=True)])
        gaussians = LandmarkGaussians(
            position=torch.from_numpy(position), sigma=torch.full(position.shape[:2], TRUE_SIGMA_M).double()
        )
        fitted = fit_bodies(self.fit_body, gaussians)
        bodies = FittedClouds.of(fitted, self.fit_body, gaussians).moved(inverse(Ts))
        spent = {name: value / len(samples) for name, value in fitted.milliseconds.items()}
        return [
            Prediction(parameters=bodies.parameters(row), joints=bodies.joints[row], milliseconds=spent)
            for row in range(len(samples))
        ]

    def _landmarks(self, sample: CloudSample) -> np.ndarray:
        """In the frame of the cloud."""
        assert sample.truth is not None
        posed = self.body.pose(sample.truth)
        return landmarks_of(self.body).of(posed.vertices, posed.joints)[0]
