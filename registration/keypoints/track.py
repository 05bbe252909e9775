"""The keypoints of one person over a clip, in each camera and in space, and their file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Bool, Float, Int64

from geometry.camera import Camera
from registration.errors import RegistrationError
from registration.keypoints.association import AssociationOptions, subject
from registration.keypoints.flips import FlipOptions, find_flips, swap
from registration.keypoints.observations import Observations, select
from registration.keypoints.projection import project_all
from registration.keypoints.sets import BLAZEPOSE, KeypointSet
from registration.keypoints.temporal import TemporalOptions, bridge_gaps, reject_jumps
from registration.keypoints.triangulation import TriangulationOptions, triangulate


@dataclass(frozen=True, kw_only=True)
class KeypointTrack:
    """NaN where nothing was seen. A point in space that no view was used for is interpolated over time."""

    names: list[str]
    streams: list[str]
    instants: Int64[np.ndarray, "instants"]
    q: Float[np.ndarray, "instants cameras joints 2"]
    """Pixels, with left and right put right."""
    confidence: Float[np.ndarray, "instants cameras joints"]
    p_world: Float[np.ndarray, "instants joints 3"]
    sigma: Float[np.ndarray, "instants joints"]
    """Standard deviation, metres, root mean square over the axes."""
    used: Bool[np.ndarray, "instants cameras joints"]
    reprojection_px: Float[np.ndarray, "instants cameras joints"]


@dataclass(frozen=True, kw_only=True)
class TrackOptions:
    """Options of each step."""

    association: AssociationOptions = field(default_factory=AssociationOptions)
    flips: FlipOptions = field(default_factory=FlipOptions)
    triangulation: TriangulationOptions = field(default_factory=TriangulationOptions)
    temporal: TemporalOptions = field(default_factory=TemporalOptions)


def track_subject(
    cameras: Sequence[Camera],
    observations: Observations,
    instants: Sequence[int],
    time_s: Float[np.ndarray, "instants"],
    keypoints: KeypointSet = BLAZEPOSE,
    options: TrackOptions | None = None,
) -> tuple[KeypointTrack, Bool[np.ndarray, "instants cameras parts"]]:
    """The subject's keypoints, and which parts of the body were flipped in which view.

    Raises RegistrationError when no two cameras agree on anybody.
    """
    options = options or TrackOptions()
    choice = subject(cameras, observations, time_s, keypoints, options.association)
    q, confidence, sigma_px = select(observations, choice)
    flipped = find_flips(cameras, q, sigma_px, keypoints, options.flips)
    q = swap(q, flipped, keypoints)
    confidence = swap(confidence[..., None], flipped, keypoints)[..., 0]
    sigma_px = swap(sigma_px[..., None], flipped, keypoints)[..., 0]
    found = triangulate(cameras, np.moveaxis(q, 1, 2), np.moveaxis(sigma_px, 1, 2), options.triangulation)
    jumped = reject_jumps(found.p_world, found.sigma, time_s, options.temporal)
    p = np.where(jumped[..., None], np.nan, found.p_world)
    p, sigma = bridge_gaps(p, np.where(jumped, np.nan, found.sigma), time_s, options.temporal)
    used = np.moveaxis(found.used & ~jumped[..., None], 2, 1)
    expected = np.moveaxis(project_all(cameras, p), 2, 1)
    track = KeypointTrack(
        names=list(keypoints.names),
        streams=observations.streams,
        instants=np.asarray(instants, np.int64),
        q=q,
        confidence=np.where(np.isfinite(q[..., 0]), confidence, np.nan),
        p_world=p,
        sigma=sigma,
        used=used,
        reprojection_px=np.linalg.norm(expected - q, axis=-1),
    )
    return track, flipped


def write_track(track: KeypointTrack, path: Path) -> None:
    """Writes `keypoints/personNN.npz` (docs/conventions.md)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        names=np.array(track.names),
        streams=np.array(track.streams),
        instants=track.instants,
        q=track.q.astype(np.float32),
        confidence=track.confidence.astype(np.float32),
        p_world=track.p_world,
        sigma=track.sigma,
        used=track.used,
        reprojection_px=track.reprojection_px.astype(np.float32),
    )


def read_track(path: Path) -> KeypointTrack:
    """What `write_track` wrote. Raises RegistrationError when the file is missing or lacks an array."""
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {item.name: data[item.name] for item in fields(KeypointTrack)}
    except FileNotFoundError:
        raise RegistrationError(f"{path} is missing; run the stage keypoints") from None
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise RegistrationError(f"{path} is not a keypoint file ({error}); run the stage keypoints again") from None
    arrays["names"], arrays["streams"] = arrays["names"].tolist(), arrays["streams"].tolist()
    return KeypointTrack(**arrays)
