"""What was found in some footage, for programs; docs/estimate_rgb.md names the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from geometry.rigid import transform
from hps.points.estimate import USABLE
from humanrig.estimating.rgb.lens import Lens
from humanrig.estimating.rgb.outputs import PERSON

if TYPE_CHECKING:
    from hps.rgb.estimator import RgbEstimator
    from humanrig.estimating.rgb.estimating import PersonFound, SeenPeople


def figures_of(people: Sequence[PersonFound], seen: SeenPeople, lens: Lens, estimator: RgbEstimator) -> dict[str, Any]:
    """Of one piece of footage."""
    return {
        "name": seen.footage.name,
        "frames": len(seen.footage),
        "size": [seen.footage.width, seen.footage.height],
        "frame": "camera" if seen.footage.camera is None else "world",
        "lens": lens.described(),
        "seen_too_briefly": seen.brief,
        "people": {PERSON.format(person.number): _person(person, seen, lens, estimator) for person in people},
    }


def _person(person: PersonFound, seen: SeenPeople, lens: Lens, estimator: RgbEstimator) -> dict[str, Any]:
    clip, found = person.clip.clip, person.clip.found
    estimate = clip.estimate
    rest = estimator.body.shaped(estimate.parameters.betas, estimate.parameters.child)
    across_mm, along_mm = view_sigmas_mm(estimate.joints, estimate.joint_covariance, lens.camera.center)
    distance = transform(lens.camera.T_camera_world, estimate.joints[:, 0])[:, 2]
    place = {int(row): n for n, row in enumerate(person.clip.rows)}
    frames = []
    for n, row in enumerate(clip.frames.tolist()):
        signs = found.signs[place[row]] if row in place else None
        frames.append(
            {
                "frame": int(seen.footage.frames[row]),
                "confidence": round(float(estimate.confidence[n]), 3),
                "reason": estimate.reasons[n],
                "joint_sigma_across_mm": round(float(across_mm[n].mean()), 1),
                "joint_sigma_along_mm": round(float(along_mm[n].mean()), 1),
                "distance_m": round(float(distance[n]), 3),
                "keypoint_px": None if signs is None or np.isnan(signs.residual_px) else round(signs.residual_px, 2),
                "unseen": [] if signs is None else list(signs.unseen),
            }
        )
    good = estimate.confidence >= USABLE
    unseen = [limb for limb in dict.fromkeys(u for f in frames for u in f["unseen"])]
    return {
        "bodies": len(clip.frames),
        "doubted": int((~good).sum()),
        "missing": len(clip.refused),
        "confidence_median": round(float(np.median(estimate.confidence)), 3),
        "detector_score_median": round(float(np.median([one.score for one in found.signs])), 3),
        "joint_sigma_across_mm_median": round(float(np.median(across_mm)), 1),
        "joint_sigma_along_mm_median": round(float(np.median(along_mm)), 1),
        "distance_m_median": round(float(np.median(distance)), 3),
        "height_m": round(float(np.ptp(rest[:, 1])), 3),
        "unseen": [limb for limb in unseen if _mostly(frames, limb)],
        "milliseconds": {name: round(spent, 1) for name, spent in estimate.milliseconds.items()},
        "floor": _floor(person),
        "files": [str(path) for path in person.files],
        "by_frame": frames,
    }


def view_sigmas_mm(
    joints: Float[np.ndarray, "frames joints 3"],
    covariance: Float[np.ndarray, "frames joints 3 3"],
    center: Float[np.ndarray, "3"],
) -> tuple[Float[np.ndarray, "frames joints"], Float[np.ndarray, "frames joints"]]:
    """Standard deviations of joints (metres) across the rays from the camera's centre, along any axis, and along them.

    What one view does not tell, the distance, is in the second alone. Millimetres.
    """
    rays = joints - center
    rays = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    along = np.einsum("fji,fjik,fjk->fj", rays, covariance, rays)
    across = (np.trace(covariance, axis1=2, axis2=3) - along) / 2
    return 1000 * np.sqrt(np.maximum(across, 0)), 1000 * np.sqrt(np.maximum(along, 0))


def _floor(person: PersonFound) -> dict[str, Any] | None:
    """None where nobody asked for it."""
    standing = person.standing
    if standing is None:
        return None
    return {
        "up": standing.up.round(4).tolist(),
        "camera_height_m": round(standing.offset_m, 3),
        "stands": round(float(standing.stands.mean()), 3),
        "moved_m_median": round(float(np.median(np.abs(standing.moved_m))), 3),
    }


def _mostly(frames: list[dict[str, Any]], limb: str) -> bool:
    return sum(limb in frame["unseen"] for frame in frames) > 0.5 * len(frames)
