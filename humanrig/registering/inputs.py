"""Who is to be fitted in a session, and each person's keypoints in the cameras that are used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geometry.camera import Camera
from humanrig import manifest
from humanrig.stage import StageContext
from registration.clouds.files import cloud_path, read_cloud_cameras
from registration.errors import RegistrationError
from registration.fit.clip import ClipKeypoints
from registration.keypoints.track import KeypointTrack, read_track
from registration.masks.files import MAX_PEOPLE


def people_of(context: StageContext) -> tuple[str, ...]:
    """person00, person01, … as keypoints/ has them. Raises RegistrationError where it has nobody."""
    found = sorted(path.stem for path in context.session.path("keypoints").glob("person[0-9][0-9].npz"))
    if not found:
        raise RegistrationError(
            f"{context.session.path('keypoints')} has nobody; run: humanrig reconstruct {context.session.folder} "
            "--only keypoints"
        )
    return tuple(found)


def number_of(person: str) -> int:
    """How clouds and masks count a person: 1 for person01."""
    return int(person.removeprefix("person"))


def people_asked_for(context: StageContext) -> int | None:
    """How many the stage masks was told to keep; None where it was told nothing, or to keep everybody."""
    done = manifest.read(context.session.path("masks"))
    people = None if done is None else done.config.get("people")
    return people if people and 0 < people <= MAX_PEOPLE else None


def person_keypoints(context: StageContext, person: str) -> ClipKeypoints:
    """Landmarks at the context's instants. Raises RegistrationError where the stage keypoints left one out."""
    session = context.session
    track = read_track(session.path("keypoints", f"{person}.npz"))
    calibrated = session.cameras()
    rows = {int(instant): row for row, instant in enumerate(track.instants)}
    missing = [instant for instant in context.instants if instant not in rows]
    if missing:
        raise RegistrationError(
            f"keypoints/{person}.npz has no instant {missing[0]}; run the stage keypoints for the same --frames"
        )
    use = [c for c, stream in enumerate(track.streams) if context.uses(stream)]
    unknown = [track.streams[c] for c in use if track.streams[c] not in calibrated]
    if unknown:
        raise RegistrationError(
            f"calibration/cameras.json has no camera '{unknown[0]}', in which keypoints/{person}.npz saw somebody; "
            f"run: humanrig reconstruct {session.folder} --from calibrate"
        )
    at = [rows[instant] for instant in context.instants]
    times = {instant.instant: instant.time_us for instant in session.instants()}
    return ClipKeypoints(
        names=track.names,
        cameras=[calibrated[track.streams[c]] for c in use],
        p_world=track.p_world[at],
        sigma=track.sigma[at],
        q=track.q[at][:, use].astype(np.float64),
        confidence=np.nan_to_num(track.confidence[at][:, use].astype(np.float64)),
        used=track.used[at][:, use],
        time_us=np.array([times[instant] for instant in context.instants], np.int64),
        instants=np.array(context.instants, np.int64),
        depth_sigma=_depth_sigma(track, at, [calibrated[stream] for stream in track.streams]),
    )


def _depth_sigma(track: KeypointTrack, at: Sequence[int], cameras: Sequence[Camera]) -> np.ndarray | None:
    """Standard deviation along the ray of the points that one camera's depth gave; NaN for others, None for none."""
    if track.lifted is None or not track.lifted[at].any():
        return None
    p, used = track.p_world[at], track.used[at].argmax(1)
    v = p - np.stack([camera.center for camera in cameras])[used]
    v /= np.linalg.norm(v, axis=-1, keepdims=True)
    variance = np.einsum("tji,tjik,tjk->tj", v, track.covariance[at], v)
    return np.where(track.lifted[at], np.sqrt(variance), np.nan)


def depth_cameras(context: StageContext) -> list[Camera]:
    """Those that made the clouds."""
    calibrated = context.session.cameras()
    made = read_cloud_cameras(context.session.path("clouds"))
    return [calibrated[stream] for stream in made if stream in calibrated and context.uses(stream)]


def made_clouds(context: StageContext) -> list[Camera]:
    """The cameras as the clouds' points number them; none where one of them is not calibrated."""
    calibrated = context.session.cameras()
    made = read_cloud_cameras(context.session.path("clouds"))
    return [calibrated[stream] for stream in made] if set(made) <= set(calibrated) else []


def has_clouds(context: StageContext) -> bool:
    """Whether the session has depth, and any of the instants a cloud."""
    folder = context.session.path("clouds")
    return bool(read_cloud_cameras(folder)) and any(cloud_path(folder, i).is_file() for i in context.instants)


def seen_at_all(keypoints: ClipKeypoints, clouds: Sequence[object | None] | None) -> bool:
    """Whether anything was measured of the person at any instant."""
    return bool(np.isfinite(keypoints.p_world).any()) or (clouds is not None and any(c is not None for c in clouds))
