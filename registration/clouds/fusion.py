"""The fused point cloud of one instant: every depth camera's view of the person, cleaned, in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Integer
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as pydantic_dataclass

from geometry.camera import Camera
from geometry.cloud import PointCloud, concatenate, voxel_downsample
from geometry.depth import depth_to_points
from geometry.rigid import rotate, transform
from registration.clouds.colors import ColorView, color_points
from registration.clouds.cross_view import support
from registration.clouds.depth_noise import depth_sigma
from registration.clouds.depth_normals import depth_normals
from registration.errors import RegistrationError


@pydantic_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class CloudConfig:
    """How clouds are cleaned."""

    support_m: float = 0.02
    """Another camera must see a surface this close. 30 and 50 mm let 5 and 15 times as many outliers through."""
    min_support: int | None = None
    """Cameras that must confirm a point. None: one where at least `full_ring` depth cameras see the person, else none,
    since with few cameras much of the body is seen by one only."""
    full_ring: int = 5
    """Depth cameras from which on neighbours in a ring overlap everywhere on a body."""
    flying_m: float = 0.05
    """Without confirmation by others: a pixel whose 3x3 neighbours differ by more than this lies on an edge."""
    grazing: float = float(np.cos(np.deg2rad(85.0)))
    """A surface whose normal's cosine with the ray is smaller is seen too edge-on to be measured."""
    voxel_m: float = 0.005
    """One point for each voxel of this size, the most certain one; 0 keeps all (some 25,000 for each camera)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DepthView:
    """What one depth camera saw at one instant."""

    depth_m: Float[np.ndarray, "_ _"]
    """NaN where missing; the whole image, with the room."""
    mask: Bool[np.ndarray, "_ _"]
    """Where the person is."""
    camera: Camera
    time_us: int = 0
    """When this image was taken, on the session clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudFigures:
    """How many points each step left; by camera name where it says so."""

    seen: dict[str, int]
    """Pixels of the person."""
    kept: dict[str, int]
    """Points in the cloud, before thinning."""
    edge: int
    """Removed: on an edge, seen edge-on, or too thin for a normal."""
    unconfirmed: int
    """Removed: no other camera saw them."""
    thinned: int
    """Removed: another point in the same voxel."""
    uncolored: int
    """Kept, but no colour camera saw them; they are black."""


def fuse(
    views: Sequence[DepthView],
    colors: Sequence[ColorView] = (),
    config: CloudConfig | None = None,
    instant: int = 0,
) -> tuple[PointCloud, CloudFigures]:
    """The cloud in the world with all fields of PointCloud; `camera` counts in the order of `views`.

    colors: the colour images, any number of them. Raises RegistrationError when no point is left, naming the instant
    and the cameras.
    """
    config = config or CloudConfig()
    confirmations = _confirmations(views, config)
    masked = [np.where(view.mask, view.depth_m, np.nan) for view in views]
    cameras = [view.camera for view in views]
    clouds: list[PointCloud] = []
    edge = unconfirmed = 0
    for index, view in enumerate(views):
        cloud = _view_cloud(view, index, config, with_edges=confirmations > 0)
        edge += int((view.mask & (view.depth_m > 0)).sum()) - len(cloud)
        if confirmations:
            good = support(cloud.points, index, masked, cameras, config.support_m) >= confirmations
            unconfirmed += int((~good).sum())
            cloud = cloud[good]
        clouds.append(cloud)
    whole = concatenate(clouds)
    if not len(whole):
        raise RegistrationError(_empty_message(views, instant, unconfirmed))
    thin = _thin(whole, config.voxel_m)
    rgb, seen = color_points(thin.points, _indices(thin), [camera.name for camera in cameras], colors)
    return replace(thin, colors=rgb), CloudFigures(
        seen={v.camera.name: int((v.mask & (v.depth_m > 0)).sum()) for v in views},
        kept={v.camera.name: len(c) for v, c in zip(views, clouds)},
        edge=edge,
        unconfirmed=unconfirmed,
        thinned=len(whole) - len(thin),
        uncolored=int((~seen).sum()),
    )


def _confirmations(views: Sequence[DepthView], config: CloudConfig) -> int:
    if config.min_support is not None:
        return config.min_support
    return 1 if sum(bool(view.mask.any()) for view in views) >= config.full_ring else 0


def _view_cloud(view: DepthView, index: int, config: CloudConfig, *, with_edges: bool) -> PointCloud:
    """Points, normals, uncertainty and time of one camera's pixels that are usable by themselves."""
    normals = depth_normals(view.depth_m, view.mask, view.camera)
    points = depth_to_points(view.depth_m, view.camera)
    usable = view.mask & np.isfinite(points[..., 2]) & np.isfinite(normals[..., 0])
    if not with_edges:
        usable &= ~on_edge(view.depth_m, config.flying_m)
    p, n = points[usable], normals[usable]
    cosine = -np.einsum("ni,ni->n", p, n) / np.linalg.norm(p, axis=1)
    facing = cosine >= config.grazing
    p, n, cosine = p[facing], n[facing], cosine[facing]
    return PointCloud(
        points=transform(view.camera.T_world_camera, p),
        normals=rotate(view.camera.T_world_camera, n),
        camera=np.full(len(p), index, np.uint8),
        sigma=depth_sigma(p[:, 2], cosine),
        time_us=np.full(len(p), view.time_us, np.int64),
    )


def on_edge(depth_m: Float[np.ndarray, "rows columns"], flying_m: float) -> Bool[np.ndarray, "rows columns"]:
    """Pixels whose 3x3 neighbourhood spans more than `flying_m`; to be asked of the image with the room in it.

    Missing neighbours say nothing.
    """
    kernel = np.ones((3, 3), np.uint8)
    known = np.isfinite(depth_m)
    farthest = cv2.dilate(np.where(known, depth_m, -1).astype(np.float32), kernel)
    nearest = cv2.erode(np.where(known, depth_m, 1e3).astype(np.float32), kernel)
    return farthest - nearest > flying_m


def _thin(cloud: PointCloud, voxel_m: float) -> PointCloud:
    """The most certain point of each voxel."""
    if voxel_m <= 0 or cloud.sigma is None:
        return cloud
    return voxel_downsample(cloud[np.argsort(cloud.sigma, kind="stable")], voxel_m)


def _indices(cloud: PointCloud) -> Integer[np.ndarray, "points"]:
    return np.zeros(len(cloud), np.uint8) if cloud.camera is None else cloud.camera


def _empty_message(views: Sequence[DepthView], instant: int, unconfirmed: int) -> str:
    names = ", ".join(view.camera.name for view in views) or "none"
    if unconfirmed:
        return (
            f"instant {instant}: the cloud is empty, none of {unconfirmed} points of the person is confirmed by a "
            f"second camera ({names}); check the calibration, or pass --option clouds.min_support=0"
        )
    return (
        f"instant {instant}: the cloud is empty, no depth camera saw the person ({names}); check the masks, "
        "or leave the instant out with --frames A:B"
    )
