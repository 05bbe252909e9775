"""A body from points alone: found from any heading, told as a failure where there is nothing to fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_bodies import drawn_bodies, posed, seen_points, the_body, vertex_error_mm

from body.rotations import axis_angle_to_matrix
from hps.errors import HpsError
from hps.points.fitting import KeypointFreeConfig, fit_keypoint_free
from registration.fit.priors import pose_mean
from registration.fit.rotations import exponential


def standing(headings: list[float]):
    """People who stand with hanging arms and face these ways, radians about the vertical."""
    turns = torch.as_tensor(exponential(pose_mean())).repeat(len(headings), 1, 1, 1)
    about = torch.tensor([[0.0, 0.0, heading] for heading in headings], dtype=torch.float64)
    upright = axis_angle_to_matrix(torch.tensor([[np.pi / 2, 0.0, 0.0]], dtype=torch.float64))
    turns[:, 0] = axis_angle_to_matrix(about) @ upright
    some = drawn_bodies(len(headings), seed=1)
    return posed(turns, 0.5 * some.betas, 0 * some.child, some.transl)


def test_people_who_stand_are_found_whatever_their_heading():
    # the mean body, in place but with the heading unknown, is some 100 mm off on average; a fit must do far better
    bodies = standing([0.4])
    found = fit_keypoint_free(the_body(), seen_points(bodies, 2), KeypointFreeConfig(headings=6, poses=1))
    assert vertex_error_mm(bodies, found).max() < 60
    assert found.explained.min() > 0.8
    assert torch.isnan(found.landmark_rms).all()


def test_more_starts_do_not_raise_the_energy_they_share():
    # the first heading of eight is the only one of one; the best of more ends is no worse where all are kept
    points = seen_points(standing([1.1]), 3)
    few = KeypointFreeConfig(headings=1, poses=1, kept=1)
    one = fit_keypoint_free(the_body(), points, few)
    four = fit_keypoint_free(the_body(), points, replace(few, headings=4, kept=4))
    assert four.energy[0] <= one.energy[0] + 1e-6


def test_clouds_without_points_are_refused():
    points = seen_points(standing([0.0, 1.0]), 4)
    keep = points.keep.clone()
    keep[1] = False
    with pytest.raises(HpsError, match="cloud 1 of the batch keeps no point"):
        fit_keypoint_free(the_body(), replace(points, keep=keep))
    with pytest.raises(HpsError, match="at least one heading"):
        KeypointFreeConfig(headings=0)
