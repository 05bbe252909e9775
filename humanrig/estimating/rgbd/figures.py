"""What was found in footage with depth, for programs; docs/estimate_rgbd.md names the keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.rigid import transform
from hps.points.estimate import USABLE
from hps.rgbd.agreement import clip_shift
from humanrig.estimating.rgb.outputs import PERSON
from humanrig.estimating.rgbd.footage import RgbdFootage

if TYPE_CHECKING:
    from hps.rgbd.estimator import RgbdEstimator
    from humanrig.estimating.rgbd.estimating import PersonFound


def figures_of(people: Sequence[PersonFound], rgbd: RgbdFootage, estimator: RgbdEstimator) -> dict[str, Any]:
    """Of one piece of footage."""
    agreement = [one for person in people for one in person.batch.agreement if one is not None]
    shift = clip_shift(agreement)
    return {
        "name": rgbd.footage.name,
        "frames": len(rgbd.footage),
        "size": [rgbd.footage.width, rgbd.footage.height],
        "frame": rgbd.frame,
        "depth_shift_m": None if shift is None else [round(float(value), 3) for value in shift],
        "people": {PERSON.format(person.number): _person(person, rgbd, estimator) for person in people},
    }


def _person(person: PersonFound, rgbd: RgbdFootage, estimator: RgbdEstimator) -> dict[str, Any]:
    clip, batch = person.clip, person.batch
    estimate = clip.estimate
    rest = estimator.body.shaped(estimate.parameters.betas, estimate.parameters.child)
    sigma_mm = 1000 * np.sqrt(np.trace(estimate.joint_covariance, axis1=2, axis2=3) / 3)
    place = {int(person.rows[row]): n for n, row in enumerate(batch.rows)}
    frames = []
    for n, row in enumerate(clip.frames.tolist()):
        own = place.get(row)
        agreed = None if own is None else batch.agreement[own]
        pelvis = transform(rgbd.depth(row).color_camera.T_camera_world, estimate.joints[n, 0])
        frames.append(
            {
                "frame": int(rgbd.footage.frames[row]),
                "confidence": round(float(estimate.confidence[n]), 3),
                "reason": estimate.reasons[n],
                "used": "neither" if own is None else batch.used[own],
                "note": "" if own is None else batch.notes[own],
                "apart": None if agreed is None else round(agreed.apart, 2),
                "joint_sigma_mm": round(float(sigma_mm[n].mean()), 1),
                "distance_m": round(float(pelvis[2]), 3),
                "cloud_to_body_mm": _rounded(clip.residual_mm[n]),
            }
        )
    good = estimate.confidence >= USABLE
    measured = clip.residual_mm[np.isfinite(clip.residual_mm)]
    return {
        "bodies": len(clip.frames),
        "doubted": int((~good).sum()),
        "missing": len(clip.refused),
        "used": dict(Counter(frame["used"] for frame in frames)),
        "confidence_median": round(float(np.median(estimate.confidence)), 3),
        "joint_sigma_mm_median": round(float(np.median(sigma_mm)), 1),
        "distance_m_median": round(float(np.median([frame["distance_m"] for frame in frames])), 3),
        "cloud_to_body_mm_median": _rounded(float(np.median(measured))) if len(measured) else None,
        "height_m": round(float(np.ptp(rest[:, 1])), 3),
        "milliseconds": {name: round(spent, 1) for name, spent in estimate.milliseconds.items()},
        "files": [str(path) for path in person.files],
        "by_frame": frames,
    }


def _rounded(value: float) -> float | None:
    return round(float(value), 1) if np.isfinite(value) else None
