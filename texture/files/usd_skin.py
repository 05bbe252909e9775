"""A clip as a USD file with UsdSkel: the skinned, animated, textured body, and the same packed as .usdz for phones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from body.joints import JOINT_NAMES, PARENTS
from texture.errors import DiskError, TextureError
from texture.files.skinned_clip import SkinnedClip
from texture.files.skinning import JointMotion, joint_motion, joint_places
from texture.files.time_codes import TimeCodes, time_codes
from texture.files.usd_library import Gf, Sdf, Tf, UsdSkel, UsdUtils, Vt
from texture.files.usd_stage import WORLD, NewStage, new_stage

_BODY = f"{WORLD}/body"


def write_usd_skin(path: Path, clip: SkinnedClip) -> TimeCodes:
    """Writes `path` (.usdc) and its texture STEM.jpg beside it; returns the frames' time codes.

    Raises TextureError for a texture without texture coordinates, and when the file cannot be written.
    """
    codes, picture = time_codes(clip.times_s), path.with_suffix(".jpg")
    if clip.texture_jpeg is not None:
        picture.write_bytes(clip.texture_jpeg)
    with new_stage(path, codes) as made:
        root = UsdSkel.Root.Define(made.stage, _BODY)
        motion = joint_motion(clip.model, clip.parameters)
        skeleton = _skeleton(made.stage, motion)
        animation = _animation(made, clip, motion)
        UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([animation.GetPath()])
        mesh = _mesh(made, clip, None if clip.texture_jpeg is None else f"./{picture.name}")
        UsdSkel.BindingAPI.Apply(mesh.GetPrim()).CreateSkeletonRel().SetTargets([skeleton.GetPath()])
        for code, extent in zip(codes.codes, _extents(clip, motion), strict=True):
            root.CreateExtentAttr().Set(Vt.Vec3fArray.FromNumpy(extent), float(code))
    return codes


def pack_usdz(path: Path) -> Path:
    """Packs a USD file and what it refers to as STEM.usdz beside it. Raises TextureError when that fails."""
    packed = path.with_suffix(".usdz")
    try:
        done = UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(path)), str(packed))
    except Tf.ErrorException:  # its text is a listing of USD's sources
        raise DiskError(f"{packed} cannot be written; is the disk full?") from None
    if not done:
        raise TextureError(f"{packed} cannot be made of {path.name}; is its texture beside it?")
    return packed


def _joint_paths() -> list[str]:
    paths: list[str] = []
    for joint, name in enumerate(JOINT_NAMES):
        paths.append(f"{paths[PARENTS[joint]]}/{name}" if joint else name)
    return paths


def _skeleton(stage: Any, motion: JointMotion) -> Any:
    bind, rest = np.tile(np.eye(4), (2, len(JOINT_NAMES), 1, 1))
    bind[:, 3, :3], rest[:, 3, :3] = motion.rest_joints, motion.bones  # USD's matrices act on rows
    skeleton = UsdSkel.Skeleton.Define(stage, f"{_BODY}/skeleton")
    skeleton.CreateJointsAttr(_joint_paths())
    skeleton.CreateJointNamesAttr(list(JOINT_NAMES))
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray.FromNumpy(bind))
    skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray.FromNumpy(rest))
    return skeleton


def _animation(made: NewStage, clip: SkinnedClip, motion: JointMotion) -> Any:
    animation = UsdSkel.Animation.Define(made.stage, f"{_BODY}/animation")
    animation.CreateJointsAttr(_joint_paths())
    animation.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1, 1, 1)] * len(JOINT_NAMES)))
    translations, rotations = animation.CreateTranslationsAttr(), animation.CreateRotationsAttr()
    places = np.tile(motion.bones.astype(np.float32), (len(clip.parameters), 1, 1))
    places[:, 0] = motion.root_translation
    xyzw = motion.rotations_xyzw.astype(np.float32)  # in memory a GfQuatf is x, y, z, w
    for frame, code in enumerate(made.codes.codes.tolist()):
        translations.Set(Vt.Vec3fArray.FromNumpy(places[frame]), code)
        rotations.Set(Vt.QuatfArray.FromNumpy(xyzw[frame]), code)
    if clip.shapes is not None and len(clip.shapes):
        animation.CreateBlendShapesAttr(_shape_names(clip))
        weights = animation.CreateBlendShapeWeightsAttr()
        for frame, code in enumerate(made.codes.codes.tolist()):
            weights.Set(Vt.FloatArray.FromNumpy(np.ascontiguousarray(clip.shapes.weights[frame])), code)
    return animation


def _mesh(made: NewStage, clip: SkinnedClip, picture: str | None) -> Any:
    rest, binding = clip.rest_mesh(), clip.bound()
    material = made.material("skin", picture)
    mesh = made.mesh(f"{_BODY}/mesh", rest, material, clip.texture_jpeg is not None)
    points = rest.vertices.astype(np.float32)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([points.min(0), points.max(0)])))
    bound = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    joints = Vt.IntArray.FromNumpy(binding.joints.astype(np.int32).ravel())
    bound.CreateJointIndicesPrimvar(False, binding.joints.shape[1]).Set(joints)
    weights = Vt.FloatArray.FromNumpy(binding.weights.astype(np.float32).ravel())
    bound.CreateJointWeightsPrimvar(False, binding.weights.shape[1]).Set(weights)
    bound.CreateGeomBindTransformAttr(Gf.Matrix4d(1))
    if clip.shapes is not None and len(clip.shapes):
        bound.CreateBlendShapesAttr(_shape_names(clip))
        targets = bound.CreateBlendShapeTargetsRel()
        for name, offsets in zip(_shape_names(clip), clip.shapes.shapes, strict=True):
            shape = UsdSkel.BlendShape.Define(made.stage, f"{_BODY}/mesh/{name}")
            shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(offsets)))
            targets.AddTarget(shape.GetPath())
    return mesh


def _shape_names(clip: SkinnedClip) -> list[str]:
    return [f"shape{k:03d}" for k in range(0 if clip.shapes is None else len(clip.shapes))]


def _extents(clip: SkinnedClip, motion: JointMotion) -> Float32[np.ndarray, "frames 2 3"]:
    """A box that holds the skin: a vertex is never farther from the joints that move it than at rest."""
    binding = clip.bound()
    arms = binding.rest[:, None] - motion.rest_joints[binding.joints]
    reach = np.linalg.norm(arms, axis=-1)[binding.weights > 0].max()
    if clip.shapes is not None and len(clip.shapes):
        reach += np.linalg.norm(np.abs(clip.shapes.shapes).sum(0), axis=-1).max()
    places = joint_places(motion)
    return np.stack([places.min(1) - reach, places.max(1) + reach], 1).astype(np.float32)
