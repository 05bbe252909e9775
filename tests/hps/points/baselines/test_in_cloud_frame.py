"""A body posed in one frame and moved is the same as one posed with the moved parameters."""

import numpy as np
from scipy.spatial.transform import Rotation

from body.parameters import BodyParameters
from geometry.rigid import inverse, transform
from hps.points.baselines.in_cloud_frame import parameters_in_cloud


def test_the_moved_parameters_pose_the_moved_body(open_body, anywhere):
    rng = np.random.default_rng(0)
    turns = rng.normal(0, 0.5, (24, 3))
    betas, child, transl = rng.normal(size=10), 0.4, rng.normal(size=3)
    here = BodyParameters(
        betas=betas, global_orient=turns[:1], body_pose=turns[1:].reshape(1, -1), transl=transl[None], child=child
    )
    moved = parameters_in_cloud(
        open_body, Rotation.from_rotvec(turns).as_matrix(), betas, child, transl, inverse(anywhere)
    )
    expected, found = open_body.pose(here), open_body.pose(moved)
    # float64 throughout
    np.testing.assert_allclose(found.vertices[0], transform(anywhere, expected.vertices[0]), atol=1e-9)
    np.testing.assert_allclose(found.joints[0], transform(anywhere, expected.joints[0]), atol=1e-9)
