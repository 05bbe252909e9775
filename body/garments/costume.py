"""The drawn surface of one dressed person: constant faces and texture, new vertices for each pose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int32, Integer, UInt8
from scipy.spatial import KDTree

from body.garments.cloth import Cloth
from body.garments.contact import BodyTopology, PosedSurface


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Costume:
    """What stays the same over a take. Vertices are the naked body's, then those of the clothes; picklable."""

    faces: Int32[np.ndarray, "faces 3"]
    """Of the drawn surface: skin well under cloth is left out."""
    uv: Float[np.ndarray, "uvs 2"]
    uv_faces: Integer[np.ndarray, "faces 3"]
    texture: UInt8[np.ndarray, "rows columns 3"]
    """sRGB; row 0 is the top (v = 1)."""
    infrared: Float32[np.ndarray, "faces"]
    """Share of near infrared light that each face reflects; assumed."""
    description: dict[str, Any]
    """The choices, fit for JSON."""
    topology: BodyTopology
    cloth: Cloth | None = None
    pieces: dict[str, slice] = field(default_factory=dict)
    """Vertices of each garment, among those of the clothes."""
    offsets: Float[np.ndarray, "vertices"] | None = None
    """Of painted clothes: thickness along the posed normal, metres."""

    @property
    def body_vertex_count(self) -> int:
        """Vertices of the naked body, the first ones of the drawn surface."""
        return len(self.topology.starts) - 1

    @property
    def vertex_count(self) -> int:
        """Vertices of the drawn surface."""
        return self.body_vertex_count + (0 if self.cloth is None else len(self.cloth.rest))

    def dress(
        self,
        vertices: Float[np.ndarray, "vertices 3"],
        Ts_world_rest: Float[np.ndarray, "24 4 4"],
        up: tuple[float, float, float] = (0.0, 0.0, 1.0),
    ) -> Float[np.ndarray, "points 3"]:
        """Vertices of the drawn surface over a posed naked body, in its frame, metres.

        Ts_world_rest moves points of the rest body with each joint (`PosedBody.transforms`); skirts hang against `up`.
        """
        surface = PosedSurface.of(self.topology, vertices)
        if self.cloth is None:
            offsets = np.zeros(len(surface.vertices)) if self.offsets is None else self.offsets
            return surface.vertices + offsets[:, None] * surface.normals
        return np.concatenate([surface.vertices, self.cloth.move(surface, Ts_world_rest, np.array(up, np.float64))])

    def clearances(
        self, vertices: Float[np.ndarray, "vertices 3"], dressed: Float[np.ndarray, "points 3"]
    ) -> dict[str, Float[np.ndarray, "garment"]]:
        """Signed distance of each garment's vertices from the naked skin, metres; negative inside the body."""
        if self.cloth is None:
            return {}
        surface = PosedSurface.of(self.topology, vertices)
        points = np.ascontiguousarray(dressed[self.body_vertex_count :])
        nearest = np.asarray(KDTree(surface.vertices).query(points)[1], np.int32)
        distances = surface.signed_distances(points, nearest[:, None].repeat(2, 1))
        return {name: distances[where] for name, where in self.pieces.items()}

    def distance_to_body(
        self, vertices: Float[np.ndarray, "vertices 3"], dressed: Float[np.ndarray, "points 3"]
    ) -> dict[str, dict[str, float]]:
        """Mean, median and 95th percentile (millimetres) of each garment's distance from the naked skin."""
        return {
            name: {
                "mean_mm": float(1e3 * distance.mean()),
                "median_mm": float(1e3 * np.median(distance)),
                "p95_mm": float(1e3 * np.quantile(distance, 0.95)),
            }
            for name, distance in self.clearances(vertices, dressed).items()
        }
