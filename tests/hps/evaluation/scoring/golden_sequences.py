"""Sequences of the open body before moving cameras, and estimates of them, from which golden scores were made."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from hps.evaluation.files.three_dpw import COCO18
from hps.evaluation.people_annotations import PersonAnnotations

SEED = 20261123
LENGTHS = {"downtown_00": 9, "office_01": 7}
PEOPLE = 2


def golden_sequences() -> tuple[list[PersonAnnotations], list[PersonAnnotations]]:
    """Estimates in the camera's frame and truths in the world, of the same people and frames.

    Only Generator.random of PCG64 is used: its stream is documented and does not change between releases.
    """
    rng = np.random.default_rng(SEED)

    def near(shape: tuple[int, ...], spread: float) -> np.ndarray:
        return spread * (rng.random(shape) + rng.random(shape) + rng.random(shape) - 1.5)

    estimates, truths = [], []
    for sequence, frames in LENGTHS.items():
        Ts = np.tile(np.eye(4), (frames, 1, 1))
        Ts[:, :3, :3] = Rotation.from_rotvec([1.4, 0.2, 0.0] + np.cumsum(near((frames, 3), 0.05), 0)).as_matrix()
        Ts[:, :3, 3] = [0.1, 0.3, 4.0] + np.cumsum(near((frames, 3), 0.05), 0)
        for person in range(PEOPLE):
            orient = near((1, 3), 1.0) + np.cumsum(near((frames, 3), 0.1), 0)
            pose = near((1, 69), 0.5) + np.cumsum(near((frames, 69), 0.05), 0)
            betas, transl = near((1, 10), 1.5), near((1, 3), 0.5) + np.cumsum(near((frames, 3), 0.05), 0)
            seen, valid = np.ones((frames, 18, 3)), np.ones(frames, bool)
            seen[1 + person] = 0.0
            valid[[4, 1 + person]] = False
            named = {
                "dataset": "3dpw",
                "sequence": sequence,
                "person": str(person),
                "frames": np.arange(frames),
                "gender": ("female", "male")[person],
                "fps": 30.0,
            }
            truths.append(
                PersonAnnotations(
                    **named,
                    frame="world",
                    betas=np.repeat(betas, frames, 0),
                    global_orient=orient,
                    body_pose=pose,
                    transl=transl,
                    keypoints2d=seen,
                    keypoint_names=COCO18,
                    K=np.tile(np.diag([1000.0, 1000.0, 1.0]), (frames, 1, 1)),
                    image_size=np.tile([1920, 1080], (frames, 1)),
                    Ts_camera_world=Ts,
                    valid=valid,
                )
            )
            R = Ts[:, :3, :3] @ Rotation.from_rotvec(orient + near((frames, 3), 0.1)).as_matrix()
            estimates.append(
                PersonAnnotations(
                    **named,
                    betas=np.repeat(betas + near((1, 10), 0.5), frames, 0),
                    global_orient=Rotation.from_matrix(R).as_rotvec(),
                    body_pose=pose + near((frames, 69), 0.1),
                    transl=[0.0, 0.0, 3.0] + near((frames, 3), 0.2),
                )
            )
    return estimates, truths
