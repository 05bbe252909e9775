"""OBJ: one textured mesh for each instant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from geometry.mesh import TriangleMesh
from humanrig.export.person import mesh_at, mesh_instants
from humanrig.export.surface_pictures import SurfacePictures
from humanrig.results import Results
from texture.files.obj_sequence import write_obj_sequence


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes NNNNNN.obj, .mtl and the JPEGs; returns lines for source.txt."""
    instants, pictures, meshes = mesh_instants(results), SurfacePictures(results), results.meshes
    worn = {instant: pictures.of_instant(instant) for instant in instants}

    def frames() -> Iterator[tuple[int, TriangleMesh, Path | None]]:
        return ((instant, mesh_at(results, instant), worn[instant]) for instant in instants)

    write_obj_sequence(folder, frames(), len(instants), on_progress)
    whole = {instant for instant, picture in worn.items() if picture and picture.stem != f"{instant:06d}"}
    borrowed = [] if len(whole) == sum(map(bool, worn.values())) else [f"{instant:06d}" for instant in sorted(whole)]
    shared = len(meshes.segments)
    own = "vertices keep their index" if shared == 1 else f"vertices keep their index within each of {shared} segments"
    textures = len(set(worn.values()) - {None})
    return [
        f"{len(instants)} meshes NNNNNN.obj, {sum(map(bool, worn.values()))} with a material; {textures} JPEG textures",
        f"metres, z up, floor at z = 0 (the session's world); {own}",
        *([f"without a texture of their own, in that of their segment: {' '.join(borrowed)}"] if borrowed else []),
        *pictures.about([f"{instant:06d}" for instant, picture in worn.items() if picture is None]),
    ]
