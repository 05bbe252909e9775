"""Fits to keypoints of the bank's people, who are not in the span of the betas: truth the fit never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lifted_people import landmarks_of_fit, lifted, people, rooted_mm, the_body

from body.skinning import Skinning
from hps.errors import HpsError
from hps.points.fitting import PictureKeypoints
from hps.rgb.fitting import KeypointFitConfig, fit_keypoints
from hps.rgb.fitting.starts import ambiguous, mirrored_start
from registration.fit.rest import RestBody

PEOPLE = 16


def root_errors(batch, found) -> torch.Tensor:
    return found.joints[:, 0] - batch.landmarks[:, 0].double()


def test_keypoints_and_lifted_landmarks_together_beat_the_lifter():
    batch = people(PEOPLE, 3)
    told = lifted(batch, 0.03, 0.06, 1)
    found = fit_keypoints(the_body(), batch.keypoints, told)
    # measured 0.35 of the lifter's error: its noise is independent, so that a body averages it
    assert rooted_mm(batch, landmarks_of_fit(found)).mean() < 0.5 * rooted_mm(batch, told.landmarks).mean()
    # measured 0.12: the lifter's root is off by 10 % of its depth, which keypoints and a body's size know better
    assert (
        root_errors(batch, found).norm(dim=-1).median()
        < 0.3 * (told.root - batch.landmarks[:, 0]).norm(dim=-1).median()
    )
    assert found.keypoint_rms.median() < 1


def test_the_root_is_as_sure_as_it_says():
    batch = people(PEOPLE, 3)
    found = fit_keypoints(the_body(), batch.keypoints, lifted(batch, 0.03, 0.06, 2))
    off = root_errors(batch, found)
    squared = (off * torch.linalg.solve(found.joint_covariance[:, 0], off[..., None])[..., 0]).sum(-1)
    # 11.3: 99 % of a chi-square of three; exact keypoints leave far less
    assert (squared < 11.3).all()
    assert (found.joint_covariance.diagonal(dim1=-2, dim2=-1) > 0).all()


def test_a_supposed_focal_length_is_corrected_within_its_sigma_and_makes_depth_less_sure():
    batch = people(PEOPLE, 3)
    told = lifted(batch, 0.01, 0.02, 3, root_share=0.02)
    wrong = batch.keypoints.K.clone()
    wrong[:, :2, :2] *= 1.25
    supposed = replace(batch.keypoints, K=wrong, focal_known=torch.zeros(PEOPLE, dtype=torch.bool))
    known = fit_keypoints(the_body(), batch.keypoints, told)
    found = fit_keypoints(the_body(), supposed, told)
    off = (found.K[:, 0, 0] / batch.keypoints.K[:, 0, 0]).log()
    assert (off.abs() < 3 * found.focal_sigma).all()
    assert off.abs().mean() < 0.6 * np.log(1.25)
    assert (found.focal_sigma < 0.25).all()
    deeper = found.joint_covariance[:, 0, 2, 2] / known.joint_covariance[:, 0, 2, 2]
    assert (deeper > 1).all()
    assert (known.focal_sigma == 0).all()
    assert torch.equal(known.K, batch.keypoints.K.double())


def test_a_known_focal_length_stays_beside_supposed_ones():
    batch = people(PEOPLE, 3)
    told = lifted(batch, 0.02, 0.04, 4)
    some = torch.arange(PEOPLE) % 2 == 0
    mixed = fit_keypoints(the_body(), replace(batch.keypoints, focal_known=some), told)
    plain = fit_keypoints(the_body(), batch.keypoints, told)
    # 0.1 mm: KNOWN_FOCAL lets 1e-4 of some metres through
    assert (mixed.joints - plain.joints)[some].norm(dim=-1).max() < 5e-4
    assert (mixed.focal_sigma[~some] > 0.01).all()


def test_the_mirrored_start_has_the_depths_turned_round():
    batch = people(PEOPLE, 3)
    told = lifted(batch, 0.0, 0.0)
    states = mirrored_start(the_body(), told, 0.01)
    from hps.points.fitting.state import frames_of

    root = batch.landmarks[:, 0].double().numpy()
    ray = root / np.linalg.norm(root, axis=1, keepdims=True)
    true = ((batch.landmarks[:, :24].double().numpy() - root[:, None]) * ray[:, None]).sum(-1)
    joints = frames_of(states, the_body().points).joints
    found = ((joints - joints[:, :1]) * ray[:, None]).sum(-1)
    limbs = [4, 5, 7, 8, 18, 19, 20, 21]
    # bones may be a little longer or shorter than those of any betas
    assert np.corrcoef(true[:, limbs].ravel(), found[:, limbs].ravel())[0, 1] < -0.95


def test_both_ways_are_tried_only_where_depths_are_unsure():
    batch = people(PEOPLE, 3)
    sure, unsure = lifted(batch, 0.02, 0.02, 6), lifted(batch, 0.02, 0.14, 6)
    assert not ambiguous(sure, 0.08).any()
    assert ambiguous(unsure, 0.08).all()
    assert fit_keypoints(the_body(), batch.keypoints, sure).other_energy.isinf().all()
    found = fit_keypoints(the_body(), batch.keypoints, unsure)
    alone = fit_keypoints(the_body(), batch.keypoints, unsure, KeypointFitConfig(both_ways_above_m=9.0))
    assert found.other_energy.isfinite().all()
    assert (found.energy <= alone.energy + 1e-9).all()


def test_dense_keypoints_are_heard():
    batch = people(PEOPLE, 3)
    told = lifted(batch, 0.05, 0.1, 7)
    bare = replace(batch.keypoints, confidence=torch.zeros_like(batch.keypoints.confidence))
    first = fit_keypoints(the_body(), batch.keypoints, told)
    vertices = np.arange(0, 6800, 100)
    model = the_body().model
    skin, _ = Skinning(model, torch.float64).pose(first.betas, first.rotations, first.transl, first.child)
    p = skin[:, vertices]
    K = batch.keypoints.K.double()
    dense = PictureKeypoints(
        points=RestBody.of(model, 10, vertices, fit_child=True),
        q=(p / p[..., 2:]) @ K[:, :2].transpose(1, 2),
        sigma_px=torch.ones(p.shape[:2], dtype=torch.float64),
        spread_m=torch.full((len(vertices),), 0.005, dtype=torch.float64),
        K=K,
    )
    without, found = (fit_keypoints(the_body(), bare, told, dense=some) for some in ((), (dense,)))
    away = [(one.joints - first.joints).norm(dim=-1).mean() for one in (without, found)]
    # measured 0.1
    assert away[1] < 0.5 * away[0]


def test_without_keypoints_the_lifter_is_believed():
    batch = people(PEOPLE, 3)
    told = lifted(batch, 0.02, 0.03, 8)
    bare = replace(batch.keypoints, confidence=torch.zeros_like(batch.keypoints.confidence))
    found = fit_keypoints(the_body(), bare, told)
    assert found.keypoint_rms.isnan().all()
    assert rooted_mm(batch, landmarks_of_fit(found)).mean() < rooted_mm(batch, told.landmarks).mean()


def test_people_of_other_number_are_refused():
    batch = people(PEOPLE, 3)
    with pytest.raises(HpsError, match="keypoints of 15 people, lifted bodies of 16"):
        fit_keypoints(the_body(), batch.keypoints.rows(slice(1, None)), lifted(batch, 0.03, 0.06))


@pytest.mark.parametrize("wrong", [{"steps": -1}, {"focal_sigma": -0.1}, {"relative_redundancy": 0.0}])
def test_choices_that_no_keypoint_fit_can_use_are_refused(wrong):
    with pytest.raises(HpsError, match=next(iter(wrong))):
        KeypointFitConfig(**wrong)
