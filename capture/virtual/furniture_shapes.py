"""Closed shapes that furniture is built from: rounded boxes, turned solids, tubes and leaves, finely cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Integer
from scipy.spatial.transform import Rotation

Number = float | int
Points = Sequence[Sequence[Number]] | Float[np.ndarray, "points columns"]
STEP_M = 0.09
"""Sides of the squares that surfaces are cut into: with their diagonals, no edge is longer than 0.13 m."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shape:
    """A closed surface whose normals point outwards."""

    vertices: Float[np.ndarray, "vertices 3"]
    """Metres."""
    faces: Integer[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "uvs 2"]
    """Metres on the material, from (0, 0); u runs along the grain."""
    uv_faces: Integer[np.ndarray, "faces 3"]

    def moved(self, x: Number = 0, y: Number = 0, z: Number = 0) -> Shape:
        """The shape shifted, metres."""
        return replace(self, vertices=self.vertices + [x, y, z])

    def turned(self, rx: Number = 0, ry: Number = 0, rz: Number = 0) -> Shape:
        """The shape turned about the fixed axes x, then y, then z, radians."""
        return replace(self, vertices=self.vertices @ Rotation.from_euler("xyz", [rx, ry, rz]).as_matrix().T)

    def painted_from_above(self) -> Shape:
        """The shape with the material laid on it from above, in one piece, as on the top of a round table."""
        low = self.vertices.min(0)
        flat = self.vertices[:, :2] - low[:2] + 0.5 * (self.vertices[:, 2:] - low[2])
        return replace(self, uv=flat, uv_faces=self.faces)

    def bent(self, bend: Callable[[np.ndarray], np.ndarray]) -> Shape:
        """The shape with its vertices sent through a function that keeps the inside inside."""
        return replace(self, vertices=bend(self.vertices))


def joined(shapes: Sequence[Shape]) -> Shape:
    """Several shapes as one."""
    vertex = np.cumsum([0, *(len(s.vertices) for s in shapes)])
    uv = np.cumsum([0, *(len(s.uv) for s in shapes)])
    return Shape(
        vertices=np.concatenate([s.vertices for s in shapes]),
        faces=np.concatenate([s.faces + n for s, n in zip(shapes, vertex)]),
        uv=np.concatenate([s.uv for s in shapes]),
        uv_faces=np.concatenate([s.uv_faces + n for s, n in zip(shapes, uv)]),
    )


def box(size: Sequence[Number] | Float[np.ndarray, "3"], bevel: float = 0.004, step: float = STEP_M) -> Shape:
    """A box of this size about the origin, its edges rounded; u runs along the longer edge of each side."""
    half = np.asarray(size, np.float64) / 2
    bevel = min(bevel, 0.49 * float(half.min()))
    cuts = [_cuts(h, bevel, step) for h in half]
    keys, uv, uv_faces = [], [], []
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        rows, columns = len(cuts[b]), len(cuts[a])
        j, i = (grid.ravel() for grid in np.meshgrid(range(rows), range(columns), indexing="ij"))
        flat = np.stack([cuts[a][i] + half[a], cuts[b][j] + half[b]], -1)
        for end in (len(cuts[axis]) - 1, 0):
            key = np.empty((len(i), 3), np.int64)
            key[:, axis], key[:, a], key[:, b] = end, i, j
            quads = _grid(rows, columns) if end else _grid(rows, columns)[:, ::-1]
            uv_faces.append(quads + sum(map(len, uv)))
            keys.append(key)
            uv.append(flat if half[a] >= half[b] else flat[:, ::-1])
    unique, inverse = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    vertices = np.stack([cuts[axis][unique[:, axis]] for axis in range(3)], -1)
    inner = np.clip(vertices, bevel - half, half - bevel)
    out = vertices - inner
    uv_faces = np.concatenate(uv_faces)
    return Shape(
        vertices=inner + out * (bevel / np.linalg.norm(out, axis=1, keepdims=True)),
        faces=inverse.reshape(-1)[uv_faces],
        uv=np.concatenate(uv),
        uv_faces=uv_faces,
    )


def cushion(size: Sequence[Number] | Float[np.ndarray, "3"], bulge: float) -> Shape:
    """A soft box about the origin, its sides bulging by this many metres in their middles beyond `size`."""
    half = np.asarray(size, np.float64) / 2

    def bend(p: np.ndarray) -> np.ndarray:
        t = np.clip(p / half, -1, 1)
        falling = 1 - t**2
        return p + bulge * t * falling[:, [1, 2, 0]] * falling[:, [2, 0, 1]]

    return box(size, bevel=0.3 * 2 * float(half.min()), step=0.06).bent(bend)


