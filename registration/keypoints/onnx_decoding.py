"""From the outputs of a pose model to keypoints in pixels of its own image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

SAME_PERSON_IOU = 0.65
"""Boxes that overlap more are one person (what YOLO-pose models are published with)."""


@dataclass(frozen=True, slots=True)
class Read:
    """One person in the model's image; (0, 0) is the outer corner of its first pixel."""

    u: Float[np.ndarray, "joints 2"]
    confidence: Float[np.ndarray, "joints"]
    score: float


def from_heatmaps(
    heatmaps: Float32[np.ndarray, "joints rows columns"], width: int, height: int, udp: bool = False
) -> Read:
    """The peak of each map, to a fraction of a cell by the parabola through the logarithms beside it."""
    joints, rows, columns = heatmaps.shape
    flat = heatmaps.reshape(joints, -1).argmax(1)
    y, x = np.unravel_index(flat, (rows, columns))
    confidence = heatmaps.reshape(joints, -1).max(1).astype(np.float64)
    logs = np.log(np.maximum(heatmaps.astype(np.float64), 1e-10))
    k = np.arange(joints)
    cell = np.stack([x + _peak(logs[k, y], x), y + _peak(logs[k, :, x], y)], -1)
    if udp:
        u = cell * [(width - 1) / max(columns - 1, 1), (height - 1) / max(rows - 1, 1)] + 0.5
    else:
        u = cell * [width / columns, height / rows]
    return Read(u, np.clip(confidence, 0, 1), float(np.clip(confidence, 0, 1).mean()))


def from_simcc(
    x: Float32[np.ndarray, "joints bins"], y: Float32[np.ndarray, "joints bins2"], width: int, height: int
) -> Read:
    """The fullest bin of each axis; confidence is the lower of both."""
    confidence = np.clip(np.minimum(x.max(1), y.max(1)).astype(np.float64), 0, 1)
    bins = np.array([width / x.shape[1], height / y.shape[1]])
    u = np.stack([x.argmax(1), y.argmax(1)], -1) * bins
    return Read(u, confidence, float(confidence.mean()))


def from_boxes(rows: Float32[np.ndarray, "candidates numbers"], min_score: float) -> list[Read]:
    """People from rows of centre, size, score and (x, y, confidence) of each keypoint, pixels; the best of each."""
    rows = rows[rows[:, 4] >= min_score].astype(np.float64)
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    corners = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1)
    kept: list[int] = []
    for n, box in enumerate(corners):
        if all(_iou(box, corners[k]) < SAME_PERSON_IOU for k in kept):
            kept.append(n)
    found = []
    for n in kept:
        points = rows[n, 5:].reshape(-1, 3)
        found.append(Read(points[:, :2], np.clip(points[:, 2], 0, 1), float(rows[n, 4])))
    return found


def from_people(
    boxes: Float32[np.ndarray, "people 5"], keypoints: Float32[np.ndarray, "people joints 3"], min_score: float
) -> list[Read]:
    """People that the model has told apart itself: boxes with a score, and (x, y, confidence) of their keypoints."""
    order = np.argsort(-boxes[:, 4], kind="stable")
    return [
        Read(keypoints[n, :, :2].astype(np.float64), np.clip(keypoints[n, :, 2].astype(np.float64), 0, 1),
             float(boxes[n, 4]))
        for n in order if boxes[n, 4] >= min_score
    ]  # fmt: skip


def _peak(values: Float[np.ndarray, "joints cells"], at: np.ndarray) -> Float[np.ndarray, "joints"]:
    """Where between -1/2 and 1/2 of a cell beside `at` the parabola through three values has its top."""
    k, last = np.arange(len(at)), values.shape[1] - 1
    inside = (at > 0) & (at < last)
    left, right = values[k, np.maximum(at - 1, 0)], values[k, np.minimum(at + 1, last)]
    bend = left + right - 2 * values[k, at]
    shift = (left - right) / np.where(bend < -1e-9, 2 * bend, -np.inf)
    return np.where(inside & (bend < -1e-9), np.clip(shift, -0.5, 0.5), 0.0)


def _iou(a: Float[np.ndarray, "4"], b: Float[np.ndarray, "4"]) -> float:
    inter = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return float(inter / max((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - inter, 1e-12))
