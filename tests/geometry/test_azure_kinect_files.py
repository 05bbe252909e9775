"""Raw Azure Kinect calibrations: what devices send, what the virtual rig writes, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from geometry.camera_files.azure_kinect import parse_kinect_calibration, read_kinect_calibration
from geometry.camera_files.azure_kinect_modes import COLOR_MODES, DEPTH_MODES
from geometry.camera_files.azure_kinect_writing import calibration_json
from geometry.errors import GeometryError
from geometry.rigid import from_rotvec, inverse


def parse(content: dict):
    return parse_kinect_calibration(json.dumps(content).encode(), "unit.json")


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order mark"])
@pytest.mark.parametrize("after", [b"", b"\0\0\0", b"\n\0"], ids=["plain", "NULs", "newline NUL"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_every_wrapping_gives_the_same_cameras(raw_calibration, kinect, before, after, wrapped):
    content = raw_calibration if wrapped else raw_calibration["CalibrationInformation"]
    found = parse_kinect_calibration(before + json.dumps(content).encode() + after, "unit.json")
    assert found.serial == "001514394512"
    np.testing.assert_array_equal(found.color_camera("720P").K, kinect.color_camera("720P").K)
    np.testing.assert_array_equal(found.depth_camera("NFOV_UNBINNED").K, kinect.depth_camera("NFOV_UNBINNED").K)


def test_a_radius_that_the_factory_did_not_find_is_the_sdks_default(kinect):
    assert kinect.color_camera("720P").metric_radius == 1.7
    assert kinect.depth_camera("NFOV_UNBINNED").metric_radius == pytest.approx(1.74, abs=1e-6)


def test_all_modes_look_the_same_way(kinect):
    """One point of space, seen in each mode, lies at the same place of the sensor."""
    p = np.array([[0.05, -0.07, 1.0]])
    for modes, camera_of in ((DEPTH_MODES, kinect.depth_camera), (COLOR_MODES, kinect.color_camera)):
        places = []
        for name, mode in modes.items():
            camera = camera_of(name)
            assert (camera.width, camera.height) == (mode.width, mode.height)
            corner = camera.project_camera(p)[0] + 0.5 + (mode.crop_x, mode.crop_y)
            places.append(corner / (mode.binned_width, mode.binned_height))
        np.testing.assert_allclose(places, np.broadcast_to(places[0], (len(places), 2)), atol=1e-12)


def test_the_baseline_is_that_of_the_device(kinect):
    color = kinect.color_camera("720P")
    assert np.linalg.norm(color.center) == pytest.approx(0.0324, abs=1e-4)
    assert color.center[0] > 0  # the colour camera sits at the depth camera's right (+x)


@pytest.mark.parametrize("depth_mode", list(DEPTH_MODES)[:4])
@pytest.mark.parametrize("color_mode", COLOR_MODES)
def test_what_we_write_reads_back(kinect, depth_mode, color_mode):
    T_world_device = from_rotvec(np.array([0.2, -1.1, 0.4]), np.array([1.5, -2, 1]))
    depth, color = kinect.depth_camera(depth_mode), kinect.color_camera(color_mode)
    placed = [camera.at(T_world_device @ camera.T_world_camera) for camera in (depth, color)]
    back = parse_kinect_calibration(calibration_json(*placed, serial="000000000042").encode(), "written")
    assert back.serial == "000000000042"
    for ours, theirs in ((back.depth_camera(depth_mode), depth), (back.color_camera(color_mode), color)):
        np.testing.assert_allclose(ours.K, theirs.K, atol=1e-9)
        np.testing.assert_array_equal(ours.distortion, theirs.distortion)
        assert ours.metric_radius == theirs.metric_radius
        # the device's own rotation is orthogonal to 1e-8 only: `inverse` transposes it
        np.testing.assert_allclose(ours.T_world_camera, theirs.T_world_camera, atol=1e-7)


def test_a_reference_frame_that_is_not_the_depth_camera_is_taken_out(raw_calibration, kinect):
    """Rt leads from the device's reference to each camera; the result counts from the depth camera."""
    shift = from_rotvec(np.array([0.1, 0.2, -0.3]), np.array([0.01, 0.02, 0.03]))
    for camera in raw_calibration["CalibrationInformation"]["Cameras"]:
        rt = camera["Rt"]
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = np.reshape(rt["Rotation"], (3, 3)), rt["Translation"]
        T = T @ inverse(shift)
        rt["Rotation"], rt["Translation"] = T[:3, :3].ravel().tolist(), T[:3, 3].tolist()
    moved = parse(raw_calibration)
    np.testing.assert_allclose(moved.depth_camera("NFOV_UNBINNED").T_world_camera, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(
        moved.color_camera("720P").T_world_camera, kinect.color_camera("720P").T_world_camera, atol=1e-7
    )


def test_an_old_calibration_of_the_middle_of_the_sensor_is_moved_to_the_whole(raw_calibration, kinect):
    color = raw_calibration["CalibrationInformation"]["Cameras"][1]
    p = color["Intrinsics"]["ModelParameters"]
    color["SensorWidth"], color["SensorHeight"] = 3840, 2160
    p[1], p[3] = (p[1] * 3072 - 384) / 2304, p[3] * 3072 / 2304
    np.testing.assert_allclose(parse(raw_calibration).color_camera("2160P").K, kinect.color_camera("2160P").K)


def damage(content: dict, what: str) -> dict:
    cameras = content["CalibrationInformation"]["Cameras"]
    match what:
        case "no colour":
            del cameras[1]
        case "no Rt":
            del cameras[0]["Rt"]
        case "few parameters":
            cameras[0]["Intrinsics"]["ModelParameters"].pop()
        case "nan":
            cameras[1]["Intrinsics"]["ModelParameters"][4] = float("nan")
        case "model":
            cameras[1]["Intrinsics"]["ModelType"] = "CALIBRATION_LensDistortionModelTheta"
        case "center":
            cameras[1]["Intrinsics"]["ModelParameters"][10] = 1e-3
        case "sensor":
            cameras[1]["SensorWidth"] = 1000
    return content


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no colour", "'CALIBRATION_CameraPurposePhotoVideo' is missing"),
        ("no Rt", "depth camera: 'Rt' is missing"),
        ("few parameters", "'ModelParameters' must be 14 finite"),
        ("nan", "colour camera: 'ModelParameters'"),
        ("model", "Theta' is not supported"),
        ("center", "centre of distortion"),
        ("sensor", "1000x3072"),
    ],
)
def test_a_damaged_calibration_is_refused_by_name(raw_calibration, what, message):
    with pytest.raises(GeometryError, match=rf"unit\.json.*{message}"):
        parse(damage(raw_calibration, what))


def test_cut_off_missing_and_unknown(tmp_path, raw_calibration, kinect):
    raw = json.dumps(raw_calibration).encode()
    with pytest.raises(GeometryError, match="not a complete JSON"):
        parse_kinect_calibration(raw[:700], "cut.json")
    with pytest.raises(GeometryError, match="'Cameras' is missing"):
        parse_kinect_calibration(b"[]", "list.json")
    with pytest.raises(GeometryError, match="cannot read the camera file"):
        read_kinect_calibration(tmp_path / "none.json")
    with pytest.raises(GeometryError, match="mode '480P' is not one of 720P"):
        kinect.color_camera("480P")
    with pytest.raises(GeometryError, match="no Azure Kinect mode gives 640x480"):
        calibration_json(kinect.depth_camera("NFOV_UNBINNED").resized(640, 480), kinect.color_camera("720P"), "0")


def test_a_serial_number_that_cannot_be_read_is_none(raw_calibration):
    """The fuzzer's input 4004 of cameras_kinect: a number where a table should be."""
    assert parse({**raw_calibration["CalibrationInformation"], "Metadata": 0.5}).serial == ""
