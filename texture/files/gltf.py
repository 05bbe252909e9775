"""One skinned, animated, textured GLB (glTF 2.0) of a clip: what viewers, Blender and game engines open.

glTF is y up, metres, seconds. The body's joints hang below a node called `world`, whose rotation takes our z-up world
to glTF's axes: (x, y, z) becomes (x, z, -y). Pose correctives do not live in a skin; `skinning_difference` says how far
the skinned mesh is from the full model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from jaxtyping import Float, Integer

from body.joints import JOINT_NAMES
from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.mesh import TriangleMesh
from texture.errors import TextureError
from texture.files.gltf_file import GlbBuilder
from texture.files.gltf_skin import JointMotion, joint_motion, skin
from texture.surfaces.binding import Binding, bind

WORLD_TO_GLTF_XYZW = [-(0.5**0.5), 0.0, 0.0, 0.5**0.5]
"""A quarter turn about x, as glTF orders quaternions."""
_AXES = "the children of this node are in a z-up world (floor at z = 0, metres); its rotation takes them to y up"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SkinnedClip:
    """What the GLB is made of."""

    model: BodyModel
    parameters: BodyParameters
    """In the z-up world."""
    times_s: Float[np.ndarray, "frames"]
    """Strictly increasing; the animation starts at 0 with the first of them."""
    binding: Binding | None = None
    """The surface at rest and its joints; None for the bare body."""
    faces: Integer[np.ndarray, "faces 3"] | None = None
    """Of the binding; None for the body's."""
    uv: Float[np.ndarray, "uvs 2"] | None = None
    """Texture coordinates, (0, 0) bottom left; None for the model's own, if it has any."""
    uv_faces: Integer[np.ndarray, "faces 3"] | None = None
    texture_jpeg: bytes | None = None
    """The picture for all frames, an encoded JPEG file."""

    def __post_init__(self) -> None:
        """Raises TextureError when arrays do not fit together or cannot be animated."""
        frames = len(self.parameters)
        if frames == 0 or len(self.times_s) != frames:
            raise TextureError(f"a GLB needs one time for each frame: {frames} frames, {len(self.times_s)} times")
        if (np.diff(self.times_s) <= 0).any():
            frame = int(np.argmax(np.diff(self.times_s) <= 0)) + 1
            raise TextureError(f"frame {frame} is not later than the one before it; correct the timestamps")
        if self.faces is None and self.binding is not None and len(self.binding) != self.model.vertex_count:
            raise TextureError(
                f"a surface of {len(self.binding)} vertices has not the faces of a body of {self.model.vertex_count}; "
                "give its own faces, or make the mesh again"
            )
        for name in ("betas", "global_orient", "body_pose", "transl"):
            if not np.isfinite(getattr(self.parameters, name)).all():
                raise TextureError(f"{name} of the clip is not finite everywhere; run the fit again")
        if (self.uv is None) != (self.uv_faces is None):
            raise TextureError("texture coordinates need both uv and uv_faces")
        if self.texture_jpeg is not None:
            try:
                simplejpeg.decode_jpeg(self.texture_jpeg)
            except ValueError as error:
                raise TextureError(f"the texture of a GLB must be a whole JPEG ({error}); make it again") from None

    def bound(self) -> Binding:
        """The surface in the body's T-pose (y up) and its joints."""
        if self.binding is not None:
            return self.binding
        return bind(self.model.shaped(self.parameters.betas, self.parameters.child), self.model.weights)

    def rest_mesh(self) -> TriangleMesh:
        """The surface in the body's T-pose, with texture coordinates where there are some."""
        faces = self.model.faces if self.faces is None else self.faces
        uv, uv_faces = self.uv, self.uv_faces
        if uv is None and self.faces is None:
            uv, uv_faces = self.model.uv, self.model.uv_faces
        vertices = self.bound().rest.astype(np.float64)
        return TriangleMesh(vertices=vertices, faces=faces, uv=uv, uv_faces=uv_faces)


@dataclass(frozen=True, kw_only=True, slots=True)
class SkinningDifference:
    """Distance of a GLB's vertices from the full model's, over all vertices and frames."""

    mean_mm: float
    p99_mm: float


def write_glb(path: Path, clip: SkinnedClip) -> None:
    """Writes the GLB. Raises TextureError as `encode_glb` does."""
    Path(path).write_bytes(encode_glb(clip))


def encode_glb(clip: SkinnedClip) -> bytes:
    """The bytes of the GLB. Raises TextureError when the texture has no place for lack of texture coordinates."""
    glb = GlbBuilder()
    motion = joint_motion(clip.model, clip.parameters)
    primitive = _primitive(glb, clip)
    nodes = _nodes(motion, clip.model.parents)
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "humanrig"},
        "scene": 0,
        "scenes": [{"nodes": [0, 1], "extras": _about(clip)}],
        "nodes": nodes,
        "meshes": [{"name": "body", "primitives": [primitive]}],
        "skins": [_skin(glb, motion)],
        "animations": [_animation(glb, clip, motion)],
        **_material(glb, clip),
    }
    return glb.encode(document)


def skinning_difference(
    clip: SkinnedClip, vertices: Float[np.ndarray, "frames vertices 3"] | None = None
) -> SkinningDifference:
    """How far the GLB is from the clip's own vertices (world frame), by default those of the full model.

    The default has no clothes; with a `binding`, give the vertices of the stage `mesh`.
    """
    if vertices is None:
        vertices = clip.model.pose(clip.parameters).vertices
    skinned = skin(clip.bound(), joint_motion(clip.model, clip.parameters))
    distance_mm = 1000 * np.linalg.norm(skinned - vertices, axis=-1)
    return SkinningDifference(mean_mm=float(distance_mm.mean()), p99_mm=float(np.percentile(distance_mm, 99)))


