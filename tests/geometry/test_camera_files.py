"""Camera files: ours, Qualisys, aniposelib; round trips and refusals."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from geometry.camera import Camera
from geometry.camera_files.aniposelib import read_aniposelib, write_aniposelib
from geometry.camera_files.any_format import read_any_cameras
from geometry.camera_files.cameras_json import DIRECTION, read_camera_file, read_cameras, write_cameras
from geometry.camera_files.qualisys import read_qualisys
from geometry.errors import GeometryError
from geometry.rigid import look_at, rigid


def rig() -> dict[str, Camera]:
    rng = np.random.default_rng(0)
    cameras = {}
    for i in range(3):
        name = f"kinect_{i:03d}/{'color' if i else 'depth'}"
        cameras[name] = Camera(
            name=name,
            K=np.array([[600.0 + i / 3, 0, 640.1], [0, 601.7, 359.9], [0, 0, 1]]),
            width=1280,
            height=720,
            distortion=rng.normal(0, 0.05, 8),
            metric_radius=1.7 if i else float("inf"),
            T_world_camera=look_at(rng.uniform(-2, 2, 3), np.array([0.1, 0.2, 0.9])),
        )
    return cameras


def assert_same(a: Camera, b: Camera, tolerance: float = 0.0) -> None:
    assert (a.name, a.width, a.height, a.metric_radius) == (b.name, b.width, b.height, b.metric_radius)
    np.testing.assert_array_equal(a.K, b.K)
    np.testing.assert_array_equal(a.distortion, b.distortion)
    np.testing.assert_allclose(a.T_world_camera, b.T_world_camera, rtol=0, atol=tolerance)


def test_our_file_brings_back_every_bit_and_states_its_conventions(tmp_path):
    path = tmp_path / "deep" / "cameras.json"
    write_cameras(path, rig(), source="a test")
    back = read_cameras(path)
    assert list(back) == list(rig())
    for name, camera in rig().items():
        assert_same(back[name], camera)
    assert read_camera_file(path).source == "a test"
    content = json.loads(path.read_text())
    assert content["direction"] == DIRECTION
    assert content["cameras"][0]["metric_radius"] is None
    assert [p.name for p in path.parent.iterdir()] == ["cameras.json"]  # no partial file is left


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "cameras.json"
    write_cameras(path, rig(), source="old")
    with pytest.raises(GeometryError, match="one name"):
        write_cameras(path, [*rig().values(), rig()["kinect_001/color"]], source="new")
    with pytest.raises(GeometryError, match="no camera is named"):
        write_cameras(path, rig(), source="new", unplaced=["kinect_009/color"])
    assert read_camera_file(path).source == "old"


def test_cameras_without_a_pose_are_kept_apart(tmp_path):
    path = tmp_path / "cameras.json"
    write_cameras(path, rig(), source="factory", unplaced=["kinect_001/color"])
    file = read_camera_file(path)
    assert file.unplaced == {"kinect_001/color"}
    assert_same(file.cameras["kinect_001/color"], rig()["kinect_001/color"])  # its place in its device
    with pytest.raises(GeometryError, match="no pose in the world for kinect_001/color"):
        read_cameras(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c.pop("direction"), "'direction' is missing"),
        (lambda c: c.update(direction="T_camera_world"), "'direction' is 'T_camera_world', expected 'T_world_camera:"),
        (lambda c: c.update(unit="millimetre"), "'unit' is 'millimetre'"),
        (lambda c: c.update(schema=2), "'schema' is 2"),
        (lambda c: c["cameras"][1].pop("K"), r"camera 1 \('kinect_001/color'\): 'K' is missing"),
        (lambda c: c["cameras"][0].update(K=[[1, 2], [3, 4]]), "'K' must be 3x3 finite"),
        (lambda c: c["cameras"][0].update(width="wide"), "'width' must be one finite"),
        (lambda c: c["cameras"][0].update(T_world_camera=np.diag([1.0, 1, 2, 1]).tolist()), "not a rigid transform"),
        (lambda c: c["cameras"][0].update(distortion_order="k1 k2 k3 p1 p2"), "reorder"),
        (lambda c: c["cameras"][2].update(name="kinect_001/color"), "two cameras are named"),
        (lambda c: c.update(cameras={}), "must be a list"),
    ],
)
def test_a_damaged_file_of_ours_is_refused_by_place(tmp_path, damage, message):
    path = tmp_path / "cameras.json"
    write_cameras(path, rig(), source="a test")
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(GeometryError, match=message):
        read_cameras(path)


def test_missing_empty_and_cut_off_files(tmp_path):
    path = tmp_path / "cameras.json"
    with pytest.raises(GeometryError, match="cannot read the camera file"):
        read_cameras(path)
    path.write_text("")
    with pytest.raises(GeometryError, match="is empty"):
        read_cameras(path)
    write_cameras(path, rig(), source="a test")
    path.write_text(path.read_text()[:400])
    with pytest.raises(GeometryError, match="not a complete JSON"):
        read_cameras(path)


def test_aniposelib_round_trip(tmp_path):
    path = tmp_path / "calibration.toml"
    write_aniposelib(path, rig())
    for name, camera in read_aniposelib(path).items():
        assert_same(camera, rig()[name], 1e-14)  # rotation matrix to vector and back


def test_aniposelib_takes_world_to_camera_in_opencv_axes(tmp_path):
    """The table that aniposelib 0.8.0 would write for a camera 3 m before the origin, half a turn about x."""
    path = tmp_path / "calibration.toml"
    path.write_text(
        '[cam_0]\nname = "left"\nsize = [640, 480]\n'
        "matrix = [[500.0, 0.0, 320.0], [0.0, 500.0, 240.0], [0.0, 0.0, 1.0]]\n"
        "distortions = [0.1, 0.0, 0.0, 0.0, 0.0]\n"
        f"rotation = [{np.pi}, 0.0, 0.0]\ntranslation = [0.0, 0.0, 3000.0]\n[metadata]\nadjusted = false\n"
    )
    camera = read_aniposelib(path, unit_m=1e-3)["left/color"]
    np.testing.assert_allclose(camera.center, [0, 0, 3.0], atol=1e-12)
    np.testing.assert_allclose(camera.T_world_camera[:3, 2], [0, 0, -1], atol=1e-12)
    np.testing.assert_array_equal(camera.distortion, [0.1, 0, 0, 0, 0, 0, 0, 0])


def test_aniposelib_units_are_never_guessed(tmp_path):
    path = tmp_path / "calibration.toml"
    far = [c.at(rigid(c.T_world_camera[:3, :3], c.center * 1000)) for c in rig().values()]
    write_aniposelib(path, far)
    with pytest.raises(GeometryError, match="not in metres"):
        read_aniposelib(path)
    path.write_text(path.read_text().replace('unit = "metre"', 'unit = "millimetre"'))
    for name, camera in read_aniposelib(path).items():
        np.testing.assert_allclose(camera.center, rig()[name].center, atol=1e-12)
    path.write_text(path.read_text().replace("millimetre", "inch"))
    with pytest.raises(GeometryError, match="'inch'"):
        read_aniposelib(path)


def test_a_damaged_aniposelib_file_is_refused(tmp_path):
    path = tmp_path / "calibration.toml"
    write_aniposelib(path, rig())
    whole = path.read_text()
    for text, message in {
        whole.replace("rotation", "turn", 1): r"\[cam_000\].*'rotation' is missing",
        whole[: len(whole) // 2]: "not a complete TOML",
        '[metadata]\nunit = "metre"\n': "holds no camera",
        whole.replace("size", "fisheye = true\nsize", 1): "fisheye",
        whole.replace("distortions = [", "distortions = [ 0.0, ", 1): "9 distortion numbers",
    }.items():
        path.write_text(text)
        with pytest.raises(GeometryError, match=message):
            read_aniposelib(path)


QUALISYS = """<?xml version='1.0' encoding='ASCII'?>
<calibration><cameras>
<camera active="1" serial="cam01" viewrotation="0">
<fov_video left="8" top="0" right="1095" bottom="1919"/>
<transform r11="1" r12="0" r13="0" r21="0" r22="0" r23="1" r31="0" r32="-1" r33="0" x="100" y="-3000" z="1500"/>
<intrinsic focalLengthU="107520" focalLengthV="107584" centerPointU="35328" centerPointV="61440" skew="0"
 radialDistortion1="-0.05" radialDistortion2="0.1" radialDistortion3="0.01"
 tangentalDistortion1="0.001" tangentalDistortion2="0.002"/>
