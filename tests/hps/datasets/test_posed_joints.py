"""Joints of a data set's own body model, where the user has its file."""

from dataclasses import replace

import numpy as np
import pytest

from body.errors import BodyError
from body.loading import OPEN_BODY, load_body_model
from body.parameters import BodyParameters
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.posed_joints import WithPosedJoints
from hps.datasets.reader import CloudReader, Entry
from hps.points.person_cloud import PersonCloud

TRUTH = BodyParameters(
    betas=np.linspace(-1, 1, 10), global_orient=np.array([[0.1, 2.0, 0.3]]), body_pose=np.full((1, 69), 0.1),
    transl=np.array([[0.2, -0.1, 2.5]]),
)  # fmt: skip
SAMPLE = CloudSample(
    key="a", subject="p1", action="walk", sequence="s", frame=0, time_s=0.0, sensors=("kinect",),
    cloud=PersonCloud.of_camera(np.zeros((3, 3)) + 1), truth=TRUTH, joints=None, model="smpl",
)  # fmt: skip


def reader(*samples: CloudSample) -> CloudReader:
    entries = tuple(
        Entry(key=f"{n}", subject="p1", action="walk", sequence="s", frame=n, split="test", place=(n,))
        for n in range(len(samples))
    )
    return CloudReader(dataset="d", protocol="p", entries=entries, read=lambda entry: samples[entry.frame])


def test_joints_are_those_of_the_posed_model_and_stated_ones_stay() -> None:
    stated = replace(SAMPLE, joints=np.ones((24, 3)))
    others = [replace(SAMPLE, model="smplx"), replace(SAMPLE, truth=None)]
    found = WithPosedJoints(reader=reader(SAMPLE, stated, *others), place=OPEN_BODY)
    assert len(found) == 4
    joints = found[0].joints
    assert joints is not None
    np.testing.assert_allclose(joints, load_body_model(OPEN_BODY).pose(TRUTH).joints[0])
    assert found[1].joints is stated.joints
    assert found[2].joints is None
    assert found[3].joints is None


def test_a_model_that_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(BodyError):
        WithPosedJoints(reader=reader(replace(SAMPLE, model="smpl female")), place=tmp_path / "none.npz")[0]
