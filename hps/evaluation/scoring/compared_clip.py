"""Both sides of one person, posed, in one frame and at the frames that count."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int64

from hps.errors import HpsError
from hps.evaluation.people_annotations import PersonAnnotations
from hps.evaluation.scoring.body_models import BodyModels
from hps.evaluation.scoring.joining import Place, joined
from hps.evaluation.scoring.pairing import Pair, compared_rows
from hps.evaluation.scoring.posed_clip import PosedClip
from hps.evaluation.scoring.posing import posed_clip

LARGEST_BODY_M: Final = 5.0
"""Median distance of a body's points from their middle that no person has."""
FARTHEST_M: Final = 1000.0
"""Median distance from a camera at which nobody is photographed: millimetres again."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ComparedClip:
    """One person at the frames that count and have an answer; gaps between frames are in `frames`."""

    name: str
    sequence: str
    frames: Int64[np.ndarray, "frames"]
    estimate: PosedClip
    truth: PosedClip
    rate_hz: float
    """Of consecutive frame numbers; NaN: not known."""
    step: int
    """Between frame numbers that are next to each other in the truth."""
    counted: int
    """Frames of the truth that count."""
    ignored: int
    """Frames of the truth that do not."""
    lacking: int
    """Counted frames that the prediction does not have."""
    refused: int
    """Counted frames where the prediction holds NaN."""

    @property
    def frame_rate_hz(self) -> float:
        """Of the truth's frames."""
        return self.rate_hz / self.step

    def runs(self) -> list[slice]:
        """Stretches of frames without a gap."""
        ends = np.flatnonzero(np.diff(self.frames) != self.step) + 1
        edges = [0, *ends.tolist(), len(self.frames)]
        return [slice(start, stop) for start, stop in pairwise(edges) if stop > start]


def compared_clip(
    pair: Pair, counted: Bool[np.ndarray, "frames"], models: BodyModels, *, place: Place, partial: bool, rate_hz: float
) -> ComparedClip:
    """Poses both sides and brings them into one frame.

    counted: which frames of the truth count. place: where they are compared. rate_hz: where the truth does not say.
    Raises HpsError where frames are lacking (see `compared_rows`), where the two sides stand in frames that no camera
    joins, or where positions cannot be metres.
    """
    rows, true_rows, lacking = compared_rows(pair, counted, partial=partial)
    estimate, truth = posed_clip(pair.estimate, rows, models), posed_clip(pair.truth, true_rows, models)
    _check_metres(pair.name, "prediction", estimate)
    _check_metres(pair.name, "truth", truth)
    cameras, true_cameras = _cameras(pair.estimate, rows), _cameras(pair.truth, true_rows)
    estimate, truth = joined(pair.name, estimate, truth, cameras, true_cameras, place)
    if not truth.answered.all():
        bad = pair.truth.frames[true_rows][~truth.answered][0]
        raise HpsError(
            f"{pair.name}: the truth of frame {bad} is not finite although the frame counts; take a protocol of valid "
            "frames, such as emdb, and mark the frame as not valid"
        )
    there = estimate.answered
    steps = np.diff(pair.truth.frames)
    fps = pair.truth.fps if np.isfinite(pair.truth.fps) else rate_hz
    return ComparedClip(
        name=pair.name,
        sequence=pair.truth.sequence,
        frames=pair.truth.frames[true_rows][there],
        estimate=estimate if there.all() else estimate.at(there),
        truth=truth if there.all() else truth.at(there),
        rate_hz=fps,
        step=int(np.median(steps)) if len(steps) else 1,
        counted=int(counted.sum()),
        ignored=int((~counted).sum()),
        lacking=lacking,
        refused=int((~there).sum()),
    )


def _cameras(person: PersonAnnotations, rows: np.ndarray) -> Float[np.ndarray, "rows 4 4"] | None:
    return None if person.Ts_camera_world is None else np.asarray(person.Ts_camera_world[rows], np.float64)


def _check_metres(name: str, side: str, clip: PosedClip) -> None:
    known = clip.at(clip.answered)
    for points in (known.joints, *known.regressed.values()):
        if points is None or not len(points):
            continue
        spread = _median_distance(points, points.mean(1, keepdims=True))
        far = _median_distance(points, np.zeros(3))
        if spread > LARGEST_BODY_M or (clip.frame == "camera" and far > FARTHEST_M):
            size = f"{spread:.0f} m from its middle" if spread > LARGEST_BODY_M else f"{far:.0f} m from the camera"
            raise HpsError(
                f"{name}: the {side} lies in the median {size}: it looks like millimetres (or centimetres); "
                "positions are metres, divide them by 1000"
            )


def _median_distance(points: Float[np.ndarray, "frames points 3"], center: np.ndarray) -> float:
    return float(np.median(np.linalg.norm(points - center, axis=-1)))
