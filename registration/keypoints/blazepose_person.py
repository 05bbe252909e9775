"""BlazePose's first network: where in the image are people, and how do they stand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from registration.keypoints.blazepose_network import Network
from registration.keypoints.blazepose_region import Region

INPUT = 224
STRIDES = ((8, 2), (16, 2), (32, 6))
"""Stride in pixels and anchors a cell of the output layers (MediaPipe, pose_detection_cpu.pbtxt)."""
SAME_PERSON_IOU = 0.3
"""Boxes that overlap more are one person and are averaged by score (MediaPipe, pose_detection_cpu.pbtxt)."""
SAME_REGION_IOU = 0.6
"""Regions found in two tiles of an image that overlap more are one person."""
TILE_OVERLAP = 0.5


class PersonNetwork:
    """Finds the regions of all people in an image, also of people who are small in it."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Loads pose_detection.tflite. Raises RegistrationError for a missing or other file."""
        self.network = Network(path, (INPUT, INPUT, 3), {"scores": (2254, 1), "boxes": (2254, 12)}, threads)
        self.fingerprint = hashlib.sha256(Path(path).read_bytes()).digest()
        self.anchors = _anchors()

    def find(
        self, image: UInt8[np.ndarray, "height width 3"], min_score: float = 0.5, thorough: bool = True
    ) -> list[tuple[Region, float]]:
        """Regions with their scores, best first.

        The whole image is searched first. A thorough search goes on with squares of its shorter side when it is much
        longer than wide, and, as long as nobody was found, with squares of half that side: a person below about a tenth
        of the image is missed otherwise.
        """
        height, width = image.shape[:2]
        long, short = max(height, width), min(height, width)
        found = self._find_in(image, (0, 0, width, height), min_score)
        if thorough and long > 1.2 * short:
            for tile in tiles(width, height, short):
                found += self._find_in(image, tile, min_score)
        if thorough and not found:
            for tile in tiles(width, height, max(short // 2, min(INPUT, short))):
                found += self._find_in(image, tile, min_score)
        return distinct(found)

    def _find_in(
        self, image: UInt8[np.ndarray, "height width 3"], tile: tuple[int, int, int, int], min_score: float
    ) -> list[tuple[Region, float]]:
        left, top, right, bottom = tile
        part = image[top:bottom, left:right]
        canvas, pixel, border = letterbox(part)
        out = self.network.run(canvas.astype(np.float32) / 127.5 - 1)
        scores = 1 / (1 + np.exp(-np.clip(out["scores"][:, 0].astype(np.float64), -100, 100)))
        rows = np.flatnonzero(scores > min_score)
        if not len(rows):
            return []
        raw = out["boxes"][rows].astype(np.float64).reshape(-1, 6, 2) / INPUT
        raw[:, [0, 2, 3, 4, 5]] += self.anchors[rows, None]  # row 1 is the box's width and height
        people = weighted_suppression(raw, scores[rows])
        # fractions of the canvas, with 0 and 1 at its edges, to pixels of the whole image
        regions = []
        for points, score in people:
            q = (points * INPUT - border) * pixel - 0.5 + [left, top]
            regions.append((Region.around(q[2], q[3]), score))
        return regions


def letterbox(
    image: UInt8[np.ndarray, "height width 3"],
) -> tuple[UInt8[np.ndarray, "224 224 3"], float, Float[np.ndarray, "2"]]:
    """The image scaled into the middle of a black square: canvas, image pixels to a canvas pixel, border (x, y).

    With (0, 0) at the outer corner of the first pixel, a point u of the canvas shows the point (u - border) * pixels.
    """
    height, width = image.shape[:2]
    pixel = max(height, width) / INPUT
    border = (INPUT - np.array([width, height]) / pixel) / 2
    A = np.array([[pixel, 0, (0.5 - border[0]) * pixel - 0.5], [0, pixel, (0.5 - border[1]) * pixel - 0.5]])
    if pixel > 2:  # average first: bilinear sampling would skip pixels
        block = 2 ** int(np.log2(pixel))
        image = cv2.resize(
            image[: height // block * block, : width // block * block],
            (width // block, height // block),
            interpolation=cv2.INTER_AREA,
        )
        A = A / block
        A[:, 2] += 0.5 / block - 0.5
    canvas = cv2.warpAffine(image, A, (INPUT, INPUT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return canvas, pixel, border


def tiles(width: int, height: int, side: int) -> list[tuple[int, int, int, int]]:
    """Squares (left, top, right, bottom) of a side that cover an image and overlap by at least half."""
    lefts, tops = (
        np.unique(np.linspace(0, n - side, int(np.ceil((n - side) / (side * TILE_OVERLAP))) + 1).astype(int))
        for n in (width, height)
    )
    return [(int(x), int(y), int(x) + side, int(y) + side) for y in tops for x in lefts]


def weighted_suppression(
    raw: Float[np.ndarray, "boxes 6 2"], scores: Float[np.ndarray, "boxes"]
) -> list[tuple[Float[np.ndarray, "6 2"], float]]:
    """One averaged (centre, size, four points) and the best score for each cluster of overlapping boxes."""
    low, high = raw[:, 0] - raw[:, 1] / 2, raw[:, 0] + raw[:, 1] / 2
    area = raw[:, 1].prod(-1)
    left = np.argsort(-scores, kind="stable")
    people = []
    while len(left):
        best = left[0]
        inter = np.clip(np.minimum(high[left], high[best]) - np.maximum(low[left], low[best]), 0, None).prod(-1)
        same = inter > SAME_PERSON_IOU * (area[left] + area[best] - inter)
        same[0] = True
        cluster = left[same]
        people.append((np.average(raw[cluster], axis=0, weights=scores[cluster]), float(scores[best])))
        left = left[~same]
    return people


def distinct(found: Sequence[tuple[Region, float]]) -> list[tuple[Region, float]]:
    """The regions, best first, without those that repeat a better one."""
    kept: list[tuple[Region, float]] = []
    for region, score in sorted(found, key=lambda item: -item[1]):
        if all(region.overlap(other) < SAME_REGION_IOU for other, _ in kept):
            kept.append((region, score))
    return kept


def _anchors() -> Float[np.ndarray, "2254 2"]:
    """Centres of the anchors as fractions of the canvas, in the network's order."""
    layers = []
    for stride, count in STRIDES:
        n = INPUT // stride
        y, x = np.mgrid[:n, :n]
        centers = (np.stack([x, y], -1).reshape(-1, 2) + 0.5) / n
        layers.append(np.repeat(centers, count, axis=0))
    return np.concatenate(layers)
