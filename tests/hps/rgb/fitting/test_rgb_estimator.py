"""The estimator of pictures: what it gives of people whose bodies are known, and what its judge says of them."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from lifted_people import lifted, people, the_body
from scipy.spatial.transform import Rotation

from geometry.camera import Camera
from geometry.rigid import rigid, transform
from hps.errors import HpsError
from hps.points.estimate import USABLE
from hps.rgb.estimator import RgbEstimator, with_focal_doubt
from hps.rgb.from_detector import keypoint_batch
from hps.rgb.judging.confidence import DEFAULT, FEATURES, feature_rows
from hps.rgb.judging.signs import RgbSigns, unseen_limbs
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.lifted import LiftedBodies
from hps.rgb.loading import keypoint_fit
from registration.keypoints.sets import BLAZEPOSE

PEOPLE = people(5, 3)
ACROSS_M, ALONG_M = 0.02, 0.03
GOOD = RgbSigns(
    score=0.95, seen=0.95, residual=1.0, residual_px=2.0, sigma_mm=40.0, disagreement_mm=40.0, shape=0.7,
    unseen=(),
)  # fmt: skip


def estimator(**how) -> RgbEstimator:
    """Knows the truth with noise, told by the keypoints."""
    told = lifted(PEOPLE, ACROSS_M, ALONG_M)

    def lift(batch: KeypointBatch) -> LiftedBodies:
        row = (batch.q[:, None] - PEOPLE.keypoints.q[None]).norm(dim=-1).mean(-1).argmin(1)
        return LiftedBodies(**{field.name: getattr(told, field.name)[row] for field in fields(told)})

    model = the_body().model
    return RgbEstimator(lift, keypoint_fit(model), model, **how)


def truth(rows: slice = slice(None)) -> np.ndarray:
    return PEOPLE.landmarks[rows, :24].double().numpy()


def about_pelvis(joints: np.ndarray) -> np.ndarray:
    return joints - joints[:, :1]


def test_bodies_are_where_the_people_are_and_batches_change_nothing() -> None:
    one_by_one, together = (estimator(at_once=n).estimate(PEOPLE.keypoints) for n in (1, 64))
    joints = np.concatenate([one.joints for one in together])
    off = np.linalg.norm(about_pelvis(joints) - about_pelvis(truth()), axis=-1).mean(1)
    # a landmark of the lifter is off by sqrt(2 * 20² + 30²) = 41 mm; keypoints and priors must make it less
    assert off.max() < 0.041
    assert all(one.confidence[0] > USABLE and not one.reasons[0] for one in together)
    for a, b in zip(one_by_one, together):
        np.testing.assert_allclose(a.joints, b.joints, atol=1e-6)
    assert np.linalg.eigvalsh(together[0].joint_covariance).min() > 0


def test_a_placed_camera_moves_bodies_into_the_world() -> None:
    own = estimator()
    some = PEOPLE.keypoints.rows(slice(0, 1))
    T = rigid(Rotation.from_euler("zyx", [0.4, -1.0, 0.3]).as_matrix(), np.array([3.0, -2.0, 1.0]))
    rows, time_s = np.zeros(1, np.int64), np.zeros(1)
    here = own.clip(some, rows, time_s).clip.estimate
    there = own.clip(some, rows, time_s, T_world_camera=T).clip.estimate
    np.testing.assert_allclose(there.joints, transform(T, here.joints), atol=1e-6)
    turned = T[:3, :3] @ here.joint_covariance @ T[:3, :3].T
    np.testing.assert_allclose(there.joint_covariance, turned, atol=1e-7)


def test_a_doubtful_focal_length_makes_distances_doubtful_and_nothing_else() -> None:
    own = estimator()
    one = own.estimate(PEOPLE.keypoints.rows(slice(1, 2)))[0]
    T = rigid(Rotation.from_euler("y", 0.7).as_matrix(), np.array([1.0, 2.0, 0.5]))
    moved = replace(one, joints=transform(T, one.joints))
    more = with_focal_doubt(moved, T, 0.1)
    added = more.joint_covariance - moved.joint_covariance
    away = one.joints[0, 0, 2]
    np.testing.assert_allclose(added[0, 5], (0.1 * away) ** 2 * np.outer(T[:3, 2], T[:3, 2]), atol=1e-9)
    np.testing.assert_allclose(more.parameter_covariance[:, :-3], moved.parameter_covariance[:, :-3])


def test_frames_in_which_nobody_was_found_are_told() -> None:
    rows = np.array([0, 3])
    some = PEOPLE.keypoints.rows(torch.tensor([0, 0]))
    clip = estimator().clip(some, rows, np.arange(4) / 10, smooth=False).clip
    assert clip.frames.tolist() == [0, 3]
    assert sorted(clip.refused) == [1, 2]
    assert "was not found" in clip.refused[1]
    with pytest.raises(HpsError, match="nobody"):
        estimator().found(PEOPLE.keypoints.rows(slice(0, 0)))


@pytest.mark.parametrize(
    ("sign", "worse", "said"),
    [
        ("score", 0.0, "believes only to 0 %"),
        ("seen", 0.05, "hidden or outside"),
        ("residual", 20.0, "sigmas off"),
        ("sigma_mm", 900.0, "uncertain by 900 mm"),
        ("disagreement_mm", 2000.0, "differ by 2000 mm"),
        ("shape", 6.0, "6.0 standard deviations"),
    ],
)
def test_every_sign_speaks_against_a_body_and_is_named(sign: str, worse: float, said: str) -> None:
    assert DEFAULT(GOOD).confidence > 0.9
    bad = DEFAULT(replace(GOOD, **{sign: worse}))
    assert bad.confidence < DEFAULT(GOOD).confidence
    only = replace(DEFAULT, offset=-20.0)
    verdict = only(replace(GOOD, **{sign: worse}))
    assert said in verdict.reason
    assert feature_rows([GOOD]).shape == (1, len(FEATURES))


def test_limbs_of_which_nothing_is_seen_are_named() -> None:
    confidence = np.ones(len(LIFTED))
    assert unseen_limbs(confidence) == ()
    for n, name in enumerate(LIFTED.names):
        if any(part in name for part in ("knee", "ankle", "heel", "foot")):
            confidence[n] = 0.1
    assert unseen_limbs(confidence) == ("legs",)


def test_keypoints_lose_their_distortion_and_unknown_ones_their_confidence() -> None:
    K = np.array([[700.0, 0, 400], [0, 700, 300], [0, 0, 1]])
    camera = Camera(name="c", K=K, width=800, height=600, distortion=np.array([-0.2, 0.05, 1e-3, -1e-3, 0, 0, 0, 0]))
    rng = np.random.default_rng(2)
    p = np.concatenate([rng.uniform(-0.4, 0.4, (2, len(BLAZEPOSE), 2)), np.ones((2, len(BLAZEPOSE), 1))], -1)
    q = camera.project_camera(p)
    q[1, BLAZEPOSE.index("left_hip")] = np.nan
    q[1, BLAZEPOSE.index("right_hip")] = [400, 700]
    batch = keypoint_batch(camera, q, np.full(q.shape[:2], 0.9), np.ones(2), BLAZEPOSE.names, focal_known=True)
    straight = (p[..., :2] @ K[:2, :2] + K[:2, 2])[:, [BLAZEPOSE.index(name) for name in LIFTED.names]]
    hip = LIFTED.index("left_hip")
    np.testing.assert_allclose(batch.q[0].numpy(), straight[0], atol=1e-2)  # undistorting stops at 1e-5 of the focal
    assert batch.confidence[1, hip] == 0
    assert batch.confidence[1, LIFTED.index("right_hip")] == 0  # 100 px below the picture
    assert (batch.confidence[0] > 0).all()
    some = tuple(name for name in BLAZEPOSE.names if "hip" in name)
    fewer = keypoint_batch(camera, q[:1, 23:25], np.ones((1, 2)), np.ones(1), some, focal_known=False)
    assert int((fewer.confidence > 0).sum()) == 2
    with pytest.raises(HpsError, match="person 0 has none"):
        keypoint_batch(camera, q[:1] * np.nan, np.ones((1, 33)), np.ones(1), BLAZEPOSE.names, focal_known=True)
