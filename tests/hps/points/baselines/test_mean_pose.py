"""The mean body stands where the cloud is, whatever else is in it."""

import numpy as np

from geometry.rigid import rotate, transform
from hps.points.baselines.mean_pose import MEAN_PELVIS_M, MeanPose


def test_it_stands_upright_behind_the_middle_of_the_cloud(open_body, seen_bodies):
    (sample,) = seen_bodies(1)
    (found,) = MeanPose(open_body)([sample.cloud])
    joints = open_body.pose(found.parameters).joints[0]
    up = -joints[:, 1]
    assert up[15] - up[0] > 0.4  # head over pelvis
    assert max(up[7], up[8]) < up[0] - 0.5  # ankles below
    middle = np.median(sample.cloud.points, axis=0)
    away = joints[0] - middle
    np.testing.assert_allclose(
        [np.hypot(away[0], away[2]), -away[1]], np.abs(MEAN_PELVIS_M)[[0, 2]] * [1, -1], atol=0.01
    )


def test_it_faces_the_camera(open_body, seen_bodies):
    (sample,) = seen_bodies(1)
    (found,) = MeanPose(open_body)([sample.cloud])
    joints = open_body.pose(found.parameters).joints[0]
    toes = joints[[10, 11]] - joints[[7, 8]]
    assert (toes[:, 2] < -0.05).all()


def test_it_moves_with_the_cloud_and_its_camera(open_body, seen_bodies, axes_changed):
    (sample,) = seen_bodies(1)
    here, there = MeanPose(open_body)([sample.cloud, sample.cloud.moved(axes_changed)])
    a, b = (open_body.pose(each.parameters).vertices[0] for each in (here, there))
    np.testing.assert_allclose(b, transform(axes_changed, a), atol=1e-9)
    assert np.abs(rotate(axes_changed, a) - a).max() > 0.1


def test_all_clouds_get_the_same_shape_and_pose(open_body, seen_bodies):
    a, b = MeanPose(open_body)([sample.cloud for sample in seen_bodies(2)])
    np.testing.assert_array_equal(a.parameters.betas, b.parameters.betas)
    np.testing.assert_array_equal(a.parameters.body_pose, b.parameters.body_pose)
