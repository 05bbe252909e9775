"""How sharp a picture is, how well its camera is placed, and what that does to its weight."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from geometry.camera import Camera
from geometry.rigid import look_at
from texture.painting.view_quality import PIXEL_SIGMA_PX, calibration_sigma_px, edge_width_px, view_quality
from texture.painting.views import ColorView


def picture(blur_px, gain=1.0, rows=240, columns=320):
    """Random smooth-edged blobs, blurred, with a camera's noise of two levels."""
    rng = np.random.default_rng(4)
    big = np.zeros((rows * 4, columns * 4), np.float32)
    for _ in range(60):
        center = rng.uniform((0, 0), (columns * 4, rows * 4))
        cv2.ellipse(big, (tuple(center), tuple(rng.uniform(40, 300, 2)), rng.uniform(0, 180)), rng.uniform(20, 230), -1)
    small = cv2.resize(cv2.GaussianBlur(big, (0, 0), 4 * blur_px), (columns, rows), interpolation=cv2.INTER_AREA)
    noisy = gain * small[..., None] + rng.normal(0, 2.0, (rows, columns, 3))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("blur_px", [1.0, 2.0, 3.5])
def test_the_width_of_edges_is_found_whatever_the_exposure(blur_px):
    expected = np.hypot(blur_px, np.sqrt(1 / 12))  # of the pixel's extent
    for gain in (1.0, 0.5):
        assert edge_width_px(picture(blur_px, gain)) == pytest.approx(expected, rel=0.2)


def test_only_the_person_is_looked_at_and_little_to_see_says_nothing():
    image = picture(0.7)
    image[:, 160:] = cv2.GaussianBlur(image[:, 160:], (0, 0), 3.0)
    mask = np.zeros(image.shape[:2], bool)
    mask[:, 170:] = True
    assert edge_width_px(image, mask) > 2.0 > 1.2 > edge_width_px(image, ~mask)
    assert np.isnan(edge_width_px(np.full((240, 320, 3), 90, np.uint8)))
    assert np.isnan(edge_width_px(image, np.zeros(mask.shape, bool)))


def camera(width=320, focal=300.0):
    place = look_at(np.array([2.0, 0.0, 1.0]), np.array([0, 0, 1.0]))
    K = np.array([[focal, 0, 160], [0, focal, 120], [0, 0, 1.0]])
    return Camera(name="c/color", K=K, width=width, height=240, T_world_camera=place)


def test_sigma_in_pixels_counts_what_moves_across_the_image():
    p = np.array([0.0, 0.0, 1.0])  # 2 m along the camera's axis, which is -x
    across = np.diag([0.0, 0.002**2, 0.002**2])
    assert calibration_sigma_px(camera(), across, p) == pytest.approx(300 * 0.002 / 2)
    along = np.diag([0.01**2, 0.0, 0.0])
    assert calibration_sigma_px(camera(), along, p) == pytest.approx(0, abs=1e-6)


def test_a_blurred_an_uncertain_or_a_coarse_camera_counts_less():
    image = np.zeros((240, 320, 3), np.uint8)
    sharp = ColorView(camera=camera(), image=image)
    blurred, unsure = replace(sharp, blur_px=3.0), replace(sharp, sigma_px=2.0)
    coarse = replace(sharp, camera=camera(focal=150.0))
    expected = [1, PIXEL_SIGMA_PX**2 / 9, 1 / (1 + (2 / PIXEL_SIGMA_PX) ** 2), 0.25]
    assert view_quality([sharp, blurred, unsure, coarse]) == pytest.approx(expected, rel=1e-6)
    assert len(view_quality([])) == 0
    unknown = replace(sharp, blur_px=float("nan"))
    assert view_quality([unknown]) == pytest.approx([1])
