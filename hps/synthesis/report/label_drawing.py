"""Draws what is known of a picture onto it, and its maps in colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from body.joints import JOINT_COUNT
from registration.annotations.keypoints2d import COCO_SKELETON, HIDDEN, VISIBLE

ACTOR_COLORS: Final = (
    (255, 127, 14), (44, 160, 220), (80, 190, 60), (214, 60, 60), (160, 110, 220), (230, 200, 40), (240, 120, 200),
    (60, 200, 190),
)  # fmt: skip
"""Of actor 0, 1, …; sRGB."""
THING_COLOR: Final = (200, 200, 200)
SEEN_COLOR: Final = (60, 230, 60)
HIDDEN_COLOR: Final = (255, 60, 60)
SHORTEST_M: Final = 0.5
LONGEST_M: Final = 6.0
"""Depth is shown between these, near in red."""

Picture = UInt8[np.ndarray, "rows columns 3"]


def draw_labels(
    picture: Picture, rows: Sequence[Mapping[str, Any]], mask: UInt8[np.ndarray, "rows columns"]
) -> Picture:
    """The picture with its labels' rows drawn on.

    Outlines of the mask, things in grey; the box of the visible pixels thick, that of the whole person thin; COCO's
    skeleton in the actor's colour, its keypoints full and green where they are seen, rings in red where hidden.
    """
    drawn = np.array(picture, order="C")
    actors = {row["actor"] for row in rows}
    for owner in np.unique(mask[mask > 0]):
        outline, _ = cv2.findContours((mask == owner).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        color = actor_color(int(owner) - 1) if int(owner) - 1 in actors else THING_COLOR
        cv2.drawContours(drawn, outline, -1, color, 1)
    for row in rows:
        color = actor_color(row["actor"])
        for box, width in ((row["box_visible"], 2), (row["box_whole"], 1)):
            x, y, wide, high = (round(v) for v in box)
            if wide > 0 and high > 0:
                cv2.rectangle(drawn, (x, y), (x + wide - 1, y + high - 1), color, width)
        _keypoints(drawn, row, color)
    return drawn


def actor_color(actor: int) -> tuple[int, int, int]:
    """Of an actor, sRGB."""
    return ACTOR_COLORS[actor % len(ACTOR_COLORS)]


def _keypoints(drawn: np.ndarray, row: Mapping[str, Any], color: tuple[int, int, int]) -> None:
    q = np.asarray(row["coco_2d"], np.float64).reshape(-1, 2)
    far = 4 * max(drawn.shape)
    there = np.isfinite(q).all(1) & (np.abs(np.nan_to_num(q)) < far).all(1)
    at = [tuple(int(v) for v in np.round(point)) if ok else (0, 0) for point, ok in zip(q, there)]
    for start, end in COCO_SKELETON:
        if there[start - 1] and there[end - 1]:
            cv2.line(drawn, at[start - 1], at[end - 1], color, 1, cv2.LINE_AA)
    for point, ok, visible in zip(at, there, row["coco_visible"]):
        if not ok:
            continue
        if visible == VISIBLE:
            cv2.circle(drawn, point, 3, SEEN_COLOR, -1, cv2.LINE_AA)
        elif visible == HIDDEN:
            cv2.circle(drawn, point, 3, HIDDEN_COLOR, 1, cv2.LINE_AA)


def depth_in_colors(depth_m: Float32[np.ndarray, "rows columns"]) -> Picture:
    """Near in red, far in blue, black where nothing is known."""
    nearness = (LONGEST_M - np.nan_to_num(depth_m, nan=LONGEST_M)) / (LONGEST_M - SHORTEST_M)
    shown = cv2.applyColorMap(np.round(255 * np.clip(nearness, 0, 1)).astype(np.uint8), cv2.COLORMAP_TURBO)
    return np.where(np.isnan(depth_m)[..., None], 0, shown[..., ::-1]).astype(np.uint8)


def normals_in_colors(normals: Float32[np.ndarray, "rows columns 3"]) -> Picture:
    """As in the file: right red, down green, away blue."""
    return np.where(np.isnan(normals), 0, np.round((normals + 1) * 127.5)).astype(np.uint8)


def parts_in_colors(parts: UInt8[np.ndarray, "rows columns"]) -> Picture:
    """A colour for each of the 24 parts, neighbours far apart; black elsewhere."""
    hue = (np.arange(JOINT_COUNT) * 67) % 180
    value = np.where(np.arange(JOINT_COUNT) % 2, 255, 180)
    table = np.stack([hue, np.full(JOINT_COUNT, 200), value], -1).astype(np.uint8)[None]
    colors = np.concatenate([np.zeros((1, 3), np.uint8), cv2.cvtColor(table, cv2.COLOR_HSV2RGB)[0]])
    return colors[np.minimum(parts, JOINT_COUNT)]
