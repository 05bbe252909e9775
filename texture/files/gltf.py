"""One skinned, animated, textured GLB (glTF 2.0) of a clip: what viewers, Blender and game engines open.

glTF is y up, metres, seconds. The body's joints hang below a node called `world`, whose rotation takes our z-up world
to glTF's axes: (x, y, z) becomes (x, z, -y). What a skin alone cannot say (pose correctives, folds of clothes) is in
the clip's shapes, which are morph targets here; `skinning_difference` says what is left.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from body.joints import JOINT_NAMES
from texture.errors import TextureError
from texture.files.gltf_file import GlbBuilder
from texture.files.gltf_parts import Materials, indices, mesh_corners, normals, target_names, targets, world_node
from texture.files.skinned_clip import SkinnedClip, SkinningDifference, skinning_difference
from texture.files.skinning import JointMotion, joint_motion

__all__ = ["SkinnedClip", "SkinningDifference", "encode_glb", "skinning_difference", "write_glb"]


def write_glb(path: Path, clip: SkinnedClip) -> None:
    """Writes the GLB. Raises TextureError as `encode_glb` does."""
    Path(path).write_bytes(encode_glb(clip))


def encode_glb(clip: SkinnedClip) -> bytes:
    """The bytes of the GLB. Raises TextureError when the texture has no place for lack of texture coordinates."""
    glb = GlbBuilder()
    materials, motion = Materials(glb), joint_motion(clip.model, clip.parameters)
    material = materials.add("plain" if clip.texture_jpeg is None else "skin", clip.texture_jpeg)
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "humanrig"},
        "scene": 0,
        "scenes": [{"nodes": [0, 1], "extras": _about(clip)}],
        "nodes": _nodes(motion, clip.model.parents),
        "meshes": [_mesh(glb, clip, material)],
        "skins": [_skin(glb, motion)],
        "animations": [_animation(glb, clip, motion)],
        **materials.document(),
    }
    return glb.encode(document)


def _mesh(glb: GlbBuilder, clip: SkinnedClip, material: int) -> dict[str, Any]:
    """The rest mesh with the joints of its vertices; a vertex on a seam of the texture is repeated."""
    rest, binding = clip.rest_mesh(), clip.bound()
    if rest.uv is None and clip.texture_jpeg is not None:
        raise TextureError(f"body model {clip.model.name!r} has no texture coordinates for its texture; give uv")
    corners = mesh_corners(glb, rest, clip.texture_jpeg is not None)
    weights = binding.weights[corners.vertex].astype(np.float32)
    primitive: dict[str, Any] = {
        "attributes": {
            **corners.attributes,
            "NORMAL": normals(glb, rest, corners),
            "JOINTS_0": glb.vertex_attribute(binding.joints[corners.vertex].astype(np.uint8), "VEC4"),
            "WEIGHTS_0": glb.vertex_attribute(weights, "VEC4"),
        },
        "indices": indices(glb, corners),
        "material": material,
    }
    mesh: dict[str, Any] = {"name": "body", "primitives": [primitive]}
    if clip.shapes is not None and len(clip.shapes):
        primitive["targets"] = targets(glb, clip.shapes, corners)
        mesh |= {"weights": clip.shapes.weights[0].tolist(), "extras": target_names(clip.shapes)}
    return mesh


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
    return [{"name": "body", "mesh": 0, "skin": 0}, world_node([2]), *joints]


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
    outputs = [("translation", 2, glb.array(motion.root_translation.astype(np.float32), "VEC3"))]
    for joint in range(len(JOINT_NAMES)):
        rotations = np.ascontiguousarray(motion.rotations_xyzw[:, joint], np.float32)
        outputs.append(("rotation", joint + 2, glb.array(rotations, "VEC4")))
    if clip.shapes is not None and len(clip.shapes):
        outputs.append(("weights", 0, glb.array(clip.shapes.weights.reshape(-1), "SCALAR")))
    return {
        "name": "clip",
        "samplers": [{"input": times, "output": output, "interpolation": "LINEAR"} for _, _, output in outputs],
        "channels": [
            {"sampler": index, "target": {"node": node, "path": path}} for index, (path, node, _) in enumerate(outputs)
        ],
    }


def _about(clip: SkinnedClip) -> dict[str, Any]:
    return {
        "body_model": clip.model.name,
        "body_model_sha256": clip.model.sha256,
        "betas": np.asarray(clip.parameters.betas, float).tolist(),
        "child": float(clip.parameters.child),
    }
