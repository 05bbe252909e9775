"""The detections of all cameras at a clip's instants, in arrays of one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from registration.errors import RegistrationError
from registration.keypoints.confidence import BLAZEPOSE_NOISE, DetectorNoise
from registration.keypoints.detections import StreamDetections
from registration.keypoints.sets import BLAZEPOSE, KeypointSet


@dataclass(frozen=True, kw_only=True)
class Observations:
    """People seen at each instant by each camera; NaN where a camera saw fewer people."""

    streams: list[str]
    q: Float[np.ndarray, "instants cameras people joints 2"]
    visibility: Float[np.ndarray, "instants cameras people joints"]
    sigma_px: Float[np.ndarray, "instants cameras people joints"]
    """Standard deviation along each image axis."""
    wander_m: Float[np.ndarray, "joints"] | None = None
    """What the detector's idea of each joint moves on the body, along each axis; None: nothing."""

    @property
    def seen(self) -> Bool[np.ndarray, "instants cameras people"]:
        """Whether there is a person."""
        return np.asarray(np.isfinite(self.q[..., 0]).any(-1))


def gather(
    detections: Mapping[str, StreamDetections],
    rows: Mapping[str, Sequence[int]],
    noise: DetectorNoise = BLAZEPOSE_NOISE,
    keypoints: KeypointSet = BLAZEPOSE,
    least: int = 2,
) -> Observations:
    """Observations from the detections of each stream. `rows[stream][t]`: frame index at instant t, -1 for a hole.

    Raises RegistrationError when fewer than `least` cameras saw anybody, naming those that did not.
    """
    streams = list(detections)
    T = len(next(iter(rows.values()), ()))
    P = max([1, *(d.q.shape[1] for d in detections.values())])
    J = max((d.q.shape[2] for d in detections.values()), default=0)
    q = np.full((T, len(streams), P, J, 2), np.nan)
    visibility = np.zeros((T, len(streams), P, J))
    pixel = np.full((T, len(streams), P), np.nan)
    for c, stream in enumerate(streams):
        d = detections[stream]
        position = {int(index): n for n, index in enumerate(d.indices)}
        at = np.array([position.get(int(index), -1) for index in rows[stream]], np.int64)
        t, n = np.flatnonzero(at >= 0), at[at >= 0]
        people = d.q.shape[1]
        q[t, c, :people], visibility[t, c, :people] = d.q[n], d.visibility[n]
        pixel[t, c, :people] = d.pixel_size[n]
    names = keypoints.names if len(keypoints) == J else ()
    result = Observations(
        streams=streams,
        q=q,
        visibility=visibility,
        sigma_px=noise.sigma_px(visibility, pixel),
        wander_m=noise.wander_m(names) if names else None,
    )
    _check(result, least)
    return result


def _check(observations: Observations, least: int) -> None:
    seen = np.asarray(observations.seen.any((0, 2)))
    if seen.sum() >= least:
        return
    blind = [stream for stream, some in zip(observations.streams, seen) if not some]
    raise RegistrationError(
        f"nobody was found by {', '.join(blind) or 'any camera'}: people in {int(seen.sum())} of {len(seen)} colour "
        f"streams, at least {least} needed; check that the person is in the picture, upright and large enough"
    )


def select(
    observations: Observations, choice: Int64[np.ndarray, "instants cameras"]
) -> tuple[
    Float[np.ndarray, "instants cameras joints 2"],
    Float[np.ndarray, "instants cameras joints"],
    Float[np.ndarray, "instants cameras joints"],
]:
    """Pixels, visibility and sigma of one person; NaN, 0 and NaN where the choice is -1."""
    at = np.maximum(choice, 0)[..., None, None]
    none = choice[..., None] < 0
    q = np.take_along_axis(observations.q, at[..., None], 2)[:, :, 0]
    visibility = np.take_along_axis(observations.visibility, at, 2)[:, :, 0]
    sigma = np.take_along_axis(observations.sigma_px, at, 2)[:, :, 0]
    return np.where(none[..., None], np.nan, q), np.where(none, 0, visibility), np.where(none, np.nan, sigma)
