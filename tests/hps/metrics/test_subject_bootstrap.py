"""Intervals over subjects: they cover the truth, and many frames of few people do not make them narrow."""

import numpy as np
import pytest

from hps.errors import HpsError
from hps.metrics.subject_bootstrap import mean_interval, ratio_interval


def _population(rng, people: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of 50 mm, people differing by 10 mm and their frames by 5 mm."""
    own = rng.normal(50, 10, people)
    return (own[:, None] + rng.normal(0, 5, (people, frames))).ravel(), np.repeat(np.arange(people), frames)


@pytest.mark.parametrize(("people", "share"), [(5, 0.82), (10, 0.89), (20, 0.91), (40, 0.93)])
def test_intervals_cover_the_truth_nearly_as_often_as_they_say(people, share):
    rng = np.random.default_rng(people)
    covered = []
    for _ in range(300):
        own = rng.gamma(4.0, 12.5, people)  # people differ, and a few are far worse than the rest; the mean is 50 mm
        values = (own[:, None] + rng.normal(0, 5, (people, 10))).ravel()
        interval = mean_interval(values, np.repeat(np.arange(people), 10), draws=500)
        covered.append(interval.low <= 50 <= interval.high)
    # shares of 1,500 trials, as docs/point_metrics.md states them; of 300, three standard deviations are 0.06
    assert np.mean(covered) == pytest.approx(share, abs=0.065)


def test_more_frames_of_the_same_people_do_not_narrow_it():
    rng = np.random.default_rng(1)
    widths = []
    for frames in (5, 100):
        values, subjects = _population(np.random.default_rng(7), 20, frames)
        interval = mean_interval(values, subjects, rng)
        widths.append(interval.high - interval.low)
    assert widths[1] > 0.6 * widths[0]
    by_frame = mean_interval(*(lambda v: (v, np.arange(len(v))))(_population(np.random.default_rng(7), 20, 100)[0]))
    assert by_frame.high - by_frame.low < 0.4 * widths[1]  # what resampling frames would have claimed


def test_a_seed_gives_the_same_interval_and_the_mean_is_of_frames():
    values, subjects = np.array([1.0, 2.0, 3.0, 10.0]), np.array(["a", "a", "a", "b"])
    first, second = mean_interval(values, subjects, 5), mean_interval(values, subjects, 5)
    assert first == second
    assert first.value == 4.0
    assert (first.n, first.subjects) == (4, 2)
    assert (first.low, first.high) == (2.0, 10.0)  # a alone, b alone


def test_refusals_are_counted_out_and_one_person_has_no_interval():
    interval = mean_interval(np.array([np.nan, 4.0, 6.0]), np.array(["b", "a", "a"]))
    assert (interval.n, interval.subjects, interval.value) == (2, 1, 5.0)
    assert np.isnan([interval.low, interval.high]).all()
    nobody = mean_interval(np.array([np.nan]), np.array(["a"]))
    assert nobody.n == 0
    assert np.isnan(nobody.value)


def test_a_paired_ratio_is_surer_than_two_intervals():
    rng = np.random.default_rng(3)
    values, subjects = _population(rng, 20, 30)
    better = 0.7 * values + rng.normal(0, 1, len(values))
    ratio = ratio_interval(better, values, subjects)
    assert ratio.value == pytest.approx(0.7, abs=0.01)
    assert ratio.low > 0.69
    assert ratio.high < 0.71
    better[:30] = np.nan
    assert ratio_interval(better, values, subjects).subjects == 19


def test_lengths_must_agree():
    with pytest.raises(HpsError, match="3 values have 2 subjects"):
        mean_interval(np.zeros(3), np.array(["a", "b"]))
