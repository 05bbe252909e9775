"""Steps in a texture where none should be: across the borders of charts, and where other cameras take over.

The colour of real clothes changes from texel to texel as well. What a step owes to the cameras is therefore told by a
second texture of the same layout, made from the same pictures before their exposures were changed: at each pair of
texels, the step of one minus the step of the other. Levels are of 255, means of the channels' absolute values.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from geometry.mesh import TriangleMesh
from texture.layout.atlas import Atlas

SAMPLES = 4
"""Points of each edge that are looked at."""
INSIDE_TEXELS = 1.0
"""How far inside its chart each side of a border is read, so that both sides are the chart's own texels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """Mean steps, levels."""

    charts: float
    """Across chart borders, as they are: what the issue of seams is about, real changes of colour included."""
    charts_added: float | None
    """Across chart borders, beyond those of the reference; None without one."""
    sources: float | None
    """Between neighbouring texels that owe most to different cameras; None without a map of them."""
    sources_added: float | None


def border_samples(mesh: TriangleMesh, size: int) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n 2"]]:
    """Where both sides of each chart border are in the texture (columns, rows in texels), just inside their charts."""
    assert mesh.uv is not None
    assert mesh.uv_faces is not None
    faces, uv_faces = np.asarray(mesh.faces, np.int64), np.asarray(mesh.uv_faces, np.int64)
    q = np.stack([mesh.uv[:, 0] * size - 0.5, (1 - mesh.uv[:, 1]) * size - 0.5], -1)
    corner = np.array([[0, 1], [1, 2], [2, 0]])
    ends, uv_ends = faces[:, corner].reshape(-1, 2), uv_faces[:, corner].reshape(-1, 2)
    face = np.repeat(np.arange(len(faces)), 3)
    turned = ends[:, 0] > ends[:, 1]
    ends[turned], uv_ends[turned] = ends[turned, ::-1], uv_ends[turned, ::-1]
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    same = (ends[order[:-1]] == ends[order[1:]]).all(1)
    first, second = order[:-1][same], order[1:][same]
    border = (uv_ends[first] != uv_ends[second]).any(1)
    middle = q[uv_faces].mean(1)
    sides = [_inside(q[uv_ends[e]], middle[face[e]]) for e in (first[border], second[border])]
    return sides[0], sides[1]


def charts_of(mesh: TriangleMesh) -> Integer[np.ndarray, "faces"]:
    """The chart of each face: faces that share texture coordinates are of one."""
    assert mesh.uv is not None
    assert mesh.uv_faces is not None
    uv_faces = np.asarray(mesh.uv_faces, np.int64)
    a, b = uv_faces[:, [0, 1]].ravel(), uv_faces[:, [1, 2]].ravel()
    graph = coo_matrix((np.ones(len(a), bool), (a, b)), shape=(len(mesh.uv), len(mesh.uv)))
    return connected_components(graph, directed=False)[1][uv_faces[:, 0]]


def steps(
    mesh: TriangleMesh,
    atlas: Atlas,
    texture: UInt8[np.ndarray, "size size 3"],
    seen: Bool[np.ndarray, "size size"],
    reference: UInt8[np.ndarray, "size size 3"] | None = None,
    source: Integer[np.ndarray, "size size"] | None = None,
) -> Steps:
    """The mean steps over places that cameras saw; `source` tells which camera each texel owes most to, 0 none."""
    size = len(texture)
    known = seen.astype(np.float32)
    a, b = border_samples(mesh, size)
    both = (_read(known, a) > 0.999) & (_read(known, b) > 0.999)
    a, b = a[both], b[both]
    own = _read(texture, a) - _read(texture, b)
    before = None if reference is None else _read(reference, a) - _read(reference, b)
    pairs = None
    if source is not None:
        chart = atlas.image(charts_of(mesh)[atlas.face].astype(np.int32), -1)
        pairs = _changes(source, seen, chart)
    return Steps(
        charts=_mean(own),
        charts_added=None if before is None else _mean(own - before),
        sources=None if pairs is None else _mean(_between(texture, pairs)),
        sources_added=None
        if pairs is None or reference is None
        else _mean(_between(texture, pairs) - _between(reference, pairs)),
    )


def matched(
    texture: UInt8[np.ndarray, "size size 3"],
    reference: UInt8[np.ndarray, "size size 3"],
    seen: Bool[np.ndarray, "size size"],
) -> UInt8[np.ndarray, "size size 3"]:
    """The reference with each channel's mean brought to the texture's: a texture as a whole may be brighter."""
    factor = texture[seen].mean(0) / np.maximum(reference[seen].mean(0), 1e-6)
    return np.clip(np.rint(reference * factor), 0, 255).astype(np.uint8)


def _inside(ends: np.ndarray, middle: np.ndarray) -> Float[np.ndarray, "n 2"]:
    """Points along edges (n, 2 ends, 2), moved towards the middle of their face."""
    share = ((np.arange(SAMPLES) + 0.5) / SAMPLES)[None, :, None]
    points = ends[:, :1] * (1 - share) + ends[:, 1:] * share
    way = middle[:, None] - points
    length = np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-9)
    return (points + way * np.minimum(INSIDE_TEXELS / length, 0.5)).reshape(-1, 2)


def _changes(source: np.ndarray, seen: np.ndarray, chart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of neighbouring seen texels of one chart that owe most to different cameras."""
    number = np.arange(source.size).reshape(source.shape)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for near, far in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        known = seen[near] & seen[far] & (source[near] > 0) & (source[far] > 0)
        change = known & (source[near] != source[far]) & (chart[near] == chart[far])
        found.append((number[near][change], number[far][change]))
    return np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found])


def _between(texture: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    flat = texture.reshape(-1, 3).astype(np.float32)
    return flat[pairs[0]] - flat[pairs[1]]


def _read(image: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Bilinear, with values beside the image repeated."""
    x, y = (np.clip(q[:, k], 0, image.shape[1 - k] - 1).astype(np.float32) for k in (0, 1))
    parts = [
        cv2.remap(image, x[n : n + 30_000, None], y[n : n + 30_000, None], cv2.INTER_LINEAR)[:, 0]
        for n in range(0, len(x), 30_000)
    ]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros((0, *image.shape[2:]), np.float32)


def _mean(difference: np.ndarray) -> float:
    return float(np.abs(difference).mean()) if difference.size else float("nan")
