"""Given calibrations: what is accepted, how a user's file joins the recorded cameras, what is refused or doubted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.given import given_calibration, read_calibration, write_calibration
from calibration.rig import device_of
from capture.virtual.unit import draw_unit, place_unit
from geometry.camera import Camera
from geometry.camera_files.aniposelib import write_aniposelib
from geometry.camera_files.cameras_json import CameraFile, write_cameras
from geometry.errors import GeometryError
from geometry.rigid import from_rotvec, inverse, look_at

T_DEPTH_COLOR = from_rotvec(np.array([-0.1, 0.0, 0.0]), np.array([0.032, 0.002, -0.004]))
SIZES = {
    f"kinect_{i:03d}/{kind}": size for i in range(3) for kind, size in (("depth", (640, 576)), ("color", (1280, 720)))
}


def ring() -> dict[str, Camera]:
    """Three devices around the origin, each with a depth and a colour camera 32 mm apart."""
    cameras = {}
    for name, (width, height) in SIZES.items():
        angle = 2 * np.pi * int(name[7:10]) / 3
        T = look_at(np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.2]), np.array([0.0, 0, 0.9]))
        T = T @ T_DEPTH_COLOR if name.endswith("color") else T
        K = np.array([[500.0, 0, width / 2], [0, 500, height / 2], [0, 0, 1]])
        cameras[name] = Camera(name=name, K=K, width=width, height=height, T_world_camera=T)
    return cameras


def recorded(cameras: dict[str, Camera], unplaced: frozenset[str] = frozenset()) -> CameraFile:
    return CameraFile(cameras=cameras, unplaced=unplaced, source="factory calibration")


def in_their_devices() -> CameraFile:
    """What separate recordings bring: each device in its own frame, nothing about the room."""
    cameras = {name: c.at(T_DEPTH_COLOR if name.endswith("color") else np.eye(4)) for name, c in ring().items()}
    return recorded(cameras, frozenset(cameras))


def test_a_good_rig_passes_and_survives_the_disk(tmp_path):
    rig = given_calibration(SIZES, recorded(ring()))
    assert list(rig.cameras) == list(SIZES)
    assert rig.doubts == ()
    assert {v.subject for v in rig.verdicts} == {"kinect_000", "kinect_001", "kinect_002", "rig"}
    assert rig.notes["kinect_001/depth"] == "recorded: factory calibration"
    np.testing.assert_array_equal(rig.floor, [0, 0, 1, 0])
    write_calibration(tmp_path / "cameras.json", rig)
    back = read_calibration(tmp_path / "cameras.json")
    assert back.source == rig.source
    for name, camera in rig.cameras.items():
        np.testing.assert_array_equal(back.cameras[name].T_world_camera, camera.T_world_camera)


def test_colour_cameras_of_a_users_file_place_the_depth_cameras(tmp_path):
    file = tmp_path / "rig.toml"
    write_aniposelib(file, {name: camera for name, camera in ring().items() if name.endswith("color")})
    rig = given_calibration(SIZES, in_their_devices(), file)
    for name, camera in ring().items():
        np.testing.assert_allclose(rig.cameras[name].T_world_camera, camera.T_world_camera, atol=1e-12)
    assert rig.notes["kinect_000/depth"].startswith("recorded, placed with its device by")
    assert rig.notes["kinect_000/color"].startswith("given:")
    assert rig.doubts == ()


def test_a_users_camera_replaces_the_recorded_one(tmp_path):
    file = tmp_path / "cameras.json"
    motion = from_rotvec(np.array([0.0, 0, 1]), np.array([0.1, 0, 0]))
    write_cameras(file, [c.at(motion @ c.T_world_camera) for c in ring().values()], source="board")
    rig = given_calibration(SIZES, recorded(ring()), file)
    for name, camera in ring().items():
        np.testing.assert_allclose(
            rig.cameras[name].T_world_camera @ inverse(camera.T_world_camera), motion, atol=1e-12
        )


def test_a_users_file_alone_is_enough_for_videos(tmp_path):
    file = tmp_path / "cameras.json"
    write_cameras(file, ring(), source="mocap")
    rig = given_calibration({"kinect_001/color": (1280, 720)}, user_file=file)
    assert list(rig.cameras) == ["kinect_001/color"]
    assert {v.subject for v in rig.doubts} == {name for name in SIZES if device_of(name) != "kinect_001"}


def test_streams_without_a_camera_or_a_pose_are_named(tmp_path):
    some = {name: camera for name, camera in ring().items() if name != "kinect_002/depth"}
    with pytest.raises(CalibrationError, match=r"no camera for the stream.*kinect_002/depth; bring a calibration"):
        given_calibration(SIZES, recorded(some))
    with pytest.raises(CalibrationError, match="no camera for the stream"):
        given_calibration(SIZES)
    with pytest.raises(
        CalibrationError, match=r"no pose in the world for the camera.*kinect_000/color, kinect_000/depth"
    ):
        given_calibration(SIZES, in_their_devices())
    one = tmp_path / "one.toml"
    write_aniposelib(one, [ring()["kinect_000/color"]])
    with pytest.raises(
        CalibrationError, match=r"no pose in the world for .*s\) kinect_001/color, kinect_001/depth, kinect_002"
    ):
        given_calibration(SIZES, in_their_devices(), one)


def test_a_file_for_another_rig_is_refused(tmp_path):
    file = tmp_path / "other.toml"
    write_aniposelib(file, [replace(ring()["kinect_000/color"], name="GoPro")])
    with pytest.raises(CalibrationError, match=r"GoPro/color.*none of the session's streams.*rename"):
        given_calibration(SIZES, recorded(ring()), file)
    with pytest.raises(GeometryError, match="cannot read the camera file"):
        given_calibration(SIZES, recorded(ring()), tmp_path / "gone.json")


def test_a_users_file_without_places_is_refused(tmp_path):
    file = tmp_path / "factory.json"
    write_cameras(file, ring(), source="factory", unplaced=["kinect_001/depth"])
    with pytest.raises(CalibrationError, match=r"factory.json: no pose in the world for kinect_001/depth; bring a"):
        given_calibration(SIZES, recorded(ring()), file)


def test_another_image_size_is_refused():
    with pytest.raises(CalibrationError, match=r"'kinect_001/color' is calibrated for 1280x720 .* have 1920x1080"):
        given_calibration(SIZES | {"kinect_001/color": (1920, 1080)}, recorded(ring()))


def test_two_devices_at_one_place_are_refused():
    cameras = ring()
    cameras["kinect_001/depth"] = cameras["kinect_001/depth"].at(cameras["kinect_000/depth"].T_world_camera)
    with pytest.raises(CalibrationError, match="'kinect_000/depth' and 'kinect_001/depth' of two devices stand at one"):
        given_calibration(SIZES, recorded(cameras))


@pytest.mark.parametrize(
    ("name", "shift", "text"),
    [
        ("kinect_001/depth", [0.0, 0, 0.5], "too far for one device"),
        ("kinect_002/color", [0.0, 0, -1.5], "below the floor"),
        ("kinect_002/color", [80.0, 0, 0], "unit may not be metres"),
    ],
)
def test_what_is_possible_but_odd_is_doubted(name, shift, text):
    cameras = ring()
    moved = cameras[name].T_world_camera.copy()
    moved[:3, 3] += shift
    cameras[name] = cameras[name].at(moved)
    assert any(text in verdict.text for verdict in given_calibration(SIZES, recorded(cameras)).doubts)


def test_an_azure_kinect_calibrated_in_another_mode_is_converted():
    unit = draw_unit(0, np.random.default_rng(1))
    place = look_at(np.array([2.0, 0, 1]), np.array([0.0, 0, 1]))
    calibrated = recorded({c.name: c for c in place_unit(unit, "kinect_000", place, "PASSIVE_IR", "1080P")})
    wanted = {c.name: c for c in place_unit(unit, "kinect_000", place, "NFOV_UNBINNED", "720P")}
    sizes = {name: (camera.width, camera.height) for name, camera in wanted.items()}
    with pytest.raises(CalibrationError, match="calibrated for 1024x1024 pixels, but its images have 640x576"):
        given_calibration(sizes, calibrated)
    rig = given_calibration(sizes, calibrated, kinects={"kinect_000"})
    for name, camera in wanted.items():
        np.testing.assert_allclose(rig.cameras[name].K, camera.K, atol=1e-9)
        np.testing.assert_array_equal(rig.cameras[name].distortion, camera.distortion)
    assert rig.notes["kinect_000/depth"].endswith("calibrated in 1024x1024 images, converted")
    with pytest.raises(GeometryError, match="no Azure Kinect mode gives 641x576"):
        given_calibration({**sizes, "kinect_000/depth": (641, 576)}, calibrated, kinects={"kinect_000"})
