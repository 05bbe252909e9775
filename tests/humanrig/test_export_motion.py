"""Bodies in another world, in ten betas, and at an even rate."""

import dataclasses

import numpy as np
import pytest
from export_take import parameters
from scipy.spatial.transform import Rotation

from body.loading import OPEN_BODY, load_body_model
from body.parameters import BodyParameters
from body.reframing import in_frame
from geometry.camera import Camera
from geometry.rigid import rigid, transform
from humanrig.errors import HumanrigError
from humanrig.export.amass import even
from humanrig.export.humman_body import humman_body, ten_betas
from humanrig.export.pinhole import PinholeImages


@pytest.fixture(scope="module")
def model():
    if not OPEN_BODY.is_file():
        pytest.skip(f"needs {OPEN_BODY}")
    return load_body_model(OPEN_BODY)


@pytest.fixture(params=[0, 1, 2])
def T_new_world(request):
    rng = np.random.default_rng(request.param)
    return rigid(Rotation.random(rng=rng).as_matrix(), rng.normal(size=3))


def test_in_world_moves_every_vertex_with_the_world(model, T_new_world) -> None:
    moved = model.pose(in_frame(model, parameters(), T_new_world))
    expected = model.pose(parameters())
    assert np.abs(moved.vertices - transform(T_new_world, expected.vertices)).max() < 1e-9
    assert np.abs(moved.joints - transform(T_new_world, expected.joints)).max() < 1e-9


@pytest.mark.parametrize("count", [0, 4, 10])
def test_ten_betas_or_fewer_are_kept(model, count) -> None:
    few = dataclasses.replace(parameters(), betas=parameters().betas[:count])
    betas, mean_mm = ten_betas(model, few)
    assert mean_mm == 0
    assert np.array_equal(betas, np.r_[few.betas, np.zeros(10 - count)])


def test_more_betas_are_fitted_and_the_loss_is_told(model) -> None:
    betas, mean_mm = ten_betas(model, parameters())
    apart = np.linalg.norm(model.shaped(betas) - model.shaped(parameters().betas), axis=1)
    assert mean_mm == pytest.approx(1000 * apart.mean())
    cut = np.linalg.norm(model.shaped(parameters().betas[:10]) - model.shaped(parameters().betas), axis=1)
    assert 0 < (apart**2).sum() <= (cut**2).sum()


def test_a_shape_that_ten_betas_cannot_hold_is_refused(model) -> None:
    large = dataclasses.replace(parameters(), betas=np.r_[np.zeros(10), np.full(6, 5.0)])
    with pytest.raises(HumanrigError, match=r"miss the fitted shape \(16 betas\) by .* mm; run: .*register.betas=10"):
        humman_body(model, large, np.eye(4))


def turning(seconds: np.ndarray) -> BodyParameters:
    """Turns by 1 rad/s and moves by 2 m/s."""
    zero = np.zeros(len(seconds))
    return BodyParameters(
        betas=np.zeros(10),
        global_orient=np.stack([zero, seconds, zero], 1),
        body_pose=np.zeros((len(seconds), 69)),
        transl=np.stack([2 * seconds, zero, zero], 1),
    )


def test_jitter_does_not_change_frames() -> None:
    time_us = np.arange(20) * 33333 + np.random.default_rng(0).integers(-500, 500, 20)
    clip = even(turning(time_us * 1e-6), time_us, 30.0)
    assert not clip.resampled
    assert clip.rate_hz == pytest.approx(30, rel=2e-3)
    assert len(clip.parameters) == 20


def test_missing_frames_are_interpolated() -> None:
    time_us = np.delete(np.arange(20) * 40000, [5, 6, 13])
    clip = even(turning(time_us * 1e-6), time_us, 30.0)
    assert clip.resampled
    assert clip.rate_hz == pytest.approx(25)
    expected = turning(np.arange(20) * 0.04)
    for name in ("global_orient", "transl", "body_pose"):
        assert np.allclose(getattr(clip.parameters, name), getattr(expected, name), atol=1e-9)


def test_one_frame_gets_the_stated_rate() -> None:
    assert even(turning(np.zeros(1)), np.zeros(1, np.int64), 15.0).rate_hz == 15.0


def test_a_pinholes_images_are_left_alone() -> None:
    camera = Camera(name="c", K=np.array([[50.0, 0, 20], [0, 50, 15], [0, 0, 1]]), width=40, height=30)
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    assert np.array_equal(PinholeImages(camera).color(image), image)


def test_pixels_the_lens_did_not_see_are_zero() -> None:
    """Strong barrel distortion: a pinhole of the same K sees a smaller field; pincushion needs what is outside."""
    K = np.array([[50.0, 0, 20], [0, 50, 15], [0, 0, 1]])
    pincushion = Camera(name="c", K=K, width=40, height=30, distortion=np.array([0.8, 0, 0, 0, 0, 0, 0, 0]))
    image = PinholeImages(pincushion).nearest(np.full((30, 40), 7, np.uint16))
    assert image[15, 20] == 7
    assert image[0, 0] == image[-1, -1] == 0
    folding = Camera(name="c", K=K, width=40, height=30, distortion=np.array([-2.5, 0, 0, 0, 0, 0, 0, 0]))
    image = PinholeImages(folding).nearest(np.full((30, 40), 7, np.uint16))
    assert image[15, 20] == 7
    assert image[0, 0] == 0
