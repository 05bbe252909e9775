"""Confidence: what it is found from, and what it says."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from simulated_people import person

from hps.errors import HpsError
from hps.points.cloud_checks import check_cloud
from hps.points.judging.calibration import fitted_judge, sigma_factor
from hps.points.judging.confidence import DEFAULT, FEATURES, Judge, feature_rows, features_of
from hps.points.judging.not_people import KINDS, not_a_person
from hps.points.judging.other_ups import up_hint
from hps.points.judging.signs import Signs
from hps.points.person_cloud import PersonCloud

GOOD = Signs(
    sigma_mm=25.0, disagreement_mm=20.0, residual_mm=12.0, explained=0.96, outliers=0.02, unexplained_m=0.01,
    covered=0.9, shape=0.7, extent_m=1.8, points=1024.0,
)  # fmt: skip
WORSE = {
    "sigma_mm": 300.0, "disagreement_mm": 400.0, "residual_mm": 120.0, "explained": 0.2, "outliers": 0.9,
    "unexplained_m": 0.8, "covered": 0.1, "shape": 5.0, "extent_m": 3.4,
}  # fmt: skip


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_factor_of_sigmas_that_are_off_is_found_among_outliers(factor: float) -> None:
    rng = np.random.default_rng(1)
    sigma = rng.uniform(0.01, 0.1, 20000)
    off = rng.normal(0, 1, (20000, 3)) * sigma[:, None] * factor
    off[:200] += 5.0  # one in a hundred is lost altogether
    assert sigma_factor(off, sigma) == pytest.approx(factor, rel=0.03)  # 20,000 draws, and 1 % of outliers


def test_no_errors_no_factor() -> None:
    with pytest.raises(HpsError, match="without errors"):
        sigma_factor(np.zeros((0, 3)), np.zeros(0))


def test_the_judge_is_as_sure_as_the_data_and_no_sign_speaks_for_a_body() -> None:
    """Labels drawn from a logistic function of two features, one of the others with the wrong sign."""
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (40000, len(FEATURES)))
    probability = expit(-2.0 * x[:, 0] - 1.0 * x[:, 3] + 0.7 * x[:, 5])
    good = rng.uniform(size=len(x)) < probability
    judge = fitted_judge(x, good)
    assert judge.weights[FEATURES[0]] > 1.5 * judge.weights[FEATURES[3]] > 0
    assert judge.weights[FEATURES[5]] == 0
    assert min(judge.weights.values()) >= 0
    told = expit(judge.offset - x @ [judge.weights[name] for name in FEATURES])
    assert told[good].mean() > told[~good].mean() + 0.3


def test_too_few_of_either_kind_are_refused() -> None:
    with pytest.raises(HpsError, match="too few"):
        fitted_judge(np.zeros((100, len(FEATURES))), np.arange(100) < 5)


@pytest.mark.parametrize("name", sorted(WORSE))
def test_each_sign_alone_lowers_the_confidence_and_is_named(name: str) -> None:
    assert DEFAULT(GOOD).confidence > 0.9
    assert DEFAULT(GOOD).reason == ""
    explained = {"explained": 0.08} if name == "outliers" else {}
    verdict = DEFAULT(replace(GOOD, **{name: WORSE[name], **explained}))
    assert verdict.confidence < DEFAULT(GOOD).confidence - 0.005


def test_the_reason_names_what_speaks_most_against_the_body() -> None:
    verdict = DEFAULT(replace(GOOD, sigma_mm=400.0, explained=0.1, outliers=0.02, unexplained_m=0.7))
    assert verdict.confidence < 0.5
    assert "88 % of the points" in verdict.reason
    large = Judge(offset=5.0, weights=dict.fromkeys(FEATURES, 0.0) | {"too_large": 10.0}, usual=DEFAULT.usual)
    assert "3.4 m long" in large(replace(GOOD, extent_m=3.4)).reason


def test_every_feature_grows_as_a_body_gets_worse() -> None:
    for name, value in WORSE.items():
        worse, usual = features_of(replace(GOOD, **{name: value})), features_of(GOOD)
        grown = [feature for feature in FEATURES if worse[feature] > usual[feature] + 1e-9]
        fallen = [feature for feature in FEATURES if worse[feature] < usual[feature] - 1e-9]
        assert grown, name
        assert fallen in ([], ["unexplained"]), name  # points that are taken for something else need no explanation
    assert feature_rows([GOOD, GOOD]).shape == (2, len(FEATURES))


def test_a_judge_is_read_as_it_was_written_and_a_damaged_one_refused() -> None:
    assert Judge.read(DEFAULT.described()) == DEFAULT
    for damaged in (
        {},
        {"offset": 1.0},
        {"offset": "x", "weights": {}, "usual": {}},
        {**DEFAULT.described(), "usual": 3},
    ):
        with pytest.raises(HpsError, match="damaged"):
            Judge.read(damaged)


@pytest.mark.parametrize("kind", KINDS)
def test_things_that_are_no_people_are_clouds_that_pass_the_checks(kind: str) -> None:
    people = [person(seed).cloud for seed in range(3)]
    passed = 0
    for seed in range(6):
        cloud = not_a_person(kind, np.random.default_rng(seed), people)
        same = not_a_person(kind, np.random.default_rng(seed), people)
        np.testing.assert_array_equal(cloud.points, same.points)
        try:
            check_cloud(cloud)
            passed += 1
        except HpsError:
            pass
    assert passed >= 3


def test_another_way_up_is_hinted_at_only_where_it_helps() -> None:
    cloud = PersonCloud.of_camera(np.random.default_rng(0).normal(0, 0.3, (100, 3)) + [0, 0, 3])

    def likes_z(clouds: list[PersonCloud]) -> list[float]:
        return [0.9 if one.up[2] > 0.9 else 0.1 for one in clouds]

    assert "--up 0 0 1" in up_hint(cloud, likes_z)
    assert up_hint(cloud, lambda clouds: [0.2] * len(clouds)) == ""
    known = replace(cloud, up=np.array([0.0, 0.0, -1.0]))
    assert "on its head" in up_hint(known, likes_z)
    assert up_hint(replace(cloud, up=np.array([1.0, 0.0, 0.0])), likes_z) == ""