</camera></cameras></calibration>
"""


def test_qualisys_is_turned_to_our_axes_once(tmp_path):
    """A camera with y up that looks along its -z: here at y = -3 m, level, looking along the world's +y."""
    path = tmp_path / "calib.qca.txt"
    path.write_text(QUALISYS)
    camera = read_any_cameras(path)["cam01/color"]
    np.testing.assert_allclose(camera.center, [0.1, -3, 1.5])
    np.testing.assert_allclose(camera.T_world_camera[:3, :3], [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-15)
    np.testing.assert_allclose(camera.K, [[1680, 0, 552 - 8], [0, 1681, 960], [0, 0, 1]])
    assert (camera.width, camera.height) == (1088, 1920)
    np.testing.assert_array_equal(camera.distortion, [-0.05, 0.1, -0.001, -0.002, 0.01, 0, 0, 0])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</camera>", "", "not a complete Qualisys XML"),
        ('r22="0"', 'r22="nan"', "camera 'cam01': 'r22'"),
        ('x="100"', "", "'x' is missing"),
        ('viewrotation="0"', 'viewrotation="90"', "viewrotation 90"),
        ('skew="0"', 'skew="0.2"', "skew"),
        ('serial="cam01"', "", "no serial"),
        ("fov_video", "fov_marker", "<fov_video> is missing"),
    ],
)
def test_a_damaged_qualisys_file_is_refused(tmp_path, old, new, message):
    path = tmp_path / "calib.qca.txt"
    path.write_text(QUALISYS.replace(old, new))
    with pytest.raises(GeometryError, match=message):
        read_qualisys(path)
    path.write_text("<calibration/>")
    with pytest.raises(GeometryError, match="holds no <camera>"):
        read_qualisys(path)


