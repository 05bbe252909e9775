"""PLY: triangle meshes (without texture) and point clouds with all their fields, binary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from geometry.cloud import PointCloud
from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh

_ALIASES = {
    "i1": ("char", "int8"),
    "u1": ("uchar", "uint8"),
    "i2": ("short", "int16"),
    "u2": ("ushort", "uint16"),
    "i4": ("int", "int32"),
    "u4": ("uint", "uint32"),
    "f4": ("float", "float32"),
    "f8": ("double", "float64"),
}
_TYPES = {alias: kind for kind, aliases in _ALIASES.items() for alias in aliases}
_FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
Fields = list[tuple[str, str, tuple[int, ...]]]
"""Name, type and shape of each value of an element."""


def write_ply_mesh(path: Path | str, mesh: TriangleMesh) -> None:
    """Writes vertices and faces. PLY has no agreed way to hold a UV texture: use OBJ for that."""
    faces = np.empty(len(mesh.faces), [("count", "u1"), ("vertex_indices", "<i4", (3,))])
    faces["count"], faces["vertex_indices"] = 3, mesh.faces
    _write(path, {axis: mesh.vertices[:, i] for i, axis in enumerate("xyz")}, faces)


def write_ply_cloud(path: Path | str, cloud: PointCloud) -> None:
    """Writes every field the cloud has; `time_us` as double, since PLY has no 64-bit integer (exact below 2^53)."""
    columns = {axis: cloud.points[:, i] for i, axis in enumerate("xyz")}
    if cloud.normals is not None:
        columns |= {f"n{axis}": cloud.normals[:, i] for i, axis in enumerate("xyz")}
    if cloud.colors is not None:
        columns |= {name: cloud.colors[:, i] for i, name in enumerate(("red", "green", "blue"))}
    if cloud.camera is not None:
        columns["camera"] = cloud.camera.astype(np.int32)
    if cloud.sigma is not None:
        columns["sigma"] = cloud.sigma
    if cloud.time_us is not None:
        columns["time_us"] = cloud.time_us.astype(np.float64)
    if cloud.person is not None:
        columns["person"] = cloud.person.astype(np.uint8)
    _write(path, columns)


def read_ply_mesh(path: Path | str) -> TriangleMesh:
    """The mesh. Raises GeometryError on a file that is missing, cut off, without faces, not of triangles, or
    with a corner that is no vertex."""
    elements = _read(Path(path))
    corners = elements.get("face", {}).get("vertex_indices", elements.get("face", {}).get("vertex_index"))
    if corners is None:
        raise GeometryError(f"{path}: holds no faces; it may be a point cloud")
    if corners.ndim != 2 or corners.shape[1] != 3:
        raise GeometryError(f"{path}: has faces of other than three corners; triangulate the mesh first")
    vertices, faces = _columns(elements, "xyz", path), corners.astype(np.int64)
    wrong = faces[(faces < 0) | (faces >= len(vertices))]
    if len(wrong):
        raise GeometryError(
            f"{path}: a face names vertex {wrong[0]}, and there are {len(vertices)}; export the file again"
        )
    return TriangleMesh(vertices=vertices, faces=faces)


def read_ply_cloud(path: Path | str) -> PointCloud:
    """The points, with each field that the file has. Raises GeometryError on a file that is missing or cut off."""
    elements = _read(Path(path))
    vertex = elements.get("vertex", {})
    return PointCloud(
        points=_columns(elements, "xyz", path),
        normals=_columns(elements, ("nx", "ny", "nz"), path) if "nx" in vertex else None,
        colors=_columns(elements, ("red", "green", "blue"), path).astype(np.uint8) if "red" in vertex else None,
        camera=vertex.get("camera"),
        sigma=vertex.get("sigma"),
        time_us=vertex["time_us"].astype(np.int64) if "time_us" in vertex else None,
        person=vertex.get("person"),
    )


def _write(path: Path | str, columns: dict[str, np.ndarray], faces: np.ndarray | None = None) -> None:
    kinds = {name: _kind(column.dtype) for name, column in columns.items()}
    table = np.empty(len(columns["x"]), [(name, "<" + kind) for name, kind in kinds.items()])
    for name, column in columns.items():
        table[name] = column
    header = ["ply", "format binary_little_endian 1.0", "comment metres", f"element vertex {len(table)}"]
    header += [f"property {_ALIASES[kind][0]} {name}" for name, kind in kinds.items()]
    if faces is not None:
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    body = table.tobytes() + (b"" if faces is None else faces.tobytes())
    Path(path).write_bytes(("\n".join([*header, "end_header"]) + "\n").encode("ascii") + body)


def _kind(dtype: np.dtype) -> str:
    if dtype.kind == "f":
        return "f4" if dtype == np.float32 else "f8"
    return "u1" if dtype == np.uint8 else "i4"


def _columns(elements: dict[str, dict[str, np.ndarray]], names: Sequence[str], path: Path | str) -> np.ndarray:
    try:
        return np.stack([elements["vertex"][name] for name in names], -1)
    except KeyError as error:
        raise GeometryError(f"{path}: vertices have no property {error}; export the file again") from error


def _read(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """Columns of each element, by property. The lists of a property must be equally long."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise GeometryError(f"{path}: cannot read the file ({error.strerror})") from error
    end = raw.find(b"end_header")
    start = raw.find(b"\n", end) + 1
    if not raw.startswith(b"ply") or end < 0 or start == 0:
        raise GeometryError(f"{path}: not a PLY file")
    order, layout = _layout(raw[:end].decode("ascii", errors="replace"), path)
    try:
        return _elements(raw, start, order, layout, path)
    except (ValueError, TypeError, LookupError, OverflowError, MemoryError) as error:
        said = " ".join(str(error).split())[:80]
        raise GeometryError(f"{path}: its entries are damaged ({said}); export the file again") from None


