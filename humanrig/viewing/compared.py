"""A second result beside the shown one, and how far the two are apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from geometry.mesh import TriangleMesh
from geometry.rays import RayScene


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """Bodies of another result, in the world of the shown one."""

    name: str
    people: tuple[str, ...]
    """The other's people."""
    same: dict[str, str]
    """The other's person for each of the shown ones; who is not there has none."""
    body: Callable[[str, int], TriangleMesh | None]
    """Of the other's person at an instant of the shown session; None where there is none."""
    note: str
    """How the two worlds were brought together, in a sentence."""


def vertex_distances(mesh: TriangleMesh, other: TriangleMesh) -> Float[np.ndarray, "vertices"]:
    """Metres from each vertex to the same vertex of the other; to its surface where the two have other vertices."""
    if mesh.vertices.shape == other.vertices.shape and np.array_equal(mesh.faces, other.faces):
        return np.linalg.norm(mesh.vertices - other.vertices, axis=-1)
    return RayScene.of(other).closest(mesh.vertices).distance
