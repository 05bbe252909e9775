"""Clouds are asked about in batches, in their order; those that are none are refused where they stand."""

import numpy as np

from hps.benchmark.prediction import Prediction
from hps.points.baselines.asking import asked
from hps.points.person_cloud import PersonCloud


def cloud(number):
    return PersonCloud.of_points(np.random.default_rng(number).normal(0, 0.3, (100, 3)) + [number, 0, 0])


def test_answers_come_in_the_order_of_the_clouds_whatever_the_batch():
    clouds = [cloud(n) for n in range(7)]
    sizes = []

    def answer(some):
        sizes.append(len(some))
        return [Prediction(joints=np.tile(np.round(c.points.mean(0)), (24, 1))) for c in some]

    found = asked(clouds, answer, at_once=3)
    assert sizes == [3, 3, 1]
    assert [int(each.joints[0, 0]) for each in found] == list(range(7))


def test_what_is_no_cloud_of_a_person_is_refused_and_nobody_is_asked_about_it():
    empty = PersonCloud.of_points(np.zeros((0, 3)))
    broken = PersonCloud.of_points(np.full((100, 3), np.nan))
    asked_about = []

    def answer(some):
        asked_about.extend(some)
        return [Prediction(joints=np.zeros((24, 3))) for _ in some]

    good = cloud(1)
    found = asked([empty, good, broken], answer)
    assert asked_about == [good]
    assert "no points" in found[0].refused
    assert not found[1].refused
    assert "not finite" in found[2].refused
