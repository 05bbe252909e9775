"""Pack the texture charts of all pieces into one square, at one scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse
from jaxtyping import Float, Integer
from scipy.sparse.csgraph import connected_components

from body.garments.piece import Piece

_GAP_TEXELS: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PackedCharts:
    """Texture coordinates of all pieces, one after another."""

    uv: Float[np.ndarray, "uvs 2"]
    uv_faces: Integer[np.ndarray, "faces 3"]
    texels_per_m: float


def pack_charts(pieces: list[Piece], size: int) -> PackedCharts:
    """Charts at their true size, in rows from the tallest to the lowest, as large as the square allows."""
    boxes: list[np.ndarray] = []
    corners: list[np.ndarray] = []
    faces: list[np.ndarray] = []
    chart_of: list[np.ndarray] = []
    first = charts = 0
    for piece in pieces:
        uv, chart = _metric(piece)
        corners.append(uv)
        faces.append(piece.uv_faces + first)
        chart_of.append(chart + charts)
        for c in range(chart.max() + 1):
            low, high = uv[chart == c].min(0), uv[chart == c].max(0)
            boxes.append(np.concatenate([low, high - low]))
        first, charts = first + len(uv), charts + int(chart.max()) + 1
    box, uv, chart = np.array(boxes), np.concatenate(corners), np.concatenate(chart_of)
    low, high = 1.0, 20000.0
    for _ in range(30):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if _places(box[:, 2:] * middle, size) is not None else (low, middle)
    places = _places(box[:, 2:] * low, size)
    assert places is not None
    packed = ((uv - box[chart, :2]) * low + places[chart] + _GAP_TEXELS / 2) / size
    return PackedCharts(uv=packed, uv_faces=np.concatenate(faces), texels_per_m=float(low))


def _metric(piece: Piece) -> tuple[np.ndarray, np.ndarray]:
    """Texture coordinates scaled, chart by chart, to the area of the cloth; and each one's chart."""
    count = len(piece.uv)
    edges = np.concatenate([piece.uv_faces[:, :2], piece.uv_faces[:, 1:]])
    graph = scipy.sparse.coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
    charts, chart = connected_components(graph, directed=False)
    a, b, c = (piece.rest[piece.faces[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    a, b, c = (piece.uv[piece.uv_faces[:, i]] for i in range(3))
    flat = np.abs(np.cross(np.pad(b - a, ((0, 0), (0, 1))), np.pad(c - a, ((0, 0), (0, 1))))[:, 2])
    of_face = chart[piece.uv_faces[:, 0]]
    space = np.bincount(of_face, area, charts)
    plane = np.bincount(of_face, flat, charts)
    return piece.uv * np.sqrt(space / np.maximum(plane, 1e-12))[chart, None], chart


def _places(sizes: np.ndarray, width: int) -> np.ndarray | None:
    """Lower corners of boxes in rows; None when they do not fit."""
    places, x, y, row = np.zeros_like(sizes), 0.0, 0.0, 0.0
    padded = sizes + _GAP_TEXELS
    for i in np.argsort(-sizes[:, 1], kind="stable"):
        w, h = padded[i]
        if x + w > width:
            x, y, row = 0.0, y + row, 0.0
        if w > width or y + h > width:
            return None
        places[i] = x, y
        x, row = x + w, max(row, h)
    return places
