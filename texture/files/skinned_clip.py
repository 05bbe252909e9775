"""A clip as skins hold it: the surface at rest, its joints, their motion, shapes that are added, and one texture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import simplejpeg
from jaxtyping import Float, Integer

from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.mesh import TriangleMesh
from texture.errors import TextureError
from texture.files.shape_keys import TOLERANCE_M, ShapeKeys, shape_keys
from texture.files.skinning import joint_motion, skin, unskin
from texture.surfaces.binding import Binding, bind


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
    shapes: ShapeKeys | None = None
    """What is added to the surface at rest in each frame before it is skinned; its base is the binding's rest."""

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
        if self.shapes is not None and self.shapes.weights.shape[0] != frames:
            raise TextureError(f"the shapes have {len(self.shapes.weights)} frames, the clip has {frames}")
        if (self.uv is None) != (self.uv_faces is None):
            raise TextureError("texture coordinates need both uv and uv_faces")
        if self.texture_jpeg is not None:
            require_jpeg(self.texture_jpeg)

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
    """Distance of the skinned vertices from where they belong, over all vertices and frames."""

    mean_mm: float
    p99_mm: float


MOST_SHAPES = 32
"""Shapes of a skinned clip at most; each takes 12 bytes a vertex in a file and in the memory of a viewer."""


def following(
    clip: SkinnedClip,
    vertices: Float[np.ndarray, "rows vertices 3"],
    frames: Integer[np.ndarray, "rows"],
    *,
    tolerance_m: float = TOLERANCE_M,
    most: int = MOST_SHAPES,
) -> SkinnedClip:
    """The clip with shapes that bring its skin to `vertices` (world frame) in `frames`, as near as `most` shapes can.

    Frames whose vertices are not known take the shapes of the nearest frame that is.
    """
    motion, binding = joint_motion(clip.model, clip.parameters[frames]), clip.bound()
    keys = shape_keys(unskin(vertices, binding, motion), binding.rest, tolerance_m=tolerance_m, most=most)
    nearest = np.abs(np.arange(len(clip.parameters))[:, None] - frames).argmin(1)
    return replace(clip, shapes=replace(keys, weights=keys.weights[nearest]))


def skinning_difference(
    clip: SkinnedClip, vertices: Float[np.ndarray, "frames vertices 3"] | None = None
) -> SkinningDifference:
    """How far the skin is from the clip's own vertices (world frame), by default those of the full model.

    The default has no clothes; with a `binding`, give the vertices of the stage `mesh`.
    """
    if vertices is None:
        vertices = clip.model.pose(clip.parameters).vertices
    skinned = skin(clip.bound(), joint_motion(clip.model, clip.parameters), clip.shapes)
    distance_mm = 1000 * np.linalg.norm(skinned - vertices, axis=-1)
    return SkinningDifference(mean_mm=float(distance_mm.mean()), p99_mm=float(np.percentile(distance_mm, 99)))


def require_jpeg(data: bytes) -> tuple[int, int]:
    """Rows and columns of an encoded picture. Raises TextureError when it is not a whole JPEG."""
    try:
        return simplejpeg.decode_jpeg(data).shape[:2]
    except ValueError as error:
        raise TextureError(f"the texture must be a whole JPEG ({error}); make it again") from None
