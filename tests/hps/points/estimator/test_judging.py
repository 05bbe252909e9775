"""Confidence: what it is found from, and what it says."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from simulated_people import BODY, person, world

from geometry.rigid import transform
from hps.errors import HpsError
from hps.points.cloud_checks import check_cloud
from hps.points.judging import partial_people
from hps.points.judging.calibration import fitted_judge, sigma_factor
from hps.points.judging.confidence import DEFAULT, FEATURES, LATER, Judge, feature_rows, features_of
from hps.points.judging.not_people import KINDS, not_a_person
from hps.points.judging.other_ups import up_hint
from hps.points.judging.partial_people import part_of_a_person
from hps.points.judging.signs import Signs, on_head, turned_deg
from hps.points.person_cloud import PersonCloud

GOOD = Signs(
    sigma_mm=25.0, disagreement_mm=20.0, residual_mm=12.0, explained=0.96, outliers=0.02, unexplained_m=0.01,
    covered=0.9, turned_deg=20.0, on_head=0.0, shape=0.7, extent_m=1.8, points=1024.0,
)  # fmt: skip
WORSE = {
    "sigma_mm": 300.0, "disagreement_mm": 400.0, "residual_mm": 120.0, "explained": 0.2, "outliers": 0.9,
    "unexplained_m": 0.8, "covered": 0.1, "turned_deg": 60.0, "on_head": 1.0, "shape": 5.0, "extent_m": 3.4,
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


def test_a_feature_that_an_older_calibration_does_not_know_counts_for_nothing() -> None:
    old = DEFAULT.described()
    for part in ("weights", "usual"):
        old[part] = {name: value for name, value in old[part].items() if name not in LATER}
    judge = Judge.read(old)
    assert judge.weights == DEFAULT.weights | dict.fromkeys(LATER, 0.0)
    assert judge(replace(GOOD, turned_deg=85.0, on_head=1.0)) == judge(GOOD)
    assert DEFAULT(replace(GOOD, turned_deg=85.0)).confidence < DEFAULT(GOOD).confidence


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


def test_a_body_on_its_head_is_told_and_one_that_lies_is_not() -> None:
    standing = np.zeros((24, 3))
    standing[12] = [0.05, 0, 0.5]  # the neck above the pelvis
    assert on_head(standing) == 0
    assert on_head(-standing) > 0.99
    assert on_head(standing[:, [2, 1, 0]] * [1, 1, 0]) == 0


def test_a_surface_that_is_turned_against_the_skin_is_told() -> None:
    """A sheet of points against its own normal, against one at 50°, and a ball against its own normals."""
    rng = np.random.default_rng(0)
    sheet = np.concatenate([rng.uniform(-0.5, 0.5, (600, 2)), rng.normal(0, 0.002, (600, 1))], 1)
    for angle in (0.0, 50.0):
        normal = [np.sin(np.radians(angle)), 0, np.cos(np.radians(angle))]
        assert turned_deg(sheet, np.broadcast_to(normal, sheet.shape)) == pytest.approx(angle, abs=5)  # noise
    ball = rng.normal(size=(1000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    assert turned_deg(0.3 * ball, ball) < 6
    assert turned_deg(0.3 * ball, -ball) < 6  # a plane has no inside
    assert turned_deg(ball[:5], ball[:5]) == 90


def left_of(kind: str, seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of a part of a person, of the whole, and the joints, in the z-up world."""
    one = person(seed)
    whole = one.cloud.moved(world(one))
    part = part_of_a_person(kind, whole, one.parameters, BODY, np.random.default_rng(seed))
    return part.points, whole.points, transform(world(one), one.joints)


def test_parts_of_people_are_what_they_are_called() -> None:
    legs, whole, joints = left_of("legs")
    upper = left_of("upper half")[0]
    head = left_of("head and shoulders")[0]
    pelvis, knee, chest = joints[0, 2], joints[4:6, 2].max(), joints[6, 2]
    assert legs[:, 2].max() < chest  # the buttocks reach above the pelvis
    assert legs[:, 2].min() == whole[:, 2].min()
    assert upper[:, 2].min() > knee
    assert upper[:, 2].max() == whole[:, 2].max() == head[:, 2].max()
    assert head[:, 2].min() > pelvis
    assert len(head) < len(upper)
    sides = [left_of("one side", seed) for seed in range(8)]
    for side, whole, joints in sides:
        across = (side - joints[0]) @ (joints[1] - joints[2])
        assert abs(np.sign(across).sum()) == len(side)
        assert 0 < len(side) < len(whole)


@pytest.mark.parametrize("kind", partial_people.KINDS)
def test_parts_of_people_are_clouds_that_pass_the_checks(kind: str) -> None:
    one = person(3)
    cloud = part_of_a_person(kind, one.cloud.moved(world(one)), one.parameters, BODY, np.random.default_rng(0))
    check_cloud(cloud)
    assert cloud.up @ [0, 0, 1] > 0.99
    assert len(cloud.origins) == 1


def test_another_way_up_is_hinted_at_only_where_it_helps() -> None:
    cloud = PersonCloud.of_camera(np.random.default_rng(0).normal(0, 0.3, (100, 3)) + [0, 0, 3])

    def likes_z(clouds: list[PersonCloud]) -> list[float]:
        return [0.9 if one.up[2] > 0.9 else 0.1 for one in clouds]

    assert "--up 0 0 1" in up_hint(cloud, likes_z)
    assert up_hint(cloud, lambda clouds: [0.2] * len(clouds)) == ""
    known = replace(cloud, up=np.array([0.0, 0.0, -1.0]))
    assert "on its head" in up_hint(known, likes_z)
    assert up_hint(replace(cloud, up=np.array([1.0, 0.0, 0.0])), likes_z) == ""
