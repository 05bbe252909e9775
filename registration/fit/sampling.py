"""Which points of a cloud a fit uses: hands and feet get more of them than their share of the skin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int64

from geometry.cloud import PointCloud
from registration.fit.matching import Ring, match_points
from registration.fit.posing import PosedClip
from registration.fit.surface import MIN_AGREEMENT, CloudPoints

LOOKED_AT = 4
"""This many times as many points are matched first, to know whose they are."""
REACH_M = 0.12
SLOWEST_US = 70_000
"""Frames further apart do not tell a velocity."""
POWER = 0.3
"""A joint's part of the skin with n points gets n to this power: 1 would be the cloud's own shares. Errors of a cloud
are alike within a part (its clothes, its bias), so that a trunk's 8,000 points say little more than a foot's 300.
Vertex error at 1 / 0.5 / 0.25: exact body 3.97 / 3.69 / 3.61 mm, two tight ones 6.60 / 6.43 / 6.40 mm (validation)."""


def points_by_part(
    clouds: Sequence[PointCloud | None],
    count: int,
    body: PosedClip,
    ring: Ring,
    rng: np.random.Generator,
    time_us: Int64[np.ndarray, "frames"] | None = None,
) -> CloudPoints:
    """`count` points of each cloud, spread over the joints whose skin they are nearest to in the present estimate.

    time_us: of the frames; points that know when they were measured are moved to that moment with the body under them.
    """
    part = body.model.carriers[:, 0]
    velocity = None if time_us is None else _velocities(body, time_us)
    few: list[PointCloud | None] = []
    for t, cloud in enumerate(clouds):
        if cloud is None or len(cloud) <= count or cloud.normals is None:
            few.append(cloud)
            continue
        looked = cloud[rng.choice(len(cloud), min(LOOKED_AT * count, len(cloud)), replace=False)]
        assert looked.normals is not None
        match = match_points(
            np.asarray(looked.points, np.float64), np.asarray(looked.normals, np.float64), body.vertices[t],
            body.normals[t], body.model.faces, ring, REACH_M, MIN_AGREEMENT,
        )  # fmt: skip
        corners = body.model.faces[match.face, match.bary.argmax(1)]
        of = np.where(match.face >= 0, part[corners], 24)
        shares = _shares(of)
        chosen = np.argsort(rng.random(len(of)) ** (1 / shares[of]))[-count:]
        chosen = np.sort(chosen)
        kept = looked[chosen]
        if velocity is not None and time_us is not None and kept.time_us is not None:
            late_s = np.where(match.face[chosen] >= 0, kept.time_us - time_us[t], 0) * 1e-6
            kept = replace(kept, points=kept.points - late_s[:, None] * velocity[t][corners[chosen]])
        few.append(kept)
    return CloudPoints.of(few, count, rng)


def _velocities(body: PosedClip, time_us: Int64[np.ndarray, "frames"]) -> Float[np.ndarray, "frames vertices 3"] | None:
    """Of the vertices, metres a second, by central differences; None for a single frame or frames out of order."""
    if len(body) < 2 or (np.diff(time_us) <= 0).any() or np.diff(time_us).max() > SLOWEST_US:
        return None
    return np.gradient(body.vertices, time_us * 1e-6, axis=0)


def _shares(of: np.ndarray) -> np.ndarray:
    """Weight of a point of each part in the draw."""
    counts = np.bincount(of, minlength=25)
    return np.maximum(counts, 1) ** (POWER - 1.0)
