"""Pose tables are of their split's clips alone, have the asked size, and are drawn once."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from body.motion.clip import MotionClip
from body.motion.library import MotionLibrary
from hps.errors import HpsError
from hps.rgb.simulation.poses import draw_poses, kept_poses

pytestmark = pytest.mark.slow


@cache
def library() -> MotionLibrary:
    def clip(name: str, turn: float) -> MotionClip:
        rotations = np.zeros((240, 24, 3))
        rotations[:, 1, 0] = turn + 0.2 * np.sin(np.arange(240) / 10)
        return MotionClip(
            name=name, rate_hz=30.0, rotations=rotations, root_positions=np.zeros((240, 3)), leg_length_m=0.9
        )

    clips = {"mine": clip("mine", -0.5), "another": clip("another", 0.1)}
    return MotionLibrary.of_clips(clips, {"mine": "test", "another": "validation"})


def test_poses_are_of_the_splits_clips_and_as_many_as_asked() -> None:
    table = draw_poses(library(), "test", 25, np.random.default_rng(0), every=2)
    assert len(table) == 25
    assert table.motions == ("mine",)
    # mirrored or not, one hip is bent back by 0.3 to 0.7 as in the clip; the penetration check leaves it
    hips = np.minimum(table.rotations[:, 1, 0], table.rotations[:, 2, 0])
    assert hips.max() < -0.25
    with pytest.raises(HpsError, match="ask for 1 or more"):
        draw_poses(library(), "test", 0, np.random.default_rng(0))


def test_a_table_is_drawn_once_and_again_when_its_file_is_damaged(tmp_path) -> None:
    steps: list[int] = []

    def draw():
        return kept_poses(library(), "test", 5, 3, tmp_path, lambda done, total: steps.append(done))

    first = draw()
    assert steps == [5]
    np.testing.assert_array_equal(draw().rotations, first.rotations)
    assert steps == [5]
    file = next(tmp_path.glob("*.npz"))
    file.write_bytes(b"nothing")
    np.testing.assert_array_equal(draw().rotations, first.rotations)
    assert steps == [5, 5]
