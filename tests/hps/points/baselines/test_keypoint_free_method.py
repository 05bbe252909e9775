"""Optimisation from several starts as a method."""

import numpy as np

from hps.points.baselines.keypoint_free import KeypointFree
from hps.points.fitting.keypoint_free import KeypointFreeConfig


def test_its_joints_are_those_of_its_body_and_lie_in_the_cloud(open_body, seen_bodies):
    method = KeypointFree(open_body, KeypointFreeConfig(headings=2, poses=1, kept=1, coarse_points=96, fine_steps=3))
    (sample,) = seen_bodies(1)
    (found,) = method([sample.cloud])
    joints = open_body.pose(found.parameters).joints[0]
    np.testing.assert_allclose(found.joints, joints, atol=1e-4)
    assert np.linalg.norm(joints[0] - sample.joints[0]) < 0.3
    assert (found.joint_sigma > 0).all()
    assert found.milliseconds["fit"] > 0
