"""Orientations of joints against the transforms of the posed body, which multiply them elsewhere."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from body.joint_orientations import parent_rotations, world_rotations
from body.joints import JOINT_COUNT, PARENTS
from body.loading import OPEN_BODY, read_body_model
from body.skinning import Skinning


def test_they_are_those_of_the_posed_skeleton() -> None:
    open_body = read_body_model(OPEN_BODY)
    local = Rotation.random(2 * JOINT_COUNT, rng=0).as_matrix().reshape(2, JOINT_COUNT, 3, 3)
    shape = torch.zeros(2, open_body.shape_count, dtype=torch.float64)
    posed = Skinning(open_body, torch.float64).transforms(
        shape, torch.from_numpy(local), torch.zeros(2, 3, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    )
    world = posed.Ts_world_rest[:, :, :3, :3].numpy()
    np.testing.assert_allclose(world_rotations(local), world, atol=1e-12)
    np.testing.assert_allclose(parent_rotations(local)[:, 1:], world[:, list(PARENTS[1:])], atol=1e-12)
    np.testing.assert_array_equal(parent_rotations(local)[:, 0], np.broadcast_to(np.eye(3), (2, 3, 3)))
