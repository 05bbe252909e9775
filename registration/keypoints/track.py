"""The keypoints of one person over a clip, in each camera and in space, and their file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64

from geometry.npz_files import DAMAGED, read_npz
from registration.errors import RegistrationError


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
    """Standard deviation of the points as the detector means them, metres, root mean square over the axes."""
    covariance: Float[np.ndarray, "instants joints 3 3"]
    """Of the points as places on the body, m²: also with what the detector's idea of a joint wanders there, which is
    much the same in all cameras and from one instant to the next."""
    used: Bool[np.ndarray, "instants cameras joints"]
    reprojection_px: Float[np.ndarray, "instants cameras joints"]
    lifted: Bool[np.ndarray, "instants joints"] | None = None
    """Points that the depth beside one camera gave, which is the one that is used; None: none."""


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
        covariance=track.covariance,
        sigma=track.sigma,
        used=track.used,
        reprojection_px=track.reprojection_px.astype(np.float32),
        lifted=np.zeros(track.sigma.shape, bool) if track.lifted is None else track.lifted,
    )


def read_track(path: Path) -> KeypointTrack:
    """What `write_track` wrote; a file of before covariances has the same sigma in all directions.

    Raises RegistrationError when the file is missing or lacks an array.
    """
    try:
        arrays: dict[str, Any] = {**read_npz(path)}
    except FileNotFoundError:
        raise RegistrationError(f"{path} is missing; run the stage keypoints") from None
    except DAMAGED as error:
        raise RegistrationError(f"{path} is not a keypoint file ({error}); run the stage keypoints again") from None
    if "covariance" not in arrays and "sigma" in arrays:
        arrays["covariance"] = arrays["sigma"][..., None, None] ** 2 * np.eye(3)
    if "lifted" not in arrays and "sigma" in arrays:
        arrays["lifted"] = np.zeros(arrays["sigma"].shape, bool)
    wanted = [item.name for item in fields(KeypointTrack)]
    if missing := [name for name in wanted if name not in arrays]:
        raise RegistrationError(
            f"{path} is not a keypoint file (it has no {', '.join(missing)}); run the stage keypoints again"
        )
    arrays["names"], arrays["streams"] = arrays["names"].tolist(), arrays["streams"].tolist()
    return KeypointTrack(**{name: arrays[name] for name in wanted})
