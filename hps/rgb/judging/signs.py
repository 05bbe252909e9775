"""What tells a body from keypoints that should not be used, measured on each one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.points.fitting.body import FitBody
from hps.points.fitting.fitted import FittedBodies
from hps.points.fitting.state import BodyStates, frames_of, rest_points
from hps.rgb.fitting.keypoint_points import keypoint_points
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.lifted import LiftedBodies
from registration.fit.posing_kernels import skin_clip
from registration.keypoints.confidence import BLAZEPOSE_NOISE
from registration.keypoints.sets import stem

SEEN: Final = 0.5
"""A keypoint of more confidence is seen; BlazePose's beliefs are mostly above 0.9 or below 0.2."""
LIMBS: Final = {
    "head": ("nose", "eye", "ear"),
    "arms": ("elbow", "wrist"),
    "trunk": ("shoulder", "hip"),
    "legs": ("knee", "ankle", "heel", "foot_index"),
}
"""Kinds of keypoints; of a limb none of which is seen, the pose is a guess."""
FARTHEST: Final = 20.0
"""Residuals in standard deviations count as no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RgbSigns:
    """Of one person in one picture."""

    score: float
    """The detector's belief that this is a person, 0 to 1."""
    seen: float
    """Mean confidence of the keypoints."""
    residual: float
    """Root mean square distance of the seen keypoints from the fitted body's, in the detector's standard deviations."""
    residual_px: float
    """Median of the same distance, pixels of the picture; NaN where none is seen."""
    sigma_mm: float
    """Root mean square of what the lifter says its landmarks are off by, along one axis."""
    disagreement_mm: float
    """Root mean square distance of the fitted landmarks from the lifter's, both about the pelvis."""
    shape: float
    """Distance of the shape from the mean one, in standard deviations a coefficient."""
    unseen: tuple[str, ...]
    """Of LIMBS: those none of whose keypoints is seen."""


def signs_of(
    body: FitBody, batch: KeypointBatch, lifted: LiftedBodies, fitted: FittedBodies, score: Float[np.ndarray, "people"]
) -> list[RgbSigns]:
    """A row for each person of the batch."""
    q, confidence = _array(batch.q), _array(batch.confidence)
    K, size, pixel_size = _array(batch.K), _array(batch.size), _array(batch.pixel_size)
    states = _states(body, fitted)
    p = keypoint_positions(body, states)
    projected = np.einsum("bij,bkj->bki", K, p / np.maximum(p[..., 2:], 1e-3))[..., :2]
    gap = np.linalg.norm(projected - q, axis=-1)
    sigma_px = BLAZEPOSE_NOISE.sigma_px(confidence, pixel_size)
    seen = confidence >= SEEN
    inside = np.asarray(((q > -0.5) & (q < size[:, None] - 0.5)).all(-1))
    landmarks = _landmarks(body, states)
    about = landmarks - landmarks[:, :1]
    sigma = _array(lifted.sigma)
    mean_sigma = np.sqrt((2 * sigma[..., 0] ** 2 + sigma[..., 1] ** 2) / 3)
    found = []
    for n in range(len(batch)):
        r = np.minimum(gap[n] / sigma_px[n], FARTHEST)[seen[n]]
        found.append(
            RgbSigns(
                score=float(score[n]),
                seen=float(confidence[n].mean()),
                residual=float(np.sqrt((r**2).mean())) if len(r) else FARTHEST,
                residual_px=float(np.median(gap[n][seen[n]])) if len(r) else float("nan"),
                sigma_mm=1000 * float(np.sqrt((mean_sigma[n] ** 2).mean())),
                disagreement_mm=1000 * _rms(about[n] - _array(lifted.relative)[n]),
                shape=float(np.sqrt((states.coefficients[n] ** 2).mean())),
                unseen=unseen_limbs(confidence[n] * inside[n]),
            )
        )
    return found


def unseen_limbs(confidence: Float[np.ndarray, "keypoints"]) -> tuple[str, ...]:
    """Names of LIMBS none of whose keypoints is seen."""
    stems = [stem(name) for name in LIFTED.names]
    return tuple(
        limb
        for limb, kinds in LIMBS.items()
        if not any(confidence[n] >= SEEN for n, s in enumerate(stems) if s in kinds)
    )


def keypoint_positions(body: FitBody, states: BodyStates) -> Float[np.ndarray, "batch keypoints 3"]:
    """Where the detector's keypoints are on bodies, in the order of LIFTED, in the bodies' frame."""
    points = keypoint_points(body).points
    frames = frames_of(states, points)
    return skin_clip(rest_points(states, points), frames.R, frames.t, points.carriers, points.weights)


def _landmarks(body: FitBody, states: BodyStates) -> np.ndarray:
    frames = frames_of(states, body.points)
    return skin_clip(rest_points(states, body.points), frames.R, frames.t, body.points.carriers, body.points.weights)


def _states(body: FitBody, fitted: FittedBodies) -> BodyStates:
    betas, child = _array(fitted.betas), _array(fitted.child)
    coefficients = np.concatenate([betas, child[:, None]], 1) if body.has_child else betas
    return BodyStates(
        rotations=_array(fitted.rotations),
        transl=_array(fitted.transl),
        coefficients=np.ascontiguousarray(coefficients),
    )


def _rms(off: np.ndarray) -> float:
    return float(np.sqrt((off**2).sum(-1).mean()))


def _array(values) -> np.ndarray:
    return np.ascontiguousarray(values.detach().cpu().double().numpy())
