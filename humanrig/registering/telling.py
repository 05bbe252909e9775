"""What the manifest keeps of a fitted person, and what the input was like, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from humanrig.registering.person_clouds import LEAST_POINTS, PersonClouds
from registration.body_track import GOOD, BodyTrack
from registration.fit.clip import Fit

MANY = 0.5
"""A share of flagged frames from which the whole track is doubted."""


def with_cloud_flags(track: BodyTrack, clouds: PersonClouds | None) -> BodyTrack:
    """The track, flagged where a cloud was left out for having hardly a point, or had points that are no numbers."""
    if clouds is None:
        return track
    flags = []
    for instant, flag in zip(track.instants.tolist(), track.flags.tolist(), strict=True):
        count, broken = clouds.counts.get(instant, 0), clouds.broken.get(instant, 0)
        reasons = [flag] if flag else []
        if 0 < count < LEAST_POINTS:
            reasons = [r for r in reasons if r != "no cloud"] + [f"tiny cloud ({count} points), not used"]
        if broken:
            reasons.append(f"{broken} points of the cloud are no numbers, left out")
        flags.append("; ".join(reasons) or GOOD)
    return replace(track, flags=np.array(flags, dtype=np.str_))


def figures(fit: Fit, track: BodyTrack, *, with_clouds: bool, seconds: float) -> dict[str, Any]:
    """Residuals, flags, shape and speed of one person, JSON-able."""
    flagged = {int(i): str(f) for i, f in zip(track.instants, track.flags, strict=True) if f}
    return {
        "frames": len(track),
        "flagged": flagged,
        "keypoint_px_median": _mean_of(track.keypoint_px, np.nanmedian),
        "surface_mm_mean": _mean_of(track.surface_mm, np.nanmean) if with_clouds else None,
        "fit_seconds": _rounded(seconds),
        "betas": [_rounded(float(beta)) for beta in track.parameters.betas],
        "child": _rounded(track.parameters.child),
        "landmark_offsets_mm": {
            name: [_rounded(1000 * float(x)) for x in offset] for name, offset in zip(fit.landmarks, fit.state.offsets)
        },
        "model": track.model,
    }


def warnings(people: Mapping[str, Mapping[str, Any]], failed: Mapping[str, str], asked: int | None) -> list[str]:
    """Sentences about people who are missing, who failed, or whose track is mostly doubted."""
    found = [f"{person} has no body: {why}" for person, why in failed.items()]
    if asked is not None and len(people) + len(failed) < asked:
        found.append(
            f"{asked} people were asked for, the keypoints have {len(people) + len(failed)}; "
            "see the warnings of the stages masks and keypoints"
        )
    found += [f"{person}: {values['trouble']}" for person, values in people.items() if values.get("trouble")]
    for person, values in people.items():
        share = len(values["flagged"]) / max(values["frames"], 1)
        if share > MANY:
            first = next(iter(values["flagged"].values()))
            found.append(f"{person}: {share:.0%} of the instants are flagged, the first '{first}'; do not trust it")
    return found


def _mean_of(values: np.ndarray, reduce: Any) -> float | None:
    return _rounded(float(reduce(values))) if np.isfinite(values).any() else None


def _rounded(value: float) -> float:
    return round(float(value), 3)
