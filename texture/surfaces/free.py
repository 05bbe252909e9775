"""The surface of one person at one instant, free of any template: closed, in one piece, from the cloud of the instant.

Where cameras looked the cloud rules, however far clothes stand off; elsewhere the fitted body does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.spatial
from jaxtyping import Bool, Float
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as options

from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from registration.clouds.views import DepthView
from texture.errors import TextureError
from texture.surfaces.carving import carved
from texture.surfaces.guide import guide_points
from texture.surfaces.indicator import solve_indicator
from texture.surfaces.marching import extract
from texture.surfaces.poisson import poisson_surface
from texture.surfaces.simplification import simplified
from texture.surfaces.sparse_field import BLOCK, fine_field
from texture.surfaces.topology import compacted, piece_volumes, topology

COARSE = 4
"""Voxels in a cell of the coarse field: 20 mm, which closes gaps of the cloud smoothly."""
GUIDE_WEIGHT = 0.2
"""Of a point of the body against a measured one."""
MIN_POINTS = 1000
"""A body of two square metres seen by one far camera has more; with less the fitted body is the better guess."""
FEW_CAMERAS = 3
"""Less than this see half of a person at most."""
AROUND_M = 0.4
"""Cloth and hair end nearer to the body than this; farther points are not the person's."""
LARGEST_M = 4.0
"""A body larger than this is a failed fit."""
SEEN_M = 0.012
"""A vertex this near to a measured point that faces the same way was seen: two voxels and the cloud's own spacing."""
PIECE_CM3 = 20.0
"""A piece of this size that hangs in the air is a hand or a bun of hair, and worth a flag."""


