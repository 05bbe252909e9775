"""Masks for colour cameras without a depth neighbour, from the keypoint detector's segmentation of each person."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from calibration.workspace import workspace
from capture.frame_sets import HOLE, Instant
from capture.session import Session
from geometry.camera import Camera
from humanrig.stage import StageContext
from humanrig.stages.keypoints import make_detector
from registration.keypoints.association import people
from registration.keypoints.blazepose import BlazePose
from registration.keypoints.detections import StreamDetections, detections_of_streams
from registration.keypoints.observations import Observations, gather, select
from registration.keypoints.projection import rays
from registration.masks.color_masks import color_mask_from_person, color_people_from_detections


@dataclass(frozen=True)
class ColorOnlyMasks:
    """The detections of some colour streams, and who is who in them."""

    cameras: dict[str, Camera]
    detections: dict[str, StreamDetections]
    choice: dict[tuple[str, int], dict[int, tuple[int, int]]]
    """(stream, instant) → person → (image, person) in the detections."""
    away_m: dict[tuple[str, int], dict[int, float]]
    """(stream, instant) → person → distance from the camera."""
    people: int
    """How many people are told apart."""

    @classmethod
    def prepare(
        cls,
        session: Session,
        streams: Sequence[str],
        cameras: dict[str, Camera],
        instants: Sequence[Instant],
        context: StageContext,
        *,
        count: int = 1,
        centers: Float[np.ndarray, "instants people 3"] | None = None,
    ) -> ColorOnlyMasks:
        """Detects people, or reads them from the session's cache.

        `centers`: where depth cameras beside these follow people, who are then numbered as they are; otherwise they are
        numbered by the keypoints' association, `count` of them (0: everybody). One stream alone tells nobody apart: the
        person nearest to the middle of the workspace is person00. Raises RegistrationError when no two cameras agree on
        anybody.
        """
        if not streams:
            return cls(cameras, {}, {}, {}, 0)
        rows = {stream: [instant.index.get(stream, HOLE) for instant in instants] for stream in streams}
        first = make_detector()  # fetches the weights before the threads
        detections = detections_of_streams(
            session,
            {stream: sorted({index for index in some if index != HOLE}) for stream, some in rows.items()},
            lambda: BlazePose(first.detector, first.landmarks, first.options),
            os.cpu_count() or 1,
            context.progress,
        )
        cams = [cameras[stream] for stream in streams]
        if len(streams) > 1:
            time_s = np.array([instant.time_us * 1e-6 for instant in instants])
            seen = gather(detections, rows)
            chosen = people(cams, seen, time_s, count=count, centers=centers)
            away = [_distances(cams, seen, one) for one in chosen]
        else:
            chosen = [_nearest_to_middle(detections[streams[0]], cams[0], rows[streams[0]], cameras)]
            away = [np.zeros(chosen[0].shape)]
        choice: dict[tuple[str, int], dict[int, tuple[int, int]]] = {}
        away_m: dict[tuple[str, int], dict[int, float]] = {}
        for c, stream in enumerate(streams):
            position = {int(index): image for image, index in enumerate(detections[stream].indices)}
            for t, instant in enumerate(instants):
                image, key = position.get(rows[stream][t], -1), (stream, instant.instant)
                who = {p: (image, int(one[t, c])) for p, one in enumerate(chosen) if image >= 0 and one[t, c] >= 0}
                choice[key], away_m[key] = who, {p: float(away[p][t, c]) for p in who}
        return cls(cameras, detections, choice, away_m, len(chosen))

    def people_in(
        self, stream: str, instant: Instant, session: Session, room: np.ndarray | None, *, refine: bool
    ) -> np.ndarray:
        """(height, width) int8: whose each pixel is, -1 where the camera did not see anybody; the nearer one wins.

        With `refine` the rim is moved to where the colours change; `room`: the image of the empty room.
        """
        camera, key = self.cameras[stream], (stream, instant.instant)
        found = {p: self.detections[stream].mask(*at) for p, at in self.choice.get(key, {}).items()}
        whose = np.full((camera.height, camera.width), -1, np.int8)
        if refine and found:
            image = session.frame(stream, instant.index[stream]).payload
            return color_people_from_detections(
                {p: (mask, self.away_m[key][p]) for p, mask in found.items()}, image, room
            )
        for p in sorted(found, key=lambda p: -self.away_m[key][p]):
            whose[color_mask_from_person(found[p], camera.width, camera.height)] = p
        return whose


def _distances(
    cameras: Sequence[Camera], seen: Observations, chosen: Int64[np.ndarray, "instants cameras"]
) -> Float[np.ndarray, "instants cameras"]:
    """How far a person's middle is from each camera, metres: the point nearest to the rays through the middles of what
    the cameras see; 0 where it is not known."""
    q = select(seen, chosen)[0]
    known = np.asarray(np.isfinite(q[..., 0]).any(-1))
    middle = np.full((*known.shape, 2), np.nan)
    middle[known] = np.nanmean(q[known], axis=1)
    v = rays(cameras, middle)
    centers = np.stack([camera.center for camera in cameras])
    away = np.zeros(known.shape)
    for t in np.flatnonzero(known.sum(axis=1) > 1):
        use = known[t] & np.isfinite(v[t]).all(-1)
        off = np.eye(3) - v[t, use][:, :, None] * v[t, use][:, None, :]
        point = np.linalg.lstsq(off.sum(0), np.einsum("cij,cj->i", off, centers[use]), rcond=1e-6)[0]
        away[t] = np.linalg.norm(centers - point, axis=-1)
    return away


def _nearest_to_middle(
    detections: StreamDetections, camera: Camera, row: Sequence[int], cameras: dict[str, Camera]
) -> Int64[np.ndarray, "instants 1"]:
    """Of each image the person whose joints' middle is nearest to the workspace's; -1 for nobody."""
    target = camera.project(workspace(cameras).center)
    position = {int(index): image for image, index in enumerate(detections.indices)}
    chosen = np.full((len(row), 1), -1, np.int64)
    for t, index in enumerate(row):
        if index in position:
            found = detections.q[position[index]]
            away = np.linalg.norm(found.mean(1) - target, axis=-1)
            if np.isfinite(away).any():
                chosen[t] = int(np.nanargmin(away))
    return chosen
