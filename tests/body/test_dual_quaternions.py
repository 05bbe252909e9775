import numpy as np
import pytest

from body.dual_quaternions import dual_quaternion_skin
from body.errors import BodyError
from body.joints import JOINT_INDEX
from body.loading import load_body_model
from body.motion.standing import STANDING, standing_clip
from body.parameters import BodyParameters


def _posed(pose: np.ndarray):
    model = load_body_model()
    parameters = BodyParameters(
        betas=np.zeros(0), global_orient=pose[None, :3], body_pose=pose[None, 3:], transl=np.array([[0.3, -0.2, 1.0]])
    )
    posed = model.pose(parameters)
    T = posed.transforms
    weights = np.asarray(model.weights)
    return model, posed, dual_quaternion_skin(model.v_template[None], T[..., :3, :3], T[..., :3, 3], weights)


def test_points_of_one_joint_move_as_with_linear_skinning_and_the_others_near_it():
    rng = np.random.default_rng(3)
    pose = rng.normal(0, 0.4, 72)
    model, posed, vertices = _posed(pose)
    alone = np.asarray(model.weights).max(1) > 0.9999
    T = posed.transforms[0, np.asarray(model.weights).argmax(1)[alone]]
    rigid = np.einsum("vij,vj->vi", T[:, :3, :3], model.v_template[alone]) + T[:, :3, 3]
    np.testing.assert_allclose(vertices[0, alone], rigid, atol=1e-9)
    far = np.linalg.norm(vertices[0] - posed.vertices[0], axis=1)
    assert 1e-4 < far.mean() < 0.01  # bent joints differ by millimetres


def test_a_twisted_forearm_keeps_its_thickness():
    """Linear blending of a half turn collapses; dual quaternions turn around."""
    pose = np.zeros(72)
    pose[3 * JOINT_INDEX["left_wrist"]] = np.pi * 0.95
    model, posed, vertices = _posed(pose)
    weights = np.asarray(model.weights)
    wrist, elbow = (weights[:, JOINT_INDEX[f"left_{name}"]] for name in ("wrist", "elbow"))
    band = (wrist > 0.4) & (elbow > 0.4)
    assert band.any()

    def radius(v):
        return np.linalg.norm((v - v.mean(0))[:, 1:], axis=1).mean()

    rest = radius(model.v_template[band])
    assert radius(vertices[0, band]) == pytest.approx(rest, rel=0.1)
    assert radius(posed.vertices[0, band]) < 0.85 * rest


def test_standing_poses_are_still_and_symmetric_but_for_crossed_arms():
    for name in STANDING:
        clip = standing_clip(name)
        assert np.ptp(clip.rotations, axis=0).max() == 0
        if name == "arms_crossed":
            continue
        left, right = clip.rotations[0, JOINT_INDEX["left_shoulder"]], clip.rotations[0, JOINT_INDEX["right_shoulder"]]
        np.testing.assert_allclose(left * [1, -1, -1], right)
    with pytest.raises(BodyError, match="a_pose"):
        standing_clip("sitting")


def test_crossed_arms_lie_before_the_chest_and_one_leg_before_the_other():
    pose = standing_clip("arms_crossed").rotations[:1]
    parameters = BodyParameters(
        betas=np.zeros(0), global_orient=pose[:, 0], body_pose=pose[:, 1:].reshape(1, -1), transl=np.zeros((1, 3))
    )
    joints = load_body_model().pose(parameters).joints[0]
    left, right = joints[JOINT_INDEX["left_hand"]], joints[JOINT_INDEX["right_hand"]]
    chest = joints[JOINT_INDEX["spine3"]]
    assert left[2] > chest[2] + 0.1
    assert right[2] > chest[2] + 0.1
    assert left[0] < right[0]  # y up, facing z: each hand has passed the other
    assert joints[JOINT_INDEX["left_ankle"]][2] - joints[JOINT_INDEX["right_ankle"]][2] > 0.25
