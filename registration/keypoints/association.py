"""Which person of each image is whom: people are proposed in space, followed over time, and found in every image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int64

from geometry.camera import Camera
from registration.errors import RegistrationError
from registration.keypoints.linking import (
    LinkOptions,
    PersonTrack,
    link,
    numbered_by_masks,
    numbered_by_middle,
    without_shadows,
)
from registration.keypoints.observations import Observations
from registration.keypoints.people3d import cost_of, people_of_instants
from registration.keypoints.projection import project_all
from registration.keypoints.sets import BLAZEPOSE, KeypointSet, stem
from registration.keypoints.triangulation import TriangulationOptions, triangulate

CORE = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
"""Joints by which people are compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AssociationOptions:
    """What counts as the same person."""

    same_cost: float = 0.5
    """Largest `cost` of a person in an image against a person in space: half of the joints far off."""
    far_sigmas: float = 15.0
    """Residual, in sigmas of the detection, from which a joint is simply far off: a tenth of the person's height."""
    link: LinkOptions = field(default_factory=LinkOptions)


def people(
    cameras: Sequence[Camera],
    observations: Observations,
    time_s: Float[np.ndarray, "instants"],
    keypoints: KeypointSet = BLAZEPOSE,
    options: AssociationOptions | None = None,
    *,
    count: int = 1,
    centers: Float[np.ndarray, "instants people 3"] | None = None,
) -> list[Int64[np.ndarray, "instants cameras"]]:
    """For each person: which of each camera's people that is at each instant; -1 where it does not see the person.

    People in space are proposed by every pair of detections in two cameras and kept when their joints agree; they are
    linked over time. With `centers`, the people are those whom the depth cameras follow, in their order, `count` of
    them (0: all). Otherwise they are those seen by enough cameras for long enough, the one nearest to the middle of the
    rig first. Raises RegistrationError when no two cameras agree on anybody, or not on the first of `centers`.
    """
    options = options or AssociationOptions()
    core = np.array([i for i, name in enumerate(keypoints.names) if stem(name) in CORE])
    mirror = np.array([int(np.flatnonzero(core == keypoints.mirror[i])[0]) for i in core])
    q, sigma = observations.q[:, :, :, core], observations.sigma_px[:, :, :, core]
    proposed = people_of_instants(cameras, q, sigma, mirror, options.far_sigmas, options.same_cost)
    found = [without_shadows(some) for some in proposed]
    if not any(found):
        raise RegistrationError(
            f"no two of the cameras {', '.join(observations.streams)} see a person in the same place; check that "
            "calibration/cameras.json belongs to this recording and that the streams are synchronised"
        )
    if centers is None:
        tracks = numbered_by_middle(link(found, time_s, options.link), cameras, options.link.rival)
    else:
        tracks = numbered_by_masks(found, centers, time_s, options.link)
    tracks = tracks[: count or None]
    if not tracks or not tracks[0].people:
        raise RegistrationError(
            "the person whom the depth cameras follow is seen by no two colour cameras in the same place; check that "
            "depth and colour have the same calibration, and look at the masks"
        )
    joints = np.stack([_over_time(_joints(cameras, q, sigma, mirror, track, options), time_s) for track in tracks])
    return _choose(cameras, q, sigma, mirror, joints, options)


def subject(
    cameras: Sequence[Camera],
    observations: Observations,
    time_s: Float[np.ndarray, "instants"],
    keypoints: KeypointSet = BLAZEPOSE,
    options: AssociationOptions | None = None,
) -> Int64[np.ndarray, "instants cameras"]:
    """Which of each camera's people is the subject: the first of `people`, who is nearest to the middle of the rig."""
    return people(cameras, observations, time_s, keypoints, options)[0]


def _joints(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "instants cameras people joints 2"],
    sigma: Float[np.ndarray, "instants cameras people joints"],
    mirror: Int64[np.ndarray, "joints"],
    track: PersonTrack,
    options: AssociationOptions,
) -> Float[np.ndarray, "instants joints 3"]:
    """The track's joints from all of its views, or from its best two where these do not agree; NaN without any."""
    T, C, _, J, _ = q.shape
    views, sigmas = np.full((T, J, C, 2), np.nan), np.full((T, J, C), np.nan)
    proposed = np.full((T, J, 3), np.nan)
    for t, person in track.people.items():
        proposed[t] = person.joints
        for c, n in person.choice.items():
            order = mirror if person.flipped[c] else np.arange(J)
            views[t, :, c], sigmas[t, :, c] = q[t, c, n, order], sigma[t, c, n, order]
    refined = triangulate(cameras, views, sigmas, TriangulationOptions(max_residual=options.far_sigmas)).p_world
    return np.where(np.isfinite(refined), refined, proposed)


def _over_time(
    p: Float[np.ndarray, "instants joints 3"], time_s: Float[np.ndarray, "instants"]
) -> Float[np.ndarray, "instants joints 3"]:
    """The joints at every instant, linear between those at which they are known and constant outside."""
    flat = p.reshape(len(time_s), -1).copy()
    for column in flat.T:
        known = np.isfinite(column)
        if known.any():
            column[~known] = np.interp(time_s[~known], time_s[known], column[known])
    return flat.reshape(p.shape)


def _choose(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "instants cameras people joints 2"],
    sigma: Float[np.ndarray, "instants cameras people joints"],
    mirror: Int64[np.ndarray, "joints"],
    p: Float[np.ndarray, "tracks instants joints 3"],
    options: AssociationOptions,
) -> list[Int64[np.ndarray, "instants cameras"]]:
    """For each track the person of each image who fits it best, whichever way round; nobody is two people."""
    cost = []
    for joints in p:
        expected = np.moveaxis(project_all(cameras, joints), 2, 1)[:, :, None]
        as_is = cost_of(expected, q, sigma, options.far_sigmas)
        cost.append(np.minimum(as_is, cost_of(expected[..., mirror, :], q, sigma, options.far_sigmas)))
    left = np.stack(cost, 2)
    T, C, tracks, P = left.shape
    choice = np.full((tracks, T, C), -1, np.int64)
    rows, columns = np.mgrid[:T, :C]
    for _ in range(min(tracks, P)):
        best = left.reshape(T, C, -1).argmin(-1)
        track, person = np.divmod(best, P)
        good = left.reshape(T, C, -1).min(-1) < options.same_cost
        choice[track[good], rows[good], columns[good]] = person[good]
        left[rows, columns, track] = np.inf
        left[rows, columns, :, person] = np.inf
    return list(choice)
