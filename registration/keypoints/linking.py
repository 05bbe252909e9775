"""People in space at single instants, linked to people over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from geometry.camera import Camera
from registration.keypoints.people3d import Person3D

NEAR_M = 0.2
"""How far a person may be from where the track ended, beside what the time between allows."""
OF_A_MASK_M = 0.7
"""How far the middle of a person's joints may be from the middle of the surface that the depth cameras see: an arm's
length; people who touch are nearer to their own."""
SAME_M = 0.35
"""Two tracks that stay nearer than this are one person, seen by cameras that disagree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkOptions:
    """What counts as the same person over time."""

    max_speed: float = 6.0
    """Metres a second that a person may move between instants; a sprint is 10."""
    max_lost_s: float = 1.0
    """A person who is gone for longer becomes somebody new."""
    rival: float = 0.5
    """People seen at least this often, relative to the one seen most, are people; others are mistakes or passers-by."""


@dataclass
class PersonTrack:
    """One person over time."""

    people: dict[int, Person3D] = field(default_factory=dict)
    """Row of the instant → the person there."""

    @property
    def support(self) -> int:
        """How many images show the person."""
        return sum(len(person.choice) for person in self.people.values())

    @property
    def center(self) -> Float[np.ndarray, "3"]:
        """Where the person mostly is."""
        return np.median(np.stack([person.center for person in self.people.values()]), axis=0)


def link(
    found: Sequence[Sequence[Person3D]], time_s: Float[np.ndarray, "instants"], options: LinkOptions
) -> list[PersonTrack]:
    """Tracks of all people, each linked to the nearest track that is alive and near enough, else to a new one.

    Those whom many cameras see are linked before others, so that a mistake of two cameras takes nobody's track.
    """
    tracks: list[PersonTrack] = []
    for t, people in enumerate(found):
        pairs = []
        most = max((len(person.choice) for person in people), default=0)
        for k, track in enumerate(tracks):
            last = max(track.people)
            waited = time_s[t] - time_s[last]
            if waited > options.max_lost_s:
                continue
            for n, person in enumerate(people):
                distance = float(np.linalg.norm(person.center - track.people[last].center))
                if distance < NEAR_M + options.max_speed * waited:
                    weak = 2 * min(len(person.choice), len(track.people[last].choice)) < most
                    pairs.append((weak, distance, k, n))
        taken_tracks, taken_people = set(), set()
        for _, _, k, n in sorted(pairs):
            if k not in taken_tracks and n not in taken_people:
                tracks[k].people[t] = people[n]
                taken_tracks.add(k)
                taken_people.add(n)
        tracks.extend(PersonTrack({t: person}) for n, person in enumerate(people) if n not in taken_people)
    return tracks


def without_shadows(people: Sequence[Person3D]) -> list[Person3D]:
    """The people of an instant, best first, without those whom less than half as many cameras see in the same place.

    A detector may read one picture in two ways, front and back; where two cameras err alike, that is a person too.
    """
    kept: list[Person3D] = []
    for person in people:
        shadow = any(
            2 * len(person.choice) < len(other.choice) and np.linalg.norm(person.center - other.center) < SAME_M
            for other in kept
        )
        if not shadow:
            kept.append(person)
    return kept


def numbered_by_middle(tracks: Sequence[PersonTrack], cameras: Sequence[Camera], rival: float) -> list[PersonTrack]:
    """The people who are seen often enough, the one nearest to the middle of the rig first."""
    if not tracks:
        return []
    most = max(track.support for track in tracks)
    often = sorted((track for track in tracks if track.support >= rival * most), key=lambda track: -track.support)
    kept: list[PersonTrack] = []
    for track in often:
        if all(_apart(track, other) > SAME_M for other in kept):
            kept.append(track)
    middle = middle_of_rig(cameras)
    return sorted(kept, key=lambda track: float(np.linalg.norm(track.center - middle)))


def numbered_by_masks(
    found: Sequence[Sequence[Person3D]],
    centers: Float[np.ndarray, "instants people 3"],
    time_s: Float[np.ndarray, "instants"],
    options: LinkOptions,
) -> list[PersonTrack]:
    """The people whom the depth cameras follow, in their order; a track may be empty.

    At each instant everybody is given to the nearest middle; where the depth cameras lost somebody, to where the person
    was last.
    """
    tracks = [PersonTrack() for _ in range(centers.shape[1])]
    for t, people in enumerate(found):
        cost = np.full((len(tracks), len(people)), np.inf)
        for k, track in enumerate(tracks):
            at, reach = centers[t, k], OF_A_MASK_M
            if not np.isfinite(at).all():
                if not track.people:
                    continue
                last = max(track.people)
                waited = time_s[t] - time_s[last]
                if waited > options.max_lost_s:
                    continue
                at, reach = track.people[last].center, NEAR_M + options.max_speed * waited
            distance = np.array([np.linalg.norm(person.center - at) for person in people])
            cost[k] = np.where(distance < reach, distance, np.inf)
        for k, n in zip(*linear_sum_assignment(np.where(np.isfinite(cost), cost, 1e3))):
            if np.isfinite(cost[k, n]):
                tracks[k].people[t] = people[n]
    return tracks


def middle_of_rig(cameras: Sequence[Camera]) -> Float[np.ndarray, "3"]:
    """The point nearest to all optical axes, metres; for parallel axes it is not determined and may be anywhere."""
    v = np.stack([camera.T_world_camera[:3, 2] for camera in cameras])
    off = np.eye(3) - v[:, :, None] * v[:, None, :]
    centers = np.stack([camera.center for camera in cameras])
    return np.linalg.lstsq(off.sum(0), np.einsum("cij,cj->i", off, centers), rcond=1e-6)[0]


def _apart(a: PersonTrack, b: PersonTrack) -> float:
    """Median distance at the instants of both, metres; infinite when they are never there together."""
    both = a.people.keys() & b.people.keys()
    if not both:
        return float("inf")
    return float(np.median([np.linalg.norm(a.people[t].center - b.people[t].center) for t in both]))
