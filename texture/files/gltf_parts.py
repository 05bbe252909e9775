"""What every GLB of ours has: the node that turns the world to glTF's axes, the primitive of a mesh, its material."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Integer

from geometry.mesh import TriangleMesh
from texture.errors import TextureError
from texture.files.gltf_file import GlbBuilder
from texture.files.shape_keys import ShapeKeys

WORLD_TO_GLTF_XYZW = [-(0.5**0.5), 0.0, 0.0, 0.5**0.5]
"""A quarter turn about x, as glTF orders quaternions: (x, y, z) becomes (x, z, -y)."""
_AXES = "the children of this node are in a z-up world (floor at z = 0, metres); its rotation takes them to y up"
_UNLIT = "KHR_materials_unlit"


def world_node(children: list[int]) -> dict[str, Any]:
    """The node below which everything is in the session's z-up world."""
    return {"name": "world", "rotation": WORLD_TO_GLTF_XYZW, "children": children, "extras": {"axes": _AXES}}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Corners:
    """The vertices of a GLB: those of a mesh, repeated along the seams of its texture."""

    vertex: Integer[np.ndarray, "corners"]
    """The mesh's vertex behind each."""
    faces: Integer[np.ndarray, "faces 3"]
    attributes: dict[str, int]
    """Accessors of position and texture coordinates."""


def mesh_corners(glb: GlbBuilder, mesh: TriangleMesh, textured: bool) -> Corners:
    """Puts positions of a mesh into the file, and its texture coordinates where it is to be textured.

    Raises TextureError when it has none then, and when the mesh cannot be stored.
    """
    if not np.isfinite(mesh.vertices).all() or not len(mesh.faces):
        raise TextureError("a surface without faces, or with vertices that are not finite, has no place in a GLB")
    faces = np.asarray(mesh.faces, np.int64)
    vertex, attributes = np.arange(len(mesh.vertices)), {}
    if textured:
        if mesh.uv is None or mesh.uv_faces is None:
            raise TextureError("the surface has no texture coordinates for its texture; give uv, or no texture")
        pairs = faces << 32 | np.asarray(mesh.uv_faces, np.int64)
        unique, inverse = np.unique(pairs, return_inverse=True)
        faces, vertex = inverse.reshape(-1, 3), unique >> 32
        uv = mesh.uv[unique & 0xFFFFFFFF]
        top_down = np.stack([uv[:, 0], 1 - uv[:, 1]], -1)  # glTF counts v from the top
        attributes["TEXCOORD_0"] = glb.vertex_attribute(top_down.astype(np.float32), "VEC2")
    attributes["POSITION"] = glb.vertex_attribute(mesh.vertices[vertex].astype(np.float32), "VEC3")
    return Corners(vertex=vertex, faces=faces, attributes=attributes)


def normals(glb: GlbBuilder, mesh: TriangleMesh, corners: Corners) -> int:
    """The accessor of unit normals; a vertex without faces points up."""
    outward = mesh.vertex_normals()[corners.vertex]
    unit = np.where(np.linalg.norm(outward, axis=-1, keepdims=True) > 0.5, outward, [0.0, 1, 0])
    return glb.vertex_attribute(unit.astype(np.float32), "VEC3")


def indices(glb: GlbBuilder, corners: Corners) -> int:
    """The accessor of the triangles."""
    index_type = np.uint16 if len(corners.vertex) < 65535 else np.uint32
    return glb.indices(corners.faces.astype(index_type).ravel())


def targets(glb: GlbBuilder, shapes: ShapeKeys, corners: Corners) -> list[dict[str, int]]:
    """Morph targets: the shapes at the corners of the mesh."""
    return [{"POSITION": glb.vertex_attribute(shape[corners.vertex], "VEC3")} for shape in shapes.shapes]


def target_names(shapes: ShapeKeys) -> dict[str, Any]:
    """What programs call the morph targets."""
    return {"targetNames": [f"shape{k:03d}" for k in range(len(shapes))]}


class Materials:
    """The materials, textures and images of a file."""

    def __init__(self, glb: GlbBuilder) -> None:
        """None yet."""
        self._glb = glb
        self._materials: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []

    def add(self, name: str, texture_jpeg: bytes | None) -> int:
        """The index of a material.

        A photograph already holds its light, so it is shown unlit; rough and not metallic for viewers that cannot.
        """
        surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
        material: dict[str, Any] = {"name": name, "pbrMetallicRoughness": surface}
        if texture_jpeg is None:
            surface["baseColorFactor"] = [0.75, 0.75, 0.75, 1.0]
        else:
            surface["baseColorTexture"] = {"index": len(self._images)}
            material["extensions"] = {_UNLIT: {}}
            view = self._glb.view(texture_jpeg)
            self._images.append({"name": name, "mimeType": "image/jpeg", "bufferView": view})
        self._materials.append(material)
        return len(self._materials) - 1

    def document(self) -> dict[str, Any]:
        """The parts of the glTF document that describe them."""
        if not self._images:
            return {"materials": self._materials}
        return {
            "materials": self._materials,
            "textures": [{"source": index, "sampler": 0} for index in range(len(self._images))],
            "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}],
            "images": self._images,
            "extensionsUsed": [_UNLIT],
        }
