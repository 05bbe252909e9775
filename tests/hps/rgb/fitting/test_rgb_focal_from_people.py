"""The focal length that people of one camera agree on, with a lifter that is right up to noise."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from lifted_people import lifted, people, the_body

from hps.errors import HpsError
from hps.rgb.field_of_view import focal_from_people
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies

LOOKS, WRONG = 4, 1.25


def looks(row: int, noise_m: float):
    """One person of the sampler several times, told a focal length that is a quarter too long; the true one."""
    one = people(16, 3)
    told = [lifted(one, noise_m, 2 * noise_m, seed, root_share=0.02) for seed in range(LOOKS)]
    columns = {f.name: torch.stack([getattr(t, f.name)[row] for t in told]) for f in fields(LiftedBodies)}
    batch = one.keypoints.rows(torch.full((LOOKS,), row))
    K = batch.K.clone()
    K[:, :2, :2] *= WRONG
    asked: list[KeypointBatch] = []

    def lifter(batch: KeypointBatch) -> LiftedBodies:
        asked.append(batch)
        return LiftedBodies(**columns)

    return replace(batch, K=K), lifter, asked, float(batch.K[0, 0, 0])


def test_near_people_tell_the_focal_length_and_how_well():
    off, said = [], []
    near = people(16, 3).landmarks[:, 0].norm(dim=-1).argsort()[:5].tolist()
    for row in near:
        batch, lifter, asked, true = looks(row, 0.01)
        found = focal_from_people(the_body(), batch, lifter)
        assert not asked[0].focal_known.any()
        assert found.source == "people"
        assert not found.known
        off.append(np.log(found.focal_px / true))
        said.append(found.sigma)
    assert np.mean(np.abs(off)) < 0.5 * np.log(WRONG)
    # five draws: 99.9 % of Gaussian ones are within 3.3 sigma
    assert (np.abs(off) < 3.3 * np.array(said)).all()
    assert max(said) < 0.25


def test_frames_that_say_the_same_are_counted_once():
    batch, lifter, _, _ = looks(0, 0.02)
    every, once = (focal_from_people(the_body(), batch, lifter, independent=n) for n in (None, 1.0))
    assert once.sigma > every.sigma


def test_nobody_and_several_cameras_are_refused():
    batch, lifter, _, _ = looks(0, 0.02)
    with pytest.raises(HpsError, match="nobody"):
        focal_from_people(the_body(), batch.rows(slice(0, 0)), lifter)
    with pytest.raises(HpsError, match="not of one camera"):
        focal_from_people(the_body(), people(16, 3).keypoints, lifter)
