"""How the lifting benchmark's scenes were drawn, so that they can be drawn again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from body.rotations import matrix_to_axis_angle
from hps.benchmark.rgb.lifting_scenes import TURN_STEPS, LiftingScenes, packed
from hps.rgb.detector_error.model import DetectorErrorModel
from hps.rgb.detector_error.self_occlusion import facing
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.bodies import SplitBodies
from hps.rgb.simulation.photograph import photograph
from hps.rgb.simulation.poses import PoseTable
from hps.rgb.simulation.sampler import LiftingSampler
from hps.rgb.simulation.views import Views


def make_scenes(poses: PoseTable, bodies: SplitBodies, seed: int) -> LiftingScenes:
    """Each pose of the table once, by a random person of the split, before a random camera; with exact keypoints."""
    sampler = LiftingSampler(poses, "test", seed, pool=0, wandering=False, bodies=bodies, in_order=True)
    drawn = sampler.draw(len(poses))
    turns = np.rint(TURN_STEPS * matrix_to_axis_angle(drawn.rotations.double()).numpy()).astype(np.int16)
    K = drawn.keypoints.K.double().numpy()
    scenes = LiftingScenes(
        turns=turns,
        subject=drawn.subject.numpy(),
        pelvis=drawn.landmarks[:, 0].numpy(),
        motion=drawn.motion.numpy(),
        motions=poses.motions,
        camera=np.stack([K[:, 0, 0], K[:, 1, 1], K[:, 0, 2], K[:, 1, 2]], -1),
        size=drawn.keypoints.size.double().numpy(),
        facing=facing(drawn.landmarks[:, :24], drawn.rotations).numpy(),
        arms={},
    )
    return replace(scenes, arms={"exact": packed(rephotographed(scenes, bodies, seed).keypoints)})


def detected(scenes: LiftingScenes, bodies: SplitBodies, seed: int, model: DetectorErrorModel) -> LiftingScenes:
    """The scenes with the arm `detector` as well: what the error model draws for these people, once and for all."""
    seen = model.apply(rephotographed(scenes, bodies, seed), torch.Generator().manual_seed(seed))
    return replace(scenes, arms=scenes.arms | {"detector": packed(seen.keypoints)})


def rephotographed(scenes: LiftingScenes, bodies: SplitBodies, seed: int, *, wandering: bool = False) -> LiftingBatch:
    """The scenes as the sampler gives people; keypoints are those of the stored rotations."""
    g = torch.Generator().manual_seed(seed)
    who = torch.searchsorted(bodies.subject, torch.tensor(scenes.subject))
    people = bodies.pose(who, scenes.rotations.float(), torch.tensor(scenes.motion), g)
    views = Views(
        R_camera_world=torch.eye(3).expand(len(scenes), 3, 3),
        p_pelvis=torch.tensor(scenes.pelvis, dtype=torch.float32),
        K=torch.tensor(scenes.K, dtype=torch.float32),
        size=torch.tensor(scenes.size, dtype=torch.float32),
    )
    return photograph(people, views, bodies, wandering=wandering, who=who)
