"""Which points of a cloud a fit uses: hands and feet get more of them than their share of the skin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geometry.cloud import PointCloud
from registration.fit.matching import Ring, match_points
from registration.fit.posing import PosedClip
from registration.fit.surface import MIN_AGREEMENT, CloudPoints

LOOKED_AT = 6
"""This many times as many points are matched first, to know whose they are."""
REACH_M = 0.12
POWER = 0.3
"""A joint's part of the skin with n points gets n to this power: 1 would be the cloud's own shares. Errors of a cloud
are alike within a part (its clothes, its bias), so that a trunk's 8,000 points say little more than a foot's 300.
Vertex error at 1 / 0.5 / 0.25: exact body 3.97 / 3.69 / 3.61 mm, two tight ones 6.60 / 6.43 / 6.40 mm (validation)."""


def points_by_part(
    clouds: Sequence[PointCloud | None], count: int, body: PosedClip, ring: Ring, rng: np.random.Generator
) -> CloudPoints:
    """`count` points of each cloud, spread over the joints whose skin they are nearest to in the present estimate."""
    part = body.model.carriers[:, 0]
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
        few.append(looked[np.sort(chosen)])
    return CloudPoints.of(few, count, rng)


def _shares(of: np.ndarray) -> np.ndarray:
    """Weight of a point of each part in the draw."""
    counts = np.bincount(of, minlength=25)
    return np.maximum(counts, 1) ** (POWER - 1.0)
