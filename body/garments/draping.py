"""Lay a cut piece over the rest body: how far it stands off, bridged hollows, resting folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from body.appearance_paint import noise
from body.garments.contact import vertex_normals
from body.garments.cutting import Patch, clip, component_of, whole
from body.garments.form import Diffusion, Form, hem_edges
from body.garments.limbs import LEFT_LEG, RIGHT_LEG, TRUNK, limb_coordinates, part_weights
from body.garments.piece import Piece
from body.joints import JOINT_INDEX

CONTACT_M: Final = 0.003
"""Cloth on skin."""
_BIN_M: Final = 0.02


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Hem:
    """One line along which a garment is cut."""

    distance: Float[np.ndarray, "points"]
    """At the form's points, positive on the garment's side, metres."""
    tight_m: float | None = None
    """Distance from the skin at a closed hem (waistband, cuff, collar); None for a hem that hangs."""
    over_m: float = 0.06
    """Length over which a closed hem opens to the garment's ease."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pattern:
    """What to cut and how loose it is."""

    name: str
    hems: tuple[Hem, ...]
    inside: Float[np.ndarray, "3"]
    """A rest point near the garment, to choose among pieces."""
    ease: Float[np.ndarray, "points"]
    """Wanted distance from the skin at the form's points, metres."""
    bridging: int = 10
    """Steps of smoothing: how far the cloth spans hollows."""
    folds_m: float = 0.0
    """Depth of resting folds."""
    clearance_m: float = CONTACT_M
    sleeveless: bool = False
    """All cloth counts as the trunk's, so that fabric patterns run straight over the shoulders."""
    soft: float = 1.0
    level_below_m: float | None = None
    """Below this height the cloth stands off sideways only, and follows the thighs half (a shirt's lower hem)."""


def drape(form: Form, pattern: Pattern, rng: np.random.Generator) -> Piece:
    """The garment in the rest pose."""
    patch = whole(form.patch.faces, len(form.points))
    for hem in pattern.hems:
        patch = clip(patch, patch.from_parent @ hem.distance)
    points = patch.from_parent @ form.points
    patch = component_of(patch, int(np.linalg.norm(points - pattern.inside, axis=1).argmin()))
    share, faces = patch.from_parent, patch.faces
    skin, normals = share @ form.points, share @ form.normals
    count = len(skin)
    weights = share @ form.weights
    ease = share @ pattern.ease
    to_hem = np.full(count, np.inf)
    for hem in pattern.hems:
        distance = share @ hem.distance
        to_hem = np.minimum(to_hem, distance)
        if hem.tight_m is not None:
            t = np.clip(distance / (hem.over_m * form.scale), 0, 1)
            ease = np.minimum(ease, hem.tight_m + (ease - hem.tight_m) * t * t * (3 - 2 * t))
    diffuse = Diffusion.on(faces, count)
    part = part_weights(weights).argmax(1)
    side = np.where(part == LEFT_LEG, 1.0, np.where(part == RIGHT_LEG, -1.0, 0.0))
    if pattern.level_below_m is not None:
        low = np.clip((pattern.level_below_m - skin[:, 1]) / (0.06 * form.scale), 0, 1)
        normals = normals * np.stack([np.ones(count), 1 - low, np.ones(count)], 1)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
        weights = _half_from_thighs(weights, low)
    points = skin + ease[:, None] * normals
    near = KDTree(form.surface.vertices).query(skin)[1].astype(np.int32)
    near = np.stack([near, _thigh_below(form, pattern, skin)], 1)
    least = np.maximum(np.minimum(pattern.clearance_m, ease), 0.5 * ease)
    for _ in range(pattern.bridging):
        points = _apart(diffuse(points, 2), skin, side)
        form.surface.push_out(points, least, np.full(count, np.inf), near, np.ones(count, bool))
    if pattern.folds_m > 0:
        points = points + _resting_folds(pattern.folds_m, skin, ease, rng)[:, None] * vertex_normals(points, faces)
        points = _apart(points, skin, side)
    clearance = np.full(count, pattern.clearance_m)
    form.surface.push_out(points, clearance, np.full(count, np.inf), near, np.ones(count, bool))
    if pattern.sleeveless:
        part = np.full_like(part, TRUNK)
    limbs = limb_coordinates(points, part, form.model)
    corner_uv = np.einsum("fij,fjc->fic", patch.corner_weights, _fine_uv(form)[patch.parent_face])
    uv, uv_faces = np.unique(np.round(corner_uv.reshape(-1, 2), 6), axis=0, return_inverse=True)
    return Piece(
        name=pattern.name,
        faces=faces,
        rest=points,
        weights=diffuse(weights, 12) if pattern.soft > 0 else weights,
        near=near,
        clearance=clearance,
        hem=_from_hems(points, faces, to_hem),
        part=part,
        along=limbs.along,
        angle=limbs.angle,
        uv=uv,
        uv_faces=uv_faces.reshape(-1, 3),
        cover=_cover(form, pattern, skin),
        soft=pattern.soft,
    )


