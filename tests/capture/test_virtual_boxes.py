"""Stacked boxes: sizes, places, contact and truth."""

import json

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.virtual.boxes import BEVEL_M, LOOKS, stacked_boxes
from geometry.mesh import TriangleMesh
from geometry.rigid import inverse, transform


@pytest.fixture(scope="module")
def stack():
    return stacked_boxes(np.random.default_rng(2), count=4, frames=5, turn_rad=np.pi / 2, xy=(0.3, -0.2))


def test_the_surface_is_where_the_truth_says(stack):
    for thing, truth in zip(*stack):
        assert thing.name == truth.name
        for frame in range(5):
            p_box = transform(inverse(truth.T_world_box[frame]), thing.vertices[frame].astype(np.float64))
            assert np.abs(p_box).max(0) == pytest.approx(truth.size_m / 2, abs=1e-6)  # float32
            # every vertex lies on a side, but for the bevel
            assert np.abs(np.abs(p_box) - truth.size_m / 2).min(1).max() < BEVEL_M
        mesh = TriangleMesh(vertices=thing.vertices[0].astype(np.float64), faces=thing.figure.faces)
        assert mesh.is_watertight()
        assert mesh.volume() == pytest.approx(truth.size_m.prod(), rel=1e-3)  # bevels of 1 mm


def test_boxes_stand_on_each_other_and_do_not_fall(stack):
    _, truths = stack
    below = None
    for truth in truths:
        corners = truth.corners_world(0)
        assert corners[:, 2].min() == pytest.approx(0 if below is None else below.corners_world(0)[:, 2].max())
        if below is not None:
            middle = transform(inverse(below.T_world_box[0]), truth.T_world_box[0, :3, 3])
            assert (np.abs(middle[:2]) < below.size_m[:2] / 2).all()  # its weight rests on the box below
            assert (truth.size_m < below.size_m).all()
        below = truth


def test_the_stack_turns_as_one(stack):
    _, truths = stack
    centre = np.array([0.3, -0.2])
    for truth in truths:
        start, end = truth.T_world_box[0, :2, 3] - centre, truth.T_world_box[-1, :2, 3] - centre
        assert end == pytest.approx([-start[1], start[0]])  # a quarter turn
        assert np.ptp(truth.T_world_box[:, 2, 3]) < 1e-12


def test_plain_and_marked_boxes_take_turns(stack):
    things, _ = stack
    spread = [np.ptp(thing.figure.texture.reshape(-1, 3), axis=0).max() for thing in things[: len(LOOKS)]]
    assert max(spread) > 150
    sides = [len(np.unique(thing.figure.texture.reshape(-1, 3), axis=0)) for thing in things[: len(LOOKS)]]
    assert min(sides) == 6  # plain: one colour a side


def test_truth_is_fit_for_json_and_seeds_differ(stack):
    read = json.loads(json.dumps([truth.truth() for truth in stack[1]]))
    assert np.array_equal(read[2]["T_world_box"], stack[1][2].T_world_box)
    again = stacked_boxes(np.random.default_rng(2), count=4)[1]
    other = stacked_boxes(np.random.default_rng(3), count=4)[1]
    assert np.array_equal(again[3].size_m, stack[1][3].size_m)
    assert not np.array_equal(other[0].size_m, stack[1][0].size_m)


@pytest.mark.parametrize(("count", "frames"), [(0, 1), (9, 1), (2, 0)])
def test_a_stack_that_cannot_be_built_is_refused(count, frames):
    with pytest.raises(CaptureError, match="cannot be built"):
        stacked_boxes(np.random.default_rng(0), count=count, frames=frames)