def _primitive(glb: GlbBuilder, clip: SkinnedClip) -> dict[str, Any]:
    """The rest mesh; a vertex on a seam of the texture is repeated for each of its texture coordinates."""
    rest, binding = clip.rest_mesh(), clip.bound()
    uv, uv_faces = rest.uv, rest.uv_faces
    faces = np.asarray(rest.faces, np.int64)
    vertex, extra = np.arange(len(rest.vertices)), {}
    if uv is not None and uv_faces is not None:
        pairs = np.stack([faces, uv_faces], -1).reshape(-1, 2)
        unique, corners = np.unique(pairs, axis=0, return_inverse=True)
        faces, vertex = corners.reshape(-1, 3), unique[:, 0]
        top_down = np.stack([uv[unique[:, 1], 0], 1 - uv[unique[:, 1], 1]], -1)  # glTF counts v from the top
        extra["TEXCOORD_0"] = glb.vertex_attribute(top_down.astype(np.float32), "VEC2")
    elif clip.texture_jpeg is not None:
        raise TextureError(f"body model {clip.model.name!r} has no texture coordinates for its texture; give uv")
    index_type = np.uint16 if len(vertex) < 65535 else np.uint32
    return {
        "attributes": {
            "POSITION": glb.vertex_attribute(rest.vertices[vertex].astype(np.float32), "VEC3"),
            "NORMAL": glb.vertex_attribute(_unit_normals(rest.vertex_normals()[vertex]), "VEC3"),
            "JOINTS_0": glb.vertex_attribute(binding.joints[vertex].astype(np.uint8), "VEC4"),
            "WEIGHTS_0": glb.vertex_attribute(binding.weights[vertex].astype(np.float32), "VEC4"),
            **extra,
        },
        "indices": glb.indices(faces.astype(index_type).ravel()),
        "material": 0,
    }


def _unit_normals(normals: np.ndarray) -> np.ndarray:
    """glTF asks for unit length; a vertex without faces points up."""
    return np.where(np.linalg.norm(normals, axis=-1, keepdims=True) > 0.5, normals, [0.0, 1, 0]).astype(np.float32)


def _nodes(motion: JointMotion, parents: np.ndarray) -> list[dict[str, Any]]:
    """Mesh, world, joints; the joints stand as in the first frame, for viewers that play no animation."""
    children: list[list[int]] = [[] for _ in JOINT_NAMES]
    for joint, parent in enumerate(parents):
        if joint > 0:
            children[int(parent)].append(joint + 2)
    joints = []
    for joint, name in enumerate(JOINT_NAMES):
        translation = motion.root_translation[0] if joint == 0 else motion.bones[joint]
        node = {
            "name": name,
            "translation": translation.astype(np.float32).astype(float).tolist(),
            "rotation": motion.rotations_xyzw[0, joint].tolist(),
        }
        joints.append(node | ({"children": children[joint]} if children[joint] else {}))
    world = {"name": "world", "rotation": WORLD_TO_GLTF_XYZW, "children": [2], "extras": {"axes": _AXES}}
    return [{"name": "body", "mesh": 0, "skin": 0}, world, *joints]


def _skin(glb: GlbBuilder, motion: JointMotion) -> dict[str, Any]:
    inverse_bind = np.tile(np.eye(4, dtype=np.float32), (len(JOINT_NAMES), 1, 1))
    inverse_bind[:, :3, 3] = -motion.rest_joints
    columns = np.ascontiguousarray(inverse_bind.swapaxes(1, 2)).reshape(-1, 16)
    return {
        "name": "skeleton",
        "skeleton": 2,
        "joints": list(range(2, 2 + len(JOINT_NAMES))),
        "inverseBindMatrices": glb.array(columns, "MAT4"),
    }


def _animation(glb: GlbBuilder, clip: SkinnedClip, motion: JointMotion) -> dict[str, Any]:
    times = glb.array((clip.times_s - clip.times_s[0]).astype(np.float32), "SCALAR")
    outputs = [("translation", 0, glb.array(motion.root_translation.astype(np.float32), "VEC3"))]
    for joint in range(len(JOINT_NAMES)):
        rotations = np.ascontiguousarray(motion.rotations_xyzw[:, joint], np.float32)
        outputs.append(("rotation", joint, glb.array(rotations, "VEC4")))
    return {
        "name": "clip",
        "samplers": [{"input": times, "output": output, "interpolation": "LINEAR"} for _, _, output in outputs],
        "channels": [
            {"sampler": index, "target": {"node": joint + 2, "path": path}}
            for index, (path, joint, _) in enumerate(outputs)
        ],
    }


def _material(glb: GlbBuilder, clip: SkinnedClip) -> dict[str, Any]:
    """A photograph already holds its light, so it is shown unlit; rough and not metallic for viewers that cannot."""
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    if clip.texture_jpeg is None:
        surface["baseColorFactor"] = [0.75, 0.75, 0.75, 1.0]
        return {"materials": [{"name": "plain", "pbrMetallicRoughness": surface}]}
    surface["baseColorTexture"] = {"index": 0}
    return {
        "materials": [
            {"name": "skin", "pbrMetallicRoughness": surface, "extensions": {"KHR_materials_unlit": {}}},
        ],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}],
        "images": [{"name": "texture", "mimeType": "image/jpeg", "bufferView": glb.view(clip.texture_jpeg)}],
        "extensionsUsed": ["KHR_materials_unlit"],
    }


def _about(clip: SkinnedClip) -> dict[str, Any]:
    return {
        "body_model": clip.model.name,
        "body_model_sha256": clip.model.sha256,
        "betas": np.asarray(clip.parameters.betas, float).tolist(),
        "child": float(clip.parameters.child),
    }
