"""Landmarks of one person over a clip, as a fit takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from geometry.camera import Camera

DETECTION_OF_EXTENT = 6 / 700
"""Standard deviation of detections that are believed, relative to the person's extent (docs/keypoints.md)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipKeypoints:
    """Landmarks of one person over a clip, in the world and in the cameras' images."""

    names: Sequence[str]
    cameras: Sequence[Camera]
    p_world: Float[np.ndarray, "frames keypoints 3"]
    """Metres; NaN where not triangulated."""
    sigma: Float[np.ndarray, "frames keypoints"]
    """Metres."""
    q: Float[np.ndarray, "frames cameras keypoints 2"]
    """Pixels; NaN where not seen."""
    confidence: Float[np.ndarray, "frames cameras keypoints"]
    used: Bool[np.ndarray, "frames cameras keypoints"]
    """Whether the triangulation believed this view."""
    time_us: Int64[np.ndarray, "frames"]
    instants: Int64[np.ndarray, "frames"]
    depth_sigma: Float[np.ndarray, "frames keypoints"] | None = None
    """Of points that one camera and its depth gave: standard deviation along the ray, metres; NaN for the others."""

    def __len__(self) -> int:
        return len(self.p_world)

    def __getitem__(self, frames: slice | np.ndarray) -> ClipKeypoints:
        """Some of the frames."""
        return ClipKeypoints(
            names=self.names, cameras=self.cameras, p_world=self.p_world[frames], sigma=self.sigma[frames],
            q=self.q[frames], confidence=self.confidence[frames], used=self.used[frames],
            time_us=self.time_us[frames], instants=self.instants[frames],
            depth_sigma=None if self.depth_sigma is None else self.depth_sigma[frames],
        )  # fmt: skip


def pixel_sigma(keypoints: ClipKeypoints, least_px: float) -> Float[np.ndarray, "cameras"]:
    """Standard deviation of each camera's detections along an axis, from their distances to the triangulated points.

    The median length of a two-dimensional Gaussian is 1.18 standard deviations. Points that came from one camera's
    depth lie on its detections; a camera without others has the detector's usual error, by the person's size in it.
    """
    sigma = np.full(len(keypoints.cameras), least_px)
    lifted = np.zeros(keypoints.sigma.shape, bool)
    if keypoints.depth_sigma is not None:
        lifted = np.isfinite(keypoints.depth_sigma)
    for c, camera in enumerate(keypoints.cameras):
        distance = np.linalg.norm(keypoints.q[:, c] - camera.project(keypoints.p_world), axis=-1)
        known = distance[keypoints.used[:, c] & np.isfinite(distance) & ~lifted]
        if len(known):
            sigma[c] = max(least_px, float(np.median(known)) / 1.18)
        elif (seen := np.isfinite(keypoints.q[:, c]).all((1, 2))).any():
            extent = np.ptp(keypoints.q[seen, c], axis=1).max(1)
            sigma[c] = max(least_px, DETECTION_OF_EXTENT * float(np.median(extent)))
    return sigma
