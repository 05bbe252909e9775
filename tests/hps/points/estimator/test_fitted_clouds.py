"""Bodies in other frames, with their covariance."""

import numpy as np
import pytest
from fitted_bodies import FIT_BODY, bodies, changed, posed
from scipy.spatial.transform import Rotation
from simulated_people import BODY

from body.joint_orientations import parent_rotations
from geometry.rigid import from_rotvec, inverse, transform
from hps.points.fitted_clouds import FittedClouds, RestPelvis

RNG = np.random.default_rng(8)
Ts = np.stack([from_rotvec(RNG.normal(0, 1, 3), RNG.normal(0, 2, 3)) for _ in range(3)])


def test_parameters_in_another_frame_pose_the_same_body_there() -> None:
    here, there = bodies(), bodies().moved(Ts)
    for row, T in enumerate(Ts):
        vertices, joints = posed(there.parameters(row))
        np.testing.assert_allclose(vertices, transform(T, posed(here.parameters(row))[0]), atol=1e-6)  # float32 body
        np.testing.assert_allclose(joints[0], there.joints[row], atol=1e-6)
        np.testing.assert_allclose(there.landmarks[row], transform(T, here.landmarks[row]))


def test_there_and_back_is_the_same() -> None:
    here = bodies()
    back = here.moved(Ts).moved(inverse(Ts))
    for name in ("rotations", "transl", "covariance", "joints", "joint_covariance", "landmarks"):
        np.testing.assert_allclose(getattr(back, name), getattr(here, name), atol=1e-9)


def test_covariance_in_another_frame_is_that_of_what_small_changes_become() -> None:
    """Each unknown is changed a little, the changed body is moved, and what has changed there is read off."""
    step = 1e-6
    here = bodies().rows(slice(0, 1))
    there = here.moved(Ts[:1])
    J = np.stack([_change(changed(here, n, step).moved(Ts[:1]), there) / step for n in range(85)], 1)
    np.testing.assert_allclose(J @ here.covariance[0] @ J.T, there.covariance[0], rtol=1e-3, atol=1e-6)


def test_the_covariance_of_a_joint_turns_with_the_frame() -> None:
    there = bodies().moved(Ts)
    for row, T in enumerate(Ts):
        np.testing.assert_allclose(
            there.joint_covariance[row, 5], T[:3, :3] @ np.diag([1.0, 4.0, 9.0]) @ T[:3, :3].T, atol=1e-9
        )


def test_batches_are_joined_and_parted() -> None:
    whole = bodies()
    joined = FittedClouds.joined([whole.rows(slice(0, 1)), whole.rows(slice(1, 3))])
    np.testing.assert_array_equal(joined.covariance, whole.covariance)
    assert len(FittedClouds.none(FIT_BODY)) == 0
    assert len(FittedClouds.joined([FittedClouds.none(FIT_BODY), whole])) == 3


@pytest.mark.parametrize("child", [0.0, 0.6])
def test_the_rest_pelvis_is_that_of_the_model(child: float) -> None:
    betas = RNG.normal(0, 1, (1, 10))
    found = RestPelvis.of_body(FIT_BODY).of(betas, np.array([child]))
    np.testing.assert_allclose(found[0], BODY.rest_joints(betas[0], child)[0], atol=1e-9)


def _change(one: FittedClouds, nominal: FittedClouds) -> np.ndarray:
    turns = []
    for joint, above in enumerate(parent_rotations(nominal.rotations[0])):
        turn = above @ one.rotations[0, joint] @ nominal.rotations[0, joint].T @ above.T
        turns.append(Rotation.from_matrix(turn).as_rotvec())
    return np.concatenate([*turns, (one.betas - nominal.betas)[0], (one.transl - nominal.transl)[0]])
