"""OBJ: one textured mesh for each instant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from humanrig.export.person import mesh_instants, textured_meshes
from humanrig.results import Results
from texture.files.obj_sequence import write_obj_sequence


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes NNNNNN.obj, .mtl and .jpg; returns lines for source.txt."""
    instants = mesh_instants(results)
    write_obj_sequence(folder, textured_meshes(results), len(instants), on_progress)
    return [
        f"{len(instants)} meshes NNNNNN.obj, each with its material and JPEG texture",
        "metres, z up, floor at z = 0 (the session's world); vertices keep their index in every mesh",
    ]
