"""What lifters are told by: joints and skin under named protocols, where the root is, and which joint is in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float

from body.model import BodyModel
from hps.benchmark.prediction import Prediction
from hps.benchmark.rgb.answers import LiftingMethod
from hps.benchmark.rgb.believed_cameras import Believed, as_believed
from hps.benchmark.rgb.lifting_scenes import Arm, LiftingScenes
from hps.benchmark.rgb.true_bodies import TrueBodies, true_bodies
from hps.errors import HpsError
from hps.metrics.posed_bodies import BodyPoser
from hps.metrics.positions import translation_error_mm
from hps.metrics.subject_bootstrap import Interval, mean_interval
from hps.protocols.measuring import measure_mm, measure_vertices_mm
from hps.protocols.named import protocol

MEASURES: Final[dict[str, str]] = {
    "mpjpe": "smpl24_root: 24 joints relative to the pelvis, mm",
    "pa": "smpl24_pa: 24 joints after the best turn, shift and size, mm",
    "pve": "vertices relative to the pelvis, mm",
    "root": "absolute error of the pelvis, mm",
    "order": "share of pairs of joints in the true order of depth, %",
}
APART_M: Final = 0.05
"""Pairs of joints of which one is nearer to the camera by less are in no order."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LiftingScore:
    """Errors of one method, a row for each scene."""

    values: dict[str, Float[np.ndarray, "people"]]
    """By the names of MEASURES; NaN where the method has no answer, or none of this kind."""
    refused: dict[int, str]
    """Row → why there is no answer."""

    def interval(self, measure: str, subjects: np.ndarray, which: Bool[np.ndarray, "people"] | None = None) -> Interval:
        """The mean over people with the interval over resampled subjects."""
        values = self.values[measure]
        return mean_interval(values if which is None else np.where(which, values, np.nan), subjects)


def score_lifter(
    method: LiftingMethod, scenes: LiftingScenes, arm: Arm, model: BodyModel, *, camera: Believed = "true"
) -> LiftingScore:
    """The method's errors on the scenes.

    arm: exact keypoints, or the detector's. camera: what the method is told of it; the truth stays in the true
    camera's frame. Raises HpsError when the method answers for more or fewer people than it was given.
    """
    answers = method(as_believed(scenes.keypoints(arm), camera))
    if len(answers) != len(scenes):
        raise HpsError(f"the method gave {len(answers)} answers for {len(scenes)} people; give one for each, in order")
    values = {name: np.full(len(scenes), np.nan) for name in MEASURES}
    poser = BodyPoser(model, torch.float32)
    for truth in true_bodies(scenes, model):
        for name, column in _measured(answers[truth.rows], truth, poser).items():
            values[name][truth.rows] = column
    return LiftingScore(values=values, refused={row: one.refused for row, one in enumerate(answers) if one.refused})


def depth_order(
    estimate: Float[np.ndarray, "people joints 3"], truth: Float[np.ndarray, "people joints 3"]
) -> Float[np.ndarray, "people"]:
    """Percent of the pairs of joints that are APART_M apart in true depth which the estimate has in that order.

    After the depth-order accuracy of ordinal supervision (Pavlakos et al., CVPR 2018). NaN without such a pair.
    """
    a, b = np.triu_indices(truth.shape[1], 1)
    true, found = (z[:, a, 2] - z[:, b, 2] for z in (truth, estimate))
    apart = np.abs(true) > APART_M
    right = apart & (np.sign(found) == np.sign(true))
    with np.errstate(invalid="ignore"):
        share = np.where(apart.any(1), 100 * right.sum(1) / apart.sum(1), np.nan)
    return np.where(np.isfinite(estimate).all((1, 2)), share, np.nan)


def _measured(answers: Sequence[Prediction], truth: TrueBodies, poser: BodyPoser) -> dict[str, np.ndarray]:
    joints = np.full_like(truth.joints, np.nan, dtype=np.float64)
    posed = [n for n, one in enumerate(answers) if one.parameters is not None and not one.refused]
    bodies = (
        poser.pose([p for one in answers if (p := one.parameters) is not None and not one.refused]) if posed else None
    )
    if bodies is not None:
        joints[posed] = bodies.joints
    for n, one in enumerate(answers):
        if one.joints is not None and not one.refused:
            joints[n] = one.joints
    root = protocol("smpl24_root")
    values = {
        "mpjpe": measure_mm(root, joints, truth.joints),
        "pa": _of_answered(joints, truth.joints),
        "root": translation_error_mm(joints[:, 0], truth.joints[:, 0]),
        "order": depth_order(joints, truth.joints),
        "pve": np.full(len(answers), np.nan),
    }
    if bodies is not None:
        values["pve"][posed] = measure_vertices_mm(
            root, bodies.vertices, truth.vertices[posed], bodies.joints, truth.joints[posed]
        )
    return values


def _of_answered(joints: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Aligned joints; an answer that is not there cannot be aligned."""
    there = np.isfinite(joints).all((1, 2))
    found = np.full(len(joints), np.nan)
    if there.any():
        found[there] = measure_mm(protocol("smpl24_pa"), joints[there], truth[there])
    return found
