"""Figures of movement, certainty and clouds, on made-up errors whose size is known."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body.joints import JOINT_INDEX
from geometry.mesh import TriangleMesh
from humanrig.evaluation.certainty import sigma_coverage
from humanrig.evaluation.cloud_truth import distances
from humanrig.evaluation.movement import foot_skate, still_jitter
from registration.body_track import TrackSigma

RNG = np.random.default_rng(5)


def soles(frames: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Two feet of twenty vertices on the floor, the right one lifted in the last two frames."""
    mover = np.repeat([JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]], 20)
    vertices = np.tile(np.c_[RNG.uniform(-0.1, 0.1, (40, 2)), np.full(40, 0.005)], (frames, 1, 1))
    vertices[2:, 20:, 2] = 0.2
    return np.eye(24)[mover], vertices


def test_standing_feet_that_slide_are_measured_and_lifted_ones_are_not() -> None:
    weights, true = soles()
    sliding = np.array([0, 0.002, 0.004, 0.006])[:, None, None] * [1, 0, 0]  # both feet, 2 mm an instant
    assert foot_skate(weights, true + sliding, true) == {"mean": 2.0, "max": 2.0, "contacts": 4}  # left 3, right 1
    off = np.array([0.03, 0.02, 0.01])  # a constant error is none of sliding, nor is a movement up
    assert foot_skate(weights, true + off, true) == {"mean": 0.0, "max": 0.0, "contacts": 4}


def test_what_the_true_foot_slides_is_no_skate() -> None:
    weights, true = soles()
    sliding = np.arange(4)[:, None, None] * [0.001, 0, 0]
    assert foot_skate(weights, true + sliding, true + sliding) == {"mean": 0.0, "max": 0.0, "contacts": 4}
    assert foot_skate(weights, true, true + 10 * sliding) is None  # 10 mm an instant is no standing
    assert foot_skate(weights, true, true + [0, 0, 0.5]) is None


def test_the_jitter_of_a_still_person_is_its_spread_without_its_bias() -> None:
    true = np.tile(RNG.normal(size=(24, 3)), (400, 1, 1))
    fitted = true + 0.02 + 1e-3 * RNG.normal(size=true.shape)
    found = still_jitter(fitted, true)
    assert found is not None
    assert found["rms"] == pytest.approx(np.sqrt(3), rel=0.02)  # 400 frames of 24 joints: 0.6 % of spread
    assert still_jitter(fitted, true + np.linspace(0, 0.1, 400)[:, None, None]) is None  # who walks does not stand
    assert still_jitter(fitted[:2], true[:2]) is None


def test_intervals_hold_what_they_say_whatever_the_axes_are_called() -> None:
    covariance = np.diag([0.001, 0.004, 0.020]) ** 2  # metres, in the world of the fit
    R = Rotation.from_rotvec([0.4, -0.7, 1.9]).as_matrix()
    error = RNG.normal(size=(500, 24, 3)) @ np.sqrt(covariance) @ R.T
    chosen = np.array([3, 5])
    sigma = TrackSigma(
        joint_covariance=np.tile(covariance, (500, 24, 1, 1)),
        vertices=chosen,
        vertex_sigma=np.full((500, 2), 0.003),
        pose_sigma=np.zeros((500, 75)),
        betas_covariance=np.eye(1),
    )
    vertices = np.zeros((500, 8, 3))
    vertices[:, chosen] = 0.003 * 2 * RNG.normal(size=(500, 2, 3))  # twice as far off as it says
    found = sigma_coverage(error, vertices, sigma, R)
    for name, share in (("50", 0.5), ("68", 0.68), ("90", 0.9), ("95", 0.95)):
        assert found["joints"][name] == pytest.approx(share, abs=0.01)  # 36,000 numbers: 0.0025 of spread
    assert found["vertices"]["68"] == pytest.approx(0.38, abs=0.03)  # within half a sigma
    assert found["vertices"]["sigma_mm"] == 3.0


def test_a_point_is_compared_with_the_surface_at_its_own_time() -> None:
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float64)
    surface = TriangleMesh(vertices=square, faces=np.array([[0, 1, 2], [0, 2, 3]]))
    up = np.tile([0, 0, 5.0], (4, 1))  # 5 m/s
    points = np.array([[0.3, 0.4, 0.005], [0.6, 0.2, 0.001]])
    np.testing.assert_allclose(distances(points, np.array([0.001, 0]), surface, up), [0, 0.001], atol=1e-9)
