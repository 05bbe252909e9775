"""The point estimator: from clouds of people to bodies, with how sure they are and why they should not be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch

from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.rigid import inverse
from hps.errors import HpsError
from hps.points.cloud_checks import check_cloud
from hps.points.estimate import USABLE, BodyEstimate
from hps.points.fitted_clouds import FittedClouds
from hps.points.fitting.body import FitBody
from hps.points.fitting.config import BodyFitConfig
from hps.points.fitting.evidence import LandmarkGaussians, SurfacePoints
from hps.points.fitting.fit import fit_bodies
from hps.points.fitting.fitted import FittedBodies
from hps.points.judging.confidence import Judge, Verdict
from hps.points.judging.other_ups import up_hint
from hps.points.judging.signs import Signs, signs_of
from hps.points.part_labels import NOT_BODY
from hps.points.person_cloud import PersonCloud
from hps.points.seeing import Network, Seeing, SeenClouds
from hps.points.weights_file import WeightsInfo

AT_ONCE: Final = 32
"""Clouds in one batch: more is no faster on a processor."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FittedBatch:
    """What was found in several clouds, a row for each cloud that was not refused."""

    rows: tuple[int, ...]
    """Which clouds these are."""
    clouds: FittedClouds
    """In the frames of the clouds."""
    verdicts: tuple[Verdict, ...]
    signs: tuple[Signs, ...]
    refused: dict[int, str]
    """Clouds in which no body was looked for, with the reason."""
    milliseconds: dict[str, float]
    """Of network, fit and refine, all clouds together."""

    def shifted(self, by: int) -> FittedBatch:
        """The same with other numbers of clouds."""
        rows = tuple(row + by for row in self.rows)
        return replace(self, rows=rows, refused={row + by: reason for row, reason in self.refused.items()})

    @classmethod
    def joined(cls, parts: Sequence[FittedBatch]) -> FittedBatch:
        """Several batches as one; at least one."""
        spent: dict[str, float] = {}
        for part in parts:
            for name, value in part.milliseconds.items():
                spent[name] = spent.get(name, 0.0) + value
        return cls(
            rows=tuple(row for part in parts for row in part.rows),
            clouds=FittedClouds.joined([part.clouds for part in parts]),
            verdicts=tuple(verdict for part in parts for verdict in part.verdicts),
            signs=tuple(one for part in parts for one in part.signs),
            refused={row: reason for part in parts for row, reason in part.refused.items()},
            milliseconds=spent,
        )


class PointEstimator:
    """Landmarks that a network finds, a body fitted to them and to the points, and a verdict."""

    def __init__(
        self,
        network: Network,
        body: BodyModel,
        *,
        points: int,
        info: WeightsInfo | None = None,
        device: torch.device | str = "cpu",
        fit: BodyFitConfig | None = None,
        twice: bool | None = None,
        at_once: int = AT_ONCE,
    ) -> None:
        """points: how many of a cloud the network takes. fit: choices of the body fit, such as refine = False. twice:
        whether the network looks again from the predicted pelvis; None: if that was better on validation clouds."""
        self.body, self.info = body, info
        self.fit_body = FitBody.of(body)
        self.fit_config = BodyFitConfig() if fit is None else fit
        calibration = {} if info is None else info.calibration
        twice = bool(calibration.get("twice", False)) if twice is None else twice
        self.seeing = Seeing(network, points, device, twice=twice, factor=calibration.get("sigma"))
        self.spread = float(calibration.get("spread", 1.0))
        self.judge = Judge.of(info)
        self.at_once = at_once

    def estimate(self, cloud: PersonCloud | np.ndarray) -> BodyEstimate:
        """The body of one cloud, in its frame; an array is taken for one camera's cloud in the camera's frame.

        Raises HpsError for a cloud that cannot be one person's, in metres (`check_cloud`). A body that should not be
        used comes with a confidence below 0.5 and the reason.
        """
        cloud = as_cloud(cloud)
        check_cloud(cloud)
        found = self.estimate_many([cloud])[0]
        if found.confidence[0] < USABLE and (hint := self.up_hint(cloud)):
            found = replace(found, reasons=(f"{found.reasons[0]}; {hint}",))
        return found

    def up_hint(self, cloud: PersonCloud) -> str:
        """For a cloud without a trustworthy body: whether another direction is up; empty where none helps."""
        return up_hint(cloud, lambda clouds: [float(one.confidence[0]) for one in self.estimate_many(clouds)])

    def estimate_many(self, clouds: Sequence[PersonCloud | np.ndarray]) -> list[BodyEstimate]:
        """The same of many clouds, faster. A cloud that `estimate` refuses gives a body of NaN, confidence 0 and the
        reason: none is left out."""
        batch = self.fitted(clouds)
        share = {name: spent / max(len(clouds), 1) for name, spent in batch.milliseconds.items()}
        found: dict[int, BodyEstimate] = {}
        for n, row in enumerate(batch.rows):
            found[row] = body_estimate(batch.clouds, n, batch.verdicts[n], share, self.spread)
        for row, reason in batch.refused.items():
            landmarks = self.fit_body.landmarks.part.shape[0]
            found[row] = refused_estimate(reason, self.fit_body.shapes, landmarks, self.spread)
        return [found[row] for row in range(len(clouds))]

    def fitted(self, clouds: Sequence[PersonCloud | np.ndarray]) -> FittedBatch:
        """Arrays of all bodies, each in the frame of its cloud: what a clip is made of (`hps.points.sequence`)."""
        taken = [as_cloud(cloud) for cloud in clouds]
        refused: dict[int, str] = {}
        for row, cloud in enumerate(taken):
            try:
                check_cloud(cloud)
            except HpsError as error:
                refused[row] = str(error)
        rows = [row for row in range(len(taken)) if row not in refused]
        parts = [self._batch(rows[start : start + self.at_once], taken) for start in range(0, len(rows), self.at_once)]
        nobody = FittedBatch(
            rows=(), clouds=FittedClouds.none(self.fit_body), verdicts=(), signs=(), refused=refused, milliseconds={}
        )
        return FittedBatch.joined([*parts, nobody])

    def of_seen(self, seen: SeenClouds, clouds: Sequence[PersonCloud]) -> FittedBatch:
        """The bodies of clouds that `seeing` was asked about, a row for each, in the frames of the clouds."""
        gaussians = LandmarkGaussians(position=seen.position, sigma=seen.sigma)
        return self.judged(seen, clouds, fit_bodies(self.fit_body, gaussians, surface_points(seen), self.fit_config))

    def judged(self, seen: SeenClouds, clouds: Sequence[PersonCloud], fitted: FittedBodies) -> FittedBatch:
        """Bodies that were fitted in the frames of `seen`, with verdicts, in the frames of the clouds."""
        signs = signs_of(self.fit_body, seen, fitted, clouds)
        gaussians = LandmarkGaussians(position=seen.position, sigma=seen.sigma)
        bodies = FittedClouds.of(fitted, self.fit_body, gaussians).spread(self.spread)
        return FittedBatch(
            rows=tuple(range(len(clouds))),
            clouds=bodies.moved(inverse(seen.given.T_canonical_cloud)),
            verdicts=tuple(self.judge(one) for one in signs),
            signs=tuple(signs),
            refused={},
            milliseconds={"network": seen.milliseconds, **fitted.milliseconds},
        )

    def _batch(self, rows: list[int], everything: list[PersonCloud]) -> FittedBatch:
        clouds = [everything[row] for row in rows]
        return replace(self.of_seen(self.seeing(clouds), clouds), rows=tuple(rows))


