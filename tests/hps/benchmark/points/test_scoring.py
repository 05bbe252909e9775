from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from simple_clouds import Knowing, simple_samples

from body.parameters import BodyParameters
from hps.benchmark.points.runner.posed_rows import benchmark_model, posed_rows
from hps.benchmark.points.runner.prediction_table import PredictionTable
from hps.benchmark.points.runner.scoring import Truth, score
from hps.benchmark.points.runner.substitute import substitute
from hps.benchmark.prediction import Prediction
from hps.points.canonical import canonical_frame

MICROMETRES = 1e-2
"""In millimetres: bodies are posed in float32, which is exact to some micrometres at three metres."""


def scored(samples, predictions):
    return score(PredictionTable.of([sample.key for sample in samples], predictions), Truth.of(samples))


def test_rows_are_posed_as_the_model_poses_each_body():
    samples = simple_samples()
    rows = posed_rows([samples[0].truth, None, samples[-1].truth])
    for row, sample in ((0, samples[0]), (2, samples[-1])):
        posed = benchmark_model().pose(sample.truth)
        np.testing.assert_allclose(rows.vertices[row], posed.vertices[0], atol=1e-5)  # float32 at three metres
        np.testing.assert_allclose(rows.joints[row], posed.joints[0], atol=1e-5)
        np.testing.assert_allclose(rows.at_rest[row], benchmark_model().shaped(sample.truth.betas), atol=1e-5)
    assert np.isnan(rows.vertices[1]).all()


def test_a_shifted_body_is_off_by_the_shift_and_right_once_it_is_aligned():
    samples = simple_samples()
    errors = scored(samples, Knowing(samples, away_m=0.04)([s.cloud for s in samples])).errors
    for name in ("mpjpe_abs", "pve_abs", "translation", "pve_torso", "pve_hands", "mpjpe_lsp14"):
        np.testing.assert_allclose(errors[name], 40.0, atol=MICROMETRES)
    for name in ("mpjpe_root", "mpjpe_pa", "mpjpe_pa_rigid", "pve_root", "pve_pa", "pve_tpose", "mpjae", "failure"):
        np.testing.assert_allclose(errors[name], 0.0, atol=MICROMETRES)


def test_a_turned_body_is_right_after_procrustes_alone_and_its_angle_is_the_turn():
    samples = simple_samples()
    turned = []
    for sample in samples:
        truth = sample.truth
        assert truth is not None
        R = Rotation.from_rotvec([0, np.radians(30), 0]) * Rotation.from_rotvec(truth.global_orient[0])
        moved = BodyParameters(
            betas=truth.betas, global_orient=R.as_rotvec()[None], body_pose=truth.body_pose, transl=truth.transl
        )
        turned.append(Prediction(parameters=moved))
    errors = scored(samples, turned).errors
    np.testing.assert_allclose(errors["mpjae"], 30.0, atol=1e-3)
    np.testing.assert_allclose(errors["mpjpe_pa_rigid"], 0.0, atol=MICROMETRES)
    assert errors["mpjpe_root"].min() > 50


def test_a_taller_body_is_wrong_in_the_t_pose():
    samples = simple_samples()
    taller = []
    for sample in samples:
        truth = sample.truth
        assert truth is not None
        betas = truth.betas.copy()
        betas[0] += 1
        taller.append(Prediction(parameters=replace(truth, betas=betas)))
    away = np.linalg.norm(benchmark_model().shapedirs[..., 0], axis=1).mean()
    np.testing.assert_allclose(scored(samples, taller).errors["pve_tpose"], 1000 * away, atol=MICROMETRES)


def test_joints_alone_have_no_errors_of_bodies():
    samples = simple_samples()
    table = scored(samples, [Prediction(joints=sample.joints) for sample in samples])
    np.testing.assert_allclose(table.errors["mpjpe_abs"], 0.0, atol=MICROMETRES)
    assert not table.has_body.any()
    counted = table.counted(scored(samples, [substitute(s.cloud) for s in samples]))
    assert np.isnan(counted["pve_abs"]).all()
    assert np.isnan(counted["failure"]).all()


def test_what_is_not_answered_counts_as_a_failed_body_at_rest():
    samples = simple_samples()
    instead = scored(samples, [substitute(s.cloud) for s in samples])
    given = Knowing(samples)([s.cloud for s in samples])
    given[2] = Prediction(refused="too few points")
    given[5] = Prediction(joints=samples[5].joints)
    counted = scored(samples, given).counted(instead)
    assert counted["mpjpe_abs"][2] == instead.errors["mpjpe_abs"][2] > 50
    assert counted["mpjpe_abs"][5] == pytest.approx(0, abs=MICROMETRES)
    assert counted["pve_abs"][5] == instead.errors["pve_abs"][5] > 50
    assert list(np.flatnonzero(counted["failure"])) == [2, 5]
    nothing = scored(samples, [Prediction(refused="no")] * len(samples)).counted(instead)
    np.testing.assert_array_equal(nothing["pve_abs"], instead.errors["pve_abs"])
    np.testing.assert_array_equal(nothing["failure"], 1.0)


def test_the_body_that_stands_in_is_where_the_cloud_is_and_knows_nothing_of_the_truth():
    samples = simple_samples()
    for sample in samples:
        body = substitute(sample.cloud).parameters
        assert body is not None
        posed = benchmark_model().pose(body)
        R = canonical_frame(sample.cloud)[:3, :3]  # medians along its axes, not along the cloud's
        np.testing.assert_allclose(R @ posed.joints[0, 0], np.median(sample.cloud.points @ R.T, axis=0), atol=1e-6)
        head, feet = posed.joints[0, 15], posed.joints[0, [10, 11]].mean(0)
        assert (feet - head)[1] > 1.0  # y points down
        other = replace(sample, truth=None)
        again = substitute(other.cloud).parameters
        assert again is not None
        np.testing.assert_array_equal(again.transl, body.transl)
    empty = samples[0].cloud.select(np.zeros(0, int))
    assert substitute(empty).parameters is not None


def test_clouds_without_truth_have_no_errors():
    samples = [replace(sample, truth=None, joints=None) for sample in simple_samples()]
    table = scored(samples, [substitute(sample.cloud) for sample in samples])
    assert table.answered.all()
    assert all(np.isnan(values).all() for values in table.errors.values())


def test_joints_and_skin_are_of_one_body_and_stated_joints_have_a_measure_of_their_own():
    truths = simple_samples()
    samples = [replace(sample, joints=sample.joints + [0, 0, 0.004]) for sample in truths]
    errors = scored(samples, Knowing(truths)([s.cloud for s in truths])).errors
    np.testing.assert_allclose(errors["mpjpe_abs"], 0.0, atol=MICROMETRES)
    np.testing.assert_allclose(errors["translation"], 0.0, atol=MICROMETRES)
    np.testing.assert_allclose(errors["mpjpe_stated"], 4.0, atol=MICROMETRES)


def test_joints_of_another_body_model_are_compared_and_its_vertices_are_not():
    samples = [replace(sample, model="smplx") for sample in simple_samples()]
    errors = scored(samples, Knowing(simple_samples())([s.cloud for s in samples])).errors
    np.testing.assert_allclose(errors["mpjpe_abs"], 0.0, atol=MICROMETRES)
    assert np.isnan(errors["pve_abs"]).all()
    assert np.isnan(errors["failure"]).all()
