"""Surfaces as a USD mesh cache: the points of every frame, a mesh for each stretch with the same faces.

What compositing and effects programs take instead of Alembic; nothing is left to a skin.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from geometry.mesh import TriangleMesh
from texture.errors import TextureError
from texture.files.baked_segment import BakedSegment, require_increasing
from texture.files.time_codes import TimeCodes, time_codes
from texture.files.usd_library import Sdf, UsdGeom, Vt
from texture.files.usd_stage import WORLD, NewStage, new_stage


def write_usd_cache(path: Path, segments: Iterable[BakedSegment], times_s: np.ndarray) -> TimeCodes:
    """Writes `path` (.usdc) and the textures STEM_textures/NAME.jpg; returns the time codes.

    `times_s` are the times of all frames of all segments, which are read one after the other. Between frames of a
    segment points are interpolated; a segment is visible until the next begins. Raises TextureError for no frame,
    times that do not increase, a surface without faces and a texture without texture coordinates.
    """
    require_increasing([np.asarray(times_s, np.float64)] if len(times_s) else [])
    codes = time_codes(np.asarray(times_s, np.float64))
    with new_stage(path, codes) as made:
        begins, meshes, done = [], [], 0
        for segment in segments:
            last = done + len(segment.times_s)
            if last > len(codes.codes) or len(segment.vertices) != len(segment.times_s):
                raise TextureError(f"{path.name}: {segment.name} has more frames than times; give one time for each")
            own = codes.codes[done:last].tolist()
            meshes.append(_mesh(made, path, segment, own))
            begins.append(own[0])
            done = last
        if done != len(codes.codes):
            raise TextureError(f"{path.name}: {len(codes.codes)} times for {done} frames of surfaces; give one each")
        for number, mesh in enumerate(meshes if len(meshes) > 1 else []):
            shown = mesh.CreateVisibilityAttr()
            if number:
                shown.Set(UsdGeom.Tokens.invisible, codes.codes[0])
            shown.Set(UsdGeom.Tokens.inherited, begins[number])
            if number + 1 < len(meshes):
                shown.Set(UsdGeom.Tokens.invisible, begins[number + 1])
    return codes


def _mesh(made: NewStage, path: Path, segment: BakedSegment, codes: list[float]) -> Any:
    picture = None
    if segment.texture_jpeg is not None:
        picture = f"{path.stem}_textures/{segment.name}.jpg"
        (path.parent / picture).parent.mkdir(exist_ok=True)
        (path.parent / picture).write_bytes(segment.texture_jpeg)
    material = made.material(segment.name, None if picture is None else f"./{picture}")
    first = TriangleMesh(
        vertices=segment.vertices[0].astype(np.float64), faces=segment.faces, uv=segment.uv, uv_faces=segment.uv_faces
    )
    if not np.isfinite(segment.vertices).all():
        raise TextureError(f"{segment.name}: vertices that are not finite have no place in a USD file")
    mesh = made.mesh(f"{WORLD}/{segment.name}", first, material, picture is not None)
    points, extent = mesh.CreatePointsAttr(), mesh.CreateExtentAttr()
    with Sdf.ChangeBlock():
        for code, vertices in zip(codes, segment.vertices.astype(np.float32), strict=True):
            points.Set(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(vertices)), code)
            extent.Set(Vt.Vec3fArray.FromNumpy(np.stack([vertices.min(0), vertices.max(0)])), code)
    return mesh
