"""The surfaces of one person over a clip, on disk: segments of one topology each, and which instant is where.

    mesh/personNN.npz                    instants (T,), segment (T,), flags (T,): what is degraded, "" where nothing is
    mesh/personNN/segment_SSS.npz        the arrays of `Segment`; instants of a segment follow one another

World frame, metres. A tracked clip has few segments; free-form surfaces are segments of one instant each.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Integer

from geometry.mesh import TriangleMesh
from geometry.npz_files import DAMAGED, damage, read_npz
from texture.errors import TextureError
from texture.surfaces.binding import Binding

_ARRAYS = ("instants", "vertices", "faces", "uv", "uv_faces")
_SHAPES = {"instants": (0,), "vertices": (0, 0, 3), "faces": (0, 3), "uv": (0, 2), "uv_faces": (0, 3)}
"""0 for any length."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Segment:
    """Surfaces of some instants in a row that share faces, texture coordinates and the order of their vertices."""

    instants: Integer[np.ndarray, "instants"]
    """Increasing."""
    vertices: Float32[np.ndarray, "instants vertices 3"]
    """In the world, metres."""
    faces: Integer[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "uvs 2"]
    uv_faces: Integer[np.ndarray, "faces 3"]
    binding: Binding | None = None
    """None where the surface does not follow the body."""

    def surface(self, instant: int) -> TriangleMesh:
        """The mesh of one of its instants, with texture coordinates. Raises TextureError for another instant."""
        row = np.flatnonzero(self.instants == instant)
        if not len(row):
            raise TextureError(f"instant {instant} is not among {self.instants[0]} to {self.instants[-1]}")
        vertices = self.vertices[row[0]].astype(np.float64)
        return TriangleMesh(vertices=vertices, faces=self.faces, uv=self.uv, uv_faces=self.uv_faces)


@dataclass(frozen=True, kw_only=True, eq=False)
class MeshSequence:
    """A person's surfaces, read segment by segment when they are asked for."""

    folder: Path
    """Where `personNN.npz` lies."""
    person: str
    instants: Integer[np.ndarray, "instants"]
    """Instants that have a surface, increasing."""
    segment_of: Integer[np.ndarray, "instants"]
    """Number of the segment of each instant."""
    flags: tuple[str, ...]
    """What is degraded at each instant and why; "" where nothing is."""

    @classmethod
    def open(cls, folder: Path, person: str) -> MeshSequence:
        """Raises TextureError when a file is missing or damaged."""
        arrays = _read(_index_path(folder, person), ("instants", "segment", "flags"))
        try:
            return cls(
                folder=folder,
                person=person,
                instants=arrays["instants"].astype(np.int64).reshape(-1),
                segment_of=arrays["segment"].astype(np.int64).reshape(arrays["instants"].shape),
                flags=tuple(str(flag) for flag in arrays["flags"]),
            )
        except (ValueError, TypeError) as error:
            raise TextureError(
                f"{_index_path(folder, person)} is damaged ({error}); run the stage mesh again"
            ) from None

    @property
    def segments(self) -> list[int]:
        """Numbers of the segments, in order."""
        return list(dict.fromkeys(self.segment_of.tolist()))

    def segment(self, number: int) -> Segment:
        """One segment, read-only and kept while it is the last one or two asked for. Raises TextureError as `open`."""
        path = segment_path(self.folder, self.person, number)
        return _segment(path, path.stat().st_mtime_ns if path.is_file() else 0)

    def surface(self, instant: int) -> TriangleMesh:
        """The mesh of an instant in the world. Raises TextureError for an instant without one."""
        return self.segment(self.number_of(instant)).surface(instant)

    def number_of(self, instant: int) -> int:
        """The segment that holds an instant. Raises TextureError for an instant without a surface."""
        row = np.flatnonzero(self.instants == instant)
        if not len(row):
            raise TextureError(
                f"instant {instant} has no surface in {self.folder}; run the stage mesh for it, or leave it out"
            )
        return int(self.segment_of[row[0]])


def write_segment(folder: Path, person: str, number: int, segment: Segment) -> None:
    """Writes segment_SSS.npz below `folder`/personNN/, whole or not at all."""
    path = segment_path(folder, person, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    binding = segment.binding
    arrays: dict[str, Any] = {name: getattr(segment, name) for name in _ARRAYS}
    if binding is not None:
        arrays |= {"rest": binding.rest, "joints": binding.joints, "weights": binding.weights}
    partial = path.with_name(f".{path.stem}.{platform.node()}.{os.getpid()}.npz")
    np.savez_compressed(partial, **arrays)
    partial.replace(path)


def write_index(folder: Path, person: str, entries: Iterable[tuple[int, int, str]]) -> None:
    """Writes personNN.npz from (instant, segment, flag) of every instant that has a surface. Written last."""
    rows = sorted(entries)
    np.savez_compressed(
        _index_path(folder, person),
        instants=np.array([row[0] for row in rows], np.int64),
        segment=np.array([row[1] for row in rows], np.int64),
        flags=np.array([row[2] for row in rows], np.str_),
    )


def segment_path(folder: Path, person: str, number: int) -> Path:
    """Where a segment lies."""
    return folder / person / f"segment_{number:03d}.npz"


def _index_path(folder: Path, person: str) -> Path:
    return folder / f"{person}.npz"


@lru_cache(maxsize=2)
def _segment(path: Path, changed_ns: int) -> Segment:
    """`changed_ns` keeps a file that was written again apart."""
    arrays = _read(path, _ARRAYS)
    _check(path, arrays)
    bound = {name: arrays[name] for name in ("rest", "joints", "weights") if name in arrays}
    if bound and len(bound) < 3:
        raise TextureError(f"{path} has {', '.join(bound)} of a binding to the body alone; run the stage mesh again")
    arrays = {name: arrays[name] for name in _ARRAYS}
    for array in (*arrays.values(), *bound.values()):
        array.flags.writeable = False
    return Segment(**arrays, binding=Binding(**bound) if bound else None)


def _check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raises TextureError for what no reader can use: a later stage would fail, or draw rubbish."""
    vertices, again = arrays["vertices"], "run the stage mesh again"
    for name, shape in _SHAPES.items():
        found = arrays[name]
        if found.dtype.kind not in "fiu" or found.ndim != len(shape) or found.shape[-1] != (shape[-1] or len(found)):
            raise TextureError(f"{path}: {name} is {found.dtype} of shape {found.shape}; {again}")
    if not len(arrays["faces"]) or len(arrays["uv_faces"]) != len(arrays["faces"]):
        raise TextureError(
            f"{path} has {len(arrays['faces'])} faces and {len(arrays['uv_faces'])} with texture coordinates; {again}"
        )
    for name, count in (("faces", vertices.shape[1]), ("uv_faces", len(arrays["uv"]))):
        if arrays[name].min() < 0 or arrays[name].max() >= count:
            raise TextureError(f"{path}: {name} name {arrays[name].max()}, there are {count}; {again}")
    finite = np.isfinite(vertices).all((1, 2))
    if not finite.all():
        bad = arrays["instants"][int(np.argmin(finite))]
        raise TextureError(f"{path}: the surface of instant {bad} has vertices that are not finite; {again}")


def _read(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise TextureError(f"{path} is missing; run the stage mesh")
    try:
        arrays = read_npz(path)
    except DAMAGED as error:
        raise TextureError(f"{path} cannot be read ({damage(error)}); run the stage mesh again") from None
    if missing := [name for name in names if name not in arrays]:
        raise TextureError(f"{path} has no {', '.join(missing)}; it was made by an older program, run the stage mesh")
    return arrays
