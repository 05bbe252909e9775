"""The simulated people that lifters are trained and looked at with; poses are drawn once and kept in the cache."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch

from body.bank import Split
from body.loading import load_body_model
from hps.rgb.detector_error.model import DetectorErrorModel
from hps.rgb.lifter.training.objective import DetectorErrors
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.bodies import SplitBodies
from hps.rgb.simulation.poses import PoseTable, kept_poses
from hps.rgb.simulation.sampler import LiftingSampler
from humanrig.motions import motion_library
from humanrig.wheel_files import cache_folder

VALIDATION_POSES = 4000


@cache
def poses_of(split: Split, count: int) -> PoseTable:
    """Poses of the split's motions, the same ones every time."""
    return kept_poses(motion_library(), split, count, 0, cache_folder() / "lifting")


@cache
def bodies_of(split: Split) -> SplitBodies:
    """The bank's people of a split."""
    return SplitBodies(load_body_model(), split)


def sampler_of(split: Split, poses: int) -> Callable[[int], LiftingSampler]:
    """Makes samplers of a seed."""
    table, bodies = poses_of(split, poses), bodies_of(split)
    return lambda seed: LiftingSampler(table, split, seed, bodies=bodies)


def detector_errors() -> DetectorErrors:
    """BlazePose's, as hps.rgb.detector_error measured them."""
    return DetectorErrorModel().apply


def validation_people(count: int, *, detected: bool = True) -> LiftingBatch:
    """People of the validation split, their keypoints as the detector sees them or exact; always the same ones."""
    table, bodies = poses_of("validation", VALIDATION_POSES), bodies_of("validation")
    people = LiftingSampler(table, "validation", 77, bodies=bodies, pool=0).draw(count)
    return detector_errors()(people, torch.Generator().manual_seed(78)) if detected else people
