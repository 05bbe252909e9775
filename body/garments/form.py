"""The rest body that clothes are cut from: its surface, subdivided, with limb coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Float

from body.errors import BodyError
from body.garments.contact import BodyTopology, PosedSurface, grouped, neighbours, vertex_normals
from body.garments.cutting import Patch, subdivide, whole
from body.garments.limbs import LimbCoordinates, limb_coordinates, part_weights
from body.joints import JOINT_INDEX
from body.model import BodyModel

_ADULT_M = 1.7
"""Height of the body for which lengths of cuts are drawn."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Form:
    """A rest body (T-pose, y up, facing +z), each face as four."""

    model: BodyModel
    patch: Patch
    """The subdivided surface; its parent is the model's mesh."""
    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]
    """Smoothed outward normals."""
    weights: Float[np.ndarray, "points 24"]
    limbs: LimbCoordinates
    arm: Float[np.ndarray, "points"]
    """Share of the arms in the skinning weights."""
    joints: Float[np.ndarray, "24 3"]
    scale: float
    """Size of the body relative to an adult."""
    diffuse: Diffusion
    """On the subdivided surface."""
    surface: PosedSurface
    """The rest body, for contact."""

    @classmethod
    def of(cls, model: BodyModel) -> Form:
        """The form of a model's mean body. Raises BodyError when the model has no UVs."""
        if model.uv is None or model.uv_faces is None:
            raise BodyError(
                f"body model {model.name!r} has no texture coordinates, so it cannot be dressed; use a model with UVs"
            )
        vertices = np.asarray(model.v_template, np.float64)
        patch = subdivide(whole(model.faces, model.vertex_count))
        points = patch.from_parent @ vertices
        weights = patch.from_parent @ np.asarray(model.weights, np.float64)
        diffuse = Diffusion.on(patch.faces, len(points))
        normals = diffuse(vertex_normals(points, patch.faces), 6)
        shares = part_weights(weights)
        return cls(
            model=model,
            patch=patch,
            points=points,
            normals=normals / np.linalg.norm(normals, axis=1, keepdims=True),
            weights=weights,
            limbs=limb_coordinates(points, shares.argmax(1), model),
            arm=shares[:, 1] + shares[:, 2],
            joints=model.rest_joints(),
            scale=float(np.clip(np.ptp(vertices[:, 1]) / _ADULT_M, 0.4, 1.2)),
            diffuse=diffuse,
            surface=PosedSurface.of(BodyTopology.of(model.faces, model.vertex_count), vertices),
        )

    def joint(self, name: str) -> Float[np.ndarray, "3"]:
        """A joint's rest position."""
        return self.joints[JOINT_INDEX[name]]

    def landmark(self, name: str) -> Float[np.ndarray, "3"]:
        """A keypoint vertex's rest position. Raises BodyError when the model lacks it."""
        if name not in self.model.keypoint_vertices:
            raise BodyError(f"body model {self.model.name!r} has no keypoint vertex {name!r}, so it cannot be dressed")
        return np.asarray(self.model.v_template[self.model.keypoint_vertices[name]], np.float64)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Diffusion:
    """Averages values of a mesh's vertices over their neighbours; those of hems only along the hems."""

    step: scipy.sparse.csr_array

    @classmethod
    def on(cls, faces: np.ndarray, vertex_count: int) -> Diffusion:
        """Of one mesh."""
        starts, lists = smoothing_neighbours(faces, vertex_count)
        counts = np.diff(starts)
        mean = scipy.sparse.csr_array(
            (np.repeat(0.5 / np.maximum(counts, 1), counts), lists, starts), (vertex_count, vertex_count)
        )
        return cls(step=scipy.sparse.csr_array(scipy.sparse.diags_array(np.where(counts > 0, 0.5, 1.0)) + mean))

    def __call__(self, values: np.ndarray, steps: int) -> np.ndarray:
        """Smoothed values; linear in them, means are weighted with sum 1."""
        for _ in range(steps):
            values = self.step @ values
        return values


def hem_edges(faces: np.ndarray) -> np.ndarray:
    """(edges, 2): directed edges with a face on one side only."""
    faces = np.asarray(faces, np.int64)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    count = faces.max() + 1
    key, back = edges[:, 0] * count + edges[:, 1], edges[:, 1] * count + edges[:, 0]
    back.sort()
    return edges[back[np.minimum(np.searchsorted(back, key), len(back) - 1)] != key]


def smoothing_neighbours(faces: np.ndarray, vertex_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours for averaging: a hem's vertices have only those along the hem, so that it stays one clean line."""
    starts, lists = neighbours(faces, vertex_count)
    hems = hem_edges(faces)
    on_hem = np.zeros(vertex_count, bool)
    on_hem[hems] = True
    rows = np.repeat(np.arange(vertex_count), np.diff(starts))
    inner = ~on_hem[rows]
    return grouped(np.concatenate([np.stack([rows[inner], lists[inner]], 1), hems, hems[:, ::-1]]), vertex_count)
