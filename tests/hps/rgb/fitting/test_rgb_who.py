"""How large people come out: adults unless somebody says more, and exactly where their height is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lifted_people import lifted, people, the_body

from hps.errors import HpsError
from hps.rgb.estimator import RgbEstimator
from hps.rgb.fitting import KeypointFitConfig, fit_keypoints
from hps.rgb.fitting.config import LIFTER_SIZE_SIGMA
from hps.rgb.fitting.who import ADULTS, Who
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies
from hps.rgb.loading import keypoint_fit
from registration.shape.prior import population, rest_height

PEOPLE = people(5, 3)
SMALL = 0.85
"""Of their size is what the lifter says in these tests."""


def too_small(batch: KeypointBatch) -> LiftedBodies:
    told = lifted(PEOPLE, 0.02, 0.03)
    return replace(told, relative=SMALL * told.relative, root=SMALL * told.root)


def estimator(who: Who) -> RgbEstimator:
    model = the_body().model
    shape = who.shape_prior(model, the_body().shapes)
    return RgbEstimator(too_small, keypoint_fit(model, shape, LIFTER_SIZE_SIGMA), model, shape_prior=shape)


def heights(who: Who) -> np.ndarray:
    """Of single bodies."""
    found = estimator(who).estimate(PEOPLE.keypoints)
    shaped = [the_body().model.shaped(one.parameters.betas, one.parameters.child) for one in found]
    return np.array([np.ptp(rest[:, 1]) for rest in shaped])


def test_a_lifter_of_small_people_is_not_believed_of_adults() -> None:
    body = the_body()
    said = heights(Who(children=True)), heights(ADULTS)
    assert said[1].mean() > said[0].mean() + 0.01
    told = too_small(PEOPLE.keypoints)
    believed = fit_keypoints(body, PEOPLE.keypoints, told, KeypointFitConfig(focal_sigma=0.0))
    usual, row = rest_height(body.model, body.shapes)
    metres = usual + np.concatenate([believed.betas, believed.child[:, None]], 1) @ row
    assert metres.mean() < said[1].mean() - 0.05  # a third of the 15 % of 1.7 m that are missing


@pytest.mark.parametrize("height_m", [1.85, 1.15])
def test_a_height_that_is_told_is_the_bodys_in_pictures_and_clips(height_m: float) -> None:
    who = Who(height_m=height_m)
    # 5 mm: the told height's own deviation is 3 mm, and the body model's crown and soles are those of the mean body
    np.testing.assert_allclose(heights(who), height_m, atol=0.005)
    rows = np.arange(3)
    some = PEOPLE.keypoints.rows(slice(0, 3))
    own = estimator(who)
    own.lifter = lambda batch: LiftedBodies(
        **{name: getattr(too_small(batch), name)[:3] for name in LiftedBodies.__dataclass_fields__}
    )
    clip = own.clip(some, rows, np.arange(3.0), smooth=False).clip.estimate.parameters
    rest = the_body().model.shaped(clip.betas, clip.child)
    assert np.ptp(rest[:, 1]) == pytest.approx(height_m, abs=0.01)
    assert clip.child == pytest.approx(0.0, abs=0.2) if height_m > 1.5 else clip.child > 0.3


def test_children_are_people_in_general_and_a_known_height_leaves_the_rest_alone() -> None:
    model, shapes = the_body().model, the_body().shapes
    general = population(model, shapes)
    np.testing.assert_array_equal(Who(children=True).shape_prior(model, shapes).precision, general.precision)
    usual, row = rest_height(model, shapes)
    tall = Who(height_m=1.9).shape_prior(model, shapes)
    assert usual + row @ tall.mean == pytest.approx(1.9, abs=1e-3)
    across = np.linalg.svd(row[None, :shapes])[2][1:]  # shapes of the same height
    covariance = np.linalg.inv(tall.precision)[:shapes, :shapes]
    np.testing.assert_allclose(
        np.einsum("ni,ij,nj->n", across, covariance, across), 1 / general.precision[0, 0], rtol=1e-3
    )


def test_a_height_that_nobody_has_is_refused() -> None:
    with pytest.raises(HpsError, match=r"175 m.*give metres"):
        Who(height_m=175.0)
