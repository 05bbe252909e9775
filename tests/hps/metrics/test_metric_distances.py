"""Rigid alignment, shape, regions, rarity, correct joints, failures and held-out surfaces: known answers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from body.loading import load_body_model
from hps.errors import HpsError
from hps.metrics import (
    acceleration_error_m_s2,
    best_similarity,
    jitter_10m_s3,
    joint_distances_mm,
    mpjpe_mm,
    pa_mpjpe_mm,
    procrustes,
    translation_error_mm,
)
from hps.metrics.correct_keypoints import auc_3dhp_percent, auc_challenge, pck_percent
from hps.metrics.failures import failures
from hps.metrics.held_out import held_out_distance, split_by_camera, surface_distances_mm
from hps.metrics.rarity import balanced_mean, rarity_bin, rarity_mm, tail_mean
from hps.metrics.regions import pve_by_region_mm, region_vertices
from hps.metrics.shape import height_error_mm, t_pose_pve_mm, t_pose_pve_scaled_mm
from hps.points.person_cloud import PersonCloud

ROUNDING_MM = 1e-9  # float64 over coordinates of some metres


def _points(seed: int, frames: int = 4, points: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, (frames, points, 3))


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_rigid_alignment_keeps_the_size_and_similarity_takes_it_away(seed):
    rng = np.random.default_rng(seed)
    truth = _points(seed)
    turned = truth @ Rotation.random(rng=rng).as_matrix().T + rng.normal(0, 3, 3)
    assert pa_mpjpe_mm(turned, truth, scale=False) == pytest.approx(0, abs=1e-8)
    grown = 1.1 * turned
    center = truth.mean(1, keepdims=True)
    left = 100 * np.linalg.norm(truth - center, axis=-1).mean(-1)  # a tenth of each distance from the middle, in mm
    assert pa_mpjpe_mm(grown, truth, scale=False) == pytest.approx(left)
    assert pa_mpjpe_mm(grown, truth) == pytest.approx(0, abs=1e-8)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_more_freedom_never_leaves_a_larger_squared_error(seed):
    p, truth = _points(seed), _points(seed + 1)
    squared = [
        ((moved - truth) ** 2).sum((1, 2))
        for moved in (
            procrustes(p, truth),
            procrustes(p, truth, scale=False),
            p - p.mean(1, keepdims=True) + truth.mean(1, keepdims=True),
            p,
        )
    ]
    for better, worse in pairwise(squared):
        assert (better <= worse + 1e-12).all()


def test_the_similarity_itself_is_found():
    truth = _points(1)
    R = Rotation.from_euler("xyz", [0.3, -0.4, 1.0]).as_matrix()
    found = best_similarity((truth - [1.0, 2.0, 3.0]) @ R / 1.2, truth)  # p = Rᵀ (q − t) / s, so q = s R p + t
    assert found.rotation == pytest.approx(np.broadcast_to(R, (4, 3, 3)))
    assert found.scale == pytest.approx(1.2)
    assert found.translation == pytest.approx(np.tile([1.0, 2.0, 3.0], (4, 1)))


def test_translation_and_acceleration_in_seconds():
    truth = np.zeros((9, 24, 3))
    moved = truth.copy()
    moved[..., 0] = 0.5 * 4.0 * (np.arange(9) / 30)[:, None] ** 2  # 4 m/s²
    assert acceleration_error_m_s2(moved, truth, 30.0) == pytest.approx([4.0] * 5)  # nine frames less two at each end
    assert translation_error_mm(moved[:, 0], truth[:, 0])[-1] == pytest.approx(1000 * 2.0 * (8 / 30) ** 2)
    thrown = truth.copy()
    thrown[..., 1] = (100.0 * (np.arange(9) / 30)[:, None] ** 3) / 6  # 100 m/s³
    assert jitter_10m_s3(thrown, 30.0) == pytest.approx([10.0] * 6)
    assert jitter_10m_s3(thrown, 30.0, still=range(12)) == pytest.approx([5.0] * 6)
    with pytest.raises(HpsError, match="at least 5 frames, there are 4"):
        acceleration_error_m_s2(moved[:4], truth[:4], 30.0)


def test_shape_errors_tell_height_from_build():
    model = load_body_model()
    mean = model.shaped()[None]
    taller, wide = 1.05 * mean, mean * [1.1, 1.0, 1.0]
    assert height_error_mm(taller, mean) == pytest.approx(0.05 * 1000 * np.ptp(mean[0, :, 1]))
    assert t_pose_pve_scaled_mm(taller, mean) == pytest.approx(0, abs=1e-9)
    assert t_pose_pve_mm(taller, mean) > 20
    assert t_pose_pve_scaled_mm(wide, mean) > 5


def test_regions_share_the_skin_out_and_see_only_their_own():
    model = load_body_model()
    regions = region_vertices(model)
    assert np.stack(list(regions.values())).sum(0).tolist() == [1] * model.vertex_count
    moved = np.asarray(model.v_template)[None] + 0.01 * regions["hands"][:, None]
    errors = pve_by_region_mm(joint_distances_mm(moved, np.asarray(model.v_template)[None]), regions)
    assert errors["hands"] == pytest.approx(10 * np.sqrt(3))
    assert [errors[name][0] for name in ("torso", "limbs", "head")] == [0, 0, 0]


def test_balanced_mean_weighs_bins_not_samples():
    rarity = np.concatenate([np.full(90, 10.0), np.full(10, 110.0)])
    values = np.concatenate([np.full(90, 20.0), np.full(10, 100.0)])
    assert values.mean() == pytest.approx(28)
    assert balanced_mean(values, rarity) == pytest.approx(60)
    assert tail_mean(values, rarity, 0.10) == pytest.approx(100)
    assert tail_mean(values, rarity, 0.20) == pytest.approx(60)
    assert np.isnan(tail_mean(values[:5], rarity[:5], 0.05))
    assert set(rarity_bin(rarity)) == {0, 99}
    assert balanced_mean(values[:90], rarity[:90]) == pytest.approx(20)  # all poses equally rare
    with pytest.raises(HpsError, match="the rarity of every sample"):
        balanced_mean(values, np.where(rarity > 50, np.nan, rarity))
    vertices = _points(3, 5, 40)
    assert rarity_mm(vertices, vertices[2])[2] == 0
    assert rarity_mm(vertices + [0, 0, 0.1], vertices[2])[2] == pytest.approx(100)


def test_thresholds_of_correct_joints():
    distances = np.array([[0.0, 50.0, 149.0, 150.0], [200.0, np.nan, 10.0, 151.0]])
    assert pck_percent(distances, 150.0) == pytest.approx(50)
    assert pck_percent(distances, 150.0, inclusive=True) == pytest.approx(62.5)
    assert auc_3dhp_percent(np.zeros((1, 3))) == pytest.approx(100 * 30 / 31)  # nothing is nearer than 0
    assert auc_challenge(np.zeros((1, 3))) == pytest.approx(1)


def test_a_refusal_is_a_failure():
    pve = np.array([149.9, 150.0, 150.1, np.nan])
    assert failures(pve).tolist() == [False, False, True, True]
    assert failures(pve, 149.0).tolist() == [True, True, True, True]


def test_held_out_points_measure_a_body_that_was_fitted_elsewhere():
    model = load_body_model()
    vertices = np.asarray(model.v_template, np.float64)
    on_skin = vertices[model.faces[::50]].mean(1)
    camera = (on_skin[:, 2] > 0).astype(np.int64)
    cloud = PersonCloud(points=on_skin, camera=camera, origins=np.array([[0.0, 0, -3], [0, 0, 3]]))
    seen, kept = split_by_camera(cloud, [1])
    assert set(seen.camera) == {0}
    assert set(kept.camera) == {1}
    assert len(seen) + len(kept) == len(cloud)
    distance = held_out_distance(kept, vertices, model.faces)
    assert distance.points == len(kept)
    assert distance.mean_mm == pytest.approx(0, abs=1e-9)
    behind = held_out_distance(kept, vertices - [0, 0, 0.02], model.faces)
    assert 5 < behind.mean_mm <= 20 + ROUNDING_MM
    assert behind.median_mm <= behind.p90_mm <= 20 + ROUNDING_MM
    with pytest.raises(HpsError, match="not all"):
        split_by_camera(cloud, [0, 1])
    with pytest.raises(HpsError, match="from no known camera"):
        split_by_camera(PersonCloud.of_points(on_skin), [0])


def test_a_point_over_an_edge_is_measured_to_the_nearer_face():
    roof = np.array([[0.0, -1, 0], [0, 1, 0], [1, 0, 0], [-1, 0, -1e-7]])
    faces = np.array([[0, 1, 2], [1, 0, 3]])
    points = np.array([[0.3, 0.0, 0.5], [-0.3, 0.0, 0.5], [0.0, 0.0, 0.2], [0.0, 5.0, 0.0]])
    expected = [500.0, 1000 * (0.5 + 0.3e-7), 200.0, 4000.0]
    assert surface_distances_mm(points, roof, faces) == pytest.approx(expected, rel=1e-12)


def test_mean_of_joints_is_not_moved_by_their_order():
    p, t = _points(8), _points(9)
    order = np.random.default_rng(0).permutation(24)
    assert mpjpe_mm(p[:, order], t[:, order]) == pytest.approx(mpjpe_mm(p, t))
