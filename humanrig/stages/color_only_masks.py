"""Masks for colour cameras without a depth neighbour, from the keypoint detector's segmentation of the subject."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.workspace import workspace
from capture.frame_sets import HOLE, Instant
from capture.session import Session
from geometry.camera import Camera
from humanrig.stage import StageContext
from humanrig.stages.keypoints import make_detector
from registration.keypoints.association import subject
from registration.keypoints.blazepose import BlazePose
from registration.keypoints.detections import StreamDetections, detections_of_streams
from registration.keypoints.observations import gather
from registration.masks.color_masks import color_mask_from_person, color_people_from_detections


@dataclass(frozen=True)
class ColorOnlyMasks:
    """The detections of some colour streams, and which of the people is the subject."""

    cameras: dict[str, Camera]
    detections: dict[str, StreamDetections]
    choice: dict[tuple[str, int], tuple[int, int]]
    """(stream, instant) → (image, person) in the detections."""

    @classmethod
    def prepare(
        cls,
        session: Session,
        streams: Sequence[str],
        cameras: dict[str, Camera],
        instants: Sequence[Instant],
        context: StageContext,
    ) -> ColorOnlyMasks:
        """Detects people, or reads them from the session's cache. With one stream only, the person nearest to the
        middle of the workspace is the subject.

        Raises RegistrationError when no two cameras agree on anybody.
        """
        if not streams:
            return cls(cameras, {}, {})
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
            chosen = subject(cams, gather(detections, rows), time_s)
        else:
            chosen = _nearest_to_middle(detections[streams[0]], cams[0], rows[streams[0]], cameras)
        choice = {}
        for c, stream in enumerate(streams):
            position = {int(index): image for image, index in enumerate(detections[stream].indices)}
            for t, instant in enumerate(instants):
                image = position.get(rows[stream][t], -1)
                if image >= 0 and chosen[t, c] >= 0:
                    choice[stream, instant.instant] = (image, int(chosen[t, c]))
        return cls(cameras, detections, choice)

    @property
    def people(self) -> int:
        """How many people are told apart."""
        return 1 if self.choice else 0

    def people_in(
        self, stream: str, instant: Instant, session: Session, room: np.ndarray | None, *, refine: bool
    ) -> np.ndarray:
        """(height, width) int8: whose each pixel is, -1 where the camera did not see anybody.

        With `refine` the rim is moved to where the colours change; `room`: the image of the empty room.
        """
        camera = self.cameras[stream]
        found = self.choice.get((stream, instant.instant))
        person = None if found is None else self.detections[stream].mask(*found)
        if not refine or person is None:
            mask = color_mask_from_person(person, camera.width, camera.height)
            return np.where(mask, np.int8(0), np.int8(-1))
        image = session.frame(stream, instant.index[stream]).payload
        return color_people_from_detections({0: (person, 0.0)}, image, room)


def _nearest_to_middle(
    detections: StreamDetections, camera: Camera, row: Sequence[int], cameras: dict[str, Camera]
) -> np.ndarray:
    """(instants, 1): of each image the person whose joints' middle is nearest to the workspace's; -1 for nobody."""
    target = camera.project(workspace(cameras).center)
    position = {int(index): image for image, index in enumerate(detections.indices)}
    chosen = np.full((len(row), 1), -1)
    for t, index in enumerate(row):
        if index in position:
            people = detections.q[position[index]]
            away = np.linalg.norm(people.mean(1) - target, axis=-1)
            if np.isfinite(away).any():
                chosen[t] = int(np.nanargmin(away))
    return chosen
