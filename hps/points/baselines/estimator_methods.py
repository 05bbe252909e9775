"""The estimator as methods of a benchmark, up to each of its steps: landmarks, fit, refinement."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from geometry.rigid import inverse, transform
from hps.benchmark.prediction import Prediction
from hps.errors import HpsError
from hps.points.baselines.asking import asked
from hps.points.baselines.cost import network_cost
from hps.points.clip import estimate_clip
from hps.points.estimator import PointEstimator
from hps.points.loading import load
from hps.points.person_cloud import PersonCloud

JOINTS = slice(0, 24)


class _EstimatorMethod:
    """What the estimator's methods share: a network with its size."""

    def __init__(self, estimator: PointEstimator, digest: str = "") -> None:
        """digest: tells the weights from others, for answers that are kept."""
        self.estimator, self.digest = estimator, digest
        network = estimator.seeing.network
        if isinstance(network, torch.nn.Module):
            looks = 2 if estimator.seeing.twice else 1
            cost = network_cost(network, estimator.seeing.points)
            self.parameters, self.gflops = cost.parameters, looks * cost.gflop


class LandmarkMethod(_EstimatorMethod):
    """Joints where the network places them; there is no body, and PVE is not defined."""

    def __call__(self, clouds: Sequence[PersonCloud]) -> list[Prediction]:
        """Joints with their sigma."""
        return asked(clouds, self._answer, self.estimator.at_once)

    def _answer(self, clouds: list[PersonCloud]) -> list[Prediction]:
        seen = self.estimator.seeing(clouds)
        Ts = inverse(seen.given.T_canonical_cloud)
        position, sigma = seen.position[:, JOINTS].double().numpy(), seen.sigma[:, JOINTS].double().numpy()
        spent = {"network": seen.milliseconds / len(clouds)}
        return [
            Prediction(joints=transform(T, position[row]), joint_sigma=sigma[row], milliseconds=spent)
            for row, T in enumerate(Ts)
        ]


class FitMethod(_EstimatorMethod):
    """Bodies fitted to the landmarks and, where the estimator refines, to the points."""

    def __call__(self, clouds: Sequence[PersonCloud]) -> list[Prediction]:
        """Bodies with the sigma of their joints. Also those that the estimator itself would not trust: a benchmark
        counts how wrong they are."""
        batch = self.estimator.fitted(clouds)
        count = max(len(batch.rows), 1)
        spent = {name: value / count for name, value in batch.milliseconds.items()}
        variance = np.trace(batch.clouds.joint_covariance, axis1=-2, axis2=-1) / 3
        found = {row: Prediction(refused=reason) for row, reason in batch.refused.items()}
        for place, row in enumerate(batch.rows):
            found[row] = Prediction(
                parameters=batch.clouds.parameters(place),
                joints=batch.clouds.joints[place],
                joint_sigma=np.sqrt(variance[place]),
                confidence=batch.verdicts[place].confidence,
                milliseconds=spent,
            )
        return [found[row] for row in range(len(clouds))]


class SmoothMethod(_EstimatorMethod):
    """Bodies of clips: one shape for all clouds of a clip, and a smooth motion (docs/point_sequences.md)."""

    def of_clip(self, clouds: Sequence[PersonCloud], time_s: Float[np.ndarray, "clouds"]) -> list[Prediction]:
        """Bodies with the sigma of their joints. A cloud that time gives no body either is answered as alone.

        Confidence is that of each cloud's own body, 0 where there is none: what time adds is not in it.
        """
        alone = FitMethod(self.estimator)
        if len(clouds) == 1:
            return alone(clouds)
        begun = time.perf_counter()
        try:
            clip = estimate_clip(self.estimator, clouds, time_s, smooth=True)
        except HpsError:
            return alone(clouds)
        whole, told = clip.estimate, {name: spent / len(clouds) for name, spent in clip.estimate.milliseconds.items()}
        told["smooth"] = 1000 * (time.perf_counter() - begun) / len(clouds) - sum(told.values())
        sigma = np.sqrt(np.trace(whole.joint_covariance, axis1=-2, axis2=-1) / 3)
        found = {
            int(row): Prediction(
                parameters=whole.parameters[n : n + 1],
                joints=whole.joints[n],
                joint_sigma=sigma[n],
                confidence=float(whole.confidence[n]),
                milliseconds=told,
            )
            for n, row in enumerate(clip.frames)
        }
        others = [row for row in range(len(clouds)) if row not in found]
        found |= zip(others, alone([clouds[row] for row in others]), strict=True)
        return [found[row] for row in range(len(clouds))]


def landmarks_method(weights: str = "") -> LandmarkMethod:
    """Landmarks only. weights: a size that comes with the package, or a file; empty: the default size."""
    estimator, digest = _loaded(weights)
    return LandmarkMethod(estimator, digest)


def fit_method(weights: str = "") -> FitMethod:
    """Landmarks and fit, without a look at the points."""
    estimator, digest = _loaded(weights)
    estimator.fit_config = replace(estimator.fit_config, refine=False)
    return FitMethod(estimator, digest)


def refine_method(weights: str = "") -> FitMethod:
    """The estimator as it is: landmarks, fit, refinement."""
    return FitMethod(*_loaded(weights))


def smooth_method(weights: str = "") -> SmoothMethod:
    """The estimator in its temporal mode: landmarks, fit, refinement, then one shape and a smooth motion for a clip."""
    return SmoothMethod(*_loaded(weights))


def _loaded(weights: str) -> tuple[PointEstimator, str]:
    """The estimator, and what tells its answers from those of others: weights, and what was calibrated since."""
    estimator = load(weights) if weights else load()
    network = estimator.seeing.network
    assert isinstance(network, torch.nn.Module)
    sums = sorted((name, float(tensor.double().sum())) for name, tensor in network.state_dict().items())
    calibration = {} if estimator.info is None else estimator.info.calibration
    return estimator, json.dumps([sums, calibration], sort_keys=True)
