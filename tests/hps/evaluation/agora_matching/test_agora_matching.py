"""AGORA's measure case by case: each oddity where it shows, and the strict rule beside it."""

import itertools

import numpy as np
import pytest

from hps.errors import HpsError
from hps.evaluation.agora_matching import DetectionCounts, PicturePeople, match_people
from hps.evaluation.agora_matching.counting import count_kids, count_people
from hps.evaluation.agora_matching.matching import (
    assigned_pairs,
    box_overlaps,
    greedy_pairs,
    mean_distances,
    spectral_distances,
)
from hps.evaluation.agora_matching.part_errors import FULL_BODY, part_errors_mm, vertex_errors_mm

SHAPE = np.random.default_rng(5).uniform(0, 100, (24, 2))  # a person of about 100 x 100 pixels
TURNED = np.stack([np.cos(np.arange(24) * np.pi / 2), np.sin(np.arange(24) * np.pi / 2)], 1)  # as much x as y, sum 0


def _people(*q: np.ndarray, **flags) -> PicturePeople:
    joints = np.zeros((len(q), 24, 3))
    return PicturePeople(picture="a.png", q=np.array(q).reshape(-1, 24, 2), joints=joints, **flags)


def test_agora_s_distance_is_the_spectral_norm_and_prefers_scatter_to_a_shift():
    shifted, scattered = SHAPE + [10.0, 0.0], SHAPE + 12.0 * TURNED
    q, predicted = np.stack([shifted, scattered]), SHAPE[None]
    assert mean_distances(predicted, q)[0] == pytest.approx([10, 12])
    assert spectral_distances(predicted, q)[0] == pytest.approx([10 * np.sqrt(24), 12 * np.sqrt(12)])
    true = _people(shifted, scattered)
    assert match_people(_people(SHAPE), true, "strict").pairs.tolist() == [[0, 0]]
    assert match_people(_people(SHAPE), true, "agora").pairs.tolist() == [[0, 1]]


def test_greedy_takes_the_nearest_first_where_an_assignment_finds_everybody():
    # people at 0 and 60; predictions at 35 and 95: the nearest two leave a pair of boxes that do not meet
    true = _people(SHAPE, SHAPE + [60.0, 0.0])
    predicted = _people(SHAPE + [35.0, 0.0], SHAPE + [130.0, 0.0])
    greedy, assigned = (match_people(predicted, true, rule) for rule in ("agora", "strict"))
    assert greedy.pairs.tolist() == [[0, 1]]
    assert (greedy.false.tolist(), greedy.missed.tolist()) == ([1], [0])
    assert assigned.pairs.tolist() == [[0, 0], [1, 1]]


def test_boxes_are_a_pixel_longer_and_must_overlap_by_a_tenth():
    # one-pixel boxes exist only by the added pixel: two people on one point overlap wholly
    point = np.full((1, 24, 2), 7.0)
    assert box_overlaps(point, point) == pytest.approx(1.0)
    assert box_overlaps(point, point + [1.0, 0.0]) == pytest.approx(0.0)
    box = np.zeros((1, 24, 2))
    box[0, 1] = 9.0  # 10 x 10 with the added pixel
    for shift, share in ((8.0, 2 / 18), (9.0, 1 / 19)):
        assert box_overlaps(box, box + [shift, 0.0])[0, 0] == pytest.approx(share)
        found = match_people(_people(box[0] + [shift, 0.0]), _people(box[0]), "agora").pairs
        assert len(found) == (share >= 0.1)


def test_a_pair_that_is_passed_over_leaves_both_free():
    distance = np.array([[1.0, 5.0], [2.0, 9.0]])
    allowed = np.array([[False, True], [True, True]])
    assert greedy_pairs(distance, allowed).tolist() == [[1, 0], [0, 1]]


def test_people_who_do_not_count_are_no_misses_but_their_predictions_are_false():
    true = _people(
        *(SHAPE + [300.0 * n, 0.0] for n in range(5)),
        is_valid=np.array([True, False, True, True, True]),
        occlusion=np.array([0.9, 0.1, 0.91, -0.01, np.nan]),
    )
    assert true.counts.tolist() == [True, False, False, False, False]
    everybody = _people(*true.q)
    for rule in ("agora", "strict"):
        found = match_people(everybody, true, rule)
        assert found.pairs.tolist() == [[0, 0]]
        assert found.false.tolist() == [1, 2, 3, 4]
        assert not len(found.missed)


