"""Whether a picture and the depth beside it show the same person in the same pose, and how they differ where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.points.fitted_clouds import FittedClouds
from hps.points.fitting.body import FitBody
from hps.points.fitting.state import BodyStates, frames_of, rest_points
from hps.rgb.fitting.keypoint_points import keypoint_points
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgbd.config import FusionConfig
from hps.rgbd.view import SEEN
from registration.fit import robust
from registration.fit.posing_kernels import skin_clip
from registration.keypoints.confidence import BLAZEPOSE_NOISE

NEAREST_M: Final = 0.1
"""Keypoints of bodies nearer to the camera, or behind it, are projected as if they were there."""
FARTHEST: Final = 50.0
"""Distances in sigmas count as no more."""
STEPS: Final = 10
"""Of Gauss-Newton on the shift between depth and picture: three unknowns."""
KERNEL: Final = 5.0
"""Of Geman-McClure's cost of that, in sigmas."""
SHIFT_SIGMA_M: Final = 1.0
"""What is known of the shift before: keeps it finite where few keypoints are seen."""
LEAST_FRAMES: Final = 5
"""Of a clip, that can tell a shift."""
LEAST_SHIFT_M: Final = np.array([0.05, 0.05, 0.1])
"""Shorter shifts of a clip, across the axis and along it, are what detectors, clothes and sizes of people make."""
SIDES: Final = (("more to the right", "more to the left"), ("lower", "higher"), ("farther away", "nearer"))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Agreement:
    """Of one person's picture and depth."""

    apart: float
    """Median distance of the seen keypoints from those of the body that fits both best, in standard deviations."""
    apart_of_depth: float
    """The same for the body of the points alone."""
    shift: Float[np.ndarray, "3"]
    """What the body of the points alone would have to be moved by for the picture; the camera's frame, metres."""
    apart_shifted: float
    """The median distance after that."""

    def moved(self, config: FusionConfig) -> bool:
        """Whether the depth shows the same pose at another place."""
        left = self.apart_shifted < config.moved_left * self.apart_of_depth
        return self.apart_of_depth > config.moved_from and left and self.shift_m > config.moved_m

    def disagrees(self, config: FusionConfig) -> bool:
        """Whether picture and depth cannot be of the same person at the same instant and place."""
        return self.apart > config.apart or self.moved(config)

    @property
    def shift_m(self) -> float:
        """Length of the shift."""
        return float(np.linalg.norm(self.shift))

    def sentence(self, config: FusionConfig) -> str:
        """How they differ where they do: by their place, or by the pose."""
        if self.moved(config):
            axis = int(np.abs(self.shift).argmax())
            side = SIDES[axis][0 if self.shift[axis] < 0 else 1]
            return (
                f"the depth seems to lie {self.shift_m:.2f} m off, mostly {side} than where the picture shows the "
                "person; check the calibration between both"
            )
        return f"half of the keypoints lie more than {self.apart:.1f} sigmas from the body that fits both best"


def clip_shift(agreement: Sequence[Agreement]) -> Float[np.ndarray, "3"] | None:
    """The median shift of a clip, where it is longer than its frames can explain; None: there is no such shift.

    A single frame's shift along the axis has a standard deviation of some 0.1 m, for the size of the person is not
    known; a wrong calibration is the same in all frames.
    """
    if len(agreement) < LEAST_FRAMES:
        return None
    shifts = np.stack([one.shift for one in agreement])
    middle = np.median(shifts, 0)
    spread = 1.48 * np.median(np.abs(shifts - middle), 0)
    sure = np.abs(middle) > np.maximum(LEAST_SHIFT_M, 2 * spread)
    return middle if sure.any() else None


def agreements(body: FitBody, fused: FittedClouds, depth: FittedClouds, seen: KeypointBatch) -> list[Agreement]:
    """Of each person; bodies in the frames of the cameras, fitted to both and to the points alone."""
    of_fused, of_depth = keypoints_of(body, fused), keypoints_of(body, depth)
    found = []
    for n in range(len(seen)):
        apart = _apart(body, of_fused[n], seen.rows(slice(n, n + 1)))
        alone = _apart(body, of_depth[n], seen.rows(slice(n, n + 1)))
        shift = _shift(body, of_depth[n], seen.rows(slice(n, n + 1)))
        moved = _apart(body, of_depth[n] + shift, seen.rows(slice(n, n + 1)))
        found.append(Agreement(apart=apart, apart_of_depth=alone, shift=shift, apart_shifted=moved))
    return found


def keypoints_of(body: FitBody, bodies: FittedClouds) -> Float[np.ndarray, "batch keypoints 3"]:
    """Where a detector would see its keypoints (LIFTED), in the frames of the bodies."""
    coefficients = np.concatenate([bodies.betas, bodies.child[:, None]], 1) if body.has_child else bodies.betas
    states = BodyStates(
        rotations=bodies.rotations, transl=bodies.transl, coefficients=np.ascontiguousarray(coefficients)
    )
    points = keypoint_points(body).points
    frames = frames_of(states, points)
    return skin_clip(rest_points(states, points), frames.R, frames.t, points.carriers, points.weights)


def _apart(body: FitBody, p: Float[np.ndarray, "keypoints 3"], seen: KeypointBatch) -> float:
    """Median distance of the seen keypoints in standard deviations, 1 for a detector that knows its errors."""
    away, _, sigma = _residuals(body, p, seen)
    told = seen.confidence[0].double().numpy() > SEEN
    usual = np.sqrt(2 * np.log(2))  # median length of a Gaussian vector of the plane
    distance = np.linalg.norm(away[told], axis=1) / sigma[told] / usual
    return min(float(np.median(distance)), FARTHEST) if told.any() else FARTHEST


def _shift(body: FitBody, p: Float[np.ndarray, "keypoints 3"], seen: KeypointBatch) -> Float[np.ndarray, "3"]:
    """The translation of the points that fits the seen keypoints best."""
    told = seen.confidence[0].double().numpy() > SEEN
    shift = np.zeros(3)
    for step in range(STEPS):
        away, J, sigma = _residuals(body, p + shift, seen)
        squared = (away**2).sum(1) / sigma**2
        kernel = KERNEL * 4.0 ** max(3 - step, 0)  # from afar first
        weight = np.where(told, robust.weight(squared, kernel) / sigma**2, 0.0)
        A = np.einsum("n,nki,nkj->ij", weight, J, J) + np.eye(3) / SHIFT_SIGMA_M**2
        b = np.einsum("n,nki,nk->i", weight, J, away) - shift / SHIFT_SIGMA_M**2
        shift = shift + np.linalg.solve(A, b)
    return shift


def _residuals(
    body: FitBody, p: Float[np.ndarray, "keypoints 3"], seen: KeypointBatch
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From projections to detections, pixels; the projections' change with the points; sigma of each, pixels."""
    K = seen.K[0].double().numpy()
    z = np.maximum(p[:, 2], NEAREST_M)
    xy = p[:, :2] / z[:, None]
    away = seen.q[0].double().numpy() - xy @ K[:2, :2].T - K[:2, 2]
    plane = np.zeros((len(p), 2, 3))
    plane[:, 0, 0] = plane[:, 1, 1] = 1 / z
    plane[:, :, 2] = -xy / z[:, None]
    J = K[:2, :2] @ plane
    confidence = seen.confidence[0].double().numpy()
    detector = BLAZEPOSE_NOISE.sigma_px(confidence, seen.pixel_size[0].double().numpy())
    own = keypoint_points(body).spread_m * np.sqrt(np.abs(K[0, 0] * K[1, 1])) / z
    return away, J, np.hypot(detector, own)