def lathe(profile: Points, closed: bool = False) -> Shape:
    """A solid of revolution about z.

    `profile` are (radius, z) from the bottom up; the solid is closed by discs at both ends or, when `closed`, by going
    from the last point back to the first: up on the outside, down on the inside, a ring.
    """
    points = np.asarray(profile, np.float64)
    points = np.concatenate([points, points[:1]]) if closed else np.pad(points, ((1, 1), (0, 0)), "edge")
    if not closed:
        points[[0, -1], 0] = 0
    points, along = _resampled(points)
    around = int(np.clip(np.ceil(2 * np.pi * points[:, 0].max() / STEP_M), 12, 48))
    angle = np.linspace(0, 2 * np.pi, around + 1)
    ring = np.stack([np.cos(angle[:-1]), np.sin(angle[:-1])], -1)
    rings = points[:-1] if closed else points[1:-1]
    vertices = np.concatenate(
        [rings[:, None, :1] * ring, np.broadcast_to(rings[:, None, 1:], (len(rings), around, 1))], -1
    )
    vertices = vertices.reshape(-1, 3)
    number = np.arange(len(vertices)).reshape(len(rings), around)
    if closed:
        number = np.concatenate([number, number[:1]])
    else:
        ends = np.array([[0, 0, points[0, 1]], [0, 0, points[-1, 1]]])
        bottom, top = len(vertices), len(vertices) + 1
        vertices = np.concatenate([vertices, ends])
        number = np.concatenate([np.full((1, around), bottom), number, np.full((1, around), top)])
    number = np.concatenate([number, number[:, :1]], 1)
    quads = _grid(*number.shape)
    u, v = np.meshgrid(along - along[0], angle * points[:, 0].max())
    uv = np.stack([u.T.ravel(), v.T.ravel()], -1)  # the grain runs from the bottom to the top
    faces = number.ravel()[quads]
    whole = (faces != np.roll(faces, 1, 1)).all(1)
    return Shape(vertices=vertices, faces=faces[whole], uv=uv, uv_faces=quads[whole])


def tube(path: Points, radius: float | Sequence[float], around: int = 10) -> Shape:
    """A rod along a path, of one radius or one for each point of the path; its ends are discs."""
    line = np.asarray(path, np.float64)
    thick = np.broadcast_to(np.asarray(radius, np.float64), len(line))
    points, along = _resampled(np.concatenate([line, thick[:, None]], 1))
    tangent = np.gradient(points[:, :3], axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent[0], np.eye(3)[np.argmin(np.abs(tangent[0]))])
    frames = []
    for t in tangent:  # carried along without twist
        side = side - t * (side @ t)
        side /= np.linalg.norm(side)
        frames.append((side, np.cross(t, side)))
    angle = np.linspace(0, 2 * np.pi, around + 1)
    a, b = (np.array([frame[k] for frame in frames])[:, None] for k in range(2))
    around_path = np.cos(angle[:-1])[:, None] * a + np.sin(angle[:-1])[:, None] * b
    vertices = (points[:, None, :3] + points[:, None, 3:] * around_path).reshape(-1, 3)
    number = np.arange(len(vertices)).reshape(len(points), around)
    first, last = len(vertices), len(vertices) + 1
    vertices = np.concatenate([vertices, points[[0, -1], :3]])
    number = np.concatenate([np.full((1, around), first), number, np.full((1, around), last)])
    number = np.concatenate([number, number[:, :1]], 1)
    along = np.concatenate([[0], along, [along[-1]]])
    quads = _grid(*number.shape)
    u, v = np.meshgrid(along, angle * points[:, 3].max())
    faces = number.ravel()[quads]
    whole = (faces != np.roll(faces, 1, 1)).all(1)
    uv = np.stack([u.T.ravel(), v.T.ravel()], -1)
    return Shape(vertices=vertices, faces=faces[whole], uv=uv, uv_faces=quads[whole])


def leaf(length: float, width: float, droop: float, fold: float = 0.25) -> Shape:
    """A leaf 2 mm thick that starts at the origin along +x; `droop` metres is how far its tip hangs down."""

    def bend(p: np.ndarray) -> np.ndarray:
        t = np.clip(p[:, 0] / length + 0.5, 0, 1)
        wide = 0.06 + 0.94 * np.sin(np.pi * t**0.8) ** 0.8
        y = p[:, 1] * wide
        return np.stack([t * length, y, p[:, 2] + fold * np.abs(y) - droop * t**2], -1)

    return box((length, width, 0.002), bevel=0.0008, step=min(STEP_M, length / 6, width / 2)).bent(bend)


def _cuts(half: float, bevel: float, step: float) -> np.ndarray:
    inside = np.linspace(bevel - half, half - bevel, 1 + max(1, int(np.ceil(2 * (half - bevel) / step))))
    return np.concatenate([[-half], inside, [half]])


def _grid(rows: int, columns: int) -> np.ndarray:
    """Faces of a grid of points, row by row; counter-clockwise when rows go up and columns to the right."""
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    right, up = corner + 1, corner + columns
    return np.concatenate([np.stack([corner, right, up + 1], -1), np.stack([corner, up + 1, up], -1)])


def _resampled(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A polyline cut so that no piece is longer than STEP_M, and the length of the line up to each point."""
    pieces = [points[:1]]
    for start, end in pairwise(points):
        count = max(1, int(np.ceil(np.linalg.norm(end - start) / STEP_M)))
        pieces.append(start + (end - start) * (np.arange(1, count + 1) / count)[:, None])
    line = np.concatenate(pieces)
    return line, np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