def hang(form: Form, part: int, start: float, stop: float, slope: float, most_m: float) -> Float[np.ndarray, "points"]:
    """Room between the skin and a straight tube that falls from the widest place above, metres, 0 off the part.

    `start`, `stop`: range of `along`; `slope`: how fast the tube narrows (metres of radius per metre).
    """
    mine = form.limbs.part == part
    along, radius = form.limbs.along[mine], form.limbs.radius[mine]
    edges = np.arange(start, max(stop, start + 2 * _BIN_M) + _BIN_M, _BIN_M)
    middle = (edges[:-1] + edges[1:]) / 2
    body = np.array([np.mean(radius[near]) if (near := np.abs(along - m) < _BIN_M).any() else 0.0 for m in middle])
    falls = slope * middle
    tube = np.maximum.accumulate(body + falls) - falls
    extra = np.clip(tube - body, 0, most_m)
    extra = np.convolve(np.pad(extra, 3, "edge"), np.ones(7) / 7, "valid")
    result = np.zeros(len(form.points))
    result[mine] = np.interp(along, middle, extra, left=0.0, right=float(extra[-1]))
    return form.diffuse(result, 10)


def _thigh_below(form: Form, pattern: Pattern, skin: np.ndarray) -> np.ndarray:
    """For a shirt's lower part the nearest vertex of the thigh, which may be raised into it; else -1."""
    found = np.full(len(skin), -1, np.int32)
    if pattern.level_below_m is None:
        return found
    shares, low = np.asarray(form.model.weights), skin[:, 1] < pattern.level_below_m
    for side, mine in (("left", low & (skin[:, 0] > 0)), ("right", low & (skin[:, 0] <= 0))):
        thigh = np.flatnonzero(shares[:, JOINT_INDEX[f"{side}_hip"]] > 0.8)
        found[mine] = thigh[KDTree(form.surface.vertices[thigh]).query(skin[mine])[1]]
    return found


def _half_from_thighs(weights: np.ndarray, amount: np.ndarray) -> np.ndarray:
    weights = weights.copy()
    for side in ("left", "right"):
        moved = 0.6 * amount * weights[:, JOINT_INDEX[f"{side}_hip"]]
        weights[:, JOINT_INDEX[f"{side}_hip"]] -= moved
        weights[:, JOINT_INDEX["pelvis"]] += moved
    return weights


def _from_hems(points: np.ndarray, faces: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Distance to the nearest hem of the draped cloth, so that stitches run along it; the cut's where it has none."""
    edges = hem_edges(faces)
    if not len(edges):
        return cut
    a, b = points[edges[:, 0]], points[edges[:, 1]]
    line = np.concatenate([a + t * (b - a) for t in (0.0, 0.25, 0.5, 0.75)])
    return np.asarray(KDTree(line).query(points)[0])


def _cover(form: Form, pattern: Pattern, skin: np.ndarray) -> np.ndarray:
    count = form.model.vertex_count
    inside = np.minimum.reduce([hem.distance[:count] for hem in pattern.hems])
    in_piece = KDTree(skin).query(form.points[:count])[0] < 1e-9
    return np.where(in_piece, inside, np.where(inside > 0, -1.0, inside))


def _apart(points: np.ndarray, skin: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Trouser legs on their own side of the middle."""
    least = np.minimum(0.002, 0.5 * np.abs(skin[:, 0]))
    points = points.copy()
    points[:, 0] = np.where(side > 0, np.maximum(points[:, 0], least), points[:, 0])
    points[:, 0] = np.where(side < 0, np.minimum(points[:, 0], -least), points[:, 0])
    return points


def _resting_folds(depth: float, skin: np.ndarray, ease: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Soft folds, longer than wide, deeper where the cloth is loose."""
    long = noise(skin * np.array([1.0, 0.35, 1.0]), 0.035, rng) + 0.4 * noise(skin, 0.025, rng)
    return depth * long * np.clip(ease / 0.02, 0, 1)


def _fine_uv(form: Form) -> np.ndarray:
    model, patch = form.model, form.patch
    assert model.uv is not None
    assert model.uv_faces is not None
    return np.einsum("fij,fjc->fic", patch.corner_weights, model.uv[model.uv_faces][patch.parent_face].astype(float))


__all__ = ["CONTACT_M", "TRUNK", "Hem", "Patch", "Pattern", "drape", "hang"]
