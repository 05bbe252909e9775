"""The geometry around BlazePose's networks to a fraction of a pixel, and the networks themselves on real pictures."""

import os

import av
import numpy as np
import pytest

from registration.errors import RegistrationError
from registration.keypoints.blazepose import BlazePose, BlazePoseOptions
from registration.keypoints.blazepose_landmarks import AGREE, MIRROR, merge_mirrored, refine
from registration.keypoints.blazepose_network import Network
from registration.keypoints.blazepose_person import INPUT, distinct, letterbox, tiles, weighted_suppression
from registration.keypoints.blazepose_region import Region


def ramps(width, height):
    """An image whose red is the column and green the row, both over 8."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x / 8, y / 8, 0 * x], -1).round().astype(np.uint8)


def test_a_region_from_alignment_points():
    upright = Region.around(np.array([500.0, 400]), np.array([500.0, 200]))
    assert upright.side == pytest.approx(2 * 1.25 * 200)
    assert upright.angle == pytest.approx(0)
    lying = Region.around(np.array([500.0, 400]), np.array([700.0, 400]))  # the head to the right
    assert lying.angle == pytest.approx(np.pi / 2)
    A = lying.A_image_crop(256)
    np.testing.assert_allclose(A @ [127.5, 127.5, 1], [500, 400], atol=1e-9)
    top = A @ [127.5, -0.5, 1]  # the middle of the crop's upper edge lies towards the head
    np.testing.assert_allclose(top, [500 + lying.side / 2, 400], atol=1e-9)


@pytest.mark.parametrize("side", [200.0, 900.0, 2600.0])
@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5])
def test_a_crop_shows_what_its_matrix_says(side, angle):
    image = ramps(1900, 1600)
    region = Region(np.array([947.3, 801.9]), side, angle)
    crop = region.crop(image, 256).astype(float)
    A = region.A_image_crop(256)
    v, u = np.mgrid[:256, :256]
    q = np.stack([u, v, np.ones_like(u)], -1) @ A.T
    step = side / 256 + 8
    inside = ((q > step) & (q < [1899 - step, 1599 - step])).all(-1)
    assert inside.mean() > 0.15
    error = crop[..., :2] * 8 - q
    assert np.abs(error[inside]).max() < 8  # a grey value is 8 px; rounded in the image and again in the crop
    # averaging a staircase of grey values rounds up by a sixteenth of one; half a pixel of the 900-px crop is 1.8 px
    assert np.abs(error[inside].mean(0)).max() < (0.6 if side > 512 else 0.1)


@pytest.mark.parametrize(("width", "height"), [(1080, 1920), (1280, 720), (640, 576), (150, 100)])
def test_the_letterbox_is_exact(width, height):
    canvas, pixel, border = letterbox(ramps(width, height))
    assert canvas.shape == (INPUT, INPUT, 3)
    v, u = np.mgrid[:INPUT, :INPUT]
    q = (np.stack([u, v], -1) + 0.5 - border) * pixel - 0.5
    step = 2 * pixel + 4
    inside = ((q > step) & (q < np.array([width, height]) - 1 - step)).all(-1)
    error = canvas[..., :2].astype(float) * 8 - q
    assert np.abs(error[inside].mean(0)).max() < 0.9  # a tenth of a grey value; half a canvas pixel of 1920 is 4 px
    outside = ((q < -pixel) | (q > np.array([width, height]) - 1 + pixel)).any(-1)
    assert (canvas[outside] == 0).all()


def test_tiles_cover_the_image():
    for width, height, side in ((1080, 1920, 1080), (1280, 720, 360), (640, 640, 640)):
        covered = np.zeros((height, width), int)
        for left, top, right, bottom in tiles(width, height, side):
            assert (right - left, bottom - top) == (side, side)
            assert min(left, top) >= 0
            assert right <= width
            assert bottom <= height
            covered[top:bottom, left:right] += 1
        assert covered.min() >= 1


def test_boxes_of_one_person_are_averaged_and_of_two_are_not():
    box = np.zeros((4, 6, 2))
    box[:, 1] = 0.2
    box[:, 0] = [[0.3, 0.3], [0.32, 0.3], [0.8, 0.7], [0.3, 0.33]]
    people = weighted_suppression(box, np.array([0.6, 0.9, 0.7, 0.5]))
    assert [score for _, score in people] == [0.9, 0.7]
    np.testing.assert_allclose(people[0][0][0], np.average(box[[0, 1, 3], 0], axis=0, weights=[0.6, 0.9, 0.5]))
    np.testing.assert_allclose(people[1][0][0], [0.8, 0.7])


def test_a_region_found_in_two_tiles_is_one():
    a, b, c = (Region(np.array([x, 100.0]), 200.0, 0.0) for x in (100.0, 120.0, 300.0))
    assert [score for _, score in distinct([(a, 0.6), (b, 0.8), (c, 0.7)])] == [0.8, 0.7]


def test_refinement_moves_to_the_centre_of_mass_of_a_peak():
    heat = np.full((64, 64, 39), -10.0, np.float32)
    u = np.full((39, 2), 100.0)
    heat[24:27, 26:29, 5] = 10.0  # cells 26 to 28 and 24 to 26, four pixels each
    heat[25, 25, 7] = -1.0  # too faint
    moved = refine(u, heat)
    np.testing.assert_allclose(moved[5], [27 * 4, 25 * 4], atol=0.1)
    np.testing.assert_array_equal(np.delete(moved, 5, 0), np.delete(u, 5, 0))


def test_mirrored_answers_are_averaged_unless_they_disagree():
    u = np.random.default_rng(0).uniform(60, 200, (39, 2))
    (same,) = merge_mirrored(u, u + 2)
    np.testing.assert_allclose(same, u + 1)
    (from_behind,) = merge_mirrored(u, u[MIRROR] + 2)  # the other answer takes left for right
    np.testing.assert_allclose(from_behind, u + 1)
    first, second = merge_mirrored(u, u[::-1] * 0.5)
    far = np.linalg.norm(first - second, axis=-1) > AGREE
    assert far.mean() > 0.2
    np.testing.assert_array_equal(first[far], u[far])


def test_wrong_weights_are_one_sentence(tmp_path):
    with pytest.raises(RegistrationError, match="missing; run: humanrig models check"):
        Network(tmp_path / "none.tflite", (224, 224, 3), {})
    (tmp_path / "torn.tflite").write_bytes(b"TFL3 torn")
    with pytest.raises(RegistrationError, match="not a tflite network"):
        Network(tmp_path / "torn.tflite", (224, 224, 3), {})


@pytest.fixture(scope="module")
def weights():
    from humanrig.errors import HumanrigError
    from humanrig.wheel_assets import blazepose_weights

    try:
        return blazepose_weights()
    except HumanrigError as error:
        pytest.skip(f"needs BlazePose's weights: {error}")


@pytest.fixture(scope="module")
def picture():
    """The first image of the third camera of the four-camera recording."""
    folder = os.environ.get("HUMANRIG_REAL_DATA", "")
    path = os.path.join(folder, "multicam_person_pose2sim/Demo_SinglePerson/videos/cam03.mp4")
    if not os.path.exists(path):
        pytest.skip(f"needs {path}: set HUMANRIG_REAL_DATA to the folder of real recordings")
    with av.open(path) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


@pytest.mark.real_data
def test_a_real_person_is_found_and_followed(weights, picture):
    detector = BlazePose(*weights)
    (person,) = detector.detect(picture)
    assert person.score > 0.9
    assert (person.visibility > 0.5).sum() >= 25
    assert 600 < np.ptp(person.q[:, 1]) < 900  # the person is 800 px tall in the picture
    mask = person.mask.image(picture.shape[1], picture.shape[0])
    assert 0.03 < (mask > 0.5).mean() < 0.1
    column, row = person.q[[11, 12, 23, 24]].mean(0).round().astype(int)  # the middle of the trunk
    assert mask[row, column] > 0.9
    (again,) = detector.detect(picture, [person], search=False)
    moved = np.linalg.norm(again.q - person.q, axis=-1)
    assert np.median(moved) < 10  # the region differs a little: 2 pixels of the network's crop


@pytest.mark.real_data
def test_a_mirrored_picture_gives_mirrored_landmarks_without_a_shift(weights, picture):
    detector = BlazePose(*weights, BlazePoseOptions(mirror=False))
    (person,) = detector.detect(picture)
    (mirrored,) = detector.detect(np.ascontiguousarray(picture[:, ::-1]))
    back = mirrored.q[detector.keypoints.mirror] * [-1, 1] + [picture.shape[1] - 1, 0]
    shift = np.median(back - person.q, axis=0) / person.pixel_size
    assert np.abs(shift).max() < 1.0  # pixels of the crop; the network itself is not exactly symmetric


@pytest.mark.real_data
def test_a_person_who_is_small_in_the_picture_is_found(weights, picture):
    small = np.full((1440, 2560, 3), 90, np.uint8)
    person = picture[::9, ::9]  # 90 px tall in 1440
    small[900 : 900 + person.shape[0], 2000 : 2000 + person.shape[1]] = person
    found = BlazePose(*weights).detect(small)
    assert found
    center = found[0].q.mean(0)
    assert abs(center[0] - 2000 - 70) < 40
    assert abs(center[1] - 900 - 105) < 60
