"""Wavefront OBJ: a triangle mesh with its UVs, material and texture image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from geometry.coded_images import MOST_PIXELS, decode_image
from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh

_MATERIAL = "textured"


def write_obj(path: Path | str, mesh: TriangleMesh, *, material: str | None = None) -> None:
    """Writes a mesh; (0, 0) is the texture's bottom-left corner, as in `TriangleMesh`.

    With `material`, the OBJ refers to that `.mtl` file (a sequence shares one; see `write_material`). Without, the
    mesh's own texture, where it has one, is written beside the OBJ as `STEM.mtl` and `STEM.png`. float32 values are
    written with the 9 digits that bring back the same float32.
    """
    path = Path(path)
    if material is None and mesh.texture is not None:
        material = f"{path.stem}.mtl"
        write_material(path.with_name(material), mesh.texture)
    lines = [f"mtllib {material}\n", f"usemtl {_MATERIAL}\n"] if material is not None else []
    lines += _rows("v", mesh.vertices)
    corners = mesh.faces + 1
    if mesh.uv is not None and mesh.uv_faces is not None:
        lines += _rows("vt", mesh.uv)
        pairs = np.stack([corners, mesh.uv_faces + 1], -1).reshape(-1, 6)
        lines += map("f {}/{} {}/{} {}/{}\n".format, *pairs.T.tolist())
    else:
        lines += map("f {} {} {}\n".format, *corners.T.tolist())
    path.write_text("".join(lines), "utf-8")


def write_material(path: Path | str, texture: UInt8[np.ndarray, "rows columns 3"], image: str | None = None) -> None:
    """Writes a `.mtl` file and its RGB texture beside it, as `STEM.png` or the image name given (`.png`, `.jpg`)."""
    path = Path(path)
    image = image or f"{path.stem}.png"
    done, encoded = cv2.imencode(Path(image).suffix, cv2.cvtColor(texture, cv2.COLOR_RGB2BGR))
    if not done:
        raise GeometryError(f"{image}: cannot encode this image type; use .png or .jpg")
    path.with_name(image).write_bytes(encoded.tobytes())
    path.write_text(f"newmtl {_MATERIAL}\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {image}\n", "utf-8")


def read_obj(path: Path | str) -> TriangleMesh:
    """The mesh, polygons cut into triangle fans, with the texture of the first material that has one.

    Normals, groups and further materials are left out. Raises GeometryError on a file that is missing or malformed, on
    a face whose index has no vertex, and on a texture that is named but cannot be read.
    """
    path = Path(path)
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    faces: list[list[int]] = []
    uv_faces: list[list[int]] = []
    libraries: list[str] = []
    for number, line in enumerate(_lines(path), 1):
        key, *words = line.split(maxsplit=1)
        try:
            if key == "v":
                vertices.append([float(word) for word in words[0].split()[:3]])
            elif key == "vt":
                uv.append([float(word) for word in words[0].split()[:2]])
            elif key == "f":
                corners = [word.split("/") for word in words[0].split()]
                faces += _fan([_index(corner[0], len(vertices)) for corner in corners])
                if all(len(corner) > 1 and corner[1] for corner in corners):
                    uv_faces += _fan([_index(corner[1], len(uv)) for corner in corners])
            elif key == "mtllib":
                libraries.append(words[0].strip())
        except (ValueError, IndexError) as error:
            raise GeometryError(f"{path}:{number}: cannot read the line {line.strip()[:60]!r}") from error
    if any(len(row) != 3 for row in vertices) or any(len(row) != 2 for row in uv):
        raise GeometryError(f"{path}: a vertex has fewer than 3 numbers, or a vt fewer than 2; export the file again")
    if len(uv_faces) not in (0, len(faces)):
        raise GeometryError(f"{path}: only {len(uv_faces)} of {len(faces)} faces have texture coordinates")
    textured = bool(uv_faces)
    return TriangleMesh(
        vertices=np.array(vertices, np.float64).reshape(-1, 3),
        faces=np.array(faces, np.int64).reshape(-1, 3),
        uv=np.array(uv, np.float64).reshape(-1, 2) if textured else None,
        uv_faces=np.array(uv_faces, np.int64).reshape(-1, 3) if textured else None,
        texture=_texture(path, libraries) if textured else None,
    )


def _lines(path: Path) -> Iterable[str]:
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise GeometryError(f"{path}: cannot read the file ({error.strerror})") from error
    return (line if line.strip() else "#" for line in text.replace("\\\n", " ").splitlines())


def _rows(key: str, values: np.ndarray) -> Iterable[str]:
    number = "{:.9g}" if values.dtype == np.float32 else "{:.17g}"  # digits that bring every bit back
    return map(" ".join([key] + [number] * values.shape[1]).__add__("\n").format, *values.T.tolist())


def _index(word: str, count: int) -> int:
    """OBJ counts from 1, or from the end when negative."""
    index = int(word)
    index = index - 1 if index > 0 else count + index
    if not 0 <= index < count:
        raise ValueError(word)
    return index


def _fan(polygon: list[int]) -> list[list[int]]:
    return [[polygon[0], polygon[i], polygon[i + 1]] for i in range(1, len(polygon) - 1)]


def _texture(path: Path, libraries: list[str]) -> np.ndarray | None:
    for library in libraries:
        for line in _lines(_beside(path, library)):
            if line.split()[0].lower() == "map_kd":
                image = _beside(path, (line.split(maxsplit=1) + [""])[1].strip().split(" ")[-1])
                pixels = decode_image(image.read_bytes(), cv2.IMREAD_COLOR) if image.is_file() else None
                if pixels is None:
                    raise GeometryError(
                        f"{image}: the texture named in {library} is missing, damaged, or has more than "
                        f"{MOST_PIXELS // 10**6} million pixels"
                    )
                return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return None


def _beside(path: Path, name: str) -> Path:
    """The file that another one names. Raises GeometryError for one that is not in its folder."""
    parts = Path(name).parts  # `./a.mtl` is usual, and has one
    if "\0" in name or len(parts) != 1 or parts[0] in ("..", "/"):
        raise GeometryError(f"{path}: it names {name[:80]!r}, a file of its own folder was expected; export it again")
    return path.with_name(parts[0])
