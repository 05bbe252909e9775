"""The rest body's surface as points to paint on: at texels of its UV atlas, or at its vertices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from body.errors import BodyError
from body.joints import JOINT_COUNT, JOINT_INDEX
from body.model import BodyModel
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_uv

_GUTTER_TEXELS: Final = 6
_FACE: Final = ("nose", "leye", "reye", "lear", "rear")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Surface:
    """Points of the rest body (T-pose, y up, facing +z, left at +x), metres."""

    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]
    weights: Float[np.ndarray, "points 24"]
    joints: Float[np.ndarray, "24 3"]
    landmarks: dict[str, Float[np.ndarray, "3"]]
    """nose, leye, reye, lear, rear, and the lowest point of the feet as `floor`."""

    def joint(self, name: str) -> Float[np.ndarray, "3"]:
        """A joint's rest position."""
        return self.joints[JOINT_INDEX[name]]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Atlas:
    """The painted texels of a square texture."""

    covered: Bool[np.ndarray, "size size"]
    surface: Surface
    """One point for each covered texel, in the order of `image[covered]`."""


@lru_cache(maxsize=4)
def atlas_of(model: BodyModel, size: int) -> Atlas:
    """The atlas of a model at one size. Raises BodyError when the model has no UVs, or no face keypoints."""
    if model.uv is None or model.uv_faces is None:
        raise BodyError(
            f"body model {model.name!r} has no texture coordinates, so it cannot be dressed; use a model with UVs"
        )
    vertices = surface_of(model)
    texels = _texels(_Shared.of(model), size)

    def at_texels(values: np.ndarray) -> np.ndarray:
        return np.einsum("nk,nkc->nc", texels.bary, values[texels.corners])

    return Atlas(
        covered=texels.covered,
        surface=Surface(
            points=at_texels(vertices.points),
            normals=at_texels(vertices.normals),
            weights=texels.weights,
            joints=vertices.joints,
            landmarks=vertices.landmarks,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Shared:
    """What bodies of one model have in common, by value."""

    uv: bytes
    uv_faces: bytes
    faces: bytes
    weights: bytes

    @classmethod
    def of(cls, model: BodyModel) -> _Shared:
        assert model.uv is not None
        assert model.uv_faces is not None
        uv_faces, faces = (np.ascontiguousarray(each, np.int64).tobytes() for each in (model.uv_faces, model.faces))
        uv, weights = (np.ascontiguousarray(each, np.float64).tobytes() for each in (model.uv, model.weights))
        return cls(uv, uv_faces, faces, weights)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Texels:
    """Where the covered texels of an atlas lie on any body of a model."""

    covered: Bool[np.ndarray, "size size"]
    corners: np.ndarray
    bary: Float[np.ndarray, "points 3"]
    weights: Float[np.ndarray, "points 24"]


@lru_cache(maxsize=2)
def _texels(shared: _Shared, size: int) -> _Texels:
    """Most of the work of an atlas, which people's own shapes do not change."""
    uv = np.frombuffer(shared.uv).reshape(-1, 2)
    uv_faces, faces = (np.frombuffer(each, np.int64).reshape(-1, 3) for each in (shared.uv_faces, shared.faces))
    weights = np.frombuffer(shared.weights).reshape(-1, JOINT_COUNT)
    raster = rasterize_uv(uv, uv_faces, size, _GUTTER_TEXELS)
    corners, bary = faces[raster.face[raster.covered]], raster.bary[raster.covered].astype(np.float64)
    at_texels = np.einsum("nk,nkc->nc", bary, weights[corners])
    return _Texels(covered=raster.covered, corners=corners, bary=bary, weights=at_texels)


@lru_cache(maxsize=4)
def surface_of(model: BodyModel) -> Surface:
    """The mean body's vertices. Raises BodyError when the model lacks the face's keypoint vertices."""
    missing = [name for name in _FACE if name not in model.keypoint_vertices]
    if missing:
        raise BodyError(f"body model {model.name!r} has no keypoint vertices {missing}, so its face cannot be painted")
    points = np.asarray(model.v_template, np.float64)
    landmarks = {name: points[model.keypoint_vertices[name]] for name in _FACE}
    return Surface(
        points=points,
        normals=TriangleMesh(vertices=points, faces=model.faces).vertex_normals(),
        weights=np.asarray(model.weights, np.float64),
        joints=model.rest_joints(),
        landmarks=landmarks | {"floor": points[points[:, 1].argmin()]},
    )
