"""What the exports read of a reconstructed person: rows, meshes and textures, with errors that say what to run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.results import Results
from texture.files import texture_files


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


def segment_texture(results: Results, number: int) -> Path:
    """The JPEG of a segment of the clip. Raises HumanrigError when it is missing."""
    return _existing(results, texture_files.segment_texture(results.session.path("texture"), results.person, number))


def instant_texture(results: Results, instant: int) -> Path:
    """The JPEG of one instant. Raises HumanrigError when it is missing."""
    return _existing(results, texture_files.instant_texture(results.session.path("texture"), results.person, instant))


def textured_meshes(results: Results) -> Iterator[tuple[int, TriangleMesh, Path]]:
    """Instant, mesh and JPEG of each instant. Raises HumanrigError before the first when a JPEG is missing."""
    textures = [instant_texture(results, instant) for instant in mesh_instants(results)]
    return ((i, mesh_at(results, i), texture) for i, texture in zip(mesh_instants(results), textures))


def _existing(results: Results, path: Path) -> Path:
    if not path.is_file():
        raise HumanrigError(f"{path} is missing; run: humanrig reconstruct {results.session.folder} --from texture")
    return path
