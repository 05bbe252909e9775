"""A person as the page moves them: a surface at rest in whole numbers, four joints a vertex, and the joints' motion.

The page does what `texture.files.skinning.skin` does: vertices = the rest vertices and a few shapes, moved by their
joints. Rest places are in steps of 1/65535 of the surface's extent (0.03 mm for a body), shapes in steps of 0.1 mm,
weights in 1/65535, rotations in 1/32767: together a skinned vertex is within 0.3 mm of the clip that was packed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import simplejpeg
from jaxtyping import Float, Integer

from humanrig.export.glb import can_skin, longest_segment, skinned_clip
from humanrig.results import Results
from humanrig.scene_player.packed import Packer
from texture.files.shape_keys import shape_keys
from texture.files.skinned_clip import SkinnedClip
from texture.files.skinning import JointMotion, joint_motion, unskin
from texture.surfaces.binding import Binding

SHAPE_STEP_M = 1e-4
TOLERANCE_M = 2.5e-4
"""Shapes that bring no vertex nearer than this are left out."""
LEARNT = 60
"""Frames, evenly spread, that shapes are taken from."""
WEIGHED = 1000
"""Vertices, about, by which the shapes' weights are fitted in the other frames."""
_UNIT16, _QUATERNION16 = 65535, 32767
_TEXTURE_QUALITY = 82


def clip_to_play(results: Results, instants: Sequence[int], shapes: int) -> tuple[SkinnedClip, bool]:
    """The person's instants among those given, and whether the surface is the body's alone, without clothes.

    The surface with its texture where there is one that follows the body. At most `shapes` shapes are added to it.
    """
    rows = np.flatnonzero(np.isin(results.body["instants"], instants))
    known = results.body["instants"][rows].tolist()
    if results.has_surface and len(results.meshes.instants) and can_skin(results):
        clip, segment = skinned_clip(results, known), results.meshes.segment(longest_segment(results.meshes))
        mesh_rows = {instant: row for row, instant in enumerate(segment.instants.tolist())}
        shared = np.array([(frame, mesh_rows[i]) for frame, i in enumerate(known) if i in mesh_rows]).reshape(-1, 2)
        if not len(shared):
            return clip, False
        return followed(clip, shared[:, 0], lambda chosen: segment.vertices[shared[chosen, 1]], shapes), False
    clip = SkinnedClip(
        model=results.model,
        parameters=results.parameters[rows],
        times_s=results.body["time_us"][rows].astype(np.float64) * 1e-6,
    )
    every = np.arange(len(rows))
    return followed(clip, every, lambda chosen: clip.model.pose(clip.parameters[chosen]).vertices, shapes), True


