"""ICP from the mean body: it finds the mean body itself, and bends towards others."""

from dataclasses import replace

import numpy as np
import pytest

from hps.points.baselines.icp import Icp
from hps.points.baselines.mean_pose import MeanPose
from hps.points.person_cloud import PersonCloud


def joint_error(model, prediction, joints):
    return np.linalg.norm(model.pose(prediction.parameters).joints[0] - joints, axis=1).mean()


def of_points(cloud, points):
    return PersonCloud.of_camera(points, up=cloud.up)


@pytest.fixture(scope="module")
def mean_seen(open_body, seen_bodies):
    """The mean body at another place than a cloud of its surface would put it, seen by the camera."""
    (sample,) = seen_bodies(1)
    parameters = MeanPose(open_body).of(sample.cloud)
    posed = open_body.pose(replace(parameters, transl=parameters.transl + [[0.1, 0.05, 0.1]]))
    v = posed.vertices[0]
    facing = np.flatnonzero((open_body.mesh(v).vertex_normals() * v).sum(1) < 0)
    chosen = np.random.default_rng(0).choice(facing, 700, replace=False)
    return of_points(sample.cloud, v[chosen]), posed.joints[0]


def test_the_mean_body_is_found_where_it_stands(open_body, mean_seen):
    cloud, joints = mean_seen
    (found,) = Icp(open_body)([cloud])
    # 2,000 vertices stand for the skin, 20 mm apart: matches are off by up to 10 mm each
    assert joint_error(open_body, found, joints) < 0.02
    assert set(found.milliseconds) == {"fit", "refine"}


def test_a_bent_body_is_met_better_when_the_joints_may_move(open_body, seen_bodies):
    samples = seen_bodies(2, seed=3, bend=0.12)
    clouds = [sample.cloud for sample in samples]
    stiff, bent = Icp(open_body)(clouds), Icp(open_body, articulated=True)(clouds)

    def gap(prediction, cloud):
        v = open_body.pose(prediction.parameters).vertices[0]
        return np.linalg.norm(cloud.points[::7, None] - v[None], axis=2).min(1).mean()

    for a, b, cloud in zip(stiff, bent, clouds, strict=True):
        assert gap(b, cloud) < 0.7 * gap(a, cloud)
        assert (a.parameters.body_pose == stiff[0].parameters.body_pose).all()
