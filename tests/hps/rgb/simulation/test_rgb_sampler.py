"""Sampled people are the bank's people, seen by the cameras that their keypoints say."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from body.joints import JOINT_INDEX
from body.loading import load_body_model
from body.motion.joint_limits import human_limits
from body.parameters import BodyParameters
from body.rotations import matrix_to_axis_angle
from hps.errors import HpsError
from hps.points.landmarks import landmarks_of
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.bodies import SplitBodies
from hps.rgb.simulation.poses import PoseTable, read_poses, write_poses
from hps.rgb.simulation.sampler import LiftingSampler
from hps.rgb.simulation.views import DISTANCE_M, FOV_DEG, LEAST_SEEN, NEAREST_M
from registration.fit.landmarks import EXPECTED_OFFSET_MM


def table(count: int = 60) -> PoseTable:
    rotations = human_limits().sample(np.random.default_rng(0), count).astype(np.float32)
    return PoseTable(rotations=rotations, motion=np.zeros(count, np.int64), motions=("made up",))


@cache
def bodies() -> SplitBodies:
    return SplitBodies(load_body_model(), "test")


def batch(count: int = 40, wandering: bool = False) -> LiftingBatch:
    return LiftingSampler(table(), "test", 3, pool=0, wandering=wandering, bodies=bodies()).draw(count)


def test_landmarks_are_those_of_the_full_bank_body() -> None:
    found, bank = batch(4), bodies().bank
    for row in range(4):
        name = bank.subjects[int(found.subject[row])].name
        turns = matrix_to_axis_angle(found.rotations[row].double()).numpy()
        body = bank.model(name).pose(
            BodyParameters(
                betas=np.zeros(0),
                global_orient=turns[None, 0],
                body_pose=turns[None, 1:].reshape(1, 69),
                transl=found.transl[row, None].double().numpy(),
            )
        )
        expected = landmarks_of(bank.body_model).of(body.vertices, body.joints)[0]
        # float32 skinning at up to 10 m
        np.testing.assert_allclose(found.landmarks[row], expected, atol=2e-5)


def test_exact_keypoints_project_from_the_joint_and_its_known_offset() -> None:
    found = batch()
    elbow, joint = LIFTED.names.index("left_elbow"), JOINT_INDEX["left_elbow"]
    world = torch.eye(3).expand(len(found), 3, 3)
    for link in ("pelvis", "spine1", "spine2", "spine3", "left_collar", "left_shoulder", "left_elbow"):
        world = world @ found.rotations[:, JOINT_INDEX[link]]
    p = found.landmarks[:, joint] + world @ (torch.tensor(EXPECTED_OFFSET_MM["elbow"]) / 1000)
    q = torch.einsum("nij,nj->ni", found.keypoints.K, p / p[:, 2:])[:, :2]
    seen = found.keypoints.confidence[:, elbow] > 0
    assert seen.sum() > 20
    # float32 pixels of pictures up to 4,000 wide
    torch.testing.assert_close(found.keypoints.q[seen, elbow], q[seen], atol=5e-3, rtol=0)


def test_wandering_moves_keypoints_by_centimetres_and_not_the_body() -> None:
    exact, wandering = batch(200), batch(200, wandering=True)
    both = (exact.keypoints.confidence * wandering.keypoints.confidence) > 0
    depth = exact.landmarks[:, :1, 2]
    moved = (exact.keypoints.q - wandering.keypoints.q).norm(dim=-1) * depth / exact.keypoints.K[:, 0, :1]
    torch.testing.assert_close(exact.landmarks, wandering.landmarks)
    # 8 to 25 mm along each axis (AGREEMENT_MM, wander_mm): the median over two axes is 1.18 of that
    assert 0.008 < moved[both].median() < 0.03


def test_cameras_stay_within_what_is_promised() -> None:
    found = batch(600)
    keys = found.keypoints
    fov = 2 * torch.rad2deg(torch.atan(keys.size[:, 1] / 2 / keys.K[:, 1, 1]))
    assert fov.min() >= FOV_DEG[0] - 0.1
    assert fov.max() <= FOV_DEG[1] + 0.1
    assert fov.quantile(0.9) - fov.quantile(0.1) > 50
    assert found.landmarks[..., 2].min() > NEAREST_M - 1e-4
    away = found.landmarks[:, 0].norm(dim=-1)
    assert away.median() > DISTANCE_M[0]
    assert away.quantile(0.95) < 1.2 * DISTANCE_M[1]
    assert (keys.confidence.sum(1) >= LEAST_SEEN).float().mean() > 0.99
    assert 0.1 < (keys.confidence.sum(1) < len(LIFTED)).float().mean() < 0.6
    assert (keys.size[:, 0] > keys.size[:, 1]).any()
    assert (keys.size[:, 0] < keys.size[:, 1]).any()
    R = found.rotations
    torch.testing.assert_close(R @ R.transpose(-1, -2), torch.eye(3).expand_as(R), atol=1e-5, rtol=0)


def test_hidden_keypoints_say_nothing_of_where_they_are() -> None:
    keys = batch(300).keypoints
    hidden = keys.confidence == 0
    assert hidden.any()
    middle = (keys.q * ~hidden[..., None]).sum(1) / (~hidden).sum(1, keepdim=True)
    expected = middle[:, None].expand_as(keys.q)[hidden]
    torch.testing.assert_close(keys.q[hidden], expected, atol=0.1, rtol=0)


def test_a_seed_gives_the_same_people_and_another_seed_others() -> None:
    def draw(seed: int) -> torch.Tensor:
        sampler = LiftingSampler(table(), "test", seed, pool=20, bodies=bodies())
        return torch.cat([sampler.draw(8).keypoints.q for _ in range(3)])

    torch.testing.assert_close(draw(1), draw(1), rtol=0, atol=0)
    assert not torch.equal(draw(1), draw(2))


def test_people_are_of_the_split_alone() -> None:
    found = batch(300)
    names = {bodies().bank.subjects[int(n)].name for n in found.subject}
    assert names <= set(bodies().bank.names("test"))
    assert len(names) > 50


def test_pose_tables_survive_their_file_and_damage_is_told(tmp_path) -> None:
    path = tmp_path / "poses.npz"
    write_poses(path, table(5))
    back = read_poses(path)
    np.testing.assert_array_equal(back.rotations, table(5).rotations)
    assert back.motions == ("made up",)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(HpsError, match="delete it"):
        read_poses(path)
