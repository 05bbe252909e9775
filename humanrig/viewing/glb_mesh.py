"""A surface as the bytes of a GLB for the page: with a colour at each vertex, or with its picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import UInt8

from geometry.mesh import TriangleMesh
from texture.files.gltf_file import GlbBuilder
from texture.files.gltf_parts import Materials, indices, mesh_corners, normals


def colored_glb(mesh: TriangleMesh, colors: UInt8[np.ndarray, "vertices 3"]) -> bytes:
    """The mesh with a colour (RGB, as a screen shows it) at each vertex, lit. Raises TextureError for no faces."""
    glb = GlbBuilder()
    corners = mesh_corners(glb, mesh, textured=False)
    linear = np.concatenate([_linear(colors), np.ones((len(colors), 1))], -1).astype(np.float32)
    attributes = {
        **corners.attributes,
        "NORMAL": normals(glb, mesh, corners),
        "COLOR_0": glb.vertex_attribute(linear[corners.vertex], "VEC4"),
    }
    material = {"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}
    return glb.encode(_document(attributes, indices(glb, corners), {"materials": [material]}))


def textured_glb(mesh: TriangleMesh, texture_jpeg: bytes) -> bytes:
    """The mesh with its picture, unlit: a photograph already holds its light. Raises TextureError without uv."""
    glb = GlbBuilder()
    materials = Materials(glb)
    material = materials.add("surface", texture_jpeg)
    corners = mesh_corners(glb, mesh, textured=True)
    return glb.encode(_document(dict(corners.attributes), indices(glb, corners), materials.document(), material))


def _document(attributes: dict[str, int], triangles: int, parts: dict[str, Any], material: int = 0) -> dict[str, Any]:
    """Vertices stay in the session's world, z up: the page's scene has the same axes."""
    primitive = {"attributes": attributes, "indices": triangles, "material": material}
    return {
        "asset": {"version": "2.0", "generator": "humanrig"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        **parts,
    }


def _linear(colors: UInt8[np.ndarray, "vertices 3"]) -> np.ndarray:
    """Linear light of sRGB values, 0 to 1: what glTF's vertex colours are (IEC 61966-2-1)."""
    s = np.asarray(colors, np.float64) / 255
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
