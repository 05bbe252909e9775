"""A few clouds of the open body with their truth, and methods that know it: what a runner can be tested on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.spatial.transform import Rotation

from body.parameters import BodyParameters
from hps.benchmark.points.runner.posed_rows import benchmark_model
from hps.benchmark.prediction import Prediction
from hps.datasets.cloud_sample import CloudSample
from hps.points.person_cloud import PersonCloud

UPRIGHT_AT_CAMERA = Rotation.from_rotvec([np.pi, 0, 0])
"""From SMPL's axes to a level camera's (y down), facing it."""


@lru_cache(maxsize=4)
def simple_samples(subjects: int = 3, frames: int = 4, points: int = 300, cameras: int = 1) -> tuple[CloudSample, ...]:
    """Bodies of some subjects who move an arm, three metres away: half of the points of the skin's vertices"""
    model = benchmark_model()
    rng = np.random.default_rng(0)
    found = []
    for subject in range(subjects):
        betas, child = rng.normal(0, 0.7, 10), 0.0
        turn = Rotation.from_rotvec([0, 0.5 * subject, 0])
        pose = rng.normal(0, 0.05, 69)
        for frame in range(frames):
            body_pose = pose.copy()
            body_pose[3 * 15 + 2] = -0.9 + 0.1 * frame  # left shoulder
            truth = BodyParameters(
                betas=betas,
                child=child,
                global_orient=(UPRIGHT_AT_CAMERA * turn).as_rotvec()[None],
                body_pose=body_pose[None],
                transl=np.array([[0.1 * subject, 0.2, 3.0]]),
            )
            posed = model.pose(truth)
            vertices = posed.vertices[0]
            chosen = rng.choice(len(vertices), points, replace=False)
            cloud = vertices[chosen] + rng.normal(0, 0.003, (points, 3))
            found.append(
                CloudSample(
                    key=f"s{subject}_{frame:03d}",
                    subject=f"s{subject}",
                    action="wave" if subject % 2 else "point",
                    sequence=f"s{subject}",
                    frame=frame,
                    time_s=frame / 10,
                    sensors=("kinect",) * cameras,
                    cloud=PersonCloud(
                        points=cloud,
                        camera=rng.integers(0, cameras, points),
                        origins=np.array([[0.0, 0, 6.0 * c] for c in range(cameras)]),
                        up=np.array([0.0, -1, 0]),
                    ),
                    truth=truth,
                    joints=posed.joints[0],
                    model=model.name,
                    attributes={
                        "part": "kinect" if subject else "occluded",
                        "views": float(cameras),
                        "occluded_share": 0.3 * subject,
                        "visible_share": 0.5,
                        "distance_m": 3.0,
                        "rarity_mm": 50.0 + 10 * frame + subject,
                    },
                )
            )
    return tuple(found)


class Knowing:
    """Answers with the truth of the cloud's first point's sample, some noise on top"""

    parameters = 7
    gflops = 0.5

    def __init__(
        self, samples: Sequence[CloudSample], away_m: float = 0.0, digest: str = "", sigma: float | None = None
    ):
        self._truth = {sample.cloud.points[0].tobytes(): sample for sample in samples}
        self._away, self.digest, self._sigma = away_m, digest, sigma
        self.calls: list[int] = []

    def __call__(self, clouds: Sequence[PersonCloud]) -> list[Prediction]:
        self.calls.append(len(clouds))
        return [self._one(cloud) for cloud in clouds]

    def _one(self, cloud: PersonCloud) -> Prediction:
        truth = self._truth[cloud.points[0].tobytes()].truth
        assert truth is not None
        moved = BodyParameters(
            betas=truth.betas,
            child=truth.child,
            global_orient=truth.global_orient,
            body_pose=truth.body_pose,
            transl=truth.transl + [[self._away, 0, 0]],
        )
        sigma = None if self._sigma is None else np.full(24, self._sigma)
        return Prediction(parameters=moved, joint_sigma=sigma, milliseconds={"network": 2.0, "fit": 1.0})
