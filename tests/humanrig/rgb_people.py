"""People whose pictures say only which they are: a detector and a lifter that know the truth of each frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from body.loading import load_body_model
from body.parameters import BodyParameters
from geometry.camera import Camera
from hps.points.fitting.body import FitBody
from hps.points.fitting.state import BodyStates
from hps.points.landmarks import landmarks_of
from hps.rgb.estimator import RgbEstimator
from hps.rgb.judging.signs import keypoint_positions
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.lifted import LiftedBodies
from hps.rgb.loading import keypoint_fit
from humanrig.export.video_file import VideoFile
from registration.keypoints.detector import Person2D
from registration.keypoints.sets import BLAZEPOSE

BODY = load_body_model()
CAMERA = Camera(name="c", K=np.array([[200.0, 0, 159.5], [0, 200.0, 119.5], [0, 0, 1]]), width=320, height=240)
DARKEST, STEP = 24, 8
"""Grey of the picture of frame 0, and from one frame to the next: survives any codec."""
NOISE_M = 0.02
SIGMA_M = (0.03, 0.05)


def walker(frames: int, at: tuple[float, float, float], speed: float = 0.5, rate_hz: float = 10.0) -> BodyParameters:
    """Somebody who turns while moving sideways before the camera, arms swinging."""
    t = np.arange(frames) / rate_hz
    upright = Rotation.from_euler("x", np.pi) * Rotation.from_euler("y", 0.5 + 0.4 * t[:, None], degrees=False)
    pose = np.zeros((frames, 69))
    pose[:, 3 * 15 + 2] = -1.0 + 0.3 * np.sin(4 * t)  # left shoulder
    pose[:, 3 * 16 + 2] = 1.0 + 0.3 * np.sin(4 * t)
    pose[:, 0] = -0.4 * np.sin(4 * t)
    betas = np.zeros(10)
    betas[:2] = (0.6, -0.4)
    transl = np.array(at) + np.stack([speed * t, 0 * t, 0 * t], 1)
    return BodyParameters(betas=betas, global_orient=upright.as_rotvec(), body_pose=pose, transl=transl)


def keypoints_of(parameters: BodyParameters) -> np.ndarray:
    """(frames, 27, 3) in the camera's frame."""
    turns = np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(-1, 3)
    frames = len(parameters)
    states = BodyStates(
        rotations=Rotation.from_rotvec(turns).as_matrix().reshape(frames, 24, 3, 3),
        transl=parameters.transl,
        coefficients=np.tile(np.append(parameters.betas, parameters.child), (frames, 1)),
    )
    return keypoint_positions(FitBody.of(BODY), states)


class KnowingDetector:
    """Tells the frame by how bright the picture is; `visibility` (27,) of each person."""

    keypoints = BLAZEPOSE
    fingerprint = "knowing"

    def __init__(
        self, people: Sequence[BodyParameters], absent: dict[int, tuple[int, ...]] | None = None, coarse_px: float = 0.0
    ) -> None:
        self.q = [CAMERA.project_camera(keypoints_of(one)) for one in people]
        self.visibility = [np.full(27, 0.95) for _ in people]
        self.coarse_px = coarse_px
        """By which keypoints are off at people who are not followed."""
        self.absent = absent or {}
        """Person → frames in which nobody sees them."""

    def detect(self, image: np.ndarray, previous: Sequence[Person2D] = (), search: bool = True) -> list[Person2D]:
        n = round((float(image.mean()) - DARKEST) / STEP)
        tracks = {person.follow: person.track for person in previous}
        coarse = 0.0 if previous or not self.coarse_px else self.coarse_px
        place = [BLAZEPOSE.index(name) for name in LIFTED.names]
        found = []
        for number, q in enumerate(self.q):
            if n >= len(q) or n in self.absent.get(number, ()):
                continue
            all_q = np.tile(q[n].mean(0), (len(BLAZEPOSE), 1))
            all_q[place] = q[n] + coarse
            visibility = np.zeros(len(BLAZEPOSE))
            visibility[place] = self.visibility[number]
            size = float(np.ptp(q[n], axis=0).max()) * 1.25 / 256
            found.append(
                Person2D(
                    q=all_q,
                    visibility=visibility,
                    score=0.9,
                    pixel_size=size,
                    track=tracks.get(number, -1),
                    follow=number,
                )
            )
        return found


class KnowingLifter:
    """The truth of the people whose keypoints it is shown, off by NOISE_M; a body somewhere for others."""

    def __init__(self, people: Sequence[BodyParameters]) -> None:
        self.q = np.concatenate([CAMERA.project_camera(keypoints_of(one)) for one in people])
        posed = [BODY.pose(one) for one in people]
        landmarks = landmarks_of(BODY)
        self.truth = np.concatenate([landmarks.of(one.vertices, one.joints) for one in posed]).astype(np.float64)

    def __call__(self, batch: KeypointBatch) -> LiftedBodies:
        rng = np.random.default_rng(0)
        q = batch.q.numpy().astype(np.float64)
        row = np.linalg.norm(q[:, None] - self.q[None], axis=-1).mean(-1).argmin(1)
        truth = self.truth[row]
        count = len(truth)
        unsure = 1 + 5 * (1 - batch.confidence.numpy().mean(1))  # as a lifter says of people who are hidden
        relative = truth - truth[:, :1] + rng.normal(scale=NOISE_M, size=truth.shape)
        relative[:, 0] = 0
        tensor = lambda a: torch.from_numpy(np.ascontiguousarray(a)).float()  # noqa: E731
        return LiftedBodies(
            relative=tensor(relative),
            sigma=tensor(unsure[:, None, None] * np.tile(SIGMA_M, (*truth.shape[:2], 1))),
            root=tensor(truth[:, 0] * 1.05),
            root_sigma=tensor(np.tile([0.05, 0.3], (count, 1))),
            rotations=torch.eye(3).repeat(count, 24, 1, 1),
            betas=torch.zeros(count, 10),
            child=torch.zeros(count),
        )


def knowing_estimator(people: Sequence[BodyParameters]) -> RgbEstimator:
    return RgbEstimator(KnowingLifter(people), keypoint_fit(BODY), BODY)


def picture_of_frame(n: int) -> np.ndarray:
    """RGB."""
    return np.full((CAMERA.height, CAMERA.width, 3), DARKEST + STEP * n, np.uint8)


def write_clip(path: Path, frames: int, rate_hz: float = 10.0) -> None:
    with VideoFile(path, CAMERA.width, CAMERA.height, rate_hz) as video:
        for n in range(frames):
            video.add(picture_of_frame(n))
