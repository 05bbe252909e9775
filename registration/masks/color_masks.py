"""Which colour pixels show the person: seen through a depth neighbour, or by the keypoint detector's segmentation."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float

from geometry.camera import Camera
from geometry.warp import warp_depth_to_color
from registration.keypoints.detector import PersonMask

CLOSE_PX = 5
"""Holes up to this wide are closed: at 2.3 m a depth pixel covers 3 pixels of a 1280-wide colour image."""
BEHIND_M = 0.05
"""A surface this far in front of the person hides the person."""
PROBABILITY = 0.5


def color_mask_from_depth(
    depth_m: Float[np.ndarray, "_ _"],
    mask: Bool[np.ndarray, "_ _"],
    depth_camera: Camera,
    color_camera: Camera,
) -> Bool[np.ndarray, "rows columns"]:
    """The person in the colour image of the same device, where nothing that the depth camera sees is in front."""
    person = warp_depth_to_color(np.where(mask, depth_m, np.nan), depth_camera, color_camera)
    everything = warp_depth_to_color(depth_m, depth_camera, color_camera)
    seen = np.isfinite(person) & ~(everything < person - BEHIND_M)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSE_PX, CLOSE_PX))
    return cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_CLOSE, kernel).astype(bool)


def color_mask_from_person(person: PersonMask | None, width: int, height: int) -> Bool[np.ndarray, "{height} {width}"]:
    """The detector's segmentation of one person, its largest part only; all False where it saw nobody."""
    if person is None:
        return np.zeros((height, width), bool)
    probable = (person.image(width, height) > PROBABILITY).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(probable)
    if count < 2:
        return np.zeros((height, width), bool)
    return labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