@options(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class FreeConfig:
    """How free surfaces are made. The figures that chose the numbers are in docs/surfaces.md."""

    method: Literal["tsdf", "poisson"] = "tsdf"
    """tsdf: a truncated signed distance field, of the fused cloud; poisson: Open3D's screened Poisson, slower."""
    faces: int = Field(default=20_000, ge=500)
    voxel_m: float = Field(default=0.005, ge=0.002, le=0.02)
    """Of the field. Half costs four times the time."""
    poisson_depth: int = Field(default=8, ge=5, le=10)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FreeSurface:
    """The surface of one person at one instant."""

    mesh: TriangleMesh
    """World, metres, without texture coordinates; closed, in one piece."""
    seen: Bool[np.ndarray, "vertices"]
    """Whether a camera measured the place; else it is the body's guess."""
    figures: dict[str, float]
    """points, guided (points of the body used), carved (of them left out because cameras look through them), seen
    (share of the vertices), faces, handles, left_out_cm3 (pieces in the air), closed (1 or 0)."""
    flags: tuple[str, ...]
    """What is degraded, a sentence each; empty where nothing is."""


def free_surface(
    cloud: PointCloud | None,
    body: TriangleMesh,
    config: FreeConfig | None = None,
    views: Sequence[DepthView] = (),
) -> FreeSurface:
    """The surface from a person's cloud, guided by the posed dressed body; both in the world, metres.

    views: the depth images of the instant, where they are at hand: what they look through is no body. Points without
    finite place and normal, or far from the body, do not count. Without a cloud, or with too few points, the surface
    is the body, flagged. Raises TextureError for a cloud without normals and a body that is no person's.
    """
    config = config or FreeConfig()
    _require_person(body)
    given = 0 if cloud is None else len(cloud)
    usable = _usable(cloud, body)
    if usable is None or len(usable) < MIN_POINTS:
        return _bare(body, given, 0 if usable is None else len(usable))
    flags = _shortcomings(usable, given)
    guide = guide_points(usable, body, config.voxel_m, views)
    assert usable.normals is not None
    points = np.concatenate([usable.points, guide.points])
    normals = np.concatenate([usable.normals, guide.normals])
    weights = np.concatenate([_certainty(usable), np.full(len(guide.points), GUIDE_WEIGHT)])
    piece = (
        _person_alone(poisson_surface(points, normals, config.poisson_depth)) if config.method == "poisson" else None
    )
    if piece is not None and not piece.mesh.is_watertight():
        flags.append("the Poisson surface is not closed; it was made by the method tsdf instead")
        piece = None
    if piece is None:
        indicator = solve_indicator(points, normals, config.voxel_m * COARSE, BLOCK // COARSE)
        indicator = carved(indicator, views) if views else indicator
        piece = _person_alone(extract(fine_field(points, normals, weights, indicator, config.voxel_m, views)))
    if piece.lost_cm3 > PIECE_CM3:
        flags.append(f"a piece of {piece.lost_cm3:.0f} cm3 is not joined to the person and is left out")
    mesh = simplified(piece.mesh, config.faces)
    shape = topology(mesh)
    if not shape.closed:
        flags.append("the surface is not closed")
    seen = _seen(mesh, usable)
    return FreeSurface(
        mesh=mesh,
        seen=seen,
        figures={
            "points": float(len(usable)),
            "guided": float(len(guide.points)),
            "carved": float(guide.carved),
            "seen": float(seen.mean()),
            "faces": float(len(mesh.faces)),
            "handles": float(shape.handles),
            "left_out_cm3": piece.left_out_cm3,
            "closed": float(shape.closed),
        },
        flags=tuple(flags),
    )


def _require_person(body: TriangleMesh) -> None:
    if not len(body.faces) or not np.isfinite(body.vertices).all():
        broken = int((~np.isfinite(body.vertices)).any(-1).sum())
        raise TextureError(
            f"the body has {len(body.faces)} faces, and {broken} vertices that are not finite; "
            "run the stage register again for this instant"
        )
    size = np.ptp(body.vertices, axis=0).max()
    if size > LARGEST_M:
        raise TextureError(f"the body is {size:.1f} m large, {LARGEST_M:.0f} m at most can be; its fit has failed")


def _usable(cloud: PointCloud | None, body: TriangleMesh) -> PointCloud | None:
    """The points with finite place and normal around the body."""
    if cloud is None or not len(cloud):
        return None
    if cloud.normals is None:
        raise TextureError("a cloud without normals has no outside; run the stage clouds again")
    near = (cloud.points > body.vertices.min(0) - AROUND_M) & (cloud.points < body.vertices.max(0) + AROUND_M)
    length = np.linalg.norm(cloud.normals, axis=1)
    kept = near.all(1) & np.isfinite(length) & (length > 0.5)
    return cloud if kept.all() else cloud[kept]


def _shortcomings(cloud: PointCloud, given: int) -> list[str]:
    flags = []
    if given - len(cloud) > 0.01 * given:
        flags.append(f"{given - len(cloud)} of {given} points have no place near the body and are left out")
    cameras = len(np.unique(cloud.camera)) if cloud.camera is not None else FEW_CAMERAS
    if cameras < FEW_CAMERAS:
        flags.append(f"only {cameras} depth camera{'s' * (cameras > 1)} saw the person; the body fills the rest")
    return flags


def _bare(body: TriangleMesh, given: int, usable: int) -> FreeSurface:
    """The body itself, flagged."""
    mesh = TriangleMesh(vertices=np.asarray(body.vertices, np.float64), faces=body.faces)
    reason = "there is no cloud" if not given else f"the cloud has {usable} usable points, {MIN_POINTS} needed"
    shape = topology(mesh)
    return FreeSurface(
        mesh=mesh,
        seen=np.zeros(len(mesh.vertices), bool),
        figures={
            "points": float(usable),
            "guided": 0.0,
            "carved": 0.0,
            "seen": 0.0,
            "faces": float(len(mesh.faces)),
            "handles": float(shape.handles),
            "left_out_cm3": 0.0,
            "closed": float(shape.closed),
        },
        flags=(f"{reason}: the surface is the fitted body",),
    )


def _certainty(cloud: PointCloud) -> Float[np.ndarray, "points"]:
    """Weight of each point: 1 for a usual one, by its variance, 4 at most."""
    if cloud.sigma is None:
        return np.ones(len(cloud))
    sigma = np.where(np.isfinite(cloud.sigma) & (cloud.sigma > 0), cloud.sigma, np.inf)
    usual = np.median(sigma)
    return np.clip((usual / sigma) ** 2, 0.05, 4.0) if np.isfinite(usual) else np.ones(len(cloud))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Piece:
    """The piece with the largest volume, and what else floats in the air."""

    mesh: TriangleMesh
    left_out_cm3: float
    lost_cm3: float
    """The largest of them."""


def _person_alone(dense: TriangleMesh) -> _Piece:
    if not len(dense.faces):
        raise TextureError("the points enclose nothing; are the normals of the cloud turned to the cameras?")
    centered = replace(dense, vertices=dense.vertices - dense.vertices.mean(0))
    piece, volume = piece_volumes(centered)
    person = int(np.argmax(volume))
    others = 1e6 * np.delete(volume, person)
    air = others[others > 0]
    alone = compacted(TriangleMesh(vertices=dense.vertices, faces=dense.faces[piece == person]))[0]
    return _Piece(mesh=alone, left_out_cm3=float(air.sum()), lost_cm3=float(air.max(initial=0.0)))


def _seen(mesh: TriangleMesh, cloud: PointCloud) -> Bool[np.ndarray, "vertices"]:
    assert cloud.normals is not None
    tree = scipy.spatial.KDTree(cloud.points, balanced_tree=False, compact_nodes=False)
    distance, nearest = map(np.asarray, tree.query(mesh.vertices, distance_upper_bound=SEEN_M))
    found = np.isfinite(distance)
    seen = np.zeros(len(mesh.vertices), bool)
    facing = (mesh.vertex_normals()[found] * cloud.normals[nearest[found]]).sum(1) > 0
    seen[found] = facing
    return seen
