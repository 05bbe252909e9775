"""Which person of each image is the subject: the one that most cameras see in the same place, near the rig's middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int64

from geometry.camera import Camera
from registration.errors import RegistrationError
from registration.keypoints.observations import Observations
from registration.keypoints.people3d import Person3D, cost_of, people_of_instants
from registration.keypoints.projection import project_all
from registration.keypoints.sets import BLAZEPOSE, KeypointSet
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
    max_speed: float = 6.0
    """Metres a second that a person may move between instants; a sprint is 10."""
    max_lost_s: float = 1.0
    """A person who is gone for longer becomes somebody new."""
    rival: float = 0.5
    """People seen at least this often, relative to the one seen most, may be the subject; the most central one is."""


@dataclass
class _Track:
    """One person over time."""

    people: dict[int, Person3D] = field(default_factory=dict)

    @property
    def support(self) -> int:
        return sum(len(person.choice) for person in self.people.values())


def subject(
    cameras: Sequence[Camera],
    observations: Observations,
    time_s: Float[np.ndarray, "instants"],
    keypoints: KeypointSet = BLAZEPOSE,
    options: AssociationOptions | None = None,
) -> Int64[np.ndarray, "instants cameras"]:
    """Which of each camera's people is the subject at each instant; -1 where it does not see the subject.

    People in space are proposed by every pair of detections in two cameras and kept when their joints agree; they are
    linked over time; of the people seen by enough cameras for long enough the one nearest to the middle of the rig is
    the subject. Raises RegistrationError when no two cameras agree on anybody.
    """
    options = options or AssociationOptions()
    core = np.array(
        [i for i, name in enumerate(keypoints.names) if name.removeprefix("left_").removeprefix("right_") in CORE]
    )
    mirror = np.array([int(np.flatnonzero(core == keypoints.mirror[i])[0]) for i in core])
    q, sigma = observations.q[:, :, :, core], observations.sigma_px[:, :, :, core]
    tracks: list[_Track] = []
    found = people_of_instants(cameras, q, sigma, mirror, options.far_sigmas, options.same_cost)
    for t, people in enumerate(found):
        _link(tracks, people, t, time_s, options)
    if not tracks:
        raise RegistrationError(
            f"no two of the cameras {', '.join(observations.streams)} see a person in the same place; check that "
            "calibration/cameras.json belongs to this recording and that the streams are synchronised"
        )
    track = _most_central(cameras, tracks, options)
    joints = _over_time(_joints(cameras, q, sigma, mirror, track, options), time_s)
    return _choose(cameras, q, sigma, mirror, joints, options)


def middle_of_rig(cameras: Sequence[Camera]) -> Float[np.ndarray, "3"]:
    """The point nearest to all optical axes, metres; for parallel axes it is not determined and may be anywhere."""
    v = np.stack([camera.T_world_camera[:3, 2] for camera in cameras])
    off = np.eye(3) - v[:, :, None] * v[:, None, :]
    centers = np.stack([camera.center for camera in cameras])
    return np.linalg.lstsq(off.sum(0), np.einsum("cij,cj->i", off, centers), rcond=1e-6)[0]


def _link(
    tracks: list[_Track],
    people: list[Person3D],
    t: int,
    time_s: Float[np.ndarray, "instants"],
    options: AssociationOptions,
) -> None:
    """Adds each person to the nearest track that is still alive and near enough, else to a new one."""
    pairs = []
    for k, track in enumerate(tracks):
        last = max(track.people)
        waited = time_s[t] - time_s[last]
        if waited > options.max_lost_s:
            continue
        for n, person in enumerate(people):
            distance = np.linalg.norm(person.center - track.people[last].center)
            if distance < 0.2 + options.max_speed * waited:
                pairs.append((distance, k, n))
    taken_tracks, taken_people = set(), set()
    for _, k, n in sorted(pairs):
        if k not in taken_tracks and n not in taken_people:
            tracks[k].people[t] = people[n]
            taken_tracks.add(k)
            taken_people.add(n)
    tracks.extend(_Track({t: person}) for n, person in enumerate(people) if n not in taken_people)


def _most_central(cameras: Sequence[Camera], tracks: list[_Track], options: AssociationOptions) -> _Track:
    most = max(track.support for track in tracks)
    rivals = [track for track in tracks if track.support >= options.rival * most]
    middle = middle_of_rig(cameras)

    def distance(track: _Track) -> float:
        centers = np.stack([person.center for person in track.people.values()])
        return float(np.linalg.norm(np.median(centers, axis=0) - middle))

    return min(rivals, key=distance)


def _joints(
    cameras: Sequence[Camera],
    q: Float[np.ndarray, "instants cameras people joints 2"],
    sigma: Float[np.ndarray, "instants cameras people joints"],
    mirror: Int64[np.ndarray, "joints"],
    track: _Track,
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
    p: Float[np.ndarray, "instants joints 3"],
    options: AssociationOptions,
) -> Int64[np.ndarray, "instants cameras"]:
    """The person of each image who fits the joints in space best, whichever way round."""
    expected = np.moveaxis(project_all(cameras, p), 2, 1)[:, :, None]
    cost = np.minimum(
        cost_of(expected, q, sigma, options.far_sigmas),
        cost_of(expected[..., mirror, :], q, sigma, options.far_sigmas),
    )
    best = cost.argmin(2)
    return np.where(cost.min(2) < options.same_cost, best, -1)
