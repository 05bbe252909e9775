"""Texels that got the colour of another part of the body: people drawn with one flat colour on each part.

A texture of three channels holds the shares of three parts, so that all parts are painted in a few turns, and no
mixture of two parts is mistaken for a third. The room is a part, too. A texel is wrong when most of its colour is of a
part that is neither its own nor a neighbour on the skeleton. Two things are no error: where a surface of that part,
facing the same way, is within `TOUCHING_M` (where an arm lies on the chest, our surface may end on either), and texels
that lie inside the true person (fingers that sink into the other arm), which nobody sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float32, Integer, UInt8
from scipy.spatial import KDTree

from body.joints import JOINT_NAMES, PARENTS
from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rays import RayScene
from texture_trials.takes import Take

TOUCHING_M = 0.005
"""The tolerance of the F-score of surfaces."""
NORMAL_COSINE = 0.0
DARK, BRIGHT = 48, 208
"""Levels of `not this part` and `this part`: within what painting takes for well exposed."""
LIFTED_M = 0.001
"""Rays that ask whether a texel is inside start this far above it."""
CHANNELS = 3
_PARTS: Final = {
    "torso": ("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar"),
    "head": ("neck", "head"),
    **{f"{side}_thigh": (f"{side}_hip",) for side in ("left", "right")},
    **{f"{side}_shank": (f"{side}_knee",) for side in ("left", "right")},
    **{f"{side}_foot": (f"{side}_ankle", f"{side}_foot") for side in ("left", "right")},
    **{f"{side}_upper_arm": (f"{side}_shoulder",) for side in ("left", "right")},
    **{f"{side}_forearm": (f"{side}_elbow",) for side in ("left", "right")},
    **{f"{side}_hand": (f"{side}_wrist", f"{side}_hand") for side in ("left", "right")},
}
PARTS: Final = (*_PARTS, "room")
ROOM: Final = len(PARTS) - 1
PART_OF_JOINT: Final = np.array([next(n for n, js in enumerate(_PARTS.values()) if j in js) for j in JOINT_NAMES])


def neighbours() -> np.ndarray:
    """Whether two parts are the same or hang on each other; the room is nobody's neighbour."""
    table = np.eye(len(PARTS), dtype=bool)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            a, b = PART_OF_JOINT[joint], PART_OF_JOINT[parent]
            table[a, b] = table[b, a] = True
    return table


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongParts:
    """How many of the texels that any camera painted got another part's colour."""

    painted: int
    wrong: int
    room: int
    """Of the wrong ones, those that got the room's."""
    worst: tuple[str, str, int]
    """Own part, painted part, texels: the pair that was mistaken most often."""

    @property
    def share(self) -> float:
        """Wrong texels over painted ones."""
        return self.wrong / max(self.painted, 1)


