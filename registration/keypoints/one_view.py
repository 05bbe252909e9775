"""Joints that one camera alone sees, and people in a single camera: by the depth beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy.optimize import linear_sum_assignment

from geometry.camera import Camera
from registration.errors import RegistrationError
from registration.keypoints.lifting import LiftOptions, Surfaces, lift, votes
from registration.keypoints.observations import Observations
from registration.keypoints.sets import KeypointSet
from registration.keypoints.triangulation import Triangulation

LEAST_VOTE = 0.3
"""Share of a detection's joints that must lie on a person's surface."""


def people_of_one_view(
    observations: Observations, surfaces: Surfaces, count: int
) -> list[Int64[np.ndarray, "instants cameras"]]:
    """Like `association.people`, for one camera: whose surface the detections lie on, as the masks number it.

    Raises RegistrationError when nobody's surface has a detection.
    """
    T = len(observations.q)
    choice = np.full((count, T, 1), -1, np.int64)
    for t in range(T):
        labels = surfaces(t, 0)
        if labels is None:
            continue
        share = votes(labels, observations.q[t, 0], observations.visibility[t, 0], count)
        for n, k in zip(*linear_sum_assignment(-share)):
            if share[n, k] >= LEAST_VOTE:
                choice[k, t, 0] = n
    if not (choice[0] >= 0).any():
        raise RegistrationError(
            f"{observations.streams[0]} has no keypoints on the person whom its depth camera sees; look at the masks, "
            "and check that depth and colour have the same calibration"
        )
    return list(choice)


def untriangulated(shape: tuple[int, int, int]) -> Triangulation:
    """(instants, joints, cameras) points of which nothing is known yet."""
    return Triangulation(
        p_world=np.full((*shape[:2], 3), np.nan),
        covariance=np.full((*shape[:2], 3, 3), np.nan),
        used=np.zeros(shape, bool),
        reprojection_px=np.full(shape, np.nan),
    )


def with_lifted(
    found: Triangulation,
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "instants cameras joints 2"],
    visibility: Float[np.ndarray, "instants cameras joints"],
    sigma_px: Float[np.ndarray, "instants cameras joints"],
    surfaces: Surfaces,
    person: int,
    keypoints: KeypointSet,
    options: LiftOptions | None = None,
) -> tuple[Triangulation, Bool[np.ndarray, "instants joints"]]:
    """The points with those joints lifted that no two views gave and one camera alone sees, and which these are."""
    options = options or LiftOptions()
    sees = np.isfinite(q).all(-1) & (visibility >= options.visible)
    wanted = sees & (sees.sum(1) == 1)[:, None] & ~np.isfinite(found.p_world[..., 0])[:, None]
    p, covariance, used = found.p_world.copy(), found.covariance.copy(), found.used.copy()
    error = found.reprojection_px.copy()
    lifted = np.zeros(p.shape[:2], bool)
    for t, c in np.argwhere(wanted.any(-1)):
        labels = surfaces(int(t), int(c))
        if labels is None:
            continue
        some = lift(cameras[c], labels, person, q[t, c], visibility[t, c], sigma_px[t, c], keypoints, options)
        new = wanted[t, c] & np.isfinite(some.p_world).all(-1)
        p[t, new], covariance[t, new], used[t, new, c], lifted[t, new] = (
            some.p_world[new], some.covariance[new], True, True,
        )  # fmt: skip
        error[t, new, c] = np.linalg.norm(cameras[c].project(p[t, new]) - q[t, c, new], axis=-1)
    return replace(found, p_world=p, covariance=covariance, used=used, reprojection_px=error), lifted
