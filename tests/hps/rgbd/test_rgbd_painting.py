"""Points painted with the heat of keypoints, and the depths that follow from it."""

import numpy as np
import pytest
import torch
from rgbd_people import COLOR, person, seen_at

from hps.rgb.keypoint_names import LIFTED
from hps.rgbd.depth_term import JointDepthTerm
from hps.rgbd.painting import covered, joint_depths, painted
from registration.keypoints.sets import stem


def test_heat_is_where_the_point_projects_to_the_keypoint() -> None:
    q = np.full((27, 2), 100.0)
    q[3] = 320, 240
    seen = seen_at(q)
    points = np.array([[0.0, 0, 2], [0.0, 0, -2], [0.02, 0, 2], [0.5, 0, 2]])  # on it, behind, 5 px beside, far
    heat = painted(points, seen)
    assert heat[0, 3] == pytest.approx(1)
    assert heat[1, 3] == heat[3, 3] == 0
    assert 0 < heat[2, 3] < 1
    assert (heat[:, 0] == 0).all()


def test_points_outside_the_picture_have_no_heat() -> None:
    seen = seen_at(np.full((27, 2), -1.0))
    assert painted(np.array([[-1.284, -0.964, 2.0]]), seen).max() == 0  # at pixel (-1, -1)


def test_depths_of_keypoints_are_the_bodys() -> None:
    one = person(1)
    assert one.view.keypoints is not None
    points = np.asarray(one.view.cloud.points)
    heat = painted(points, one.view.keypoints)
    found = joint_depths(points, heat, one.view.keypoints)
    limbs = np.array([stem(name) in ("elbow", "wrist", "knee", "ankle") for name in LIFTED.names])
    assert (found.known & limbs).sum() >= 6
    along = ((found.target - one.keypoints) * found.direction).sum(1)
    # of one body: what lies behind the skin was measured on others, to 14 to 20 mm
    assert np.abs(along[found.known & limbs]).max() < 0.06
    assert covered(heat)[found.known].all()


def test_of_two_surfaces_the_nearer_counts_and_the_spread_is_told() -> None:
    grid = np.stack(np.meshgrid(np.arange(310, 331), np.arange(230, 251)), -1).reshape(-1, 2)
    near, far = COLOR.unproject(grid, 2.0), COLOR.unproject(grid, 2.4)
    q = np.full((27, 2), 100.0)
    wrist = LIFTED.names.index("left_wrist")
    q[wrist] = 320, 240
    seen = seen_at(q)
    alone = joint_depths(near, painted(near, seen), seen)
    both = np.concatenate([near, far[: len(far) // 2], far])
    mixed = joint_depths(both, painted(both, seen), seen)
    assert mixed.target[wrist, 2] == pytest.approx(alone.target[wrist, 2], abs=0.005)
    assert mixed.sigma[wrist] > 3 * alone.sigma[wrist]


def test_the_term_has_the_derivative_of_its_cost() -> None:
    from rgbd_people import FIT_BODY

    from hps.points.fitting.equations import Equations
    from hps.points.fitting.state import BodyStates, frames_of
    from hps.rgb.fitting.keypoint_points import keypoint_points

    one = person(2)
    assert one.view.keypoints is not None
    points = np.asarray(one.view.cloud.points)
    depths = joint_depths(points, painted(points, one.view.keypoints), one.view.keypoints)
    own = keypoint_points(FIT_BODY)
    term = JointDepthTerm.of([depths], own.points, own.spread_m, 3.0)
    rng = np.random.default_rng(0)
    states = BodyStates(
        rotations=np.tile(np.eye(3), (1, 24, 1, 1)), transl=one.joints[:1] + rng.normal(0, 0.05, (1, 3)),
        coefficients=rng.normal(0, 0.3, (1, FIT_BODY.coefficients)),
    )  # fmt: skip

    def about(step: np.ndarray) -> Equations:
        equations = Equations.zeros(1, 75 + FIT_BODY.coefficients)
        after = states.stepped(step[None])
        term.add(equations, after, frames_of(after, FIT_BODY.points))
        return equations

    b = about(np.zeros(86)).b[0]
    numeric = []
    for unknown in (*range(12), *range(72, 86)):  # hip, knees and spine, the place, the shape
        step = np.zeros(86)
        step[unknown] = 1e-5
        numeric.append(-(about(step).cost[0] - about(-step).cost[0]) / 2e-5)
    exact = b[[*range(12), *range(72, 86)]]
    # pose correctives' own change is left out of the derivative; it moves points of the skin by millimetres
    np.testing.assert_allclose(numeric, exact, rtol=0.02, atol=0.02 * np.abs(exact).max())
    assert torch.isfinite(torch.from_numpy(exact)).all()
