"""Outlines of masks: the rim of the body, as a camera sees it, lies on the rim of the person's mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy.spatial import KDTree

from geometry.camera import Camera
from registration.fit.posing import PosedClip
from registration.fit.system import NormalEquations
from registration.keypoints.projection import project_with_jacobian

RIM_COSINE: Final = 0.3
"""Vertices whose normals are this near to perpendicular to the ray can be on the rim."""
AGREEING: Final = 0.7
"""Least cosine between the outward directions of both rims: it keeps an arm's rim off the trunk's."""
SIGMA_PX: Final = 2.5
"""Of a mask's rim: matting and hair."""
KERNEL_PX: Final = 20.0
"""Of outliers (Geman-McClure): rims within the person, of an arm before the trunk, are in no mask."""
INDEPENDENT: Final = 40.0
"""How many points of one outline count as independent: errors of a mask stretch over its limbs."""
_BLUR_PX: Final = 3.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outline:
    """Points on the rim of one mask."""

    camera: Camera
    frame: int
    q: Float[np.ndarray, "points 2"]
    """Pixels."""
    outward: Float[np.ndarray, "points 2"]
    """Unit directions out of the mask."""

    @classmethod
    def of(cls, mask: Bool[np.ndarray, "height width"], camera: Camera, frame: int, count: int = 200) -> Outline:
        """Points evenly along the rim; the image's border is no rim. An empty mask has none."""
        soft = np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), _BLUR_PX))
        contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        rim = np.concatenate([np.asarray(c, np.int64)[:, 0] for c in contours] or [np.zeros((0, 2), np.int64)])
        height, width = mask.shape
        inner = ((rim > 1) & (rim < np.array([width, height]) - 2)).all(1)
        rim = rim[inner]
        rim = rim[np.unique(np.linspace(0, len(rim) - 1, min(count, len(rim))).astype(int))] if len(rim) else rim
        slope = np.stack([cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)], -1)
        down = -slope[rim[:, 1], rim[:, 0]].astype(np.float64)
        length = np.linalg.norm(down, axis=1)
        clear = length > 1e-6
        # contours run through the mask's outermost pixels; its rim is half a pixel further out
        outward = down[clear] / length[clear, None]
        return cls(camera=camera, frame=frame, q=rim[clear] + 0.5 * outward, outward=outward)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Silhouettes:
    """Distances of the outlines' points from the body's rim, across the rim, in pixels."""

    outlines: Sequence[Outline]
    sigma_px: float = SIGMA_PX

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds all outlines; points without a like rim nearby say nothing."""
        for outline in self.outlines:
            self._add(system, outline, body)

    def _add(self, system: NormalEquations, outline: Outline, body: PosedClip) -> None:
        t, camera = outline.frame, outline.camera
        rim = rim_vertices(body.vertices[t], body.normals[t], camera)
        if not len(rim) or not len(outline.q):
            return
        q, J = project_with_jacobian(camera, body.vertices[t, rim])
        known = np.isfinite(q).all(1)
        rim, q, J = rim[known], q[known], J[known]
        outward = np.einsum("nij,nj->ni", J, body.normals[t, rim])
        outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-12)
        # nearness and direction together: a turn by 60 degrees counts as KERNEL_PX
        features = np.concatenate([q, KERNEL_PX * outward], 1)
        wanted = np.concatenate([outline.q, KERNEL_PX * outline.outward], 1)
        near = np.asarray(KDTree(features).query(wanted)[1])
        agree = (outward[near] * outline.outward).sum(1) > AGREEING
        apart = outline.q - q[near]
        residual = (apart * outline.outward).sum(1)
        squared = (apart**2).sum(1)
        robust = np.where(agree, KERNEL_PX**2 / (KERNEL_PX**2 + squared), 0.0)
        share = min(1.0, INDEPENDENT / len(residual)) / self.sigma_px**2
        direction = np.einsum("nij,ni->nj", J[near], outline.outward)
        rows = body.vertex_rows(np.full(len(near), t), rim[near], direction)
        cost = 0.5 * share * float((robust * squared).sum() + KERNEL_PX**2 * (~agree).sum())
        system.add_rows(np.full(len(near), t), rows, share * robust**2, residual, cost)


def rim_vertices(
    vertices: Float[np.ndarray, "vertices 3"], normals: Float[np.ndarray, "vertices 3"], camera: Camera
) -> Int64[np.ndarray, "rim"]:
    """Vertices whose skin a camera sees edge-on."""
    ray = vertices - camera.center
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    return np.flatnonzero(np.abs((ray * normals).sum(1)) < RIM_COSINE).astype(np.int64)
