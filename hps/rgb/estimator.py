"""The estimator of pictures: from keypoints of people to bodies, with how sure they are and why not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from body.model import BodyModel
from hps.errors import HpsError
from hps.points.clip_bodies import ClipEstimate, SingleFrames, clip_of
from hps.points.estimate import BodyEstimate
from hps.points.estimator import body_estimate
from hps.points.fitted_clouds import FittedClouds
from hps.points.fitting.body import FitBody
from hps.points.fitting.evidence import LandmarkGaussians
from hps.points.judging.confidence import Verdict
from hps.rgb.judging.confidence import DEFAULT, RgbJudge
from hps.rgb.judging.signs import RgbSigns, signs_of
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies
from hps.rgb.lifting import KeypointFit, Lifter
from registration.shape.prior import ShapePrior

AT_ONCE: Final = 64
"""People in one batch: more is no faster on a processor."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FoundBodies:
    """A row for each person, in the camera's frame."""

    bodies: FittedClouds
    verdicts: tuple[Verdict, ...]
    signs: tuple[RgbSigns, ...]
    milliseconds: dict[str, float]
    """Of the lifter and of the fit, everybody together."""

    @property
    def confidence(self) -> Float[np.ndarray, "people"]:
        """Of each."""
        return np.array([verdict.confidence for verdict in self.verdicts])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RgbClip:
    """One person through a video of one camera."""

    clip: ClipEstimate
    """In the camera's frame, or in the world; `residual_mm` is NaN, there being no points."""
    found: FoundBodies
    """What single frames say, a row for each frame in which the person was seen."""
    rows: Int64[np.ndarray, "seen"]
    """Which frames those are."""

    @property
    def keypoint_px(self) -> Float[np.ndarray, "frames"]:
        """Of the clip's frames: median distance of the seen keypoints from the frame's own body, pixels; NaN where the
        person was not seen."""
        own = dict(zip(self.rows.tolist(), (one.residual_px for one in self.found.signs)))
        return np.array([own.get(row, np.nan) for row in self.clip.frames.tolist()])


