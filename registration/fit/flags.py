"""Why a frame of a fitted track should not be trusted, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int64, Shaped

from registration.body_track import GOOD, TrackParts, TrackSigma
from registration.fit.parts import PART_NAMES, part_of_joint

MIN_LANDMARKS = 8
"""A frame with fewer triangulated landmarks is said to have few."""
HIGH_RESIDUAL = 3.0
"""A frame whose residual is this many times the clip's median is flagged."""
HIGH_SURFACE_MM = 30.0
HIGH_PART_RATIO = 2.0
"""A part whose points are HIGH_SURFACE_MM away is flagged only if it is this many times further than is usual in the
clip: a skirt is always far from the legs, an arm that was lost is not."""
LEAST_COVERAGE = 0.1
"""A part with points on less of what cameras see of it counts as not measured."""
HIGH_SIGMA_MM = 60.0
"""A joint that is less certain along an axis is as good as not known: about the thickness of a forearm."""

LANDMARKS_OF_PART: Final = {
    "head": ("nose", "eye", "ear"),
    "arm": ("elbow", "wrist"),
    "hand": ("wrist", "index", "pinky", "thumb"),
    "leg": ("knee", "ankle"),
    "foot": ("ankle", "heel", "foot_index"),
    "trunk": ("shoulder", "hip"),
}
"""Landmarks by part, both without side, any of which says where the part is."""


def flags(
    *,
    names: Sequence[str],
    triangulated: Bool[np.ndarray, "frames landmarks"],
    views: Int64[np.ndarray, "frames"],
    cameras: int,
    pixels: Float[np.ndarray, "frames"],
    surface_mm: Float[np.ndarray, "frames"],
    clouded: Bool[np.ndarray, "frames"] | None,
    parts: TrackParts | None,
    sigma: TrackSigma | None,
    flips: Sequence[Mapping[int, Sequence[str]]] = (),
    unsure: str = "",
) -> Shaped[np.ndarray, "frames"]:
    """Reasons for each frame, joined by `; `; empty for a good one.

    names: of the landmarks. views: cameras that saw the person. clouded: frames with a cloud, None for a fit without
    depth. parts and sigma: None where they are not known. flips: reasons by frame (registration/fit/flips.py). unsure:
    why nothing could be said of the whole fit's sigma.
    """
    seen = triangulated.sum(1)
    typical_px = np.nanmedian(pixels) if np.isfinite(pixels).any() else np.inf
    more = *flips, _parts_unseen(names, triangulated, parts), _parts_off(parts), _parts_uncertain(sigma)
    found = []
    for t in range(len(seen)):
        cloud = clouded is not None and clouded[t]
        reasons = []
        if seen[t] == 0 and not cloud:
            reasons.append("interpolated: no keypoints")
        elif seen[t] < MIN_LANDMARKS:
            reasons.append(f"few keypoints ({seen[t]})")
        elif cameras > 2 and views[t] < 3:
            reasons.append(f"few cameras ({views[t]})")
        if clouded is not None and not cloud:
            reasons.append("no cloud")
        if pixels[t] > HIGH_RESIDUAL * typical_px:
            reasons.append(f"keypoints {pixels[t]:.0f} px off")
        if surface_mm[t] > HIGH_SURFACE_MM:
            reasons.append(f"surface {surface_mm[t]:.0f} mm off")
        if seen[t] or cloud:
            reasons += [reason for some in more for reason in some.get(t, [])]
        if unsure:
            reasons.append(f"certainty unknown: {unsure}")
        found.append("; ".join(reasons) or GOOD)
    return np.array(found, dtype=np.str_)


def _parts_unseen(names: Sequence[str], triangulated: np.ndarray, parts: TrackParts | None) -> dict[int, list[str]]:
    """Parts that neither points nor keypoints speak of."""
    found: dict[int, list[str]] = {}
    for index, part in enumerate(PART_NAMES):
        side, _, kind = part.rpartition("_")
        stems = {f"{side}_{stem}" if side else stem for stem in LANDMARKS_OF_PART[kind]}
        mine = [name in stems or (not side and name.split("_", 1)[-1] in stems) for name in names]
        blind = ~triangulated[:, mine].any(1)
        what = "no keypoints"
        if parts is not None:
            blind &= ~(parts.coverage[:, index] >= LEAST_COVERAGE)
            what = "no points and no keypoints"
        for t in np.flatnonzero(blind):
            found.setdefault(int(t), []).append(f"{part.replace('_', ' ')}: {what}")
    return found


def _parts_off(parts: TrackParts | None) -> dict[int, list[str]]:
    """Parts whose points lie further from the body than they usually do."""
    found: dict[int, list[str]] = {}
    if parts is None:
        return found
    for index, part in enumerate(PART_NAMES):
        distance = parts.residual_mm[:, index]
        if not np.isfinite(distance).any():
            continue
        limit = max(HIGH_SURFACE_MM, HIGH_PART_RATIO * float(np.nanmedian(distance)))
        for t in np.flatnonzero(np.nan_to_num(distance) > limit):
            found.setdefault(int(t), []).append(f"{part.replace('_', ' ')}: surface {distance[t]:.0f} mm off")
    return found


def _parts_uncertain(sigma: TrackSigma | None) -> dict[int, list[str]]:
    """Parts with a joint that is hardly known."""
    found: dict[int, list[str]] = {}
    if sigma is None:
        return found
    worst = 1000 * sigma.joint_sigma
    of_joint = part_of_joint()
    for index, part in enumerate(PART_NAMES):
        mine = worst[:, of_joint == index].max(1)
        for t in np.flatnonzero(mine > HIGH_SIGMA_MM):
            found.setdefault(int(t), []).append(f"{part.replace('_', ' ')}: uncertain by {mine[t]:.0f} mm")
    return found
