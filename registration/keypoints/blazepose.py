"""The BlazePose detector: finds people, then follows each from image to image by their last landmarks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from registration.keypoints.blazepose_landmarks import INPUT, LandmarkNetwork
from registration.keypoints.blazepose_person import PersonNetwork
from registration.keypoints.blazepose_region import Region
from registration.keypoints.detector import Person2D
from registration.keypoints.sets import BLAZEPOSE, KeypointSet

ALIKE_IOU = 0.6
ALIKE_ANGLE = np.radians(25)
CODE = 1
"""Raised when a change of code changes what is found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BlazePoseOptions:
    """Thresholds of the detector."""

    min_person_score: float = 0.5
    """Of a new region (MediaPipe's value)."""
    min_landmark_score: float = 0.5
    """Of the landmarks in a region, below which the person is lost (MediaPipe's value)."""
    max_people: int = 4
    same_person: float = 0.1
    """Two sets of landmarks are one person when they differ by less than this fraction of the person's height."""
    refine: bool = True
    """Refine the landmarks by the heatmap."""
    mirror: bool = True
    """Look at the mirrored crop as well and average: 10 ms more an image, a third less jitter."""


@dataclass
class BlazePose:
    """BlazePose on LiteRT."""

    detector: Path
    """pose_detection.tflite"""
    landmarks: Path
    """pose_landmark_lite.tflite, _full or _heavy"""
    options: BlazePoseOptions = field(default_factory=BlazePoseOptions)
    threads: int = 1
    keypoints: KeypointSet = BLAZEPOSE

    def __post_init__(self) -> None:
        """Raises RegistrationError when a file is missing or not the network that is meant."""
        self._people = PersonNetwork(self.detector, self.threads)
        self._landmarks = LandmarkNetwork(
            self.landmarks, self.threads, refine_landmarks=self.options.refine, mirror=self.options.mirror
        )

    @property
    def fingerprint(self) -> str:
        """Of the weights, the options and the code."""
        sha = hashlib.sha256(f"{CODE} {self.options}".encode())
        for path in (self.detector, self.landmarks):
            sha.update(Path(path).read_bytes())
        return f"blazepose-{sha.hexdigest()[:16]}"

    def detect(
        self, image: UInt8[np.ndarray, "height width 3"], previous: Sequence[Person2D] = (), search: bool = True
    ) -> list[Person2D]:
        """The people of an RGB image, best first; see `Detector.detect`."""
        found: list[Person2D] = []
        looked: list[Region] = []
        lost = False
        for person in previous:
            if not any(_alike(person.follow, other) for other in looked):
                looked.append(person.follow)
                lost |= not self._look(image, person.follow, person.track, found)
        for region, _ in self._people.find(image, self.options.min_person_score, search or lost or not found):
            # landmarks drift when a person is followed through a fast turn: look afresh where the detector disagrees
            if not any(_alike(region, other) for other in looked):
                looked.append(region)
                self._look(image, region, -1, found)
        found.sort(key=lambda person: -person.score * person.pixel_size)
        return found[: self.options.max_people]

    def _look(
        self, image: UInt8[np.ndarray, "height width 3"], region: Region, track: int, found: list[Person2D]
    ) -> bool:
        """Adds what is in a region to `found` if it is not yet there; whether anybody is in the region."""
        readings = self._landmarks.find(image, region)
        if readings[0].score < self.options.min_landmark_score:
            return False
        for n, seen in enumerate(readings):
            person = Person2D(
                q=seen.q,
                visibility=seen.visibility,
                score=seen.score,
                pixel_size=region.side / INPUT,
                track=track if n == 0 else -1,
                mask=seen.mask,
                follow=seen.next_region,
            )
            if not any(_same(person, other, self.options.same_person) for other in found):
                found.append(person)
        return True


def _alike(a: Region, b: Region) -> bool:
    """Whether two regions would show the network nearly the same picture."""
    turned = np.abs((a.angle - b.angle + np.pi) % (2 * np.pi) - np.pi)
    return bool(a.overlap(b) > ALIKE_IOU and turned < ALIKE_ANGLE)


def _same(a: Person2D, b: Person2D, fraction: float) -> bool:
    """Whether two sets of landmarks lie on one person, whichever way round."""
    height = max(np.ptp(a.q, axis=0).max(), np.ptp(b.q, axis=0).max())
    swapped = b.q[BLAZEPOSE.mirror]
    distance = min(np.median(np.linalg.norm(a.q - q, axis=-1)) for q in (b.q, swapped))
    return bool(distance < fraction * height)
