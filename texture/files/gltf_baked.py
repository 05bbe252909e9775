"""A GLB of surfaces as they are: one mesh for each stretch of a clip with the same faces, moved by morph targets.

Nothing is left to a skin, so loose clothes and free-form surfaces are exact. A mesh is shown while its stretch lasts:
its node is scaled to nothing before and after, in steps, which every viewer can play.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geometry.mesh import TriangleMesh
from texture.files.baked_segment import BakedSegment, require_increasing
from texture.files.gltf_file import GlbBuilder
from texture.files.gltf_parts import Materials, indices, mesh_corners, normals, target_names, targets, world_node
from texture.files.shape_keys import TOLERANCE_M, ShapeKeys, shape_keys


@dataclass(frozen=True, kw_only=True, slots=True)
class BakedFigures:
    """What became of the surfaces."""

    segments: int
    frames: int
    shapes: int
    """Morph targets of all meshes together."""


def write_baked_glb(path: Path, segments: Iterable[BakedSegment], tolerance_m: float = TOLERANCE_M) -> BakedFigures:
    """Writes the GLB. Raises TextureError as `encode_baked_glb` does."""
    data, figures = encode_baked_glb(segments, tolerance_m)
    Path(path).write_bytes(data)
    return figures


def encode_baked_glb(segments: Iterable[BakedSegment], tolerance_m: float = TOLERANCE_M) -> tuple[bytes, BakedFigures]:
    """The bytes of a GLB whose vertices are within `tolerance_m` of the surfaces at every frame.

    Raises TextureError for no segment at all, times that do not increase, a texture without texture coordinates, and
    more than the 4 GiB that the format can hold.
    """
    glb = GlbBuilder()
    materials = Materials(glb)
    meshes: list[dict[str, Any]] = []
    keys: list[tuple[np.ndarray, ShapeKeys]] = []
    for segment in segments:
        shapes = shape_keys(segment.vertices, tolerance_m=tolerance_m)
        material = materials.add(segment.name, segment.texture_jpeg)
        meshes.append(_mesh(glb, segment, shapes, material))
        keys.append((np.asarray(segment.times_s, np.float64), shapes))
    times = [times for times, _ in keys]
    require_increasing(times)
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "humanrig"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [world_node(list(range(1, len(meshes) + 1)))],
        "meshes": meshes,
        **materials.document(),
    }
    for number, mesh in enumerate(meshes):
        hidden = {"scale": [0.0, 0.0, 0.0]} if number else {}
        document["nodes"].append({"name": mesh["name"], "mesh": number, **hidden})
    if animation := _animation(glb, keys, times[0][0]):
        document["animations"] = [animation]
    figures = BakedFigures(
        segments=len(meshes), frames=sum(map(len, times)), shapes=sum(len(shapes) for _, shapes in keys)
    )
    return glb.encode(document), figures


def _mesh(glb: GlbBuilder, segment: BakedSegment, shapes: ShapeKeys, material: int) -> dict[str, Any]:
    base = TriangleMesh(
        vertices=shapes.base.astype(np.float64), faces=segment.faces, uv=segment.uv, uv_faces=segment.uv_faces
    )
    corners = mesh_corners(glb, base, segment.texture_jpeg is not None)
    attributes = dict(corners.attributes)
    if not len(shapes):  # without normals a viewer takes those of the faces, which turn with the person
        attributes["NORMAL"] = normals(glb, base, corners)
    primitive: dict[str, Any] = {"attributes": attributes, "indices": indices(glb, corners), "material": material}
    mesh: dict[str, Any] = {"name": segment.name, "primitives": [primitive]}
    if len(shapes):
        primitive["targets"] = targets(glb, shapes, corners)
        mesh |= {"weights": shapes.weights[0].tolist(), "extras": target_names(shapes)}
    return mesh


def _animation(glb: GlbBuilder, keys: list[tuple[np.ndarray, ShapeKeys]], start_s: float) -> dict[str, Any]:
    """Weights of every mesh that moves, and when each is shown; empty for a single picture of a person."""
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []

    def add(node: int, path: str, interpolation: str, times: np.ndarray, output: int) -> None:
        time = glb.array((times - start_s).astype(np.float32), "SCALAR")
        samplers.append({"input": time, "output": output, "interpolation": interpolation})
        channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": path}})

    begins = [times[0] for times, _ in keys]
    for number, (times, shapes) in enumerate(keys):
        if len(shapes):
            add(number + 1, "weights", "LINEAR", times, glb.array(shapes.weights.reshape(-1), "SCALAR"))
        if len(keys) > 1:
            switches = [(start_s, float(number == 0)), (begins[number], 1.0)][int(number == 0) :]
            switches += [(begins[number + 1], 0.0)] if number + 1 < len(keys) else []
            when, shown = np.array(switches).T
            scales = np.repeat(shown.astype(np.float32)[:, None], 3, 1)
            add(number + 1, "scale", "STEP", when, glb.array(scales, "VEC3"))
    return {"name": "clip", "samplers": samplers, "channels": channels} if channels else {}
