"""SMC is read back twice: by the importer, and by a small reader that knows no more than docs/smc.md says."""

import json
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from export_rig import FIRST, LOST, RECORDED, recorded_index, recorded_rig
from export_take import build_take

sys.path.insert(0, str(Path(__file__).parents[1] / "capture"))
from other_layouts import depth_mm, raw

from body.loading import OPEN_BODY
from body.parameters import BodyParameters
from body.reframing import in_frame
from capture.frame_sets import write_instants
from capture.importers.detect import import_recording
from capture.iphone.message import PhoneMessage
from capture.session import Session
from geometry.rigid import transform
from humanrig.errors import DiskError, HumanrigError
from humanrig.export import export_session
from humanrig.export.smc_file import SmcWriter, k4a_vector
from humanrig.results import Results

WORLD = "kinect_000/color"
"""Whose frame is the file's world."""
FLOAT32 = 3e-5
"""Pixels: half a unit in the last place of float32 near 300."""


class Smc:
    """A reader by the document alone."""

    def __init__(self, path: Path) -> None:
        self.file = h5py.File(path)
        self.frames = int(self.file["Kinect"].attrs["num_frame"])
        self.poses = json.loads(self.file["Extrinsics"][()])

    def pose(self, key: str) -> np.ndarray:
        """Camera to world."""
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = self.poses[key]["R"], self.poses[key]["T"]
        return T

    def project(self, kinect: int, kind: str, p_world: np.ndarray) -> np.ndarray:
        """Pixels, through OpenCV's model of the lens."""
        place = f"Kinect/{kinect}/Calibration/{kind}/Intrinsics"
        cx, cy, fx, fy, k1, k2, k3, k4, k5, k6, _, _, p2, p1, _ = self.file[place][()].astype(float)
        T = np.linalg.inv(self.pose(str(2 * kinect + (kind == "Depth"))))
        K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
        lens = np.array([k1, k2, p1, p2, k3, k4, k5, k6])
        return cv2.projectPoints(p_world, cv2.Rodrigues(T[:3, :3])[0], T[:3, 3], K, lens)[0][:, 0]


@pytest.fixture(scope="module")
def rig() -> Session:
    """Three Kinects with lenses and a phone, with frames that were lost; nobody was fitted."""
    return recorded_rig()


@pytest.fixture(scope="module")
def smc(rig, tmp_path_factory) -> Path:
    files = export_session(rig, "smc", tmp_path_factory.mktemp("smc") / "out")
    assert [path.suffix for path in files] == [".smc", ".txt"]
    return files[0]


def test_images_are_the_recorded_ones(rig, smc):
    read = Smc(smc).file
    assert sorted(read["Kinect"]) == ["0", "1", "2"]
    for n in range(3):
        for kind, group in (("color", "Color"), ("depth", "Depth")):
            stream = f"kinect_00{n}/{kind}"
            there = [frame for frame in range(RECORDED) if LOST.get(stream) != frame]
            assert sorted(read[f"Kinect/{n}/{group}"]) == [str(frame) for frame in there]  # a lost frame is a hole
            for frame in there:
                value, index = read[f"Kinect/{n}/{group}/{frame}"][()], recorded_index(stream, frame)
                if kind == "color":
                    assert value.tobytes() == raw(rig, stream, index)
                else:
                    assert value.dtype == np.uint16
                    np.testing.assert_array_equal(value, depth_mm(rig, stream, index))
    mask = read["Kinect/0/Mask/0"][()]
    assert (mask.dtype, mask.shape, set(np.unique(mask))) == (np.uint8, (104, 128), {0, 255})
    room = Session.open(rig.folder / rig.info.links["background_from"])
    np.testing.assert_array_equal(read["Kinect/1/Background/Depth"][()], depth_mm(room, "kinect_001/depth", 0))
    assert read["Kinect/1/Background/Color"][()].tobytes() == raw(room, "kinect_001/color", 0)
    text = (smc.parent / "source.txt").read_text()
    assert "for want of a frame: Kinect/1/Color/2 Kinect/2/Depth/3" in text
    assert "SMPL is not there" in text


def test_types_and_attributes_are_those_of_the_document(smc):
    file = Smc(smc).file
    assert {name: np.asarray(file.attrs[name]).dtype for name in ("actor_id", "action_id")} == {
        "actor_id": np.int32, "action_id": np.int32,
    }  # fmt: skip
    assert len(file.attrs["datetime_str"].split("-")) == 6
    kinect = {name: np.asarray(value).dtype for name, value in file["Kinect"].attrs.items()}
    assert kinect == {
        "num_frame": np.uint32, "num_device": np.uint8, "depth_mode": np.uint8, "color_resolution": np.uint8,
    }  # fmt: skip
    assert (file["Kinect"].attrs["num_frame"], file["Kinect"].attrs["num_device"]) == (RECORDED, 3)
    lens = file["Kinect/0/Calibration/Depth"]
    assert (lens["Intrinsics"].dtype, lens["Intrinsics"].shape) == (np.float32, (15,))
    assert (lens["Resolution"].dtype, lens["Resolution"][()].tolist()) == (np.uint16, [128, 104])
    assert (lens["MetricRadius"].dtype, lens["MetricRadius"][()]) == (np.float32, np.float32(1.7))
    assert file["Extrinsics"].attrs["direction"].startswith("cam2world")
    extra = file["Humanrig"]
    assert extra["instants"][()].tolist() == [FIRST + n for n in range(RECORDED)]
    assert [name.decode() for name in extra["streams"]][2] == "kinect_001/color"
    assert extra["offset_us"][()][:, 2].tolist() == [160, 160, 0, 160]


