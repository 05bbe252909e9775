"""Keypoints of one moving person in the images of several cameras."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int64

from calibration.errors import CalibrationError

SIGMA_OF_HEIGHT = 0.011
"""Standard deviation of a keypoint along each axis at confidence 1, as a part of the person's height in the image.
BlazePose on a published four-camera recording: 7.7 px where the person is 700 px high."""
LOWEST_CONFIDENCE = 0.05
"""Below it a keypoint is taken as not seen: the detector only guesses it from the rest of the body."""
LOWER = ("hip", "knee", "ankle", "heel", "foot", "toe")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Keypoints:
    """What a detector found of one person."""

    names: tuple[str, ...]
    """Of the joints. Those that begin or end with left or right are taken as pairs, which a detector may exchange."""
    cameras: tuple[str, ...]
    """Stream names."""
    q: Float[np.ndarray, "instants cameras joints 2"]
    """Pixels; NaN where nothing was found. All cameras of a row saw the same moment."""
    confidence: Float[np.ndarray, "instants cameras joints"]
    """0 to 1."""
    sigma_px: Float[np.ndarray, "instants cameras joints"] | None = None
    """Standard deviation along each axis; None: from the person's size in the image and the confidence."""

    def __post_init__(self) -> None:
        """Raises CalibrationError when the arrays do not fit to the names."""
        shape = (len(self.q), len(self.cameras), len(self.names))
        if self.q.shape != (*shape, 2) or self.confidence.shape != shape:
            raise CalibrationError(
                f"keypoints of {len(self.cameras)} cameras and {len(self.names)} joints came as {self.q.shape} with "
                f"confidence {self.confidence.shape}; give (instants, cameras, joints, 2)"
            )

    @property
    def sigma(self) -> Float[np.ndarray, "instants cameras joints"]:
        """Pixels; NaN where a joint counts as not seen."""
        seen = np.isfinite(self.q).all(-1) & (self.confidence >= LOWEST_CONFIDENCE)
        if self.sigma_px is not None:
            return np.where(seen, self.sigma_px, np.nan)
        span = spans(np.where(seen[..., None], self.q, np.nan))[..., None]
        return np.where(seen, SIGMA_OF_HEIGHT * span / np.sqrt(np.maximum(self.confidence, LOWEST_CONFIDENCE)), np.nan)

    @property
    def mirror(self) -> Int64[np.ndarray, "joints"]:
        """Index of the same joint on the other side; its own where it has none."""
        places = {name: n for n, name in enumerate(self.names)}
        return np.array([places.get(_mirrored(name), n) for n, name in enumerate(self.names)], np.int64)

    @property
    def parts(self) -> Bool[np.ndarray, "parts joints"]:
        """The upper and the lower body, whose sides are exchanged each on their own."""
        lower = np.array([any(word in name for word in LOWER) for name in self.names])
        return np.stack([~lower, lower])

    def useful(self, most: int) -> Int64[np.ndarray, "instants"]:
        """At most so many instants, evenly spread over those at which two cameras see something."""
        there = np.flatnonzero(np.isfinite(self.sigma).any(-1).sum(1) >= 2)
        if len(there) <= most:
            return there
        return there[np.linspace(0, len(there) - 1, most).round().astype(np.int64)]

    def at(self, instants: Int64[np.ndarray, "some"]) -> Keypoints:
        """Those of some instants."""
        sigma = None if self.sigma_px is None else self.sigma_px[instants]
        return replace(self, q=self.q[instants], confidence=self.confidence[instants], sigma_px=sigma)

    def without(self, *words: str) -> Keypoints:
        """Those of the joints whose names have none of the words: a blurred face has no true nose, eyes and mouth."""
        kept = [n for n, name in enumerate(self.names) if not any(word in name for word in words)]
        return Keypoints(
            names=tuple(self.names[n] for n in kept),
            cameras=self.cameras,
            q=self.q[:, :, kept],
            confidence=self.confidence[:, :, kept],
            sigma_px=self.sigma[:, :, kept],
        )


def spans(q: Float[np.ndarray, "*people joints 2"]) -> Float[np.ndarray, "*people"]:
    """Diagonal of the box around each person's joints, pixels; 0 for nobody."""
    low = np.where(np.isfinite(q), q, np.inf).min(-2)
    high = np.where(np.isfinite(q), q, -np.inf).max(-2)
    return np.linalg.norm(np.where(np.isfinite(low), high - np.where(np.isfinite(low), low, 0), 0), axis=-1)


def _mirrored(name: str) -> str:
    if "left" in name:
        return name.replace("left", "right")
    if "right" in name:
        return name.replace("right", "left")
    for a, b in (("l_", "r_"), ("r_", "l_")):
        if name.startswith(a):
            return b + name[2:]
    return name
