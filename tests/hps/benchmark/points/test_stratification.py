import numpy as np

from hps.benchmark.points.runner.frame_runs import (
    acceleration_m_s2_of_runs,
    acceleration_of_runs,
    frame_runs_of,
    rate_of,
)
from hps.benchmark.points.runner.stratification import numbers_of, strata_of


def named(attributes, count):
    return {(s.attribute, s.name): list(np.flatnonzero(s.which)) for s in strata_of(attributes, count)}


def test_numbers_are_parted_at_the_stated_edges_and_a_value_belongs_to_one_stratum():
    distance = [1.0, 1.5, 2.4999, 2.5, 9.99, 40.0, float("nan")]
    found = named({"distance_m": distance}, len(distance))
    assert found == {
        ("distance_m", "0 to 1.5 m"): [0],
        ("distance_m", "1.5 to 2.5 m"): [1, 2],
        ("distance_m", "2.5 to 3.5 m"): [3],
        ("distance_m", "5 to 10 m"): [4],
        ("distance_m", "10 m and more"): [5],
        ("distance_m", "not known"): [6],
    }


def test_shares_include_both_ends():
    found = named({"visible_share": [0.0, 0.2, 1.0], "occluded_share": [0.0, 0.9, 1.0]}, 3)
    assert found["visible_share", "0 to 20 %"] == [0]
    assert found["visible_share", "20 to 40 %"] == [1]
    assert found["visible_share", "80 to 100 %"] == [2]
    assert found["occluded_share", "80 to 100 %"] == [1, 2]


def test_quantiles_part_all_clouds_and_lose_none():
    rng = np.random.default_rng(0)
    rarity = rng.gamma(2, 100, 400)
    strata = [s for s in strata_of({"rarity_mm": list(rarity)}, 400)]
    assert [int(s.which.sum()) for s in strata] == [100, 100, 100, 60, 20, 20]
    assert (np.sum([s.which for s in strata], axis=0) == 1).all()


def test_words_are_strata_of_their_own_and_unknown_ones_are_the_last():
    found = named({"sensor": ["kinect", "", "iphone", "kinect"], "views": [1.0, 10.0, 2.0, float("nan")]}, 4)
    assert found == {
        ("views", "1"): [0],
        ("views", "2"): [2],
        ("views", "10"): [1],
        ("views", "not known"): [3],
        ("sensor", "iphone"): [2],
        ("sensor", "kinect"): [0, 3],
        ("sensor", "not known"): [1],
    }


def test_other_words_become_strata_unless_they_name_everybody():
    count = 50
    found = named(
        {"weather": ["sun", "rain"] * 25, "name": [f"n{n}" for n in range(count)], "subject": ["s"] * count}, 50
    )
    assert {attribute for attribute, _ in found} == {"weather"}


def test_numbers_are_told_from_words():
    assert numbers_of(["a", 1.0]) is None
    values = numbers_of(["", 2.0])
    assert values is not None
    np.testing.assert_array_equal(values, [np.nan, 2.0])


def test_acceleration_is_measured_within_runs_of_frames_alone():
    sequences = ["a"] * 5 + ["b"] * 2 + ["a"]
    frames = np.array([4, 0, 1, 2, 6, 0, 1, 5])
    runs = frame_runs_of(sequences, frames)
    assert sorted([sorted(run.tolist()) for run in runs]) == [[0, 4, 7], [1, 2, 3]]
    truth = np.zeros((8, 24, 3))
    joints = truth.copy()
    joints[2] += [0.003, 0, 0]  # a jump of 3 mm at frame 1 of 0, 1, 2: second difference of -6 mm
    found = acceleration_of_runs(joints, truth, runs)
    assert np.flatnonzero(np.isfinite(found)).tolist() == [2, 7]
    np.testing.assert_allclose(found[[2, 7]], [6.0, 0.0], atol=1e-9)


def test_acceleration_in_seconds_wants_a_known_even_rate():
    for times, rate in (([0, 0.1, 0.2, 0.3], 10), ([0, 0.1, 0.3], np.nan), ([0, np.nan, 0.2], np.nan), ([1], np.nan),
                        ([0, 0, 0], np.nan), ([0.2, 0.1, 0], np.nan), ([0, 0.0333, 0.0667, 0.1], 30)):  # fmt: skip
        np.testing.assert_allclose(rate_of(np.array(times, float)), rate)
    runs = [np.arange(0, 6), np.arange(6, 10), np.arange(10, 16)]
    truth = np.zeros((16, 24, 3))
    joints = truth.copy()
    joints[:, :, 1] = 0.5 * 3.0 * (np.arange(16)[:, None] / 20) ** 2  # 3 m/s² at 20 Hz
    found = acceleration_m_s2_of_runs(joints, truth, runs, [20.0, 20.0, np.nan])
    assert np.flatnonzero(np.isfinite(found)).tolist() == [2, 3]
    np.testing.assert_allclose(found[[2, 3]], 3.0, atol=1e-9)
