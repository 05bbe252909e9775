"""HumanData, read back as mmhuman3d's class loads it, by its documented keys and types."""

import shutil

import cv2
import numpy as np
import pytest
from export_take import COLOR, INSTANTS, build_take, color_at, parameters, pixel_rays

from body.joints import JOINT_NAMES
from body.loading import OPEN_BODY
from body.parameters import BodyParameters
from capture.frame_sets import write_instants
from capture.session import Session
from geometry.rigid import from_rotvec, look_at, transform
from humanrig.errors import HumanrigError
from humanrig.export import export_session
from humanrig.export.humandata import BOX_SCALE, boxes
from humanrig.export.humandata_points import COUNT, OF_DETECTOR, OF_FACE, OF_JOINTS, points190
from humanrig.results import Results

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")
TYPES = {
    "image_path": list, "image_id": list, "bbox_xywh": np.ndarray, "config": str, "keypoints2d": np.ndarray,
    "keypoints3d": np.ndarray, "smpl": dict, "meta": dict, "keypoints2d_mask": np.ndarray, "misc": dict,
    "keypoints2d_convention": str, "keypoints3d_mask": np.ndarray, "keypoints3d_convention": str,
}  # fmt: skip
"""Keys and types that the class checks."""


def load(path) -> dict:
    """What `HumanData.load` makes of a file: values that were no arrays again, and lists where it wants lists."""
    found = {}
    with np.load(path, allow_pickle=True) as file:
        for key, value in dict(file).items():
            if value.shape == ():
                found[key] = value.item()
            else:
                found[key] = list(value) if TYPES.get(key) is list else value
    return found


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        session = build_take(tmp_path_factory.mktemp("takes") / "take")
    p_world = np.random.default_rng(1).uniform(-0.2, 0.2, (2, 2, 3)) + [0, 0, 0.9]
    p_world[1, 1] = np.nan
    session.path("keypoints").mkdir()
    np.savez(session.path("keypoints", "person00.npz"), names=np.array(["left_hip", "left_thumb"]), p_world=p_world,
             instants=np.array(INSTANTS))  # fmt: skip
    return session


@pytest.fixture(scope="module")
def folder(take, tmp_path_factory):
    out = tmp_path_factory.mktemp("humandata") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        export_session(take, "humandata", out)
    return out


def test_keys_and_types_are_the_formats(folder):
    assert sorted(p.name for p in folder.glob("*.npz")) == ["person00_kinect_000.npz", "person00_kinect_001.npz"]
    data = load(folder / "person00_kinect_001.npz")
    assert {key: type(data[key]) for key in TYPES} == TYPES
    count = data["__data_len__"]
    assert (count, data["__key_strict__"], data["__keypoints_compressed__"]) == (2, False, False)
    assert {k: v.shape for k, v in data["smpl"].items()} == {
        "betas": (2, 10), "body_pose": (2, 23, 3), "global_orient": (2, 3), "transl": (2, 3),
    }  # fmt: skip
    for name in ("", "_smpl", "_original"):
        assert data[f"keypoints2d{name}"].shape == (2, COUNT, 3)
        assert data[f"keypoints3d{name}"].shape == (2, COUNT, 4)
        assert data[f"keypoints2d{name}_mask"].shape == data[f"keypoints3d{name}_mask"].shape == (COUNT,)
    assert (data["keypoints2d_convention"], data["bbox_xywh"].shape) == ("human_data", (2, 5))
    assert data["image_path"] == [f"images/kinect_001/{i:06d}.jpg" for i in INSTANTS]
    assert all((folder / path).is_file() for path in (*data["image_path"], *data["segmentation"]))
    assert (data["meta"]["width"], data["meta"]["height"]) == ([COLOR[0]] * 2, [COLOR[1]] * 2)


def test_everything_is_in_the_cameras_own_frame(take, folder):
    model, wanted = Results(take).model, parameters()
    for device in ("kinect_000", "kinect_001"):
        data, camera = load(folder / f"person00_{device}.npz"), take.cameras()[f"{device}/color"]
        joints = transform(camera.T_camera_world, model.pose(wanted).joints)
        at = [OF_JOINTS[name] for name in JOINT_NAMES]
        np.testing.assert_allclose(data["keypoints3d"][:, at, :3], joints, atol=1e-9)
        assert set(np.flatnonzero(data["keypoints3d_mask"])) == set(at)
        smpl = {k: v.astype(np.float64) for k, v in data["smpl"].items()}
        body = BodyParameters(
            betas=smpl["betas"][0],
            global_orient=smpl["global_orient"],
            body_pose=smpl["body_pose"].reshape(2, 69),
            transl=smpl["transl"],
        )
        posed = model.pose(body).joints
        np.testing.assert_allclose(posed[:, 0], joints[:, 0], atol=1e-6)  # float32
        assert np.linalg.norm(posed - joints, axis=-1).max() < 0.02  # ten of sixteen betas
        fx, fy = data["meta"]["focal_length"][0]
        cx, cy = data["meta"]["principal_point"][0]
        pixels = joints[..., :2] / joints[..., 2:] * [fx, fy] + [cx, cy]
        seen = data["keypoints2d"][:, at, 2] > 0
        assert seen.any()
        np.testing.assert_allclose(data["keypoints2d"][:, at, :2][seen], pixels[seen], atol=1e-9)
        inside = ((pixels > -0.5) & (pixels < np.array(COLOR) - 0.5)).all(-1)
        np.testing.assert_array_equal(seen, inside)


