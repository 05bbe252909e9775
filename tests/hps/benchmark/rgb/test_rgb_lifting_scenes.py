"""The committed scenes are of held-out people and motions, and their keypoints are their bodies'."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from body.bank import load_body_bank
from body.loading import load_body_model
from body.motion.splits import split_of
from hps.benchmark.rgb import lifting_scenes
from hps.benchmark.rgb.lifting_scenes import DATA, read_scenes, write_scenes
from hps.benchmark.rgb.make_scenes import rephotographed
from hps.errors import HpsError
from hps.rgb.keypoint_names import LIFTED_COUNT
from hps.rgb.simulation.bodies import SplitBodies
from hps.synthesis.sampling.disjoint import sources


@cache
def names(split: str) -> tuple[str, ...]:
    return load_body_bank(load_body_model()).names(split)


@pytest.mark.parametrize(("split", "count"), [("validation", 1000), ("test", 2000)])
def test_people_and_motions_are_of_the_split(split, count) -> None:
    scenes = read_scenes(split)
    subjects = load_body_bank(load_body_model()).subjects
    assert len(scenes) == count
    assert {subjects[n].name for n in scenes.subject} <= set(names(split))
    clips = {clip for motion in scenes.motions for clip in sources(motion)}
    assert {split_of(clip) for clip in clips} == {split}


def test_stored_keypoints_are_the_stored_bodies() -> None:
    scenes = read_scenes("test").rows(slice(0, 100))
    bodies = SplitBodies(load_body_model(), "test")
    again = rephotographed(scenes, bodies, 0).keypoints
    stored = scenes.keypoints("exact")
    # half a step of a 65535th of the picture, and float32
    error = (again.q - stored.q).abs() / scenes.keypoints("exact").size[:, None]
    assert stored.q.shape == (100, LIFTED_COUNT, 2)
    assert error.max() < 1e-5
    torch.testing.assert_close(again.confidence, stored.confidence)


def test_scenes_survive_their_file_and_damage_is_told(tmp_path) -> None:
    some = read_scenes("validation").rows(slice(0, 5))
    path = tmp_path / "scenes.npz"
    write_scenes(path, some)
    back = read_scenes(path)
    np.testing.assert_array_equal(back.turns, some.turns)
    assert set(back.arms) == set(some.arms)
    path.write_bytes((DATA / "lifting_test.npz").read_bytes()[:5000])
    with pytest.raises(HpsError, match="holds no lifting scenes"):
        read_scenes(path)
    with pytest.raises(HpsError, match="holds no lifting scenes"):
        read_scenes(tmp_path / "none.npz")


def test_tables_that_are_not_the_committed_ones_are_refused_unless_their_path_is_given(tmp_path, monkeypatch) -> None:
    some = read_scenes("validation")
    one = some.arms["detector"]
    steps = one.steps.copy()
    steps[0, 0, 0] ^= 1  # a 65535th of a picture's side
    path = tmp_path / "lifting_validation.npz"
    write_scenes(path, replace(some, arms=some.arms | {"detector": replace(one, steps=steps)}))
    monkeypatch.setattr(lifting_scenes, "DATA", tmp_path)
    with pytest.raises(HpsError, match="not the committed table of validation scenes"):
        read_scenes("validation")
    assert len(read_scenes(path)) == 1000


def test_columns_of_other_lengths_are_refused(tmp_path) -> None:
    write_scenes(tmp_path / "scenes.npz", read_scenes("validation").rows(slice(0, 5)))
    columns = dict(np.load(tmp_path / "scenes.npz"))
    for name in ("facing", "camera", "detector_confidence"):
        path = tmp_path / f"{name}.npz"
        np.savez(path, **columns | {name: columns[name][:4]})
        with pytest.raises(HpsError, match=f"disagree.*'{name}': 4"):
            read_scenes(path)
