"""BlazePose's second network: the landmarks and the mask of the person in a region."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float, Float32, UInt8

from registration.keypoints.blazepose_network import Network
from registration.keypoints.blazepose_region import Region
from registration.keypoints.detector import PersonMask
from registration.keypoints.sets import BLAZEPOSE

INPUT: Final = 256
BODY: Final = 33
"""Landmarks of the body; the two after them say where the person will be looked for in the next image."""
MIRROR: Final = np.concatenate([BLAZEPOSE.mirror, np.arange(BODY, 39)])
OUTPUTS: Final = {"landmarks": (195,), "score": (1,), "mask": (INPUT, INPUT, 1), "heatmap": (64, 64, 39)}
AGREE: Final = 12.0
"""Pixels of the crop within which two answers are the same, noisily: six times the usual error."""
AGREEING: Final = 0.8
"""Fraction of the landmarks that must agree for the two answers to be one."""
REFINE_RADIUS: Final = 3
REFINE_FROM: Final = 0.5
"""A landmark moves to the centre of mass of the 7x7 heatmap cells around it when one of them is above this
(MediaPipe, tensors_to_pose_landmarks_and_segmentation.pbtxt)."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What the network says about one region."""

    q: Float[np.ndarray, "33 2"]
    """Pixels of the image."""
    visibility: Float[np.ndarray, "33"]
    score: float
    """Belief that the region shows a person."""
    next_region: Region
    """Where the person would be looked for in the next image."""
    mask: PersonMask


class LandmarkNetwork:
    """Landmarks and mask of one person."""

    def __init__(self, path: Path, threads: int = 1, refine_landmarks: bool = True, mirror: bool = False) -> None:
        """Loads pose_landmark_*.tflite. Raises RegistrationError for a missing or other file."""
        self.network = Network(path, (INPUT, INPUT, 3), OUTPUTS, threads)
        self.refine_landmarks = refine_landmarks
        self.mirror = mirror

    def find(self, image: UInt8[np.ndarray, "height width 3"], region: Region) -> list[Landmarks]:
        """Landmarks of the person in a region of an RGB image.

        A second entry is another reading of the same picture: with `mirror`, when the mirrored crop is read as a
        person who stands differently. Other cameras can tell which is right.
        """
        crop = region.crop(image, INPUT)
        u, belief, score, mask = self._look(crop)
        readings = [u]
        if self.mirror:
            u2, belief2, score2, mask2 = self._look(np.ascontiguousarray(crop[:, ::-1]))
            u2 = np.where([True, False], INPUT - u2, u2)[MIRROR]
            readings = merge_mirrored(u, u2)
            belief, score = (belief + belief2[MIRROR]) / 2, (score + score2) / 2
            mask = (mask + mask2[:, ::-1]) / 2
        A = region.A_image_crop(INPUT)
        person_mask = PersonMask(crop=np.round(mask * 255).astype(np.uint8), A_image_crop=A)
        found = []
        for reading in readings:
            q = (reading - 0.5) @ A[:, :2].T + A[:, 2]  # from the outer corner of the first pixel to its centre
            around = Region.around(q[BODY], q[BODY + 1])
            found.append(Landmarks(q[:BODY], belief[:BODY], score, around, person_mask))
        return found

    def _look(
        self, crop: UInt8[np.ndarray, "256 256 3"]
    ) -> tuple[Float[np.ndarray, "39 2"], Float[np.ndarray, "39"], float, Float[np.ndarray, "256 256"]]:
        """Points in the crop, visibility, score and mask."""
        out = self.network.run(crop.astype(np.float32) / 255)
        raw = out["landmarks"].astype(np.float64).reshape(39, 5)
        u = raw[:, :2]
        if self.refine_landmarks:
            u = refine(u, out["heatmap"])
        return u, _sigmoid(raw[:, 3]), float(out["score"][0]), _sigmoid(out["mask"][..., 0])


def merge_mirrored(
    u: Float[np.ndarray, "landmarks 2"], u2: Float[np.ndarray, "landmarks 2"]
) -> list[Float[np.ndarray, "landmarks 2"]]:
    """One or two readings of a crop, from the landmarks in it and those in its mirror image, in one frame.

    Where both agree, their mean. Where the person may be seen from the front or from behind the network may choose
    either: the sides of the second are exchanged if that fits better, so that no mean falls between left and right.
    """
    u2 = min((u2, u2[MIRROR]), key=lambda other: float(np.median(np.linalg.norm(u - other, axis=-1))))
    agree = np.linalg.norm(u - u2, axis=-1) < AGREE
    mean = (u + u2) / 2
    first = np.where(agree[:, None], mean, u)
    if agree.mean() >= AGREEING:
        return [first]
    return [first, np.where(agree[:, None], mean, u2)]


def refine(
    crop: Float[np.ndarray, "landmarks 2"], heatmap: Float32[np.ndarray, "rows columns landmarks"]
) -> Float[np.ndarray, "landmarks 2"]:
    """Landmarks moved to the centre of mass of the heatmap around them, in pixels of the crop; some stay."""
    rows, columns, count = heatmap.shape
    cell = np.array([INPUT / columns, INPUT / rows])
    base = np.floor(crop / cell).astype(int)
    step = np.arange(-REFINE_RADIUS, REFINE_RADIUS + 1)
    x, y = base[:, 0, None, None] + step[None, None, :], base[:, 1, None, None] + step[None, :, None]
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    which = np.arange(count)[:, None, None]
    p = _sigmoid(heatmap[y.clip(0, rows - 1), x.clip(0, columns - 1), which].astype(np.float64)) * inside
    total = p.sum((1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        center = np.stack([(p * x).sum((1, 2)), (p * y).sum((1, 2))], -1) / total[:, None] * cell
    return np.where((p.max((1, 2)) >= REFINE_FROM)[:, None], center, crop)


def _sigmoid(x: Float[np.ndarray, "*shape"] | Float32[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    return 1 / (1 + np.exp(-np.clip(x.astype(np.float64), -60, 60)))
