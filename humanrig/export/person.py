"""What the exports read of a reconstructed person: rows and meshes, with errors that say what to run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from jaxtyping import Int

from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.results import Results


def body_rows(results: Results, instants: Collection[int] | None = None) -> Int[np.ndarray, "frames"]:
    """Rows of body/ for the instants, in order; None for all. Raises HumanrigError when there are none."""
    known = results.body["instants"]
    rows = np.flatnonzero(np.ones(len(known), bool) if instants is None else np.isin(known, list(instants)))
    if not len(rows):
        raise HumanrigError(
            f"{results.session.folder} has no body for the wanted instants; "
            f"run: humanrig reconstruct {results.session.folder} --from register"
        )
    return rows


def mesh_instants(results: Results) -> list[int]:
    """Instants that have a mesh, in order. Raises HumanrigError when the stage has not run."""
    return results.meshes.instants.tolist()


def mesh_at(results: Results, instant: int) -> TriangleMesh:
    """The mesh of an instant in the world, float32 as it is stored, with texture coordinates."""
    mesh = results.surface(instant)
    return replace(mesh, vertices=mesh.vertices.astype(np.float32))
