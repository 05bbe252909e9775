"""What a detector said of people whose true keypoints are known, in pixels of its own crop."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from hps.rgb.detector_error.self_occlusion import facing, self_occluded
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.lifting_batch import LiftingBatch

MIRROR: Final = LIFTED.mirror
PARTS: Final = LIFTED.parts
"""Upper and lower body, whose sides are mixed up together."""
NEAR: Final = 0.25
"""A detection is of a person when its median distance is below this share of the person's height in the picture."""
APART_PX: Final = 6.0
"""Median distance of left from right keypoints below which a mix-up cannot be told, nor matters."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DetectorSamples:
    """One row for each detected person, one column for each lifted keypoint."""

    error: Float[np.ndarray, "people keypoints 2"]
    """Detected less true, in pixels of the crop; NaN outside the picture."""
    partner: Float[np.ndarray, "people keypoints 2"]
    """From the true keypoint to the true one of the other side, in the same pixels; 0 on the midline."""
    confidence: Float[np.ndarray, "people keypoints"]
    hidden: Bool[np.ndarray, "people keypoints"]
    """By the person's own body."""
    facing: Float[np.ndarray, "people"]
    size_ratio: Float[np.ndarray, "people"]
    """The detector's pixel size over that of the box about the true keypoints."""
    person: np.ndarray
    """Name of whom it is."""

    def __len__(self) -> int:
        """Number of people."""
        return len(self.error)

    def rows(self, which: np.ndarray) -> DetectorSamples:
        """Some of them."""
        return DetectorSamples(**{f.name: getattr(self, f.name)[which] for f in fields(self)})


def samples_of(truth: LiftingBatch, keypoints: KeypointBatch, person: np.ndarray) -> DetectorSamples:
    """Of people with exact keypoints, and what the detector said of each of them."""
    joints, pixel = truth.landmarks[:, :24], keypoints.pixel_size[:, None]
    seen = ((truth.keypoints.confidence > 0) & (keypoints.confidence > 0)).numpy()
    apart = (truth.keypoints.q[:, MIRROR] - truth.keypoints.q) / pixel[..., None]
    error = ((keypoints.q - truth.keypoints.q) / pixel[..., None]).double().numpy()
    return DetectorSamples(
        error=np.where(seen[..., None], error, np.nan),
        partner=apart.double().numpy(),
        confidence=keypoints.confidence.double().numpy(),
        hidden=self_occluded(joints, truth.rotations).numpy(),
        facing=facing(joints, truth.rotations).double().numpy(),
        size_ratio=(keypoints.pixel_size / truth.keypoints.pixel_size).double().numpy(),
        person=person,
    )


def joined(parts: list[DetectorSamples]) -> DetectorSamples:
    """All rows of several."""
    return DetectorSamples(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(DetectorSamples)}
    )


def matched(
    true: Float[np.ndarray, "people keypoints 2"],
    inside: Bool[np.ndarray, "people keypoints"],
    found: Float[np.ndarray, "detections keypoints 2"],
) -> list[tuple[int, int]]:
    """Pairs (person, detection) of one picture, the nearest first; left and right count as one."""
    pairs = []
    for p, (q, seen) in enumerate(zip(true, inside)):
        if not seen.any():
            continue
        height = np.ptp(q[seen], axis=0).max()
        for d, other in enumerate(found):
            away = min(np.median(np.linalg.norm(one[seen] - q[seen], axis=-1)) for one in (other, other[MIRROR]))
            if away < NEAR * height:
                pairs.append((away, p, d))
    chosen: list[tuple[int, int]] = []
    for _, p, d in sorted(pairs):
        if all(p != other and d != taken for other, taken in chosen):
            chosen.append((p, d))
    return chosen


def mixed_up(samples: DetectorSamples) -> tuple[Bool[np.ndarray, "people parts"], Bool[np.ndarray, "people parts"]]:
    """Whether the sides of the upper and of the lower body were mixed up, and whether that could be told.

    They were when most keypoints of the part lie nearer to their partners' true places than to their own.
    """
    swapped, told = (np.zeros((len(samples), len(PARTS)), bool) for _ in range(2))
    apart = np.linalg.norm(samples.partner, axis=-1)
    own = np.linalg.norm(samples.error, axis=-1)
    other = np.linalg.norm(samples.error - samples.partner, axis=-1)
    for column, part in enumerate(PARTS):
        paired = part & (np.arange(len(MIRROR)) != MIRROR)
        with np.errstate(invalid="ignore"):
            known = np.isfinite(own[:, paired])
            told[:, column] = (known.sum(1) >= 3) & (_median(apart[:, paired], known) > APART_PX)
            nearer = ((other < own)[:, paired] & known).sum(1)
            swapped[:, column] = told[:, column] & (nearer > 0.6 * known.sum(1))
    return swapped, told


def unmixed(samples: DetectorSamples, swapped: Bool[np.ndarray, "people parts"]) -> Float[np.ndarray, "n keypoints 2"]:
    """The errors with the sides put right: each keypoint's detection taken from its partner where they are mixed up."""
    error = samples.error.copy()
    # the partner's detection, seen from the own true place
    crossed = samples.error[:, MIRROR] + samples.partner
    for column, part in enumerate(PARTS):
        rows = np.ix_(swapped[:, column], part)
        error[rows] = crossed[rows]
    return error


def _median(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.array([np.median(row[ok]) if ok.any() else 0.0 for row, ok in zip(values, known)])