class RgbEstimator:
    """A lifter, a fit that starts from what it says, and a judge."""

    def __init__(
        self,
        lifter: Lifter,
        fit: KeypointFit,
        body: BodyModel,
        *,
        judge: RgbJudge = DEFAULT,
        at_once: int = AT_ONCE,
        spread: float = 1.0,
        shape_prior: ShapePrior | None = None,
    ) -> None:
        """See `hps.rgb.loading.load` for the ones that come with the program.

        spread: what the fit's standard deviations are multiplied by. shape_prior: what the fit believes of the shape
        beforehand, which a clip counts once; None: that of people in general.
        """
        self.lifter, self.fit, self.body = lifter, fit, body
        self.fit_body = FitBody.of(body)
        self.judge, self.at_once, self.spread = judge, at_once, spread
        self.shape_prior = shape_prior

    def estimate(self, batch: KeypointBatch, score: Float[np.ndarray, "people"] | None = None) -> list[BodyEstimate]:
        """The body of each person of one picture or of many, in the frame of the camera that saw them.

        score: the detector's belief that each is a person; 1 where it is not told.
        """
        found = self.found(batch, score)
        share = {name: spent / max(len(batch), 1) for name, spent in found.milliseconds.items()}
        return [body_estimate(found.bodies, row, found.verdicts[row], share, self.spread) for row in range(len(batch))]

    def found(
        self,
        batch: KeypointBatch,
        score: Float[np.ndarray, "people"] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> FoundBodies:
        """The same as arrays. Raises HpsError for an empty batch."""
        if not len(batch):
            raise HpsError("bodies of nobody were asked for; give the keypoints of at least one person")
        score = np.ones(len(batch)) if score is None else np.asarray(score, np.float64)
        parts: list[FoundBodies] = []
        for start in range(0, len(batch), self.at_once):
            some = slice(start, start + self.at_once)
            parts.append(self._batch(batch.rows(some), score[some]))
            if on_progress is not None:
                on_progress(min(start + self.at_once, len(batch)), len(batch))
        return _joined(parts)

    def clip(
        self,
        batch: KeypointBatch,
        rows: Int64[np.ndarray, "people"],
        time_s: Float[np.ndarray, "frames"],
        score: Float[np.ndarray, "people"] | None = None,
        *,
        T_world_camera: Float[np.ndarray, "4 4"] | None = None,
        focal_sigma: float = 0.0,
        smooth: bool = True,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> RgbClip:
        """One person through a clip: one shape, and a motion that goes as people move (`smooth`).

        batch: of the frames in which the person was seen, which are `rows` of the frames at `time_s`. T_world_camera:
        where the camera stands still; the bodies are then in the world. focal_sigma: standard deviation of the
        logarithm of its focal length, by which all distances may be off together. Raises HpsError when nobody was seen.
        """
        found = self.found(batch, score, on_progress)
        seen = set(rows.tolist())
        if T_world_camera is not None:
            T = np.tile(np.asarray(T_world_camera, np.float64), (len(rows), 1, 1))
            found = replace(found, bodies=found.bodies.moved(T))
        single = SingleFrames(
            rows=np.asarray(rows, np.int64),
            bodies=found.bodies,
            confidence=found.confidence,
            reasons=tuple(verdict.reason for verdict in found.verdicts),
            residual_mm=np.full(len(rows), np.nan),
            refused={row: "the person was not found" for row in range(len(time_s)) if row not in seen},
            milliseconds=found.milliseconds,
            spread=self.spread,
            shape_prior=self.shape_prior,
        )
        T = np.eye(4) if T_world_camera is None else np.asarray(T_world_camera, np.float64)
        clip = clip_of(self.fit_body, single, time_s, smooth=smooth)
        doubtful = replace(clip, estimate=with_focal_doubt(clip.estimate, T, focal_sigma))
        return RgbClip(clip=doubtful, found=found, rows=rows)

    def _batch(self, batch: KeypointBatch, score: np.ndarray) -> FoundBodies:
        began = time.perf_counter()
        lifted = self.lifter(batch)
        seen = time.perf_counter()
        fitted = self.fit(batch, lifted)
        ended = time.perf_counter()
        signs = signs_of(self.fit_body, batch, lifted, fitted, score)
        return FoundBodies(
            bodies=FittedClouds.of(fitted, self.fit_body, gaussians_of(lifted)).spread(self.spread),
            verdicts=tuple(self.judge(one) for one in signs),
            signs=tuple(signs),
            milliseconds={"lifter": 1e3 * (seen - began), "fit": 1e3 * (ended - seen)},
        )


def gaussians_of(lifted: LiftedBodies) -> LandmarkGaussians:
    """The lifter's landmarks in the camera's frame, each with one deviation for all axes, about the pelvis."""
    squared = (2 * lifted.sigma[..., 0] ** 2 + lifted.sigma[..., 1] ** 2) / 3
    return LandmarkGaussians(position=lifted.landmarks, sigma=squared.sqrt())


def _joined(parts: Sequence[FoundBodies]) -> FoundBodies:
    spent: dict[str, float] = {}
    for part in parts:
        for name, value in part.milliseconds.items():
            spent[name] = spent.get(name, 0.0) + value
    return FoundBodies(
        bodies=FittedClouds.joined([part.bodies for part in parts]),
        verdicts=tuple(verdict for part in parts for verdict in part.verdicts),
        signs=tuple(one for part in parts for one in part.signs),
        milliseconds=spent,
    )


def with_focal_doubt(
    estimate: BodyEstimate, T_world_camera: Float[np.ndarray, "4 4"], focal_sigma: float
) -> BodyEstimate:
    """The covariances with what a focal length does that may be off: a body stands as many times farther away."""
    away = (estimate.joints[:, 0] - T_world_camera[:3, 3]) @ T_world_camera[:3, 2]
    axis = T_world_camera[:3, 2]
    more = (focal_sigma * away)[:, None, None] ** 2 * np.outer(axis, axis)
    covariance = estimate.parameter_covariance.copy()
    covariance[:, -3:, -3:] += more
    return replace(
        estimate, joint_covariance=estimate.joint_covariance + more[:, None], parameter_covariance=covariance
    )
