"""Stacked boxes of known sizes and places, for calibrating depth cameras by flat sides and sharp edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

from capture.errors import CaptureError
from capture.virtual.figure import Figure
from capture.virtual.furniture_materials import draw_material
from capture.virtual.furniture_shapes import Shape, box
from capture.virtual.scene import Thing
from geometry.rigid import rigid, transform

BOTTOM_M = ((0.42, 0.6), (0.4, 0.55), (0.35, 0.5))
"""Range of length, width and height of the lowest box."""
SHRINK = (0.72, 0.92)
"""A box's edges as parts of those of the box below."""
TWIST = np.deg2rad(40.0)
"""Boxes are turned against the one below by up to this."""
BEVEL_M = 0.001
TEXELS_PER_M = 400
LOOKS = ("plain", "marked", "cardboard")
MAX_COUNT = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class BoxTruth:
    """Size and place of a box."""

    name: str
    size_m: Float[np.ndarray, "3"]
    """Outer edges along the box's own x, y and z."""
    T_world_box: Float[np.ndarray, "frames 4 4"]
    """The box's frame has its origin in the middle."""

    def corners_world(self, frame: int) -> Float[np.ndarray, "8 3"]:
        """Its corners, before rounding, world, metres."""
        signs = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1], indexing="ij"), -1).reshape(-1, 3)
        return transform(self.T_world_box[frame], signs * self.size_m / 2)

    def truth(self) -> dict[str, Any]:
        """Size and places, fit for JSON."""
        return {"name": self.name, "size_m": self.size_m.tolist(), "T_world_box": self.T_world_box.tolist()}


def stacked_boxes(
    rng: np.random.Generator,
    count: int = 3,
    frames: int = 1,
    turn_rad: float = 0.0,
    xy: tuple[float, float] = (0.0, 0.0),
) -> tuple[tuple[Thing, ...], tuple[BoxTruth, ...]]:
    """A stack of boxes, the lowest on the floor, and where they really are; names box_00 (lowest), box_01, …

    Plain, marked and cardboard boxes take turns. Over the frames the whole stack turns steadily by `turn_rad` about
    the vertical through `xy` (world, metres). Raises CaptureError for a count or number of frames that cannot be.
    """
    if not 1 <= count <= MAX_COUNT or frames < 1:
        raise CaptureError(
            f"a stack of {count} boxes over {frames} frames cannot be built; give 1 to {MAX_COUNT} boxes"
        )
    angles = np.linspace(0, turn_rad, frames) if frames > 1 else np.array([turn_rad])
    turns = rigid(Rotation.from_rotvec(angles[:, None] * [0, 0, 1.0]).as_matrix(), np.tile([*xy, 0.0], (frames, 1)))
    size, heading = np.array([rng.uniform(*limits) for limits in BOTTOM_M]), rng.uniform(0, 2 * np.pi)
    centre, top, first = np.zeros(2), 0.0, int(rng.integers(len(LOOKS)))
    things, truths = [], []
    for number in range(count):
        name = f"box_{number:02d}"
        R = Rotation.from_rotvec([0, 0, heading]).as_matrix()
        T_stack_box = rigid(R, np.array([*centre, top + size[2] / 2]))
        T_world_box = turns @ T_stack_box
        shape = box(size, BEVEL_M)
        vertices = np.stack([transform(T, shape.vertices) for T in T_world_box]).astype(np.float32)
        figure = _painted(shape, LOOKS[(first + number) % len(LOOKS)], rng)
        things.append(Thing(name=name, figure=figure, vertices=vertices))
        truths.append(BoxTruth(name=name, size_m=size, T_world_box=T_world_box))
        top += size[2]
        smaller = size * rng.uniform(*SHRINK, 3)
        room = 0.3 * (size[:2] - smaller[:2])
        centre = centre + R[:2, :2] @ rng.uniform(-room, room)
        size, heading = smaller, heading + rng.uniform(-TWIST, TWIST)
    return tuple(things), tuple(truths)


def _painted(shape: Shape, look: str, rng: np.random.Generator) -> Figure:
    """Each of the six sides has its own part of the texture."""
    corners = shape.vertices[shape.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    axis = np.argmax(np.abs(normals), 1)
    side = 2 * axis + (np.take_along_axis(normals, axis[:, None], 1)[:, 0] > 0)
    cell = shape.uv.max(0)
    columns, rows = (max(8, int(np.ceil(length * TEXELS_PER_M))) for length in cell)
    sides = [_side(look, rows, columns, rng) for _ in range(6)]
    place = np.stack([side % 3, side // 3], -1)[:, None]
    uv = (shape.uv[shape.uv_faces] / cell + place) / [3, 2]
    material = draw_material("cardboard", rng)
    return Figure(
        faces=shape.faces,
        uv=uv.reshape(-1, 2),
        uv_faces=np.arange(3 * len(uv)).reshape(-1, 3),
        texture=np.concatenate([np.concatenate(sides[3:], 1), np.concatenate(sides[:3], 1)]),  # row 0 has v = 1
        infrared=np.full(len(uv), material.infrared if look == "cardboard" else 1.0, np.float32),
    )


def _side(look: str, rows: int, columns: int, rng: np.random.Generator) -> UInt8[np.ndarray, "rows columns 3"]:
    if look == "cardboard":
        image = draw_material("cardboard", rng).texture(rng, (columns / TEXELS_PER_M, rows / TEXELS_PER_M))
        return cv2.resize(image, (columns, rows))
    image = np.full((rows, columns, 3), rng.integers(110, 225, 3) if look == "plain" else 225, np.uint8)
    for _ in range(0 if look == "plain" else 60):
        at, radius = (int(rng.integers(columns)), int(rng.integers(rows))), int(rng.integers(4, 24))
        color = tuple(int(c) for c in rng.integers(15, 200, 3))
        if rng.uniform() < 0.5:
            cv2.circle(image, at, radius, color, -1, cv2.LINE_AA)
        else:
            corner = (at[0] + radius, at[1] + int(rng.integers(4, 24)))
            cv2.rectangle(image, at, corner, color, -1)
    return image
