"""Bodies from colour and depth: better than from either, and honest where one of both is wrong or missing."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from rgbd_people import Person, knowing_estimator, person

from hps.errors import HpsError
from hps.metrics import mpjpe_mm
from hps.rgb.keypoint_names import LIFTED
from hps.rgbd.agreement import agreements, clip_shift
from hps.rgbd.estimator import exchanged, on_points
from hps.rgbd.found import RgbdBatch, RgbdEstimate
from hps.rgbd.view import RgbdView, joined_keypoints

PEOPLE = [person(seed) for seed in range(3)]
ESTIMATOR = knowing_estimator(PEOPLE, points_m=0.06, lifter_m=0.03)


@lru_cache
def found_by(what: str) -> list[RgbdEstimate]:
    views = [one.view for one in PEOPLE]
    if what == "depth":
        return ESTIMATOR.estimate_many([view.without_picture() for view in views])
    if what == "picture":
        return ESTIMATOR.estimate_many([view.without_depth() for view in views])
    return ESTIMATOR.estimate_many(views)


def error_mm(found: list[RgbdEstimate], people: list[Person], root: int | None = 0) -> float:
    joints = np.concatenate([one.estimate.joints for one in found])
    return float(mpjpe_mm(joints, np.stack([one.joints for one in people]), root=root).mean())


def moved(x: float, y: float, z: float) -> np.ndarray:
    T = np.eye(4)
    T[:3, 3] = x, y, z
    return T


def test_both_together_are_better_than_either() -> None:
    both, depth, picture = found_by("both"), found_by("depth"), found_by("picture")
    assert [one.used for one in (*both, *depth, *picture)] == ["both"] * 3 + ["depth"] * 3 + ["picture"] * 3
    assert error_mm(both, PEOPLE) < 0.9 * min(error_mm(depth, PEOPLE), error_mm(picture, PEOPLE))
    root = np.concatenate([one.estimate.joints[:, 0] for one in both])
    truth = np.stack([one.joints[0] for one in PEOPLE])
    assert np.linalg.norm(root - truth, axis=1).max() < 0.02  # the goal; depth places a body, the picture does not
    assert all(not one.note and one.estimate.confidence[0] > 0.5 for one in both)


def with_spreads(factor: float) -> RgbdBatch:
    """One person from both, from depth, from the picture; the same errors at each call."""
    own = knowing_estimator(PEOPLE[:1])
    own.points.spread, own.pictures.spread = 2.0, 3.0
    own.config = replace(own.config, covariance_factor=factor)
    view = PEOPLE[0].view
    return own.found([view, view.without_picture(), view.without_depth()])


def test_it_is_told_what_standard_deviations_were_multiplied_by() -> None:
    told = with_spreads(0.5)
    assert told.used == ("both", "depth", "picture")
    assert told.spread == (1.0, 2.0, 3.0)  # a clip takes the prior out of each frame's shape by that
    assert RgbdBatch.joined([told, told]).spread == (1.0, 2.0, 3.0) * 2


@pytest.mark.slow
def test_standard_deviations_of_fused_bodies_are_multiplied_as_calibration_says() -> None:
    ratio = with_spreads(0.5).bodies.joint_covariance / with_spreads(1.0).bodies.joint_covariance
    np.testing.assert_allclose(ratio[0], 0.25, rtol=1e-6)
    np.testing.assert_allclose(ratio[1], 1, rtol=1e-6)


def test_a_missing_picture_or_depth_is_told() -> None:
    assert "of the depth alone: nobody was found in the picture" in found_by("depth")[0].note
    assert "of the picture alone: no depth was measured" in found_by("picture")[0].note
    nothing = ESTIMATOR.estimate(PEOPLE[0].view.without_depth().without_picture())
    assert nothing.used is None
    assert nothing.estimate.confidence[0] == 0
    assert "no depth" in nothing.note
    assert "nobody" in nothing.note
    assert np.isnan(nothing.estimate.joints).all()


@pytest.mark.parametrize("number", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_picture_of_somebody_else_is_told_and_depth_alone_is_used(number: int) -> None:
    estimator, one, other = knowing_estimator(PEOPLE[:2], points_m=0.02), PEOPLE[number], PEOPLE[1 - number]
    found = estimator.estimate(RgbdView(cloud=one.view.cloud, keypoints=other.view.keypoints))
    depth = estimator.estimate(one.view.without_picture())
    assert found.used == "depth"
    assert "picture and depth disagree" in found.note
    assert error_mm([found], [one]) == pytest.approx(error_mm([depth], [one]), abs=1e-6)


@pytest.mark.parametrize(
    ("shift", "side"), [((0.2, 0, 0), "to the right"), ((0, 0, 0.2), "farther"), ((0, -0.2, 0), "higher")]
)
def test_a_shift_between_picture_and_depth_is_found(shift: tuple[float, float, float], side: str) -> None:
    one, config = PEOPLE[1], ESTIMATOR.config
    assert one.view.keypoints is not None
    (right,) = agreements(ESTIMATOR.fit_body, one.body, one.body, one.view.keypoints)
    assert not right.disagrees(config)
    assert right.shift_m < 0.001  # keypoints are exact, and stored as 32 bits
    off = one.body.moved(moved(*shift)[None])
    (wrong,) = agreements(ESTIMATOR.fit_body, one.body, off, one.view.keypoints)
    assert wrong.moved(config)
    assert side in wrong.sentence(config)
    np.testing.assert_allclose(wrong.shift, -np.array(shift), atol=0.01)  # known to 1 m before, which pulls to 0
    many = clip_shift([wrong] * 5)
    assert many is not None
    np.testing.assert_allclose(many, wrong.shift)
    assert clip_shift([right] * 5) is None
    assert clip_shift([wrong] * 4) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shift", "side"), [((0.2, 0, 0), "to the right"), ((0, 0, 0.2), "farther"), ((0, -0.2, 0), "higher")]
)
def test_depth_that_is_moved_is_told_with_how_far(shift: tuple[float, float, float], side: str) -> None:
    estimator = knowing_estimator(PEOPLE[1:2], points_m=0.01)
    view = PEOPLE[1].view
    found = estimator.estimate(view.with_depth_moved(moved(*shift)))
    assert found.used == "depth"
    assert side in found.note
    off = float(found.note.split("lie ")[1].split(" m")[0])
    assert off == pytest.approx(0.2, abs=0.06)  # along the axis only sizes tell: a centimetre of height is 15 mm
    assert found.residual_mm < 20


def test_keypoints_lie_on_the_points_of_their_own_person_only() -> None:
    right = [on_points(one.view) for one in PEOPLE]
    beside = [on_points(one.view.with_depth_moved(moved(0.4, 0, 0))) for one in PEOPLE]
    assert min(right) > ESTIMATOR.config.on_points > max(beside)
    assert on_points(PEOPLE[0].view.without_picture()) == on_points(PEOPLE[0].view.without_depth()) == 0


def test_where_both_disagree_and_depth_is_doubted_only_a_picture_of_the_same_person_replaces_it() -> None:
    estimator = knowing_estimator(PEOPLE[:2], points_m=0.02)
    estimator.points.judge = replace(estimator.points.judge, offset=-100.0)  # doubts everybody
    estimator.config = replace(estimator.config, apart=1e-6, sides_from=1e6)  # everything disagrees
    one, other = (person.view for person in PEOPLE[:2])
    swapped = RgbdView(cloud=one.cloud.moved(moved(0.5, 0, 0)), keypoints=other.keypoints)
    found = estimator.estimate_many([one, swapped])
    assert [single.used for single in found] == ["picture", "depth"]
    assert found[1].estimate.confidence[0] < 0.5
    assert all("picture and depth disagree" in single.note for single in found)


def test_a_view_is_of_one_person() -> None:
    two = joined_keypoints([one.view.keypoints for one in PEOPLE[:2] if one.view.keypoints is not None])
    with pytest.raises(HpsError, match="one person"):
        RgbdView(cloud=PEOPLE[0].view.cloud, keypoints=two)


def test_keypoints_that_are_hidden_do_not_make_a_picture() -> None:
    keypoints = PEOPLE[0].view.keypoints
    assert keypoints is not None
    hidden = type(keypoints)(
        **{name: getattr(keypoints, name) for name in ("q", "pixel_size", "K", "size", "focal_known")},
        confidence=torch.full((1, 27), 0.1),
    )
    found = ESTIMATOR.estimate(RgbdView(cloud=PEOPLE[0].view.cloud, keypoints=hidden))
    assert found.used == "depth"
    assert "0 keypoints" in found.note


def test_sides_are_exchanged_in_the_parts_that_are_named_and_back() -> None:
    own = PEOPLE[0].view.keypoints
    assert own is not None
    legs = exchanged(own, ("lower",))
    names = list(LIFTED.names)
    left, right = names.index("left_ankle"), names.index("right_ankle")
    assert torch.equal(legs.q[:, left], own.q[:, right])
    assert torch.equal(legs.q[:, names.index("left_wrist")], own.q[:, names.index("left_wrist")])
    assert torch.equal(exchanged(legs, ("lower",)).q, own.q)


@pytest.mark.slow
def test_sides_that_the_detector_took_for_each_other_are_exchanged_back() -> None:
    estimator = knowing_estimator(PEOPLE[:1], points_m=0.02)
    view = PEOPLE[0].view
    assert view.keypoints is not None
    swapped = RgbdView(cloud=view.cloud, keypoints=exchanged(view.keypoints, ("upper", "lower")))
    right, wrong = estimator.estimate(view), estimator.estimate(swapped)
    assert wrong.used == "both"
    assert error_mm([wrong], PEOPLE[:1]) < error_mm([right], PEOPLE[:1]) + 5  # the lifter's draw of noise is another
