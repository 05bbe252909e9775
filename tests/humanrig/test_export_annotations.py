"""The annotations of a tiny take are read back: one file and two pictures for each stream and instant."""

import json
import shutil

import cv2
import numpy as np
import pytest
from export_take import COLOR, INSTANTS, build_take

from body.joints import JOINT_NAMES
from body.loading import OPEN_BODY
from capture.session import Session
from humanrig.errors import HumanrigError
from humanrig.export import export_session
from humanrig.results import Results
from registration.annotations.body_parts import draw_bodies
from registration.annotations.keypoints2d import COCO17

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")
FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    """The take's body with the landmarks of a fit; nothing stands before it: its depth cameras are taken away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        session = build_take(tmp_path_factory.mktemp("takes") / "take", depth=False)
    path = session.path("body", "person00.npz")
    with np.load(path) as data:
        arrays = dict(data)
    head = arrays["joints"][:, JOINT_NAMES.index("head"), None]
    np.savez(
        path, **arrays, landmark_names=np.array(FACE), landmarks=head + 0.05 * np.arange(5)[:, None] * [1.0, 0, 0],
        joint_sigma=np.full((2, 24), 0.01), flags=np.array(["", "few cameras (1)"]),
    )  # fmt: skip
    shutil.copy(path, session.path("body", "person02.npz"))
    return session


@pytest.fixture(scope="module")
def out(take, tmp_path_factory):
    folder = tmp_path_factory.mktemp("annotations") / "out"
    export_session(take, "annotations", folder)
    return folder


def test_keypoints_are_the_bodys_through_the_lens(take, out) -> None:
    results, cameras = Results(take), take.cameras()
    inside = 0
    for stream in ("kinect_000/color", "kinect_001/color"):
        file = json.loads((out / f"{stream}.json").read_text())
        assert [image["id"] for image in file["images"]] == list(INSTANTS)
        assert len(file["annotations"]) == 4
        for row, annotation in enumerate(file["annotations"][::2]):
            assert annotation["person"] == "person00"
            assert annotation["image_id"] == INSTANTS[row]
            assert annotation["flag"] == ("", "few cameras (1)")[row]
            q = cameras[stream].project(results.body["joints"][row])
            points = np.array(annotation["smpl_joints"]).reshape(24, 3)
            seen = points[:, 2] > 0
            np.testing.assert_allclose(points[seen, :2], q[seen], atol=0.006)  # two digits are written
            assert not points[~seen].any()
            inside += seen.sum()
            nose = np.array(annotation["keypoints"]).reshape(17, 3)[0]
            if nose[2]:
                landmark = cameras[stream].project(results.body["landmarks"][row, :1])[0]
                np.testing.assert_allclose(nose[:2], landmark, atol=0.006)
    assert inside > 48  # of 96


def test_pictures_show_the_parts_and_people(take, out) -> None:
    results, camera = Results(take), take.cameras()["kinect_000/color"]
    vertices = results.model.pose(results.parameters).vertices
    drawn = draw_bodies(results.model, [vertices[1]], camera)
    part, people = (
        np.asarray(cv2.imread(str(out / kind / "kinect_000/color" / f"{INSTANTS[1]:06d}.png"), cv2.IMREAD_UNCHANGED))
        for kind in ("parts", "people")
    )
    assert part.shape == COLOR[::-1]
    assert np.array_equal(part, drawn.part)
    assert set(np.unique(people)) <= {0, 1, 3}  # the two bodies lie in one place
    assert np.array_equal(people > 0, drawn.part > 0)


def test_the_file_says_what_its_numbers_mean(out) -> None:
    file = json.loads((out / "kinect_000/color.json").read_text())
    category = file["categories"][0]
    assert category["keypoints"] == list(COCO17)
    assert category["parts"] == ["nobody", *JOINT_NAMES]
    assert all(1 <= n <= 17 for pair in category["skeleton"] for n in pair)
    assert file["info"]["schema"] == 1
    annotation = file["annotations"][0]
    assert len(annotation["part_area"]) == 24
    assert sum(annotation["part_area"]) == annotation["area"]
    assert annotation["keypoints_sigma_px"][0] > 0
    text = (out / "source.txt").read_text()
    assert "person02" in text
    assert "not undistorted" in text


def test_a_fit_without_face_landmarks_is_named(take, tmp_path) -> None:
    shutil.copytree(take.folder, tmp_path / "copy")
    old = Session.open(tmp_path / "copy")
    with np.load(old.path("body", "person00.npz")) as data:
        arrays = {name: data[name] for name in data.files if not name.startswith("landmark")}
    np.savez(old.path("body", "person00.npz"), **arrays)
    with pytest.raises(Exception, match="no landmark 'nose'; run the stage register again"):
        export_session(old, "annotations", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_people_the_missing_stage_is_named(take, tmp_path) -> None:
    shutil.copytree(take.folder, tmp_path / "copy", ignore=shutil.ignore_patterns("body"))
    with pytest.raises(HumanrigError, match="--from register"):
        export_session(Session.open(tmp_path / "copy"), "annotations", tmp_path / "out")
