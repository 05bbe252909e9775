"""When views do not determine a lens, and why, in words."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from calibration.bundle.problem import INTRINSICS, IntrinsicsPrior, intrinsics_of
from calibration.intrinsics.coverage import TILTED_DEG, Coverage
from geometry.camera import Camera

FEWEST_VIEWS = 6
"""The person recording's cameras, with 6 and 7 chessboards each, come within 0.45 % of the motion capture's f; with 2
to 4 of these boards they miss it by up to 1.7 %."""
FEWEST_TILTED = 2
"""Views that show perspective: the least of the person recording's cameras, which calibrate to 0.45 %; the degenerate
iPhone capture has none of 31. Whether they suffice is seen in the sigma, which leaves each out once."""
LEAST_HULL = 0.3
"""Part of the image inside the hull of all corners: OpenCV's stereo set has 0.46, the iPhone capture 0.14."""
FOCAL_LIMIT = 0.005
"""Largest sigma of f, of f: OpenCV's stereo set has 0.0024, the Azure Kinect set 0.0004; the iPhone capture 0.017, and
is wrong by 0.06."""
CENTER_LIMIT = 0.0075
"""Largest sigma of the principal point, of f: OpenCV's stereo set has 0.0028; the iPhone capture 0.0085."""
LEAST_DISTANCES = 1.25
"""Farthest distance as a multiple of the nearest below which it is named as a reason."""
AGAINST_PRIOR = 4.0
"""Standard deviations of the prior that a lens may move from it; 6 in 100,000 would by chance."""


def weaknesses(
    camera: Camera, sigma: Float[np.ndarray, "12"], coverage: Coverage, views: int, converged: bool
) -> tuple[str, ...]:
    """Why a lens cannot be trusted, each a clause that names its number and the limit; none: it can."""
    found = []
    if views < FEWEST_VIEWS:
        found.append(f"{views} views of the board, at least {FEWEST_VIEWS} needed")
    if coverage.tilted < FEWEST_TILTED:
        frontal = "the views are nearly frontal: " if 4 * coverage.tilted < len(coverage.instants) else ""
        found.append(
            f"{frontal}{coverage.tilted} of {len(coverage.instants)} views tilt the board more than "
            f"{TILTED_DEG:.0f}° against the optical axis, at least {FEWEST_TILTED} needed"
        )
    if coverage.hull_part < LEAST_HULL:
        found.append(f"the corners cover {coverage.hull_part:.0%} of the image, at least {LEAST_HULL:.0%} needed")
    f = float(np.sqrt(camera.K[0, 0] * camera.K[1, 1]))
    focal, center = float(sigma[:2].max()) / f, float(sigma[2:4].max()) / f
    if focal > FOCAL_LIMIT:
        same = coverage.distance_ratio < LEAST_DISTANCES
        why = f", with the board always {np.median(coverage.distance_m):.2f} m away" if same else ""
        found.append(f"the focal length is known to ±{_part(focal)} only{why} (limit {FOCAL_LIMIT:.1%})")
    if center > CENTER_LIMIT:
        found.append(
            f"the principal point is known to ±{_pixels(sigma[2:4].max())} only (limit {CENTER_LIMIT * f:.1f} px)"
        )
    if not converged:
        found.append("the adjustment did not come to rest")
    return tuple(found)


def contradiction(camera: Camera, prior: IntrinsicsPrior) -> str:
    """How a lens disagrees with what was known before, in words; empty where it does not."""
    moved = intrinsics_of(camera)[:4] - prior.mean[:4]
    free = np.isfinite(prior.sigma[:4]) & (prior.sigma[:4] > 0)
    sigmas = np.where(free, np.abs(moved) / np.where(free, prior.sigma[:4], 1.0), 0.0)
    worst = int(sigmas.argmax())
    if sigmas[worst] <= AGAINST_PRIOR:
        return ""
    return (
        f"the views say {INTRINSICS[worst]} = {prior.mean[worst] + moved[worst]:.1f} px, the factory "
        f"{prior.mean[worst]:.1f} ± {prior.sigma[worst]:.1f} px: its numbers may be of another image size or mode"
    )


def advice(coverage: Coverage) -> str:
    """What to do next, in words."""
    steps = []
    if coverage.tilted < FEWEST_TILTED:
        steps.append("tilt the board by 30° to 50°, to both sides and up and down")
    if coverage.hull_part < LEAST_HULL:
        empty = coverage.empty_places()
        steps.append(f"show it at the {', '.join(empty[:4])} of the image" if empty else "show it nearer")
    if coverage.distance_ratio < LEAST_DISTANCES:
        steps.append("show it nearer and farther")
    return "; ".join(steps) or "record more views"


def _part(value: float) -> str:
    return f"{value:.1%}" if np.isfinite(value) else "any amount"


def _pixels(value: float) -> str:
    return f"{value:.1f} px" if np.isfinite(value) else "any amount"
