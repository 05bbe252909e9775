"""Motions to train on that nobody recorded."""

import numpy as np
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT
from body.motion.joint_limits import human_limits
from body.motion.library import MotionLibrary
from body.motion.standing import STANDING, standing_clip
from hps.benchmark.points.set.rarity import rarity_mm
from hps.benchmark.points.set.wide_motions import PIECES, WideMotions, wide


def test_every_joint_but_the_root_is_of_one_piece() -> None:
    joints = [joint for piece in PIECES for joint in piece]
    assert sorted(joints) == list(range(1, JOINT_COUNT))


def test_changed_motions_are_rarer_tipped_over_and_within_human_limits() -> None:
    library = wide(MotionLibrary.of_clips({name: standing_clip(name) for name in sorted(STANDING)}))
    assert isinstance(library, WideMotions)
    clips = [library.draw(np.random.default_rng(seed), "train", 0.4, 5.0, recipe="clip") for seed in range(24)]
    free = [clip for clip in clips if clip.description.get("free")]
    plain = [clip for clip in clips if not clip.description.get("free")]
    assert 6 <= len(free) <= 18  # half of 24; beyond with a chance of 2 %

    def mean_rarity(some: list) -> float:
        poses = np.concatenate([clip.rotations[:, 1:].reshape(len(clip), -1) for clip in some])
        return float(rarity_mm(poses).mean())

    assert mean_rarity(free) > 1.3 * mean_rarity(plain)
    for clip in free:
        assert human_limits(1.02).excess(clip.rotations)[:, 1:].max() < 1e-6  # a hair more, for rounding
    up = [Rotation.from_rotvec(clip.rotations[0, 0]).apply([0, 1, 0])[1] for clip in free]
    tipped = [clip.description["tipped"] for clip in free]
    assert min(up) < 0.8
    assert all(y > 0.8 for y, over in zip(up, tipped) if not over)  # those who stand keep standing
