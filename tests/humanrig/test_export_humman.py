"""HuMMan-Point's folders, read back by the importer and as the release's own readers go about it."""

import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from export_rig import FIRST, LOST, RECORDED, recorded_index, recorded_rig
from export_take import parameters, write_person

sys.path.insert(0, str(Path(__file__).parents[1] / "capture"))
from other_layouts import depth_mm

from body.loading import OPEN_BODY
from body.parameters import BodyParameters
from capture.importers.detect import import_recording
from capture.session import Session
from capture.video import VideoStream
from geometry.rigid import transform
from humanrig.export import export_session
from humanrig.export.humman_body import ten_betas
from humanrig.export.pinhole import PinholeImages
from humanrig.results import Results

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")
BODIES = (FIRST + 1, FIRST + 3)
"""Instants with a body; frame n of the folder is instant BODIES[0] + n, frame 1 + n of the recording."""
FRAMES = 3
H264 = 4.0
"""Mean difference of colours, of 255, that coding at 160x120 leaves; a neighbouring frame is 8 away where things move,
another camera 60."""


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    """A person that has nothing to do with the pictures stands in the rig."""
    folder = tmp_path_factory.mktemp("rigs") / "rig"
    shutil.copytree(recorded_rig().folder, folder)
    session = Session.open(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        write_person(session, np.random.default_rng(0), BODIES)
    return session


@pytest.fixture(scope="module")
def point(take, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("point") / "p000001_a000002"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        export_session(take, "humman_point", folder)
    return folder


def test_the_folder_has_the_releases_files(point):
    found = {p.relative_to(point).as_posix() for p in point.rglob("*") if p.is_file()}
    kinects, frames = range(3), range(FRAMES)
    depth = {f"kinect_depth/kinect_00{k}/{f:06d}.png" for k in kinects for f in frames}
    masks = {f"kinect_mask/kinect_00{k}/{f:06d}.png" for k in kinects for f in frames}
    videos = {f"kinect_color/kinect_00{k}.mp4" for k in kinects} | {"iphone_color/iphone.mp4"}
    phone = {f"iphone_depth/iphone/{f:06d}.png" for f in range(RECORDED)}
    empty = {f"background/kinect_color_00{k}.jpg" for k in kinects} | {
        f"background/kinect_depth_00{k}.png" for k in kinects
    }
    lost = {f"kinect_depth/kinect_002/{LOST['kinect_002/depth'] - 1:06d}.png"}
    others = {"cameras.json", "smpl_params.npz", "source.txt"}
    assert found == (depth | masks | videos | phone | empty | others) - lost
    text = (point / "source.txt").read_text()
    for words in (
        *lost,
        "kinect_001.mp4 frame 1",
        "without a body are NaN: 1",
        "world to camera",
        "depth camera's pixels",
    ):
        assert words in text


def test_frame_n_is_the_same_moment_everywhere(take, point):
    cameras = take.cameras()
    for name, recorded in (("kinect_000", 1), ("kinect_000", 3), ("kinect_001", 3)):
        color, depth = f"{name}/color", f"{name}/depth"
        wanted = PinholeImages(cameras[color]).color(take.frame(color, recorded_index(color, recorded)).payload)
        picture = VideoStream(point / "kinect_color" / f"{name}.mp4").frame(recorded - 1)
        assert np.abs(picture.astype(float) - wanted).mean() < H264
        wanted = PinholeImages(cameras[depth]).nearest(depth_mm(take, depth, recorded_index(depth, recorded)))
        found = cv2.imread(str(point / "kinect_depth" / name / f"{recorded - 1:06d}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(found, wanted)
    mask = cv2.imread(str(point / "kinect_mask" / "kinect_000" / "000000.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == found.shape  # in depth space
    assert set(np.unique(mask)) == {0, 255}
    assert len(VideoStream(point / "kinect_color" / "kinect_001.mp4")) == FRAMES  # a hole shortens nothing


def test_the_body_stands_in_the_first_cameras_world(take, point):
    with np.load(point / "smpl_params.npz") as arrays:
        read = {name: arrays[name].astype(np.float64) for name in arrays.files}
    assert {k: v.shape for k, v in read.items()} == {
        "betas": (3, 10), "body_pose": (3, 69), "global_orient": (3, 3), "transl": (3, 3),
    }  # fmt: skip
    assert np.isnan(read["transl"][1]).all()
    model, wanted = Results(take).model, parameters()
    T = take.cameras()["kinect_000/color"].T_camera_world
    for row, frame in ((0, 0), (1, FRAMES - 1)):
        body = {k: read[k][frame : frame + 1] for k in ("body_pose", "global_orient", "transl")}
        joints = model.pose(BodyParameters(betas=read["betas"][frame], **body)).joints[0]
        expected = transform(T, model.pose(wanted[row : row + 1]).joints[0])
        np.testing.assert_allclose(joints[0], expected[0], atol=1e-6)  # float32
        assert np.linalg.norm(joints - expected, axis=1).max() < 0.02  # ten of sixteen betas
    np.testing.assert_allclose(read["betas"][0], ten_betas(model, wanted)[0], atol=1e-6)


def test_cameras_are_world_to_camera(take, point):
    content, cameras = json.loads((point / "cameras.json").read_text()), take.cameras()
    assert len(content) == 7
    first = cameras["kinect_000/color"].T_camera_world
    p_world = np.array([[0.3, 0.2, 0.9]])
    for key, name in (("kinect_depth_002", "kinect_002/depth"), ("iphone", "iphone_000/color")):
        p_camera = transform(first, p_world) @ np.array(content[key]["R"]).T + content[key]["T"]
        np.testing.assert_allclose(p_camera, transform(cameras[name].T_camera_world, p_world), atol=1e-12)
        np.testing.assert_allclose(content[key]["K"], cameras[name].K)


def test_the_importer_takes_it(take, point, tmp_path):
    session = import_recording(point, tmp_path / "s")
    assert (session.info.origin, session.info.subject, session.info.action) == ("humman-point", "p000001", "a000002")
    made, cameras = session.recorded_cameras(), take.cameras()
    T = made["kinect_000/color"].T_world_camera @ cameras["kinect_000/color"].T_camera_world
    assert T[2, 2] == pytest.approx(1, abs=1e-5)  # upright again, from the floor in depth
    assert T[2, 3] == pytest.approx(0, abs=0.005)
    for name in ("kinect_001/depth", "kinect_002/color"):
        np.testing.assert_allclose(T @ cameras[name].T_world_camera, made[name].T_world_camera, atol=1e-6)
    assert session.streams["kinect_002/depth"].frames == FRAMES - 1
    assert "background_from" in session.info.links


@pytest.mark.slow
def test_recon_comes_back_through_the_importer_too(take, tmp_path, monkeypatch):
    monkeypatch.delenv("HUMANRIG_BODY_MODEL", raising=False)
    export_session(take, "humman", tmp_path / "p000001_a000002")
    assert "no place for phones: iphone_000" in (tmp_path / "p000001_a000002" / "source.txt").read_text()
    session = import_recording(tmp_path / "p000001_a000002", tmp_path / "s")
    assert (session.info.origin, session.info.subject) == ("humman-recon", "p000001")
    made, cameras = session.recorded_cameras(), take.cameras()
    T = made["kinect_000/color"].T_world_camera @ cameras["kinect_000/color"].T_camera_world
    np.testing.assert_allclose(T @ cameras["kinect_002/depth"].T_world_camera, made["kinect_002/depth"].T_world_camera,
                               atol=1e-6)  # fmt: skip
    wanted = PinholeImages(cameras["kinect_001/depth"]).nearest(depth_mm(take, "kinect_001/depth", 3))
    np.testing.assert_array_equal(depth_mm(session, "kinect_001/depth", 1), wanted)  # of BODIES[1]
    assert session.path("recording", "extras", "smpl_params", f"{BODIES[1]:06d}.npz").is_file()
