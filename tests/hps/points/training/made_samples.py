"""Clouds made of points of posed bodies, as samples."""

from __future__ import annotations

import numpy as np

from body.loading import load_body_model
from body.parameters import BodyParameters
from geometry.rigid import look_at
from hps.datasets.cloud_sample import CloudSample, PointLabels
from hps.points.person_cloud import PersonCloud


def made_sample(number: int, points: int = 400) -> CloudSample:
    """A naked body of one pose, some of its vertices as points, seen in the frame of a camera that is tilted."""
    model, rng = load_body_model(), np.random.default_rng(number)
    parameters = BodyParameters(
        betas=rng.normal(0, 1, 10),
        global_orient=rng.normal(0, 1, (1, 3)),
        body_pose=rng.normal(0, 0.2, (1, 69)),
        transl=rng.normal(0, 0.3, (1, 3)) + (0, 0, 3),
        child=0.2 * (number % 2),
    )
    vertices = model.pose(parameters).vertices[0]
    chosen = rng.choice(len(vertices), points, replace=False)
    shift = rng.normal(0, 0.01, (points, 3))
    T = look_at(np.array([3.0, 1.0, 2.0]), np.array([0.0, 0.2, 1.0]))
    return CloudSample(
        key=f"cloud{number:03d}",
        subject=f"person{number % 3}",
        action="stand",
        sequence=f"take{number}",
        frame=0,
        time_s=0.0,
        sensors=("pinhole",),
        cloud=PersonCloud.of_camera(vertices[chosen] - shift, up=T[2, :3].copy()),
        truth=parameters,
        joints=None,
        model=model.name,
        labels=PointLabels(part=np.asarray(model.weights)[chosen].argmax(1), skin_offset=shift),
    )