def followed(
    clip: SkinnedClip,
    frames: Integer[np.ndarray, "known"],
    vertices: Callable[[Integer[np.ndarray, "chosen"]], Float[np.ndarray, "chosen vertices 3"]],
    most: int,
) -> SkinnedClip:
    """The clip with shapes that bring its skin to the vertices in the frames where they are known.

    As `texture.files.skinned_clip.following` in half the time: the shapes are those of LEARNT frames, the weights of
    all others are fitted at some vertices. `vertices` gives those of the n-th, … of `frames`, in the world.
    """
    binding, motion = clip.bound(), joint_motion(clip.model, clip.parameters[frames])
    learnt = np.unique(np.linspace(0, len(frames) - 1, min(LEARNT, len(frames))).round().astype(int))
    rest = unskin(vertices(learnt), binding, part_of(motion, learnt))
    keys = shape_keys(rest, binding.rest, tolerance_m=TOLERANCE_M, most=most)
    weights = np.zeros((len(frames), len(keys)), np.float32)
    weights[learnt] = keys.weights
    others = np.setdiff1d(np.arange(len(frames)), learnt)
    some = np.arange(0, len(binding), max(1, len(binding) // WEIGHED))
    at = Binding(rest=binding.rest[some], joints=binding.joints[some], weights=binding.weights[some])
    directions = keys.shapes[:, some].reshape(len(keys), -1).astype(np.float64)
    for block in np.array_split(others, -(-len(others) // LEARNT)) if len(others) and len(keys) else ():
        moved = unskin(vertices(block)[:, some], at, part_of(motion, block)) - at.rest
        weights[block] = np.linalg.lstsq(directions.T, moved.reshape(len(block), -1).T, rcond=None)[0].T
    nearest = np.abs(np.arange(len(clip.parameters))[:, None] - frames).argmin(1)
    return replace(clip, shapes=replace(keys, weights=weights[nearest]))


def part_of(motion: JointMotion, frames: Integer[np.ndarray, "chosen"]) -> JointMotion:
    """The same skeleton in some of its frames."""
    return replace(
        motion, rotations_xyzw=motion.rotations_xyzw[frames], root_translation=motion.root_translation[frames]
    )


def pack_person(
    packer: Packer, clip: SkinnedClip, frames: Integer[np.ndarray, "frames"], shown_frames: int, texture_size: int
) -> dict[str, Any]:
    """What the header says of a person. `frames`: which of the scene's `shown_frames` each of the clip's is."""
    binding, motion, mesh = clip.bound(), joint_motion(clip.model, clip.parameters), clip.rest_mesh()
    low = binding.rest.min(0).astype(np.float64)
    step = np.maximum(binding.rest.max(0) - low, 1e-9) / _UNIT16
    row = np.full(shown_frames, -1, np.int16)
    row[frames] = np.arange(len(frames))
    about: dict[str, Any] = {
        "row": packer.add(row),
        "low": low.tolist(),
        "step": step.tolist(),
        "rest": packer.add(np.round((binding.rest - low) / step).astype(np.uint16)),
        "joints": packer.add(binding.joints.astype(np.uint8)),
        "weights": packer.add(_whole_weights(binding)),
        "parents": [int(parent) for parent in motion.parents],
        "rest_joints": packer.add(motion.rest_joints.astype(np.float32)),
        "rotations": packer.add(np.round(motion.rotations_xyzw * _QUATERNION16).astype(np.int16)),
        "root": packer.add(motion.root_translation.astype(np.float32)),
        "shape_step": SHAPE_STEP_M,
        "shapes": packer.add(np.zeros((0, len(binding), 3), np.int16)),
        "shape_weights": packer.add(np.zeros((len(frames), 0), np.float32)),
    }
    if clip.shapes is not None and len(clip.shapes):
        about["shapes"] = packer.add(np.round(clip.shapes.shapes / SHAPE_STEP_M).astype(np.int16))
        about["shape_weights"] = packer.add(clip.shapes.weights.astype(np.float32))
    faces, vertex = np.asarray(mesh.faces, np.int64), np.arange(len(binding))
    if clip.texture_jpeg is not None and mesh.uv is not None and mesh.uv_faces is not None:
        pairs, inverse = np.unique(faces << 32 | np.asarray(mesh.uv_faces, np.int64), return_inverse=True)
        faces, vertex = inverse.reshape(-1, 3), pairs >> 32
        uv = mesh.uv[pairs & 0xFFFFFFFF]
        top_down = np.clip(np.stack([uv[:, 0], 1 - uv[:, 1]], -1), 0, 1)
        about["uv"] = packer.add(np.round(top_down * _UNIT16).astype(np.uint16))
        about["texture"] = packer.add(np.frombuffer(_smaller(clip.texture_jpeg, texture_size), np.uint8))
    index = np.uint16 if len(vertex) < _UNIT16 else np.uint32
    return about | {"vertex": packer.add(vertex.astype(index)), "faces": packer.add(faces.astype(index))}


def unpacked_binding(about: dict[str, Any]) -> Binding:
    """The surface at rest as the page has it."""
    return Binding(
        rest=(about["rest"] * np.array(about["step"]) + about["low"]).astype(np.float32),
        joints=about["joints"],
        weights=(about["weights"] / _UNIT16).astype(np.float32),
    )


def unpacked_rotations(about: dict[str, Any]) -> Float[np.ndarray, "frames 24 4"]:
    """The joints' rotations, relative to their parents, xyzw, as the page has them."""
    xyzw = about["rotations"].astype(np.float64)
    return xyzw / np.linalg.norm(xyzw, axis=-1, keepdims=True)


def _whole_weights(binding: Binding) -> Integer[np.ndarray, "vertices 4"]:
    """The four weights in 1/65535, which they sum to: what rounding leaves goes to the strongest."""
    weights = np.round(binding.weights.astype(np.float64) * _UNIT16).astype(np.int64)
    weights[np.arange(len(weights)), weights.argmax(1)] += _UNIT16 - weights.sum(1)
    return weights.astype(np.uint16)


def _smaller(jpeg: bytes, size: int) -> bytes:
    """A texture of `size` rows at most."""
    picture = simplejpeg.decode_jpeg(jpeg, colorspace="RGB")  # the clip is sure that it is one
    rows, columns = picture.shape[:2]
    if rows > size:
        picture = cv2.resize(picture, (round(columns * size / rows), size), interpolation=cv2.INTER_AREA)
    return simplejpeg.encode_jpeg(
        np.ascontiguousarray(picture), quality=_TEXTURE_QUALITY, colorspace="RGB", colorsubsampling="420"
    )
