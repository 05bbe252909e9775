"""A scan from any scanner as points with outward normals, in the file's own unit and axes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from geometry.mesh_files import read_obj, read_ply_cloud, read_ply_mesh
from geometry.rays import RayScene
from registration.errors import RegistrationError

SAMPLES = 40_000
"""Points on a mesh: 7 mm apart on an adult, a third of the body mesh's own edges."""
MIN_POINTS = 2_000
"""A cloud with fewer says nothing about hands and feet: 30 mm from point to point on an adult."""
NEIGHBOURS = 12
"""Of a point, for the normal of a cloud without normals."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RawScan:
    """Points on the surface of whatever was scanned."""

    points: Float[np.ndarray, "points 3"]
    """In the file's unit and axes."""
    normals: Float[np.ndarray, "points 3"]
    """Unit length."""
    oriented: bool
    """Whether the normals point outward; those of a bare cloud have no side."""
    notes: tuple[str, ...] = ()
    """What was wrong with the file and was mended or left out."""


def read_scan(path: Path | str) -> RawScan:
    """The scan of an `.obj` or `.ply` file: a mesh, closed or not, manifold or not, or a cloud.

    Points that are not finite and faces without area are left out and noted. Raises RegistrationError when the file
    cannot be read, is of another kind or holds too little.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".obj", ".ply"):
        raise RegistrationError(f"{path}: scans are read from .obj and .ply files; export the scan as one of these")
    try:
        if kind == ".obj":
            mesh = read_obj(path)
            return of_mesh(mesh, path) if len(mesh.faces) else of_cloud(mesh.vertices, None, path)
        if _has_faces(path):
            return of_mesh(read_ply_mesh(path), path)
        cloud = read_ply_cloud(path)
        return of_cloud(cloud.points, cloud.normals, path)
    except GeometryError as error:
        raise RegistrationError(f"the scan cannot be used: {error}") from None


def of_mesh(mesh: TriangleMesh, name: Path | str = "the scan", samples: int = SAMPLES) -> RawScan:
    """Points spread evenly over a mesh. Normals are turned to the side from which a ray escapes, so that faces may wind
    either way."""
    vertices = np.asarray(mesh.vertices, np.float64)
    finite = np.asarray(np.isfinite(vertices).all(1))
    faces = mesh.faces[finite[mesh.faces].all(1)]
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    twice_area = np.linalg.norm(cross, axis=1)
    solid = np.asarray(twice_area > 0)
    notes = []
    if not finite.all():
        notes.append(f"{int((~finite).sum())} of {len(vertices)} vertices are not finite and were left out")
    if not solid.any():
        raise RegistrationError(f"{name}: none of its {len(mesh.faces)} faces has an area; export the scan again")
    if (flat := int((~solid).sum())) > 0.01 * len(solid):
        notes.append(f"{flat} of {len(solid)} faces have no area and were left out")
    if len(many := _crowded_edges(faces[solid])):
        notes.append(f"{len(many)} edges belong to more than two faces")
    rng = np.random.default_rng(0)
    share = twice_area / twice_area.sum()
    face = np.sort(rng.choice(len(faces), samples, p=share))
    u, v = rng.random((2, samples))
    u, v = np.where(u + v > 1, 1 - u, u)[:, None], np.where(u + v > 1, 1 - v, v)[:, None]
    points = a[face] + u * (b - a)[face] + v * (c - a)[face]
    normals = cross[face] / twice_area[face, None]
    return RawScan(
        points=points, normals=_outward(points, normals, vertices, faces[solid]), oriented=True, notes=tuple(notes)
    )


def of_cloud(
    points: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"] | None,
    name: Path | str = "the scan",
) -> RawScan:
    """The points as they are; normals that are missing are those of the nearest neighbours' plane, without a side.

    Raises RegistrationError when fewer than MIN_POINTS are finite.
    """
    points = np.asarray(points, np.float64)
    finite = np.asarray(np.isfinite(points).all(1))
    notes = (
        () if finite.all() else (f"{int((~finite).sum())} of {len(points)} points are not finite and were left out",)
    )
    points = points[finite]
    if len(points) < MIN_POINTS:
        raise RegistrationError(
            f"{name}: holds {len(points)} points, at least {MIN_POINTS} are needed for a body; export the scan with "
            "more points, or as a mesh"
        )
    if normals is not None:
        normals = np.asarray(normals, np.float64)[finite]
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        if np.isfinite(length).all() and (length > 1e-6).all():
            return RawScan(points=points, normals=normals / length, oriented=True, notes=notes)
        notes = (*notes, "normals of length zero: all normals were estimated anew")
    if len(points) > SAMPLES:
        points = points[np.sort(np.random.default_rng(0).choice(len(points), SAMPLES, replace=False))]
    return RawScan(points=points, normals=_plane_normals(points), oriented=False, notes=notes)


def _has_faces(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            header = file.read(8192).split(b"end_header")[0]
    except OSError as error:
        raise RegistrationError(f"{path}: cannot read the scan ({error.strerror})") from None
    words = [line.split() for line in header.splitlines()]
    return any(word[:2] == [b"element", b"face"] and word[2:] != [b"0"] for word in words)


def _crowded_edges(faces: np.ndarray) -> np.ndarray:
    """Edges of more than two faces, which make a mesh non-manifold."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64), 1)
    key, count = np.unique(edges[:, 0] << 32 | edges[:, 1], return_counts=True)
    return key[count > 2]


def _outward(points: np.ndarray, normals: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Normals of the samples, turned to the side that sees the open; where both or neither do, as most others are."""
    size = float(np.ptp(points, axis=0).max())
    scene = RayScene(vertices, faces)
    lifted = 1e-4 * size * normals
    front = ~np.isfinite(scene.cast(points + lifted, normals).t)
    back = ~np.isfinite(scene.cast(points - lifted, -normals).t)
    clear = np.asarray(front != back)
    mostly = 1.0 if not clear.any() or front[clear].mean() > 0.5 else -1.0
    return normals * np.where(clear, np.where(front, 1.0, -1.0), mostly)[:, None]


def _plane_normals(points: np.ndarray) -> np.ndarray:
    _, near = KDTree(points).query(points, NEIGHBOURS)
    spread = points[near] - points[near].mean(1, keepdims=True)
    return np.linalg.eigh(np.einsum("nki,nkj->nij", spread, spread))[1][:, :, 0]
