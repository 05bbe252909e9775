"""The empty room of the virtual rig: a box with a floor, walls and what hangs on them, and the light in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from capture.virtual.light import Lights
from capture.virtual.room_finishes import SKIRTING_M, Finish, draw_floor, draw_noise, draw_wall
from capture.virtual.room_panels import Panel, draw_panels

HALF_WIDTH_M = 3.6
HEIGHT_M = 2.9

# Sides: -x, +x, -y, +y, floor, ceiling. Normals point into the room.
NORMALS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32)
FLOOR, CEILING = 4, 5
CEILING_ALBEDO, SKIRTING_ALBEDO = 0.75, 0.45
ALBEDO_LIMITS = 0.01, 0.95
CORNER_DARKNESS = 0.55
"""What corners lose of the light from all around, as a part of what their other walls hide."""
LAMP_HALF_M, LAMP_GLOW = 0.3, 1.5
_LOW = np.array([-HALF_WIDTH_M, -HALF_WIDTH_M, 0.0], np.float32)
_HIGH = np.array([HALF_WIDTH_M, HALF_WIDTH_M, HEIGHT_M], np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class RoomHits:
    """Where rays meet the room."""

    t: Float[np.ndarray, "*rays"]
    """Ray parameter, the depth in metres when directions have z = 1 in the camera frame; NaN for a NaN ray."""
    side: Int[np.ndarray, "*rays"]
    point: Float[np.ndarray, "*rays 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Room:
    """The room's surfaces and lights; draw one with `draw_room`."""

    floor: Finish
    walls: tuple[Finish, Finish, Finish, Finish]
    panels: tuple[Panel, ...]
    lights: Lights

    def hit(self, origin: Float[np.ndarray, "3"], directions: Float[np.ndarray, "*rays 3"]) -> RoomHits:
        """Where rays from a point inside the room leave it."""
        d, o = directions.astype(np.float32), origin.astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(d > 0, (_HIGH - o) / d, np.where(d < 0, (_LOW - o) / d, np.inf))
        t[np.isnan(d)] = np.nan
        axis = np.argmin(t, -1)
        nearest = np.take_along_axis(t, axis[..., None], -1)[..., 0]
        side = 2 * axis + (np.take_along_axis(d, axis[..., None], -1)[..., 0] > 0)
        return RoomHits(t=nearest, side=side, point=o + nearest[..., None] * d)

    def albedo(self, hits: RoomHits) -> Float[np.ndarray, "*rays 3"]:
        """Linear RGB albedo at the hits."""
        p, sides = np.nan_to_num(hits.point.reshape(-1, 3)), hits.side.reshape(-1)  # rays outside the lens model
        color = np.full((len(p), 3), CEILING_ALBEDO, np.float32)
        for side in range(CEILING):
            here = np.flatnonzero(sides == side)
            first, second = ((1, 2), (0, 2), (0, 1))[side // 2]
            color[here] = self.side_albedo(side, p[here, first], p[here, second])
        return np.clip(color, *ALBEDO_LIMITS).reshape(*hits.side.shape, 3)

    def side_albedo(
        self, side: int, a: Float[np.ndarray, "points"], b: Float[np.ndarray, "points"]
    ) -> Float[np.ndarray, "points 3"]:
        """Linear RGB albedo of one side at places along its two axes (on walls b is the height), not yet limited."""
        if side == CEILING:
            return np.full((len(a), 3), CEILING_ALBEDO, np.float32)
        found = (self.floor if side == FLOOR else self.walls[side]).albedo(a, b)
        if side != FLOOR:
            found[b < SKIRTING_M] = SKIRTING_ALBEDO
        for panel in self.panels:
            if panel.side == side:
                inside, painted = panel.sample(a, b)
                found[inside] = painted
        return found

    def light(self, hits: RoomHits) -> Float[np.ndarray, "*rays 3"]:
        """Linear RGB light that falls on the hits: lamps at their places, and what the corners leave of the rest."""
        normals = NORMALS[hits.side]
        left = 1 - CORNER_DARKNESS * corner_occlusion(hits)
        return self.lights.ambient(normals) * left[..., None] + self.lights.direct(hits.point, normals)

    def radiance(self, hits: RoomHits) -> Float[np.ndarray, "*rays 3"]:
        """Linear RGB that leaves the hits towards any eye: albedo times light, and the lamps' own glow."""
        return self.glowing(hits, self.albedo(hits) * self.light(hits))

    def glowing(self, hits: RoomHits, linear: Float[np.ndarray, "*rays 3"]) -> Float[np.ndarray, "*rays 3"]:
        """Reflected light with the lamps' own in its place, in the same array."""
        above = np.nonzero(hits.side == CEILING)
        if not len(above[0]):
            return linear
        p = hits.point[..., :2][above]
        for position in self.lights.positions:
            glowing = (np.abs(p[:, 0] - position[0]) < LAMP_HALF_M) & (np.abs(p[:, 1] - position[1]) < LAMP_HALF_M)
            linear[tuple(index[glowing] for index in above)] = LAMP_GLOW
        return linear


def draw_room(rng: np.random.Generator, lights: Lights | None = None) -> Room:
    """A room with its own floor, walls and pictures; `lights` None: the standard lamps, with which figures are lit."""
    noise = draw_noise(rng)
    floor, wall = draw_floor(rng, noise), draw_wall(rng, noise)
    walls = []
    for _ in range(4):
        other = draw_wall(rng, noise, "paint")
        walls.append(wall if rng.uniform() < 0.75 else other)
    panels = draw_panels(rng, HALF_WIDTH_M)
    a, b, c, d = walls
    return Room(floor=floor, walls=(a, b, c, d), panels=panels, lights=lights or Lights.standard())


def corner_occlusion(hits: RoomHits) -> Float[np.ndarray, "*rays"]:
    """Part of the cosine-weighted half-space over each hit that the four neighbouring sides fill.

    A plane at a right angle, at distance d and as high as the room is deep (h), fills (1 - d / sqrt(d² + h²)) / 2: the
    form factor of an endless strip. Where two axes' planes meet, what is left of both is multiplied.
    """
    left = np.ones(hits.side.shape, np.float32)
    across = hits.side // 2
    depth = (_HIGH - _LOW)[across]
    for axis in range(3):
        open_part = np.ones(hits.side.shape, np.float32)
        for wall in (_LOW, _HIGH):
            d = np.abs(hits.point[..., axis] - wall[axis])
            open_part -= (1 - d / np.sqrt(d * d + depth * depth)) / 2
        left *= np.where(across == axis, np.float32(1), open_part)
    return 1 - left