@dataclass(frozen=True, eq=False)
class PaintedPerson:
    """The true surface of an instant with the part of each face, and what cameras would see of it."""

    surface: TriangleMesh
    parts: Integer[np.ndarray, "faces"]

    @classmethod
    def of(cls, take: Take, instant: int) -> PaintedPerson:
        """Each face has the part of the true body's vertex nearest to its middle."""
        surface, body = take.true_surface(instant), take.true_body(instant)
        middle = surface.vertices[surface.faces].mean(1)
        joint = take.results.model.weights.argmax(1)
        return cls(surface, PART_OF_JOINT[joint[KDTree(body).query(middle)[1]]])

    def images(self, cameras: dict[str, Camera]) -> dict[str, Integer[np.ndarray, "rows columns"]]:
        """The part that each pixel's centre shows, by stream."""
        found = {}
        for name, camera in cameras.items():
            raster = rasterize_camera(self.surface, camera)
            found[name] = np.where(raster.covered, self.parts[raster.face], ROOM)
        return found

    def wrong(
        self,
        positions: Float32[np.ndarray, "texels 3"],
        normals: Float32[np.ndarray, "texels 3"],
        painted: Integer[np.ndarray, "texels"],
        own: Integer[np.ndarray, "texels"],
    ) -> np.ndarray:
        """Which texels are wrong. `painted` is -1 where nothing was; `own` is what `own_parts` says of them."""
        wrong = (painted >= 0) & ~neighbours()[own, np.maximum(painted, 0)]
        for part in np.unique(painted[wrong]):
            if part == ROOM:
                continue
            some = np.flatnonzero(wrong & (painted == part))
            near = self._near(part, positions[some], normals[some])
            wrong[some[near]] = False
        some = np.flatnonzero(wrong)
        wrong[some[self.inside(positions[some], normals[some])]] = False
        return wrong

    def inside(self, positions: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Whether most rays that leave the texels to their outside first meet the true surface from its inner side."""
        n = normals.astype(np.float64)
        across = np.cross(n, np.eye(3)[np.abs(n).argmin(1)])
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
        ways = [n, *(n + sign * v for v in (across, np.cross(n, across)) for sign in (1, -1))]
        scene, its = RayScene.of(self.surface), self.surface.face_normals()
        votes = np.zeros(len(n), np.int64)
        for way in ways:
            face = scene.cast(positions + LIFTED_M * n, way).face
            votes += (face >= 0) & ((its[face] * way).sum(1) > 0)
        return votes > len(ways) / 2

    def own_parts(self, positions: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """The part of the true surface's nearest point that faces the same way; of the nearest where none does."""
        scene = RayScene.of(self.surface)
        face = scene.closest(positions.astype(np.float64)).face
        away = (self.surface.face_normals()[face] * normals).sum(1) < NORMAL_COSINE
        own = self.parts[face]
        if away.any():
            middles, its = self.surface.vertices[self.surface.faces].mean(1), self.surface.face_normals()
            near = np.asarray(KDTree(middles).query(positions[away], k=24)[1])
            facing = (its[near] * normals[away][:, None]).sum(-1) > NORMAL_COSINE
            first = np.where(facing.any(1), facing.argmax(1), 0)
            own[away] = self.parts[near[np.arange(len(near)), first]]
        return own

    def _near(self, part: int, positions: np.ndarray, normals: np.ndarray) -> np.ndarray:
        faces = np.flatnonzero(self.parts == part)
        if not len(faces):
            return np.zeros(len(positions), bool)
        found = RayScene(self.surface.vertices, self.surface.faces[faces]).closest(positions.astype(np.float64))
        facing = (self.surface.face_normals()[faces[found.face]] * normals).sum(1) > NORMAL_COSINE
        return (found.distance < TOUCHING_M) & facing


def turns() -> list[range]:
    """The parts that are painted together."""
    return [range(n, min(n + CHANNELS, len(PARTS))) for n in range(0, len(PARTS), CHANNELS)]


def flat(parts: Integer[np.ndarray, "rows columns"], turn: range) -> UInt8[np.ndarray, "rows columns 3"]:
    """A picture whose channels tell which pixels show which of the turn's parts."""
    image = np.full((*parts.shape, CHANNELS), DARK, np.uint8)
    for channel, part in enumerate(turn):
        image[parts == part, channel] = BRIGHT
    return image


def strongest(colors: Callable[[range], Float32[np.ndarray, "texels 3"]], seen: np.ndarray) -> np.ndarray:
    """The part that gave most of each texel's colour; -1 where it was not seen. `colors` paints one turn."""
    shares = np.concatenate([colors(turn)[:, : len(turn)] for turn in turns()], 1)
    return np.where(seen, shares.argmax(1), -1)


def counted(wrong: np.ndarray, own: np.ndarray, painted: np.ndarray) -> WrongParts:
    """The figures of what `PaintedPerson.wrong` found."""
    pairs = own[wrong] * len(PARTS) + painted[wrong]
    values, counts = np.unique(pairs, return_counts=True)
    most = int(counts.argmax()) if len(counts) else 0
    a, b = divmod(int(values[most]), len(PARTS)) if len(values) else (ROOM, ROOM)
    return WrongParts(
        painted=int((painted >= 0).sum()),
        wrong=int(wrong.sum()),
        room=int((painted[wrong] == ROOM).sum()),
        worst=(PARTS[a], PARTS[b], int(counts[most]) if len(counts) else 0),
    )
