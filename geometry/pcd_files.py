"""PCD, the point clouds of PCL and of most LiDAR and depth-camera tools: text, binary and compressed binary, read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numba
import numpy as np
from jaxtyping import Float

from geometry.cloud import PointCloud
from geometry.errors import GeometryError

LARGEST_HEADER: Final = 4096
MOST_POINTS: Final = 100_000_000
_TYPES: Final = {("F", 4): "<f4", ("F", 8): "<f8"} | {
    (kind, size): f"<{letter}{size}" for kind, letter in (("I", "i"), ("U", "u")) for size in (1, 2, 4, 8)
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Header:
    dtype: np.dtype
    points: int
    data: str
    start: int


def read_pcd_cloud(path: Path | str) -> PointCloud:
    """The points, in the file's unit, with normals and colours where it has them.

    Points whose place is not finite are kept: an organised cloud has them where the sensor measured nothing. Format:
    pointclouds.org, "The PCD (Point Cloud Data) file format", version 0.7. Raises GeometryError on a file that is
    missing, cut off or none.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise GeometryError(f"{path}: cannot read the file ({error.strerror})") from error
    header = _header(raw, path)
    table = _table(raw[header.start :], header, path)
    fields = table.dtype.names or ()
    rgb = next((name for name in ("rgb", "rgba") if name in fields), None)
    normals = ("normal_x", "normal_y", "normal_z")
    return PointCloud(
        points=_columns(table, ("x", "y", "z"), path),
        normals=_columns(table, normals, path) if set(normals) <= set(fields) else None,
        colors=None if rgb is None else _colors(table[rgb]),
    )


def _header(raw: bytes, path: Path) -> _Header:
    found: dict[str, list[str]] = {}
    start = 0
    while "DATA" not in found:
        end = raw.find(b"\n", start, LARGEST_HEADER)
        if end < 0:
            raise GeometryError(f"{path}: not a PCD file, or cut off in its header")
        words = raw[start:end].decode("ascii", errors="replace").split()
        if words and not words[0].startswith("#"):
            found[words[0].upper()] = words[1:]
        start = end + 1
    try:
        names, count = found["FIELDS"], [int(n) for n in found.get("COUNT", ["1"] * len(found["FIELDS"]))]
        kinds = [_TYPES[kind, int(size)] for kind, size in zip(found["TYPE"], found["SIZE"], strict=True)]
        points = int(found["POINTS"][0]) if "POINTS" in found else int(found["WIDTH"][0]) * int(found["HEIGHT"][0])
        dtype = np.dtype([
            (f"_{n}" if name == "_" else name, kind, (times,) if times != 1 else ())
            for n, (name, kind, times) in enumerate(zip(names, kinds, count, strict=True))
        ])  # fmt: skip
        data = found["DATA"][0].lower()
    except (KeyError, ValueError, IndexError) as error:
        raise GeometryError(f"{path}: cannot read the PCD header ({error})") from error
    if not 0 <= points <= MOST_POINTS:
        raise GeometryError(f"{path}: the header says {points} points; obtain the file again")
    return _Header(dtype=dtype, points=points, data=data, start=start)


def _table(body: bytes, header: _Header, path: Path) -> np.ndarray:
    size = header.points * header.dtype.itemsize
    if header.data == "ascii":
        return _text(body, header, path)
    if header.data == "binary":
        if len(body) < size:
            raise _cut_off(path, header)
        return np.frombuffer(body, header.dtype, header.points)
    if header.data != "binary_compressed":
        raise GeometryError(f"{path}: PCD data of the kind '{header.data}' is not known; save it as binary")
    if len(body) < 8:
        raise _cut_off(path, header)
    packed, unpacked = (int(n) for n in np.frombuffer(body, "<u4", 2))
    if len(body) < 8 + packed or unpacked != size:
        raise _cut_off(path, header)
    flat = np.zeros(size, np.uint8)
    if _expanded(np.frombuffer(body, np.uint8, packed, 8), flat) != size:
        raise GeometryError(f"{path}: its compressed points are damaged; export the file again")
    table, place = np.zeros(header.points, header.dtype), 0
    for name in header.dtype.names or ():  # all of one field, then all of the next
        field = header.dtype[name]
        column = flat[place : place + header.points * field.itemsize]
        table[name] = column.view(field.base).reshape(header.points, *field.shape)
        place += len(column)
    return table


def _text(body: bytes, header: _Header, path: Path) -> np.ndarray:
    widths = [int(np.prod(header.dtype[name].shape)) for name in header.dtype.names or ()]
    try:
        words = np.array(body.split()[: header.points * sum(widths)], np.float64)
    except ValueError as error:
        raise GeometryError(f"{path}: a value is no number ({error}); export the file again") from error
    if len(words) < header.points * sum(widths):
        raise _cut_off(path, header)
    rows, table, column = words.reshape(header.points, -1), np.zeros(header.points, header.dtype), 0
    for name, width in zip(header.dtype.names or (), widths):
        with np.errstate(invalid="ignore"):
            table[name] = rows[:, column : column + width].reshape(header.points, *header.dtype[name].shape)
        column += width
    return table


def _columns(table: np.ndarray, names: tuple[str, ...], path: Path) -> Float[np.ndarray, "points 3"]:
    try:
        return np.stack([table[name].astype(np.float64) for name in names], -1)
    except ValueError as error:
        raise GeometryError(f"{path}: points have no {', '.join(names)} ({error}); export the file again") from error


def _colors(packed: np.ndarray) -> np.ndarray:
    """PCL packs 0xAARRGGBB into the bits of a float, or of an unsigned integer."""
    bits = packed.astype("<f4").view("<u4") if packed.dtype.kind == "f" else packed.astype("<u4")
    return np.stack([(bits >> shift) & 255 for shift in (16, 8, 0)], -1).astype(np.uint8)


def _cut_off(path: Path, header: _Header) -> GeometryError:
    return GeometryError(f"{path}: cut off among its {header.points} points; export the file again")


@numba.njit(cache=True)
def _expanded(packed, out):
    """LZF (Lehmann's liblzf): runs of bytes, and copies of what came before. Bytes written, or -1 when damaged."""
    i, o, size, room = 0, 0, len(packed), len(out)
    while i < size:
        control = int(packed[i])
        i += 1
        if control < 32:
            length = control + 1
            if i + length > size or o + length > room:
                return -1
            for _ in range(length):
                out[o] = packed[i]
                o, i = o + 1, i + 1
            continue
        length = control >> 5
        if length == 7:
            if i >= size:
                return -1
            length += int(packed[i])
            i += 1
        if i >= size:
            return -1
        back = o - ((control & 31) << 8) - int(packed[i]) - 1
        i += 1
        length += 2
        if back < 0 or o + length > room:
            return -1
        for k in range(length):
            out[o] = out[back + k]
            o += 1
    return o
