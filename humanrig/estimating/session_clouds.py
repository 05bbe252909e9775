"""One person's clouds of a session, at every instant, with where the cameras stood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Int64

from capture.session import Session
from geometry.camera_files.cameras_json import read_camera_file
from hps.points.person_cloud import PersonCloud
from humanrig.errors import HumanrigError
from registration.clouds.files import cloud_path, read_cloud, read_cloud_cameras

MOST_POINTS: Final = 8192
"""Of a cloud that are kept in memory: four times what the largest network looks at."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PersonOverTime:
    """A person's clouds; an instant without points has an empty one."""

    person: int
    clouds: list[PersonCloud]
    instants: Int64[np.ndarray, "frames"]
    time_us: Int64[np.ndarray, "frames"]
    is_upright: bool
    """Whether the world's z is up."""


def session_people(
    session: Session,
    *,
    views: Sequence[str] = (),
    frames: tuple[int, int] | None = None,
    person: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[PersonOverTime]:
    """Everybody who has points, or one person. `views`: only points of these cameras, by device or by stream.

    Raises HumanrigError when the stage clouds has not run, for cameras that made no clouds, and when nobody has any
    point; RegistrationError for a damaged cloud.
    """
    folder = session.path("clouds")
    if not folder.is_dir():
        raise HumanrigError(f"{session.folder} has no clouds; run: humanrig clouds {session.folder}")
    streams = read_cloud_cameras(folder)
    chosen = _chosen(streams, views, session)
    times = {instant.instant: instant.time_us for instant in session.instants()}
    low, high = frames or (0, 2**31)
    instants = [number for number in sorted(times) if low <= number < high and cloud_path(folder, number).is_file()]
    if not instants:
        raise HumanrigError(f"{folder} has no cloud at the instants asked for; run: humanrig clouds {session.folder}")
    file = read_camera_file(session.path("calibration", "cameras.json"))
    origins = np.array([file.cameras[name].center for name in streams]).reshape(-1, 3)
    up = np.array([0.0, 0.0, 1.0]) if file.is_upright else None
    found: dict[int, list[PersonCloud]] = {}
    nobody = PersonCloud(points=np.zeros((0, 3)), camera=np.zeros(0, np.int64), origins=origins, up=up)
    for row, instant in enumerate(instants):
        cloud = read_cloud(cloud_path(folder, instant))
        seen = np.isin(cloud.camera, chosen) if cloud.camera is not None else np.ones(len(cloud), bool)
        owner = np.zeros(len(cloud), np.int64) if cloud.person is None else np.asarray(cloud.person, np.int64)
        for number in np.unique(owner[seen]) if person is None else [person]:
            mine = np.flatnonzero(seen & (owner == number) & np.isfinite(cloud.points).all(1))
            if len(mine) > MOST_POINTS:
                mine = np.sort(np.random.default_rng((instant, int(number))).choice(mine, MOST_POINTS, replace=False))
            camera = np.full(len(mine), -1) if cloud.camera is None else np.asarray(cloud.camera, np.int64)[mine]
            track = found.setdefault(int(number), [nobody] * len(instants))
            track[row] = PersonCloud(points=cloud.points[mine], camera=camera, origins=origins, up=up)
        if on_progress is not None:
            on_progress(row + 1, len(instants))
    found = {number: clouds for number, clouds in found.items() if any(len(cloud) for cloud in clouds)}
    if not found:
        who = "nobody has points" if person is None else f"person {person} has no points"
        raise HumanrigError(f"{folder}: {who} at these instants and from these cameras; look at masks/ and --views")
    return [
        PersonOverTime(
            person=number,
            clouds=clouds,
            instants=np.array(instants, np.int64),
            time_us=np.array([times[instant] for instant in instants], np.int64),
            is_upright=file.is_upright,
        )
        for number, clouds in sorted(found.items())
    ]


def _chosen(streams: Sequence[str], views: Sequence[str], session: Session) -> list[int]:
    """Numbers of the cameras that are asked for; all by default."""
    if not views:
        return list(range(len(streams)))
    found = []
    for view in views:
        mine = [n for n, name in enumerate(streams) if view in (name, name.rpartition("/")[0])]
        if not mine:
            raise HumanrigError(
                f"--views {view}: no clouds of {session.folder} are of this camera; there are {', '.join(streams)}"
            )
        found += mine
    return sorted(set(found))
