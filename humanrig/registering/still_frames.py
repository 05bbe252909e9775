"""The instants of a take at which a person stands still, as sources for the shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int64
from scipy.spatial.transform import Rotation

from geometry.cloud import PointCloud
from registration.body_track import BodyTrack
from registration.errors import RegistrationError
from registration.shape.sources import StaticSource, of_cloud

MOST = 6
"""Frames that share the shape: errors of calibration and clothes are the same in more of them."""
FAST_M_S = 0.15
"""Mean speed of the joints up to which somebody stands still: 5 mm between instants at 30 Hz. A body that keeps its
balance sways at 0.02 m/s, a slow walk is 0.6 m/s."""


def still_sources(track: BodyTrack, clouds: Sequence[PointCloud | None], take: str) -> list[StaticSource]:
    """Up to six instants, the stillest of evenly spread parts of the take, with the fitted pose as a first guess.

    Raises RegistrationError where no instant has a cloud, or the person never stands still.
    """
    speeds = joint_speeds(track.joints, track.time_us)
    usable = np.array([clouds[t] is not None and not track.flags[t] for t in range(len(track))])
    if not usable.any():
        raise RegistrationError(f"{take}: no instant has a cloud and a body without a flag; the shape cannot be found")
    if speeds[usable].min() > FAST_M_S:
        raise RegistrationError(
            f"{take}: the person never stands still (at best {speeds[usable].min():.2f} m/s, at most {FAST_M_S} m/s "
            "needed); name a take in which they hold a pose for a second, such as an A-pose"
        )
    chosen = stillest(np.where(usable, speeds, np.inf), MOST)
    return [_source(track, clouds[t], t, take) for t in chosen if speeds[t] <= FAST_M_S]


def joint_speeds(
    joints: Float[np.ndarray, "frames joints 3"], time_us: Int64[np.ndarray, "frames"]
) -> Float[np.ndarray, "frames"]:
    """Mean speed of the joints at each frame, m/s, of the faster side; 0 for a single frame."""
    if len(joints) < 2:
        return np.zeros(len(joints))
    step_s = np.maximum(np.diff(time_us) * 1e-6, 1e-3)
    between = np.linalg.norm(np.diff(joints, axis=0), axis=-1).mean(1) / step_s
    return np.maximum(np.r_[between[0], between], np.r_[between, between[-1]])


def stillest(speeds: Float[np.ndarray, "frames"], most: int) -> Int64[np.ndarray, "chosen"]:
    """The slowest frame of each of so many even parts of the take; infinite speeds are never chosen."""
    parts = np.array_split(np.arange(len(speeds)), min(most, len(speeds)))
    best = np.array([part[speeds[part].argmin()] for part in parts], np.int64)
    return best[np.isfinite(speeds[best])]


def _source(track: BodyTrack, cloud: PointCloud | None, t: int, take: str) -> StaticSource:
    assert cloud is not None
    turns = np.concatenate([track.parameters.global_orient[t], track.parameters.body_pose[t]]).reshape(24, 3)
    source = of_cloud(cloud, f"instant {int(track.instants[t])} of {take}")
    return replace(source, rotations=Rotation.from_rotvec(turns).as_matrix(), transl=track.parameters.transl[t])
