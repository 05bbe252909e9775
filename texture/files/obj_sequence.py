"""A mesh sequence as numbered OBJ files, each with its material and JPEG texture."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from geometry.mesh import TriangleMesh
from geometry.obj_files import write_obj
from texture.errors import TextureError

_MATERIAL = "newmtl textured\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {image}\n"


def write_obj_sequence(
    folder: Path,
    frames: Iterable[tuple[int, TriangleMesh, Path | None]],
    total: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Writes NNNNNN.obj and .mtl for each (instant, mesh, its JPEG file), and the JPEGs; returns the OBJ paths.

    Vertices are in the mesh's frame: metres, z up in a session's world. JPEG files are copied byte for byte under their
    own names, once where frames share one; a frame without one has no material. Raises TextureError for a picture that
    is missing, for two of one name, and for a mesh with a picture but without texture coordinates.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths, copied = [], {}
    for done, (instant, mesh, picture) in enumerate(frames, 1):
        path = folder / f"{instant:06d}.obj"
        if picture is None:
            write_obj(path, mesh)
        else:
            _write_textured(path, mesh, picture, copied)
        paths.append(path)
        if on_progress:
            on_progress(done, total)
    return paths


def _write_textured(path: Path, mesh: TriangleMesh, picture: Path, copied: dict[str, Path]) -> None:
    if mesh.uv is None or mesh.uv_faces is None:
        raise TextureError(f"{path.name}: the mesh has a picture but no texture coordinates; run the stage mesh again")
    if not picture.is_file():
        raise TextureError(f"{picture} is missing; run the stage texture with a texture for every instant")
    image = path.with_name(picture.name)
    if copied.setdefault(image.name, picture) != picture:
        raise TextureError(f"{picture} and {copied[image.name]} have the same name; give each texture its own")
    if not image.exists():
        shutil.copyfile(picture, image)
    material = path.with_suffix(".mtl")
    material.write_text(_MATERIAL.format(image=image.name), "utf-8")
    write_obj(path, mesh, material=material.name)