def test_cameras_put_world_points_where_the_session_does(rig, smc):
    read, cameras = Smc(smc), rig.cameras()
    np.testing.assert_allclose(read.pose("0"), np.eye(4), atol=1e-12)  # the world is the first colour camera
    rng = np.random.default_rng(0)
    p_world = rng.uniform(-0.4, 0.4, (20, 3)) + [0, 0, 0.9]
    p_file = transform(read.file["Humanrig/T_file_world"][()], p_world)
    for n in range(3):
        for kind in ("Color", "Depth"):
            expected = cameras[f"kinect_00{n}/{kind.lower()}"].project(p_world)
            np.testing.assert_allclose(read.project(n, kind, p_file), expected, atol=FLOAT32)
    floor = read.poses["1"]["floor"]
    up = read.file["Humanrig/T_file_world"][()][:3, 2]
    np.testing.assert_allclose(floor["normal"], up, atol=1e-12)
    height = np.linalg.inv(read.file["Humanrig/T_file_world"][()]) @ [*floor["center"], 1]
    assert abs(height[2]) < 1e-9
    assert floor["pnum"] > 500


def test_the_phone_has_both_keys_and_its_own_lens(rig, smc):
    read = Smc(smc)
    assert read.poses["iPhone"] == read.poses["6"]
    camera = rig.cameras()["iphone_000/color"]
    T = np.linalg.inv(read.file["Humanrig/T_file_world"][()]) @ read.pose("iPhone")
    np.testing.assert_allclose(T, camera.T_world_camera, atol=1e-12)
    phone = read.file["iPhone"]
    assert (phone.attrs["num_frame"], phone.attrs["num_frame"].dtype) == (RECORDED, np.int32)
    assert phone.attrs["color_resolution"].tolist() == [480, 360]
    assert phone.attrs["depth_resolution"].tolist() == [256, 192]
    about = json.loads(phone["0/CameraInfo/1"][()])
    np.testing.assert_allclose(np.array(about["cameraIntrinsics"]).T, camera.K)
    assert about["timestamp"] == pytest.approx(1.033333)
    assert (phone["0/Confidence/0"].dtype, phone["0/Confidence/0"].shape) == (np.uint8, (192, 256))
    np.testing.assert_array_equal(phone["0/Depth/2"][()], depth_mm(rig, "iphone_000/depth", 2))


def test_the_importer_makes_the_same_session_of_it(rig, smc, tmp_path):
    session = import_recording(smc, tmp_path / "s")
    assert session.info.origin == "humman-smc"
    assert {name: session.streams[name].frames for name in rig.cameras() if name.startswith("kinect")} == {
        name: RECORDED - (name in LOST) for name in rig.cameras() if name.startswith("kinect")
    }
    np.testing.assert_array_equal(depth_mm(session, "kinect_002/depth", 2), depth_mm(rig, "kinect_002/depth", 2))
    assert raw(session, "kinect_001/color", 2) == raw(rig, "kinect_001/color", 2)
    assert "background_from" in session.info.links
    made, cameras = session.recorded_cameras(), rig.cameras()
    T = made[WORLD].T_world_camera @ cameras[WORLD].T_camera_world  # a turn about z and a shift on the floor
    assert T[2, 2] == pytest.approx(1, abs=2e-6)
    assert T[2, 3] == pytest.approx(0, abs=0.004)
    for name in ("kinect_001/color", "kinect_002/depth"):
        np.testing.assert_allclose(T @ cameras[name].T_world_camera, made[name].T_world_camera, atol=1e-6)
        np.testing.assert_array_equal(k4a_vector(made[name]), k4a_vector(cameras[name]))
    message = PhoneMessage.of(session.frame("iphone/imu", 1).payload)
    np.testing.assert_allclose(message.K, cameras["iphone_000/color"].K)


@pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")
def test_keypoints_and_body(tmp_path, monkeypatch):
    monkeypatch.delenv("HUMANRIG_BODY_MODEL", raising=False)
    take = build_take(tmp_path / "take")
    p_world = np.random.default_rng(1).uniform(-0.3, 0.3, (2, 2, 3)) + [0, 0, 0.9]
    p_world[1, 1] = np.nan
    take.path("keypoints").mkdir()
    np.savez(take.path("keypoints", "person00.npz"), names=np.array(["nose", "left_heel"]), p_world=p_world,
             instants=np.array([4, 5]))  # fmt: skip
    with np.load(take.path("body", "person00.npz")) as body:
        kept = {k: body[k][:1] if body[k].ndim and len(body[k]) == 2 else body[k] for k in body.files}
    np.savez(take.path("body", "person00.npz"), **kept)  # the second instant has no body
    path = export_session(take, "smc", tmp_path / "out")[0]
    assert path.name == "p000001_turn.smc"
    read = Smc(path)
    assert read.file.attrs["actor_id"] == 1
    T = read.file["Humanrig/T_file_world"][()]

    points, mask = read.file["Keypoints3D/keypoints3d"][()], read.file["Keypoints3D/keypoints3d_mask"][()]
    assert (points.shape, np.flatnonzero(mask).tolist()) == ((2, 133, 4), [0, 19])
    assert read.file["Keypoints3D"].attrs["convention"] == "coco_wholebody"
    assert "Keypoints3d_mask" in read.file["Keypoints3D"]
    np.testing.assert_allclose(points[0, 0], [*transform(T, p_world[0, 0]), 1], atol=1e-6)
    assert not points[1, 19].any()
    flat = read.file["Keypoints2D/Kinect/1/keypoints2d"][()]
    expected = read.project(1, "Color", transform(T, p_world[:, 0]))
    np.testing.assert_allclose(flat[:, 0, :2], expected, atol=FLOAT32)

    results = Results(take)
    body = {name: read.file[f"SMPL/{name}"][()] for name in ("global_orient", "body_pose", "transl", "betas")}
    assert {k: v.shape for k, v in body.items()} == {
        "global_orient": (2, 3), "body_pose": (2, 69), "transl": (2, 3), "betas": (1, 10),
    }  # fmt: skip
    assert np.isnan(body["transl"][1]).all()
    read_body = BodyParameters(
        betas=body.pop("betas")[0].astype(float), **{k: v[:1].astype(float) for k, v in body.items()}
    )
    wanted = results.model.pose(in_frame(results.model, results.parameters[:1], T))
    joints = results.model.pose(read_body).joints[0]
    np.testing.assert_allclose(joints[0], wanted.joints[0, 0], atol=1e-6)
    np.testing.assert_allclose(read.file["SMPL/keypoints3d"][0, 0], wanted.joints[0, 0], atol=1e-6)
    assert np.linalg.norm(joints - wanted.joints[0], axis=1).max() < 0.02  # ten of sixteen betas
    assert "1 frames without a body are NaN" in (path.parent / "source.txt").read_text()


def test_a_frame_that_cannot_be_read_is_a_hole_with_its_reason(rig, tmp_path):
    shutil.copytree(rig.folder, tmp_path / "cut")
    instants = rig.instants()
    instants[1].index["kinect_000/depth"] = 7  # as in a recording that was cut short
    instants[0].index["kinect_001/depth"] = 7
    (tmp_path / "cut" / "masks" / "kinect_000" / "depth" / f"{FIRST + 3:06d}.png").unlink()
    write_instants(tmp_path / "cut" / "sync" / "frames.parquet", instants)
    file = export_session(Session.open(tmp_path / "cut"), "smc", tmp_path / "out")[0]
    assert sorted(h5py.File(file)["Kinect/0/Depth"]) == ["0", "2", "3"]
    assert "Kinect/0/Depth/1 (" in (file.parent / "source.txt").read_text()
    assert "there is no frame 7" in (file.parent / "source.txt").read_text()
    assert " Kinect/0/Mask/3" in (file.parent / "source.txt").read_text()
    assert "floor" in Smc(file).poses["3"]  # of the first depth image that can be read


def test_a_recording_that_is_gone_is_no_export(rig, tmp_path):
    shutil.copytree(rig.folder, tmp_path / "gone", ignore=shutil.ignore_patterns("*.mcap"))
    with pytest.raises(HumanrigError, match="no image of the recording can be read"):
        export_session(Session.open(tmp_path / "gone"), "smc", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_said_in_words():
    """HDF5 itself would crash."""
    with (
        pytest.raises(DiskError, match="could not be written"),
        SmcWriter(Path("/dev/full"), actor_id=1, action_id=2, created=datetime.now(UTC)) as file,
    ):
        file.image("Kinect/0/Depth/0", np.zeros((4, 4), np.uint16))


def test_without_depth_it_is_refused(rig, tmp_path):
    colour = tuple(stream for stream in rig.info.streams if stream.kind == "color")
    session = Session(rig.folder, replace(rig.info, streams=colour))
    with pytest.raises(HumanrigError, match="needs devices with colour and depth, this session has none"):
        export_session(session, "smc", tmp_path / "out")
    assert not (tmp_path / "out").exists()
