"""Pose models in ONNX files: read, recognised, described, and run on pictures whose keypoints are known."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx_files
import pytest

from registration.errors import RegistrationError
from registration.keypoints.blazepose_region import Region
from registration.keypoints.named_sets import BODY25, COCO17, HALPE26, SETS, WHOLEBODY133, set_of, set_of_size
from registration.keypoints.onnx_decoding import from_boxes, from_heatmaps, from_people, from_simcc
from registration.keypoints.onnx_description import describe, read_description
from registration.keypoints.onnx_header import OnnxHeader, read_header
from registration.keypoints.onnx_network import OnnxNetwork
from registration.keypoints.onnx_pose import OnnxPose
from registration.keypoints.person_box import PersonBox
from registration.keypoints.sets import SMPL_JOINT_OF_KEYPOINT, SMPL_VERTEX_OF_KEYPOINT

PLAIN = 'color = "rgb"\nmean = [0, 0, 0]\nstd = [255, 255, 255]\n'
BOXES = Path("boxes.tflite")
DOTS = {0: (300.0, 160.0), 1: (322.0, 210.0), 2: (285.0, 250.0)}
"""Channel → pixel of the dot that the tiny models find."""


@pytest.fixture
def save(tmp_path):
    def write(data, description=None, name="pose"):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        if description is not None:
            path.with_suffix(".toml").write_text(description)
        return path

    return write


@pytest.fixture
def found_by(monkeypatch):
    """The person network answers with one square, whatever it is shown."""

    class Fixed:
        fingerprint = b"fixed"

        def __init__(self, path):
            pass

        def find(self, image, min_score, thorough):
            return [(Region(np.array([300.0, 200.0]), 250.0, 0.3), 0.9)]

    monkeypatch.setattr("registration.keypoints.onnx_pose.PersonNetwork", Fixed)


def picture(shift=0.0):
    """A blob of each colour, wide enough to survive sampling."""
    image = np.zeros((400, 640, 3), np.uint8)
    for channel, (x, y) in DOTS.items():
        rows, columns = np.mgrid[:400, :640]
        blob = np.exp(-((rows - y) ** 2 + (columns - x - shift) ** 2) / (2 * 6.0**2))
        image[..., channel] = np.round(255 * blob)
    return image


def test_the_header_says_what_goes_in_and_out(save):
    header = read_header(save(onnx_files.heatmaps()))
    assert header == OnnxHeader({"image": (1, 3, 64, 48)}, {"heatmaps": (1, 17, 16, 12)})
    assert read_header(save(onnx_files.heatmaps(size=None))).inputs == {"image": (1, 3, None, None)}


@pytest.mark.parametrize("damage", [b"", b"no model", b"\xff" * 40])
def test_a_file_that_is_no_model_is_one_sentence(save, damage):
    with pytest.raises(RegistrationError, match=r"pose.onnx is not an ONNX file"):
        OnnxNetwork(save(damage))


def test_a_torn_file_and_a_missing_one(save, tmp_path):
    with pytest.raises(RegistrationError, match="not an ONNX file"):
        OnnxNetwork(save(onnx_files.heatmaps()[:-30]))
    with pytest.raises(RegistrationError, match=r"none.onnx cannot be read.*give the path"):
        OnnxNetwork(tmp_path / "none.onnx")


def test_a_model_of_heatmaps_finds_the_dots(save, found_by):
    detector = OnnxPose(save(onnx_files.heatmaps(), PLAIN), person_network=BOXES)
    assert detector.keypoints == COCO17
    (person,) = detector.detect(picture())
    for k in range(17):
        # a cell is 7 pixels here, and the tiny model's begin where those of published ones have their middle
        assert np.linalg.norm(person.q[k] - DOTS[k % 3]) < 8
    assert person.visibility.min() > 0.5
    (again,) = detector.detect(picture(shift=5.0), [person], search=False)
    assert again.q[0, 0] - person.q[0, 0] == pytest.approx(5, abs=3)
    assert detector.detect(np.zeros_like(picture())) == []


def test_a_model_of_bins_finds_the_dots(save, found_by):
    detector = OnnxPose(save(onnx_files.simcc(), PLAIN), person_network=BOXES)
    assert detector.keypoints == HALPE26
    (person,) = detector.detect(picture())
    for k in range(26):
        assert np.linalg.norm(person.q[k] - DOTS[k % 3]) < 3  # a bin is half a crop pixel of 3 image pixels


def test_the_description_decides(save, found_by):
    names = 'keypoints = ["left_shoulder", "right_shoulder", "left_hip", "right_hip"]\n'
    path = save(onnx_files.heatmaps(joints=4, size=None), PLAIN + names + "input = [48, 64]\nsigma = 2.5\n")
    detector = OnnxPose(path, person_network=BOXES)
    assert detector.keypoints.names[3] == "right_hip"
    assert detector.model.sigma == 2.5
    before = detector.fingerprint
    path.with_suffix(".toml").write_text(PLAIN + names + "input = [48, 64]\npadding = 1.5\n")
    assert OnnxPose(path, person_network=BOXES).fingerprint != before
    (person,) = detector.detect(picture())
    assert np.linalg.norm(person.q[1] - DOTS[1]) < 8


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ("keypoint = 3", "keypoint: Unexpected keyword.*the keys are: keypoints"),
        ("keypoints = 'smurf'", "no keypoint set 'smurf'; there are blazepose33"),
        ("keypoints = ['a', 'b']", "has 17 keypoints, pose.toml names 2"),
        ("output = ", "not TOML"),
        ("input = [48]", "input"),
    ],
)
def test_a_wrong_description_is_one_sentence(save, found_by, description, sentence):
    with pytest.raises(RegistrationError, match=sentence):
        OnnxPose(save(onnx_files.heatmaps(), description), person_network=BOXES)


def test_what_is_not_recognised_asks_for_a_description():
    with pytest.raises(RegistrationError, match=r"has 5 keypoints, and no known set has"):
        describe("x.onnx", OnnxHeader({}, {"maps": (1, 5, 64, 48)}), (192, 256), read_description_of_nothing())
    with pytest.raises(RegistrationError, match=r"outputs out \(1, 3\) are not recognised"):
        describe("x.onnx", OnnxHeader({}, {"out": (1, 3)}), (192, 256), read_description_of_nothing())
    with pytest.raises(RegistrationError, match="leaves the size of its image open"):
        describe("x.onnx", OnnxHeader({}, {"maps": (1, 17, 64, 48)}), (None, None), read_description_of_nothing())


@pytest.mark.parametrize(
    ("outputs", "output", "keypoints"),
    [
        ({"h": (1, 133, 64, 48)}, "heatmaps", WHOLEBODY133),
        ({"simcc_x": (None, 26, 384), "simcc_y": (None, 26, 512)}, "simcc", HALPE26),
        ({"output0": (1, 56, 8400)}, "boxes", COCO17),
        ({"dets": (1, None, 5), "keypoints": (1, None, 17, 3)}, "people", COCO17),
    ],
)
def test_published_models_are_recognised_by_their_outputs(outputs, output, keypoints):
    model = describe("x.onnx", OnnxHeader({}, outputs), (640, 640), read_description_of_nothing())
    assert (model.output, model.keypoints) == (output, keypoints)


def two_people(joints=17):
    """(2, joints, 3) points of the model's image of 64 x 64, and boxes with scores."""
    points = np.random.default_rng(0).uniform(5, 25, (2, joints, 3)).astype(np.float32)
    points[1, :, 0] += 30
    points[..., 2] = 0.75
    boxes = np.array([[15, 15, 20, 20, 0.6], [45, 15, 20, 20, 0.9]], np.float32)
    return points, boxes