@pytest.mark.real_data
def test_a_published_qualisys_calibration(real_data):
    """Pose2Sim's demo: the intrinsics that its documentation lists, four cameras around a treadmill at the origin."""
    path = real_data / "multicam_person_pose2sim/Demo_SinglePerson/calibration/Calib.qca.txt"
    cameras = read_any_cameras(path)
    assert list(cameras) == [f"cam{i:02d}/color" for i in (1, 2, 3, 4)]
    np.testing.assert_allclose(
        cameras["cam01/color"].K[[0, 1, 0, 1], [0, 1, 2, 2]], [1681.2, 1681.1, 533.0, 948.1], atol=0.05
    )
    treadmill = np.array([[-2, 0.3, 0], [-2, -0.3, 0], [0, 0.3, 0], [0, -0.3, 0]])
    for camera in cameras.values():
        q = camera.project(treadmill)
        assert ((q > 0) & (q < [camera.width, camera.height])).all()
        assert 1 < camera.center[2] < 3


@pytest.mark.real_data
def test_a_published_aniposelib_calibration(real_data):
    """Sports2D's demo: written by another tool in aniposelib's layout."""
    camera = read_any_cameras(real_data / "photos_sports2d/sports2d/Calib_demo.toml")["demo/color"]
    assert camera.K[0, 0] == pytest.approx(2520.09, abs=0.01)
    assert (camera.width, camera.height) == (1768, 994)
    assert camera.T_world_camera[2, 1] < -0.99  # the picture's down is the world's down


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "rig.txt").write_text("K = 5")
    with pytest.raises(GeometryError, match="not a camera file we read"):
        read_any_cameras(tmp_path / "rig.txt")


def test_numpy_scalars_are_written_as_numbers(tmp_path):
    camera = replace(rig()["kinect_001/color"], metric_radius=np.float64(1.7))
    write_cameras(tmp_path / "a.json", [camera], source="numpy scalars")
    write_aniposelib(tmp_path / "a.toml", [camera])
    assert read_any_cameras(tmp_path / "a.toml").keys() == read_any_cameras(tmp_path / "a.json").keys()
