"""Who is who through the pictures of one camera, from what a detector saw in each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Float, Int64
from scipy.optimize import linear_sum_assignment

from registration.keypoints.detections import StreamDetections

REACH: Final = 0.35
"""How far somebody's keypoints may be from where they were, in the median and in heights of the person."""
REACH_A_SECOND: Final = 0.7
"""And so much more for each second in which the person was not seen."""
LONGEST_S: Final = 1.0
"""Somebody who is gone for longer becomes somebody new."""
FOLLOWED: Final = 0.3
"""What a distance counts where the detector itself followed the person from one picture to the other."""
LEAST_FRAMES: Final = 5
"""Of a video; who is seen less often is a mistake or a passer-by."""
LEAST_SHARE: Final = 0.05
"""Of the frames of who is seen most often."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Followed:
    """One person."""

    rows: Int64[np.ndarray, "seen"]
    """Pictures in which the person was seen, rising."""
    slots: Int64[np.ndarray, "seen"]
    """Which of each picture's detections it is."""


@dataclass
class _Track:
    rows: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)


def follow(
    detections: StreamDetections, time_s: Float[np.ndarray, "images"], most: int | None = None
) -> tuple[list[Followed], int]:
    """Everybody, those who are seen largest and longest first, and how many were left out for being seen too briefly.

    Two readings that the detector makes of one crop are one person: the one nearer to the picture before is taken.
    most: no more people than these.
    """
    tracks: list[_Track] = []
    for row in range(len(detections)):
        groups = _groups(detections, row)
        alive = [track for track in tracks if time_s[row] - time_s[track.rows[-1]] <= LONGEST_S]
        cost = np.full((len(alive), len(groups)), np.inf)
        reading = np.zeros(cost.shape, np.int64)
        for k, track in enumerate(alive):
            waited = float(time_s[row] - time_s[track.rows[-1]])
            for g, group in enumerate(groups):
                apart = [_apart(detections, track.rows[-1], track.slots[-1], row, slot) for slot in group]
                reading[k, g] = group[int(np.argmin(apart))]
                distance = min(apart)
                if distance < REACH + REACH_A_SECOND * waited:
                    cost[k, g] = distance
        taken = set()
        for k, g in zip(*linear_sum_assignment(np.where(np.isfinite(cost), cost, 1e3))):
            if np.isfinite(cost[k, g]):
                alive[k].rows.append(row)
                alive[k].slots.append(int(reading[k, g]))
                taken.add(g)
        tracks += [_Track([row], [group[0]]) for g, group in enumerate(groups) if g not in taken]
    longest = max((len(track.rows) for track in tracks), default=0)
    least = min(LEAST_FRAMES, (len(detections) + 1) // 2)
    kept = [track for track in tracks if len(track.rows) >= max(least, LEAST_SHARE * longest)]
    kept.sort(key=lambda track: -float(detections.pixel_size[track.rows, track.slots].sum()))
    people = [Followed(rows=np.array(t.rows, np.int64), slots=np.array(t.slots, np.int64)) for t in kept[:most]]
    return people, len(tracks) - len(kept)


def _groups(detections: StreamDetections, row: int) -> list[list[int]]:
    """The detections of a picture; readings of the same crop together."""
    groups: list[list[int]] = []
    for slot in np.flatnonzero(np.isfinite(detections.q[row, :, 0, 0])).tolist():
        A = detections.A_image_crop[row, slot]
        own = next((g for g in groups if A.any() and np.array_equal(detections.A_image_crop[row, g[0]], A)), None)
        if own is None:
            groups.append([slot])
        else:
            own.append(slot)
    return groups


def _apart(detections: StreamDetections, before: int, slot: int, row: int, other: int) -> float:
    a, b = detections.q[before, slot].astype(np.float64), detections.q[row, other].astype(np.float64)
    height = max(float(np.ptp(a, axis=0).max()), float(np.ptp(b, axis=0).max()), 1.0)
    distance = float(np.median(np.linalg.norm(a - b, axis=-1))) / height
    same = detections.track[before, slot] == detections.track[row, other] >= 0
    return FOLLOWED * distance if same else distance