def surface_points(seen: SeenClouds) -> SurfacePoints:
    """Points that the network takes for the body, with where it thinks the skin under them is."""
    part = seen.part_logits.argmax(-1)
    return SurfacePoints(
        points=seen.given.points,
        keep=part != NOT_BODY,
        part=part,
        sigma=seen.skin_sigma,
        skin_offset=seen.skin_offset,
        rays=seen.given.rays,
    )


def as_cloud(cloud: PersonCloud | np.ndarray) -> PersonCloud:
    """A bare array as one camera's cloud. Raises HpsError for an array of another shape."""
    if isinstance(cloud, PersonCloud):
        return cloud
    points = np.asarray(cloud)
    if points.ndim != 2 or points.shape[1] != 3:
        raise HpsError(f"a cloud is an array of points x 3, not {points.shape}; leave colours and normals out")
    return PersonCloud.of_camera(points.astype(np.float64))


def refused_estimate(reason: str, shapes: int, landmarks: int, spread: float) -> BodyEstimate:
    """No body, and why."""
    nan = np.full
    return BodyEstimate(
        parameters=BodyParameters(
            betas=nan(shapes, np.nan),
            global_orient=nan((1, 3), np.nan),
            body_pose=nan((1, 69), np.nan),
            transl=nan((1, 3), np.nan),
        ),
        joints=nan((1, 24, 3), np.nan),
        joint_covariance=nan((1, 24, 3, 3), np.nan),
        parameter_covariance=nan((1, 75 + shapes, 75 + shapes), np.nan),
        confidence=np.zeros(1),
        reasons=(reason,),
        landmarks=nan((1, landmarks, 3), np.nan),
        landmark_sigma=nan((1, landmarks), np.nan),
        milliseconds={},
        spread=spread,
    )


def body_estimate(
    bodies: FittedClouds, row: int, verdict: Verdict, milliseconds: dict[str, float], spread: float
) -> BodyEstimate:
    """One of several fitted bodies with its verdict."""
    one = slice(row, row + 1)
    return BodyEstimate(
        parameters=bodies.parameters(row),
        joints=bodies.joints[one],
        joint_covariance=bodies.joint_covariance[one],
        parameter_covariance=bodies.covariance[one],
        confidence=np.array([verdict.confidence]),
        reasons=(verdict.reason,),
        landmarks=bodies.landmarks[one],
        landmark_sigma=bodies.landmark_sigma[one],
        milliseconds=milliseconds,
        spread=spread,
    )