def test_pictures_are_those_of_the_pinhole(take, folder):
    camera = take.cameras()["kinect_001/color"]
    picture = cv2.imread(str(folder / "images" / "kinect_001" / "000005.jpg"))[..., ::-1].astype(float)
    inner = (slice(6, -6), slice(6, -6))
    assert (
        np.abs(picture - color_at(pixel_rays(camera, distorted=False)))[inner].mean() < 1.2
    )  # coded as JPEG twice: 0.93
    assert np.abs(picture - color_at(pixel_rays(camera, distorted=True)))[inner].mean() > 1.5


def test_the_detectors_points_go_where_the_convention_has_them(take, folder):
    data, camera = load(folder / "person00_kinect_000.npz"), take.cameras()["kinect_000/color"]
    assert np.flatnonzero(data["keypoints3d_original_mask"]).tolist() == [
        OF_DETECTOR["left_hip"]
    ]  # no place for thumbs
    with np.load(take.path("keypoints", "person00.npz")) as arrays:
        hip = transform(camera.T_camera_world, arrays["p_world"][:, 0])
    np.testing.assert_allclose(data["keypoints3d_original"][:, 145], np.c_[hip, np.ones(2)], atol=1e-9)


def test_two_people_share_pictures_and_a_damaged_one_is_left_out(take, tmp_path):
    shutil.copytree(take.folder, tmp_path / "two")
    two = Session.open(tmp_path / "two")
    with np.load(two.path("body", "person00.npz")) as body:
        arrays = {name: body[name] for name in body.files}
    far = arrays["transl"] + [0, 0, 90]  # far above every picture
    np.savez(two.path("body", "person01.npz"), **(arrays | {"transl": far, "joints": arrays["joints"] + [0, 0, 90]}))
    instants = two.instants()
    instants[1].index["kinect_000/color"] = 9
    write_instants(two.path("sync", "frames.parquet"), instants)
    export_session(two, "humandata", tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").glob("*.npz")) == [
        "person00_kinect_000.npz", "person00_kinect_001.npz",
    ]  # fmt: skip
    data = load(tmp_path / "out" / "person00_kinect_000.npz")
    assert (data["__data_len__"], data["image_path"]) == (1, ["images/kinect_000/000004.jpg"])
    text = (tmp_path / "out" / "source.txt").read_text()
    assert "never in the picture, so without a file: person01 in kinect_000/color" in text
    assert "taken as lost" in text


def test_a_child_has_points_and_no_smpl(take, tmp_path):
    """Ten betas miss a child's shape by more than 10 mm."""
    shutil.copytree(take.folder, tmp_path / "child")
    child = Session.open(tmp_path / "child")
    with np.load(child.path("body", "person00.npz")) as body:
        arrays = {name: body[name] for name in body.files}
    np.savez(child.path("body", "person00.npz"), **(arrays | {"child": np.float64(1)}))
    child.path("keypoints", "person00.npz").write_bytes(b"cut off")
    child.path("masks", "kinect_000", "color", "000004.png").unlink()
    export_session(child, "humandata", tmp_path / "out")
    data = load(tmp_path / "out" / "person00_kinect_000.npz")
    assert "smpl" not in data
    assert data["keypoints3d_mask"].sum() == 24
    text = (tmp_path / "out" / "source.txt").read_text()
    assert "smpl of person00: is not there: " in text
    assert "; export amass\n" in text  # fewer betas would not help
    assert "keypoints…_original of person00 are not there: " in text
    assert "without segmentation: images/kinect_000/000004.jpg\n" in text
    shutil.rmtree(child.path("recording"))
    with pytest.raises(HumanrigError, match="no image of the recording can be read"):
        export_session(Session.open(child.folder), "humandata", tmp_path / "gone")


def test_places_are_all_different_and_outside_is_zero():
    assert len(set(OF_JOINTS.values()) | set(OF_FACE.values())) == 29
    assert len(set(OF_DETECTOR.values())) == len(OF_DETECTOR)
    camera = build_camera()
    p_world = np.array([[[0.0, 0, 1], [0, 9, 1], [np.nan] * 3]])  # ahead, behind the camera, not there
    points = points190(["pelvis", "neck", "head"], p_world, OF_JOINTS, camera)
    assert points.q[0, [0, 12, 15], 2].tolist() == [1, 0, 0]
    assert points.p_camera[0, [0, 12, 15], 3].tolist() == [1, 1, 0]
    assert not points.q[0, 12].any()
    assert not points.p_camera[0, 15].any()


def test_boxes_have_a_margin_and_end_at_the_picture():
    q = np.zeros((2, 3, 3))
    q[0] = [[10, 10, 1], [30, 20, 1], [90, 90, 0]]
    q[1] = [[0, 0, 1], [63, 47, 1], [0, 0, 0]]
    found = boxes(q, build_camera())
    np.testing.assert_allclose(found[0], [20 - 10 * BOX_SCALE, 15 - 5 * BOX_SCALE, 20 * BOX_SCALE, 10 * BOX_SCALE, 1])
    np.testing.assert_allclose(found[1], [0, 0, 63, 47, 1])


def build_camera():
    from geometry.camera import Camera

    T = look_at(np.array([0.0, 2.5, 1.0]), np.array([0.0, 0, 1])) @ from_rotvec(np.zeros(3), np.zeros(3))
    return Camera(name="c/color", K=np.array([[50.0, 0, 31.5], [0, 50, 23.5], [0, 0, 1]]), width=64, height=48,
                  T_world_camera=T)  # fmt: skip
