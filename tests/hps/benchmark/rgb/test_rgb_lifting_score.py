"""Scores of methods whose errors are known, and of baselines that must behave as such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from body.bank import load_body_bank
from body.loading import load_body_model
from body.parameters import BodyParameters
from body.rotations import matrix_to_axis_angle
from hps.benchmark.prediction import Prediction
from hps.benchmark.rgb.baselines import ConstantShape, MeanPose, NearestNeighbour, placed
from hps.benchmark.rgb.believed_cameras import as_believed, box
from hps.benchmark.rgb.lifting_scenes import LiftingScenes, read_scenes
from hps.benchmark.rgb.lifting_table import score_table, strata_table
from hps.benchmark.rgb.make_scenes import rephotographed
from hps.benchmark.rgb.scoring import depth_order, score_lifter
from hps.benchmark.rgb.strata import strata
from hps.benchmark.rgb.true_bodies import true_bodies
from hps.errors import HpsError
from hps.rgb.detector_error.self_occlusion import joint_of_keypoint
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.bodies import SplitBodies


@cache
def scenes() -> LiftingScenes:
    return read_scenes("validation").rows(slice(0, 12))


@cache
def people() -> LiftingBatch:
    return rephotographed(scenes(), SplitBodies(load_body_model(), "validation"), 0)


def joints() -> np.ndarray:
    return people().landmarks[:, :24].double().numpy()


def answering(joints: np.ndarray):
    return lambda batch: [Prediction(joints=one) for one in joints]


def test_the_truth_scores_zero_and_a_shift_only_at_the_root() -> None:
    model = load_body_model()
    score = score_lifter(answering(joints() + [0.03, 0, 0.04]), scenes(), "exact", model)
    # float32 posing of the truth at up to 10 m
    assert score.values["mpjpe"].max() < 0.02
    assert score.values["pa"].max() < 0.02
    np.testing.assert_allclose(score.values["root"], 50, atol=0.02)
    np.testing.assert_allclose(score.values["order"], 100)
    assert np.isnan(score.values["pve"]).all()


def test_size_counts_for_mpjpe_and_not_after_alignment() -> None:
    truth = joints()
    larger = truth[:, :1] + 1.1 * (truth - truth[:, :1])
    score = score_lifter(answering(larger), scenes(), "exact", load_body_model())
    expected = 100 * np.linalg.norm(truth - truth[:, :1], axis=-1).mean(-1)
    np.testing.assert_allclose(score.values["mpjpe"], expected, rtol=1e-3)
    assert score.values["pa"].max() < 0.02


def test_true_skins_are_the_banks_and_their_parameters_score_the_gap_of_the_shape_alone() -> None:
    model, bank = load_body_model(), load_body_bank(load_body_model())
    turns = matrix_to_axis_angle(scenes().rotations).numpy()
    fits = [bank.nearest_betas(bank.subjects[number].name) for number in scenes().subject]

    def method(batch) -> Sequence[Prediction]:
        return [
            Prediction(
                parameters=BodyParameters(
                    betas=fit.betas,
                    child=fit.child,
                    global_orient=turns[row, :1],
                    body_pose=turns[row, 1:].reshape(1, 69),
                    transl=people().transl[row, None].double().numpy(),
                )
            )
            for row, fit in enumerate(fits)
        ]

    score = score_lifter(method, scenes(), "exact", model)
    gap = np.array([fit.rms_mm for fit in fits])
    # the rest gap is a root mean square after the best shift; posed, relative to the pelvis, it is of the same size
    assert (score.values["pve"] < 2.5 * gap).all()
    assert (score.values["pve"] > 0.3 * gap).all()
    truth = next(iter(true_bodies(scenes(), model)))
    own = bank.model(bank.subjects[scenes().subject[0]].name).pose(
        BodyParameters(
            betas=np.zeros(0),
            global_orient=turns[0, :1],
            body_pose=turns[0, 1:].reshape(1, 69),
            transl=np.zeros((1, 3)),
        )
    )
    shift = truth.joints[0, 0] - own.joints[0, 0]
    # float32
    np.testing.assert_allclose(truth.vertices[0], own.vertices[0] + shift, atol=2e-5)


def test_refusals_are_counted_and_are_no_errors_of_others() -> None:
    def method(batch) -> Sequence[Prediction]:
        found = [Prediction(joints=one) for one in joints()]
        return [Prediction(refused="too dark"), *found[1:]]

    score = score_lifter(method, scenes(), "exact", load_body_model())
    assert score.refused == {0: "too dark"}
    assert np.isnan(score.values["mpjpe"][0])
    assert "| 1 |" in score_table({"mine": score}, scenes()).splitlines()[-1]
    assert "seen from" in strata_table({"mine": score}, scenes())
    with pytest.raises(HpsError, match="gave 11 answers for 12"):
        score_lifter(lambda batch: method(batch)[1:], scenes(), "exact", load_body_model())


def test_depth_order_counts_pairs_that_are_apart() -> None:
    truth = np.zeros((1, 4, 3))
    truth[0, :, 2] = [0.0, 0.02, 0.3, 0.6]
    found = truth.copy()
    found[0, :, 2] = [0.0, -1.0, 0.9, 0.6]
    # of the pairs 0-2 0-3 1-2 1-3 2-3 the last is wrong; 0-1 is too near to count
    np.testing.assert_allclose(depth_order(found, truth), [80.0])
    assert np.isnan(depth_order(np.full((1, 4, 3), np.nan), truth)).all()


def test_every_person_is_in_one_part_of_each_stratum() -> None:
    for parts in strata(read_scenes("test")).values():
        count = np.sum(list(parts.values()), axis=0)
        assert (count == 1).all()
        assert all(which.sum() >= 100 for which in parts.values())


def test_believed_cameras_keep_the_pixels_and_say_that_they_only_suppose() -> None:
    batch = scenes().keypoints("exact")
    assert as_believed(batch, "true") is batch
    for other in (as_believed(batch, "constant"), as_believed(batch, "none")):
        assert torch.equal(other.q, batch.q)
        assert not other.focal_known.any()
    low, high = box(batch)
    far = as_believed(batch, "none")
    torch.testing.assert_close(far.K[:, :2, 2], (low + high) / 2)


def test_a_body_is_put_back_where_it_was() -> None:
    truth = people()
    at = [joint_of_keypoint(name) for name in LIFTED.names]
    relative = truth.landmarks[:, at] - truth.landmarks[:, :1]
    p = truth.landmarks[:, at]
    q = torch.einsum("nij,nkj->nki", truth.keypoints.K, p / p[..., 2:])[..., :2]
    ahead = (p[..., 2] > 0.2).float()
    # float32 pixels: millimetres at 10 m
    found = placed(relative, replace(truth.keypoints, q=q, confidence=ahead))
    torch.testing.assert_close(found, truth.landmarks[:, 0], atol=5e-3, rtol=1e-3)


def test_baselines_know_the_people_they_have_seen() -> None:
    model, batch = load_body_model(), scenes().keypoints("exact")
    subjects = replace(people(), keypoints=batch)
    nearest = score_lifter(NearestNeighbour(subjects, model), scenes(), "exact", model)
    # the same people: what is left is float32
    assert nearest.values["mpjpe"].max() < 1.0
    constant = score_lifter(ConstantShape(subjects), scenes(), "exact", model)
    mean = score_lifter(MeanPose(subjects), scenes(), "exact", model)
    assert constant.values["pa"].mean() < mean.values["pa"].mean()
    assert mean.values["mpjpe"].mean() < constant.values["mpjpe"].mean()