@pytest.mark.parametrize("kind", ["boxes", "people"])
def test_a_model_of_whole_images_finds_everybody_and_follows_them(save, kind):
    points, boxes = two_people()
    if kind == "boxes":
        rows = {"output0": np.concatenate([boxes, points.reshape(2, -1)], 1).T}
        path = save(onnx_files.whole_image(rows), "min_score = 0.5")
    else:
        path = save(
            onnx_files.whole_image({"dets": boxes, "keypoints": points}), "std = [255, 255, 255]\nmin_score = 0.5"
        )
    detector = OnnxPose(path)
    assert detector.model.output == kind
    image = picture()
    image[:40, :40] = 255
    best, other = detector.detect(image)
    # the longer side of 640 pixels fills 64 of the model's; pixel centres are integers
    np.testing.assert_allclose(best.q, points[1, :, :2] * 10 - 0.5, rtol=1e-4)
    np.testing.assert_allclose(other.q, points[0, :, :2] * 10 - 0.5, rtol=1e-4)
    assert best.score == pytest.approx(0.9, abs=1e-3)
    again = detector.detect(image, [replace(other, track=7)])
    assert [person.track for person in again] == [-1, 7]
    assert detector.detect(np.zeros_like(image)) == []  # the grey beside the picture shows both at 0.4