def _elements(
    raw: bytes, start: int, order: str, layout: list[tuple[str, int, Fields]], path: Path
) -> dict[str, dict[str, np.ndarray]]:
    text = raw[start:].split() if order == "" else []
    elements: dict[str, dict[str, np.ndarray]] = {}
    for element, count, listed in layout:
        fields = _measured(listed, count, order or "<", (raw, start), text)
        dtype = np.dtype([(name, (order or "<") + kind, shape) for name, kind, shape in fields])
        if order:
            size = count * dtype.itemsize
            if len(raw) < start + size:
                raise GeometryError(f"{path}: cut off among its {count} {element} entries; export the file again")
            table = np.frombuffer(raw, dtype, count, start)
            start += size
        else:
            width = sum(int(np.prod(shape)) for _, _, shape in fields)
            words, text = text[: count * width], text[count * width :]
            if len(words) < count * width:
                raise GeometryError(f"{path}: cut off among its {count} {element} entries; export the file again")
            table = _from_text(words, dtype, count, width)
        names = table.dtype.names or ()
        lengths = {name: int(np.prod(shape)) for name, _, shape in fields}
        if any((table[name] != lengths[name[1:]]).any() for name in names if name.startswith("#")):
            raise GeometryError(f"{path}: has {element} lists of different lengths; triangulate the mesh first")
        elements[element] = {
            name: table[name].astype(table.dtype[name].base.newbyteorder("="))
            for name in names
            if not name.startswith("#")
        }
    return elements


def _measured(fields: Fields, count: int, order: str, data: tuple[bytes, int], text: list[bytes]) -> Fields:
    """The fields with the lengths that the first entry's lists have: three for triangles, six for their texture."""
    if not count or not any(name.startswith("#") for name, _, _ in fields):
        return fields
    out: Fields = []
    for n, (name, kind, shape) in enumerate(fields):
        if n and fields[n - 1][0] == f"#{name}":
            before = np.dtype([(f, order + k, s) for f, k, s in out])
            word = sum(int(np.prod(s)) for _, _, s in out) - 1
            try:
                first = int(text[word]) if text else int(np.frombuffer(data[0], before, 1, data[1])[0][f"#{name}"])
            except (ValueError, IndexError):
                first = 3  # cut off: said where the whole element is read
            shape = (first,)
        out.append((name, kind, shape))
    return out


def _from_text(words: list[bytes], dtype: np.dtype, count: int, width: int) -> np.ndarray:
    rows = np.array(words, np.float64).reshape(count, width)
    table, column = np.empty(count, dtype), 0
    for name in dtype.names or ():
        size = int(np.prod(dtype[name].shape))
        table[name] = rows[:, column : column + size].reshape(count, *dtype[name].shape)
        column += size
    return table


def _layout(header: str, path: Path) -> tuple[str, list[tuple[str, int, Fields]]]:
    """Byte order ("" for text) and, for each element, its count and its fields (name, type, shape)."""
    order, layout = None, []
    try:
        for line in header.splitlines()[1:]:
            word = line.split()
            if word[:1] == ["format"]:
                order = _FORMATS[word[1]]
            elif word[:1] == ["element"]:
                layout.append((word[1], int(word[2]), []))
                if layout[-1][1] < 0:
                    raise ValueError(f"{word[1]} {word[2]}")
            elif word[:2] == ["property", "list"]:
                layout[-1][2].extend([(f"#{word[4]}", _TYPES[word[2]], ()), (word[4], _TYPES[word[3]], (3,))])
            elif word[:1] == ["property"]:
                layout[-1][2].append((word[2], _TYPES[word[1]], ()))
    except (KeyError, IndexError, ValueError) as error:
        raise GeometryError(f"{path}: cannot read the PLY header ({error})") from error
    if order is None:
        raise GeometryError(f"{path}: the PLY header states no format")
    return order, layout