def test_pictures_without_predictions_are_all_misses_and_without_people_all_false():
    nobody, two = _people(), _people(SHAPE, SHAPE + [200.0, 0.0])
    for rule in ("agora", "strict"):
        assert match_people(nobody, two, rule).missed.tolist() == [0, 1]
        assert match_people(two, nobody, rule).false.tolist() == [0, 1]


def test_f1_is_rounded_before_it_divides():
    counts = DetectionCounts(found=2, false=1, missed=0)
    assert counts.f1 == pytest.approx(0.8)
    counts = DetectionCounts(found=1, false=1, missed=0)
    assert counts.f1 == pytest.approx(2 / 3)
    assert counts.normalised(67.0, "agora") == pytest.approx(100.0)  # 67 / 0.67
    assert counts.normalised(67.0, "strict") == pytest.approx(100.5)
    assert (counts.precision, counts.recall) == (0.5, 1.0)
    assert np.isnan(DetectionCounts(found=0, false=3, missed=1).normalised(10.0, "agora"))
    assert np.isnan(DetectionCounts(found=0, false=0, missed=0).f1)


def test_kids_keep_every_false_prediction():
    true = _people(SHAPE, SHAPE + [300.0, 0.0], SHAPE + [600.0, 0.0], kid=np.array([True, False, True]))
    predicted = _people(SHAPE, SHAPE + [300.0, 0.0], SHAPE + [900.0, 0.0], SHAPE + [1200.0, 0.0])
    found = [match_people(predicted, true, "agora")]
    assert count_people(found) == DetectionCounts(found=2, false=2, missed=1)
    assert count_kids(found, [true]) == DetectionCounts(found=1, false=2, missed=1)


def test_parts_of_smplx_are_measured_at_their_roots():
    truth = np.random.default_rng(1).normal(size=(2, 127, 3))
    estimate = truth.copy()
    estimate[:, 25:40] += [0.01, 0, 0]  # left hand, 10 mm off its wrist
    estimate[:, 76:] += [0, 0.02, 0]
    errors = part_errors_mm(estimate + 5.0, truth)
    assert errors["body"] == pytest.approx(0, abs=1e-9)
    assert errors["left hand"] == pytest.approx(10)
    assert errors["right hand"] == pytest.approx(0, abs=1e-9)
    assert errors["face"] == pytest.approx(20)
    assert errors[FULL_BODY] == pytest.approx(10)
    with pytest.raises(HpsError, match="predicted people have 24 joints, true ones 127"):
        part_errors_mm(estimate[:, :24], truth)


def test_smpl_s_body_is_24_joints_from_the_middle_of_the_hips():
    truth = np.random.default_rng(2).normal(size=(1, 24, 3))
    estimate = truth.copy()
    estimate[:, 1] += [0.024, 0, 0]  # moves the pelvis by 12 mm too: 23 joints are 12 mm off, and the hip itself
    assert part_errors_mm(estimate, truth)["body"] == pytest.approx(12)
    assert vertex_errors_mm(truth[:, :9], truth[:, :9], estimate, truth) == pytest.approx(12)
    with pytest.raises(HpsError, match="8 vertices, true ones 9"):
        vertex_errors_mm(truth[:, :8], truth[:, :9], estimate, truth)


def test_the_assignment_is_best_of_all_assignments():
    rng = np.random.default_rng(3)
    for _ in range(20):
        distance, allowed = rng.random((3, 4)), rng.random((3, 4)) > 0.4
        pairs = assigned_pairs(distance, allowed)
        best = (0, 0.0)
        for columns in itertools.permutations(range(4), 3):
            some = [(row, column) for row, column in enumerate(columns) if allowed[row, column]]
            best = min(best, (-len(some), sum(distance[pair] for pair in some)))
        assert (-len(pairs), distance[pairs[:, 0], pairs[:, 1]].sum()) == pytest.approx(best)


def test_people_who_cannot_be_compared_are_told():
    with pytest.raises(HpsError, match="matched by 24 projected joints, there are 17"):
        PicturePeople(picture="a.png", q=np.zeros((1, 17, 2)), joints=np.zeros((1, 24, 3)))
    with pytest.raises(HpsError, match=r"picture a\.png: a person has joints that are not finite"):
        _people(np.full((24, 2), np.nan))
    with pytest.raises(HpsError, match="1 projected people and 2 rows of valid"):
        _people(SHAPE, is_valid=np.ones(2, bool))
