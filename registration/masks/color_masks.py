"""Whose each colour pixel is: seen through a depth neighbour, or by the keypoint detector's segmentation."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int8, UInt8

from geometry.camera import Camera
from registration.keypoints.detector import PersonMask
from registration.masks.label_warp import UNSEEN, warp_labels
from registration.masks.rim import RimConfig, refine_rim
from registration.masks.voxel_shadow import fill_unseen, looked_at

PROBABILITY = 0.5
MARGIN_PX = 48
"""Colour pixels around the people that are looked at: two neighbourhoods of `RimConfig`."""
CLOSE_PX = 5
"""Without the colour image, holes up to this wide are closed: at 2.3 m a depth pixel covers 3 pixels of a 1280-wide
colour image."""
NOBODY = -1


def color_people_from_depth(
    depth_m: Float[np.ndarray, "_ _"],
    person: Int8[np.ndarray, "_ _"],
    depth_camera: Camera,
    color_camera: Camera,
    image: UInt8[np.ndarray, "rows columns 3"] | None = None,
    room: UInt8[np.ndarray, "rows columns 3"] | None = None,
    shadow: Int8[np.ndarray, "rows columns"] | None = None,
    voxel_px: float = 0.0,
) -> Int8[np.ndarray, "rows columns"]:
    """Whose each pixel of the colour image beside a depth camera is, -1 for nobody's.

    The depth mask is warped; what the depth camera sees in front hides a person. With the colour image the rim is
    then refined by colour, with the empty `room` all the better; without it the mask is a depth pixel too small, and
    lacks what depth lacks. shadow: people by the voxels of all depth cameras (`people_by_voxels`), of `voxel_px`
    pixels, for what this one's field of view cuts off. Raises GeometryError for a depth image of another size than its
    camera.
    """
    whose = np.full((color_camera.height, color_camera.width), NOBODY, np.int8)
    seems = np.full(whose.shape, UNSEEN, np.int8)
    warped = warp_labels(depth_m, person, depth_camera, color_camera, MARGIN_PX)
    if warped is not None:
        rows, columns = warped.person.shape
        seems[warped.top : warped.top + rows, warped.left : warped.left + columns] = warped.person
    part = _box(seems if shadow is None else np.maximum(seems, shadow))
    if part is None:
        return whose
    coarse = seems[part]
    if shadow is not None:
        inside = looked_at(depth_m, depth_camera, color_camera)
        coarse = fill_unseen(coarse, shadow[part], inside[part], voxel_px)
    if not (coarse >= 0).any():
        return whose
    if image is None:
        seen = (coarse >= 0).astype(np.uint8)
        found = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((CLOSE_PX, CLOSE_PX), np.uint8)) > 0
    else:
        found = refine_rim(image[part], coarse, None if room is None else room[part])
    whose[part] = np.where(found, _nearest(coarse), NOBODY)
    return whose


def color_mask_from_person(person: PersonMask | None, width: int, height: int) -> Bool[np.ndarray, "{height} {width}"]:
    """The detector's segmentation of one person, its largest part only; all False where it saw nobody."""
    if person is None:
        return np.zeros((height, width), bool)
    probable = (person.image(width, height) > PROBABILITY).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(probable)
    if count < 2:
        return np.zeros((height, width), bool)
    return labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()


def color_people_from_detections(
    people: Mapping[int, tuple[PersonMask | None, float]],
    image: UInt8[np.ndarray, "rows columns 3"],
    room: UInt8[np.ndarray, "rows columns 3"] | None = None,
) -> Int8[np.ndarray, "rows columns"]:
    """Whose each pixel is by the detector's segmentations, refined by colour; of two the nearer person is seen.

    people: person → segmentation and distance from the camera, metres.
    """
    height, width = image.shape[:2]
    whose = np.full((height, width), NOBODY, np.int8)
    for person, (mask, _) in sorted(people.items(), key=lambda item: -item[1][1]):
        coarse = color_mask_from_person(mask, width, height)
        if mask is None:
            continue
        pixel = float(np.hypot(*mask.A_image_crop[:, 0]))
        label = np.where(coarse, np.int8(0), np.int8(NOBODY))
        part = _box(label)
        if part is None:
            continue
        fine = refine_rim(image[part], label[part], None if room is None else room[part], segmentation_rim(pixel))
        whose[part][fine] = person
    return whose


def segmentation_rim(pixel: float) -> RimConfig:
    """For a segmentation whose pixels are `pixel` image pixels wide: its edge is one to two of them off."""
    return RimConfig(
        core_px=max(round(1.5 * pixel), 2), band_px=max(2.0 * pixel, 4.0), slope_px=max(pixel, 1.0), offset_px=0.0,
        reach_px=0.0,
    )  # fmt: skip


def _box(person: Int8[np.ndarray, "rows columns"]) -> tuple[slice, slice] | None:
    """Rows and columns that hold anybody, with a margin; None where nobody is."""
    rows, columns = np.flatnonzero((person >= 0).any(1)), np.flatnonzero((person >= 0).any(0))
    if not len(rows):
        return None
    top, left = max(int(rows[0]) - MARGIN_PX, 0), max(int(columns[0]) - MARGIN_PX, 0)
    return slice(top, int(rows[-1]) + MARGIN_PX + 1), slice(left, int(columns[-1]) + MARGIN_PX + 1)


def _nearest(person: Int8[np.ndarray, "rows columns"]) -> Int8[np.ndarray, "rows columns"]:
    """The person of the nearest pixel that has one."""
    people = np.unique(person[person >= 0])
    if len(people) == 1:
        return np.full(person.shape, people[0], np.int8)
    nobody = (person < 0).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(nobody, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    seed = np.asarray(labels, np.int64)
    of = np.full(int(seed.max()) + 1, NOBODY, np.int8)
    of[seed[nobody == 0]] = person[nobody == 0]
    return of[seed]
