"""The fused point cloud of one instant: every depth camera's view of the people, cleaned, in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import nan

import numpy as np
from jaxtyping import Bool, Float, Int64

from geometry.cloud import PointCloud
from registration.clouds.agreement import Agreement, Stack, agree, stack_views
from registration.clouds.anchors import anchored
from registration.clouds.colors import ColorView, color_points
from registration.clouds.config import CloudConfig
from registration.clouds.consistency import camera_excess, is_compared
from registration.clouds.cross_view import Votes, votes
from registration.clouds.depth_noise import fused_sigma
from registration.clouds.figures import CloudFigures
from registration.clouds.smoothing import smooth
from registration.clouds.thinning import most_certain
from registration.clouds.view_points import view_points
from registration.clouds.views import DepthView
from registration.errors import RegistrationError

__all__ = ["CloudConfig", "CloudFigures", "DepthView", "fuse"]

COMPARED = 16
"""Every so many points are compared to find what cameras are off."""


def fuse(
    views: Sequence[DepthView],
    colors: Sequence[ColorView] = (),
    config: CloudConfig | None = None,
    instant: int = 0,
) -> tuple[PointCloud, CloudFigures]:
    """The cloud in the world with all fields of PointCloud; `camera` counts in the order of `views`.

    Each view is denoised by itself; cameras that lie apart from the others lose weight; each point moves to the mean
    of the cameras that see its surface; points that nobody confirms go; one in each voxel stays, and is laid onto its
    neighbours' patch. colors: the colour images, any number of them. Raises RegistrationError when no point is left,
    naming the instant and the cameras.
    """
    config = config or CloudConfig()
    seen = [view_points(view, config) for view in views]
    if not sum(len(view.points) for view in seen):
        raise RegistrationError(_empty_message(views, instant, 0))
    stack = stack_views(seen)
    first = agree(stack, np.arange(0, len(stack.points), COMPARED))
    apart, compared = camera_excess(first.pairs), is_compared(first.pairs)
    stack = replace(stack, sigma=np.hypot(stack.sigma, apart[stack.view]))
    agreed = agree(stack)
    points, sigma = (agreed.points, agreed.sigma) if config.average else (stack.points, stack.sigma)
    edge = np.concatenate([view.edge for view in seen])
    several = sum(bool(len(view.points)) for view in seen) > 1
    keep, carved = _confirmed(stack, agreed, edge, views, config)
    if not keep.any():
        raise RegistrationError(_empty_message(views, instant, len(keep)))
    chosen = _chosen(points, sigma, keep, config.voxel_m)
    cloud = _cloud(stack, points, sigma, chosen, keep, views, config)
    assert cloud.normals is not None
    assert cloud.person is not None
    rgb, colored = color_points(cloud.points, cloud.normals, cloud.person, colors)
    return replace(cloud, colors=rgb), CloudFigures(
        seen={v.camera.name: s.seen for v, s in zip(views, seen)},
        kept={v.camera.name: int(keep[stack.view == i].sum()) for i, v in enumerate(views)},
        edge=sum(s.seen for s in seen) - len(keep) + int((edge & ~keep).sum()),
        unconfirmed=int((~keep & ~edge).sum()) - carved,
        carved=carved,
        thinned=int(keep.sum()) - len(chosen),
        uncolored=int((~colored).sum()),
        apart_m={v.camera.name: float(apart[i]) if known else nan for i, (v, known) in enumerate(zip(views, compared))},
        lonely={v.camera.name: _lonely(stack, agreed, i) if several else nan for i, v in enumerate(views)},
    )


def _confirmed(
    stack: Stack, agreed: Agreement, edge: Bool[np.ndarray, "points"], views: Sequence[DepthView], config: CloudConfig
) -> tuple[Bool[np.ndarray, "points"], int]:
    """Which points stay, and how many go because others look through them.

    Where others must confirm, a point that no other camera could see stays too if it hangs together with confirmed
    ones, unless a number of confirmations is asked for. Where none must, a point stays unless more cameras look
    through it than see something there. Points at edges need somebody else in any case.
    """
    needed = _confirmations(views, config)
    doubted = np.flatnonzero(agreed.views < max(needed, 1))
    said = _votes(stack, doubted, views, config)
    keep = np.ones(len(agreed.views), bool)
    if not needed:
        keep[doubted] = said.through <= np.maximum(said.support, agreed.views[doubted])
    else:
        keep[doubted] = (said.support >= needed) & (said.through == 0)
    if needed and config.min_support is None:
        keep[doubted] |= (said.open == 0) & anchored(stack, agreed.views >= needed, doubted)
    keep &= (agreed.views > 0) | ~edge
    return keep, int((~keep[doubted] & ~edge[doubted] & (said.through > 0)).sum())


def _confirmations(views: Sequence[DepthView], config: CloudConfig) -> int:
    if config.min_support is not None:
        return config.min_support
    return 1 if sum(bool(view.mask.any()) for view in views) >= config.full_ring else 0


def _votes(stack: Stack, which: Int64[np.ndarray, "some"], views: Sequence[DepthView], config: CloudConfig) -> Votes:
    """What the measured images say of the points whose surface too few cameras share."""
    depth_m, masks, cameras = [v.depth_m for v in views], [v.mask for v in views], [v.camera for v in views]
    p, n, seen_by = stack.points[which], stack.normals[which], stack.view[which]
    return votes(p, n, seen_by, depth_m, masks, cameras, config.support_m, config.carve_m)


def _lonely(stack: Stack, agreed: Agreement, view: int) -> float:
    own = agreed.views[stack.view == view]
    return float((own == 0).mean()) if len(own) else nan


def _chosen(
    points: Float[np.ndarray, "points 3"], sigma: Float[np.ndarray, "points"], keep: np.ndarray, voxel_m: float
) -> Int64[np.ndarray, "chosen"]:
    kept = np.flatnonzero(keep)
    return kept if voxel_m <= 0 else kept[most_certain(points[kept], sigma[kept], voxel_m)]


def _cloud(
    stack: Stack,
    points: np.ndarray,
    sigma: np.ndarray,
    chosen: np.ndarray,
    keep: np.ndarray,
    views: Sequence[DepthView],
    config: CloudConfig,
) -> PointCloud:
    """The chosen points as a cloud, smoothed where that is wanted."""
    p, n = points[chosen], stack.normals[chosen]
    if config.smooth_m > 0:
        p, n = smooth(stack, points, chosen, keep, config.smooth_m)
    camera = stack.view[chosen]
    return PointCloud(
        points=p,
        normals=n,
        camera=camera.astype(np.uint8),
        sigma=fused_sigma(sigma[chosen]),
        time_us=np.array([view.time_us for view in views], np.int64)[camera],
        person=stack.person[chosen].astype(np.uint8),
    )


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
