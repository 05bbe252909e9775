"""Motion blur: width, light kept, still parts, what is hidden."""

import numpy as np
import pytest

from capture.virtual.image_motion import ImageMotion
from capture.virtual.motion_blur import blur
from capture.virtual.shading import Shaded
from geometry.face_raster.face_image import FaceImage

HEIGHT, WIDTH = 80, 160


def drawn(*parts: tuple[slice, slice], colors: list[float]) -> tuple[Shaded, FaceImage]:
    """Rectangles of one colour each, one face each; later ones cover earlier ones. The window is all of 60x100."""
    window = slice(10, 70), slice(30, 130)
    face = np.full((60, 100), -1, np.int32)
    linear, alpha = np.zeros((60, 100, 3), np.float32), np.zeros((60, 100), np.float32)
    for number, (part, color) in enumerate(zip(parts, colors, strict=True)):
        face[part], linear[part], alpha[part] = number, color, 1
    image = FaceImage(face=np.repeat(np.repeat(face, 2, 0), 2, 1), window=window, subpixels=2)
    return Shaded(linear=linear, alpha=alpha, window=window), image


def motion(velocities: list[tuple[float, float]], depths: list[float]) -> tuple[np.ndarray, ImageMotion]:
    count = len(velocities)
    faces = np.arange(3 * count).reshape(count, 3)
    return faces, ImageMotion(
        velocity_px_s=np.repeat(np.array(velocities, np.float32), 3, 0),
        row=np.zeros(3 * count, np.float32),
        depth_m=np.repeat(np.array(depths, np.float32), 3),
    )


def whole(shaded: Shaded) -> tuple[np.ndarray, np.ndarray]:
    linear, alpha = np.zeros((HEIGHT, WIDTH, 3)), np.zeros((HEIGHT, WIDTH))
    linear[shaded.window], alpha[shaded.window] = shaded.linear, shaded.alpha
    return linear, alpha


BAR = slice(20, 40), slice(40, 60)


@pytest.mark.parametrize("velocity", [(1000.0, 0.0), (0.0, -1200.0), (700.0, 700.0)])
def test_an_edge_becomes_a_ramp_as_wide_as_the_way(velocity: tuple[float, float]) -> None:
    shaded, image = drawn(BAR, colors=[0.5])
    faces, moving = motion([velocity], [2.0])
    linear, alpha = whole(blur(shaded, image, faces, moving, 0.01, HEIGHT, WIDTH))
    way = np.array(velocity) * 0.01
    # Coverage is the rectangle's, averaged along the way.
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    steps = np.linspace(-0.5, 0.5, 201)
    inside = [
        (np.abs(xs - t * way[0] - 79.5) < 10) & (np.abs(ys - t * way[1] - 39.5) < 10) for t in steps
    ]  # BAR in the whole image: columns 70..89, rows 30..49
    expected = np.mean(inside, axis=0)
    # Whole-pixel samples, one a pixel of the way: coverage is off by at most two of them.
    assert np.abs(alpha - expected).max() <= 2 / np.hypot(*way) + 0.01
    assert np.abs(alpha - expected).mean() < 0.005
    np.testing.assert_allclose(linear[..., 0], alpha * 0.5, atol=1e-5)


def test_light_is_neither_lost_nor_made() -> None:
    shaded, image = drawn(BAR, colors=[0.7])
    faces, moving = motion([(900.0, 300.0)], [2.0])
    linear, _ = whole(blur(shaded, image, faces, moving, 0.012, HEIGHT, WIDTH))
    assert linear.sum() == pytest.approx(shaded.linear.sum(), rel=0.01)


def test_slow_figures_are_left_alone() -> None:
    shaded, image = drawn(BAR, colors=[0.5])
    faces, moving = motion([(40.0, 20.0)], [2.0])  # 0.45 px in 10 ms
    assert blur(shaded, image, faces, moving, 0.01, HEIGHT, WIDTH) is shaded


def test_still_parts_stay_sharp_and_are_not_seen_through() -> None:
    trunk = slice(5, 55), slice(20, 70)
    shaded, image = drawn(trunk, BAR, colors=[0.2, 0.8])
    faces, moving = motion([(0.0, 0.0), (1000.0, 0.0)], [2.0, 1.8])
    linear, alpha = whole(blur(shaded, image, faces, moving, 0.01, HEIGHT, WIDTH))
    before, covered = whole(shaded)
    np.testing.assert_allclose(alpha, covered, atol=1e-6)  # the arm moves in front of the trunk: no hole opens
    row = linear[40, :, 0]
    assert row[70 + 10] == pytest.approx(0.8)
    assert row[70] == pytest.approx(0.5, abs=0.08)  # at the edge half of the time each
    np.testing.assert_allclose(row[50:63], before[40, 50:63, 0])  # farther than half of the way: untouched


def test_a_still_part_in_front_is_not_smeared_over() -> None:
    front = slice(0, 60), slice(60, 80)
    shaded, image = drawn(BAR, front, colors=[0.8, 0.2])
    faces, moving = motion([(1000.0, 0.0), (0.0, 0.0)], [2.0, 1.5])
    linear, _ = whole(blur(shaded, image, faces, moving, 0.01, HEIGHT, WIDTH))
    np.testing.assert_allclose(linear[40, 90:110, 0], 0.2, atol=1e-6)


def test_the_window_grows_only_inside_the_image() -> None:
    shaded, image = drawn((slice(0, 60), slice(0, 100)), colors=[0.5])
    faces, moving = motion([(6000.0, 3000.0)], [2.0])
    grown = blur(shaded, image, faces, moving, 0.01, HEIGHT, WIDTH).window
    assert grown == (slice(0, 80), slice(0, 160))