def read_description_of_nothing():
    from registration.keypoints.onnx_description import Description

    return Description()


def test_no_file_beside_the_model_leaves_all_open(tmp_path):
    assert read_description(tmp_path / "none.toml") == read_description_of_nothing()


@pytest.mark.parametrize("udp", [False, True])
def test_a_gaussian_peak_is_found_to_a_hundredth_of_a_cell(udp):
    rng = np.random.default_rng(0)
    cell = rng.uniform([2, 2], [44, 60], (17, 2))
    rows, columns = np.mgrid[:64, :48]
    maps = np.exp(-((rows - cell[:, 1, None, None]) ** 2 + (columns - cell[:, 0, None, None]) ** 2) / 8)
    read = from_heatmaps(maps.astype(np.float32), 192, 256, udp)
    expected = cell * [191 / 47, 255 / 63] + 0.5 if udp else cell * 4
    np.testing.assert_allclose(read.u, expected, atol=0.04)


def test_bins_and_their_confidence():
    x, y = np.zeros((2, 384), np.float32), np.zeros((2, 512), np.float32)
    x[0, 100], y[0, 300], x[1, 7], y[1, 9] = 0.9, 0.6, 0.2, 1.5
    read = from_simcc(x, y, 192, 256)
    np.testing.assert_allclose(read.u, [[50, 150], [3.5, 4.5]])
    np.testing.assert_allclose(read.confidence, [0.6, 0.2], rtol=1e-6)


def test_overlapping_boxes_are_one_person():
    def row(x, score):
        return [x, 50, 20, 40, score, *np.tile([x, 50, 0.8], 3)]

    rows = np.array([row(30, 0.6), row(31, 0.9), row(90, 0.7), row(150, 0.1)], np.float32)
    people = from_boxes(rows, 0.3)
    assert [round(p.score, 3) for p in people] == [0.9, 0.7]
    np.testing.assert_allclose(people[0].u, np.tile([31, 50], (3, 1)))


def test_people_that_the_model_told_apart():
    boxes = np.array([[0, 0, 9, 9, 0.2], [0, 0, 9, 9, 0.8]], np.float32)
    points = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    (person,) = from_people(boxes, points, 0.3)
    np.testing.assert_allclose(person.u, [[6, 7], [9, 10]])


@pytest.mark.parametrize("scale", [0.5, 3.0, 9.0])
def test_a_box_and_its_crop_agree_on_where_pixels_are(scale):
    image = np.zeros((720, 1280, 3), np.uint8)
    cv2.circle(image, (700, 300), round(8 * scale), (255, 255, 255), -1, lineType=cv2.LINE_AA)
    box = PersonBox.around(np.array([[700 - 40 * scale, 300 - 30 * scale], [700 + 20 * scale, 300]]), 1.3, 48, 64)
    assert box.size[0] / box.size[1] == pytest.approx(48 / 64)
    crop = box.crop(image, 48, 64)[..., 0].astype(float)
    rows, columns = np.mgrid[:64, :48] + 0.5
    u = np.array([[(crop * columns).sum(), (crop * rows).sum()]]) / crop.sum()
    # a block of pixels that the image's edge cuts off would show as half a block
    np.testing.assert_allclose(box.pixels(u, 48, 64), [[700, 300]], atol=0.12 * scale)


def test_every_set_has_distinct_names_and_a_mirror():
    for name, some in SETS.items():
        assert len(set(some.names)) == len(some)
        mirror = some.mirror
        np.testing.assert_array_equal(mirror[mirror], np.arange(len(some)))
        assert (some.parts.sum(0) == 1).all()
        sided = [n for n, word in enumerate(some.names) if "left" in word or "right" in word]
        assert (mirror[sided] != sided).all(), name
        assert set_of(name) is set_of_size(len(some)) is some
    assert [len(some) for some in (COCO17, BODY25, HALPE26, WHOLEBODY133)] == [17, 25, 26, 133]
    assert WHOLEBODY133.index("left_index") == 91 + 5  # its knuckle, as BlazePose's
    assert WHOLEBODY133.index("right_pinky_tip") == 132
    assert WHOLEBODY133.names[23] == "right_jaw_0"
    assert WHOLEBODY133.mirror[23] == 39
    for some in SETS.values():
        assert all(f"{side}_hip" in some.names for side in ("left", "right"))
    assert set(SMPL_JOINT_OF_KEYPOINT) <= set(COCO17.names)
    assert set(SMPL_VERTEX_OF_KEYPOINT) <= set(WHOLEBODY133.names)
