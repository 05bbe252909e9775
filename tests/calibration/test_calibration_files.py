"""A rig calibration on disk: every field comes back, and damage is refused by its place."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from calibration.calibration_files import covariance_of, rig_of
from calibration.color_correction import ColorCorrection
from calibration.depth_correction import DepthCorrection
from calibration.errors import CalibrationError
from calibration.given import given_calibration, read_calibration, write_calibration
from calibration.pose_covariance import PoseCovariance
from calibration.rig import RigCalibration, Verdict
from geometry.camera import Camera
from geometry.camera_files.cameras_json import read_camera_file, read_cameras, write_cameras
from geometry.errors import GeometryError
from geometry.rigid import look_at

SIZES = {"kinect_000/color": (1280, 720), "kinect_000/depth": (640, 576), "kinect_001/color": (1280, 720)}
EYES = {"kinect_000/color": (2.0, 0.0, 1.2), "kinect_000/depth": (2.0, 0.03, 1.2), "kinect_001/color": (-1.0, 1.7, 1.2)}
SOLVED = ("kinect_001/color", "kinect_000/color")


ROOT = np.random.default_rng(3).normal(0, 5e-4, (12, 12))
COVARIANCE = PoseCovariance(cameras=SOLVED, matrix=ROOT @ ROOT.T, gauge="aligned")


def solved_rig() -> RigCalibration:
    cameras = {
        name: Camera(
            name=name,
            K=np.array([[610.3, 0, width / 2], [0, 610.9, height / 2], [0, 0, 1]]),
            width=width,
            height=height,
            T_world_camera=look_at(np.array(EYES[name]), np.array([0.0, 0.1, 0.9])),
        )
        for name, (width, height) in SIZES.items()
    }
    return RigCalibration(
        cameras=cameras,
        source="board",
        floor=np.array([0.01, -0.02, np.sqrt(1 - 5e-4), 0.003]),
        notes={name: f"{n} views" for n, name in enumerate(cameras)},
        verdicts=(Verdict(subject="kinect_001", good=False, text="1.8 mm, weakly tied: [wave, the board]"),),
        covariance=COVARIANCE,
        depth_corrections={
            "kinect_000/depth": DepthCorrection(bias_m=0.003, scale=1e-3, slow_z_m=(1.0, 3.0), slow_m=(0.0, 1e-3))
        },
        color_corrections={"kinect_001/color": ColorCorrection(matrix=np.diag([1.1, 1.0, 0.9]), rms=0.01)},
    )


def test_every_field_comes_back_bit_for_bit(tmp_path):
    path, rig = tmp_path / "cameras.json", solved_rig()
    write_calibration(path, rig)
    back = read_calibration(path)
    assert back.source == rig.source
    assert back.notes == rig.notes
    assert set(rig.verdicts) <= set(back.verdicts)
    assert back.covariance is not None
    assert back.covariance.cameras == SOLVED
    assert back.covariance.gauge == "aligned"
    np.testing.assert_array_equal(back.covariance.matrix, COVARIANCE.matrix)
    np.testing.assert_array_equal(back.floor, rig.floor)
    depth = back.depth_corrections["kinect_000/depth"]
    assert np.isnan(depth.sigma_m)
    assert replace(depth, sigma_m=0.0) == replace(rig.depth_corrections["kinect_000/depth"], sigma_m=0.0)
    color = back.color_corrections["kinect_001/color"]
    np.testing.assert_array_equal(color.matrix, np.diag([1.1, 1.0, 0.9]))
    assert color.rms == 0.01
    for name, camera in read_cameras(path).items():
        np.testing.assert_array_equal(camera.T_world_camera, rig.cameras[name].T_world_camera)


def test_writing_what_was_read_changes_nothing(tmp_path):
    """No verdict or note grows from one reading to the next."""
    write_calibration(tmp_path / "a.json", solved_rig())
    write_calibration(tmp_path / "b.json", read_calibration(tmp_path / "a.json"))
    write_calibration(tmp_path / "c.json", read_calibration(tmp_path / "b.json"))
    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "c.json").read_bytes()


def test_the_file_tells_a_reader_how_sure_each_camera_is(tmp_path):
    write_calibration(tmp_path / "cameras.json", solved_rig())
    entries = {e["name"]: e for e in json.loads((tmp_path / "cameras.json").read_text())["cameras"]}
    variance = np.diag(COVARIANCE.of("kinect_001/color"))
    np.testing.assert_allclose(entries["kinect_001/color"]["sigma_center_mm"], 1e3 * variance[3:] ** 0.5, atol=1e-4)
    assert "sigma_center_mm" not in entries["kinect_000/depth"]


def test_a_rig_for_some_of_its_cameras_keeps_their_joint_covariance(tmp_path):
    rig = solved_rig()
    write_calibration(tmp_path / "cameras.json", rig)
    sizes = {name: SIZES[name] for name in ("kinect_000/depth", "kinect_001/color")}
    used = given_calibration(sizes, user_file=tmp_path / "cameras.json")
    assert used.covariance is not None
    assert used.covariance.cameras == ("kinect_001/color",)
    np.testing.assert_array_equal(used.covariance.matrix, COVARIANCE.matrix[:6, :6])
    assert list(used.depth_corrections) == ["kinect_000/depth"]
    assert used.notes["kinect_000/depth"].endswith("cameras.json: 1 views")
    assert rig.verdicts[0] in used.verdicts
    assert covariance_of(COVARIANCE, {}) is None


def test_a_users_file_places_and_the_recorded_one_still_corrects_depth(tmp_path):
    write_calibration(tmp_path / "recorded.json", solved_rig())
    cameras = {name: c for name, c in solved_rig().cameras.items() if name.endswith("color")}
    write_cameras(tmp_path / "user.json", cameras, source="mocap", is_upright=False)
    rig = given_calibration(SIZES, read_camera_file(tmp_path / "recorded.json"), tmp_path / "user.json")
    assert rig.covariance is None  # that of other poses
    np.testing.assert_array_equal(rig.floor, [0, 0, 1, 0])
    assert list(rig.depth_corrections) == ["kinect_000/depth"]
    assert any("z up" in verdict.text for verdict in rig.doubts)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda c: c["covariance"].update(order="t first"), GeometryError, "covariance: 'order' is 't first'"),
        (lambda c: c["covariance"]["matrix"].pop(), GeometryError, "'matrix' must be 12x12"),
        (lambda c: c["covariance"]["matrix"][0].__setitem__(1, 5.0), CalibrationError, "not symmetric"),
        (lambda c: c["covariance"]["cameras"].__setitem__(0, "cam9"), CalibrationError, "is of cam9, which"),
        (lambda c: c.update(floor=[0, 0, 1]), GeometryError, "'floor' must be 4 finite"),
        (lambda c: c["verdicts"][0].pop("text"), GeometryError, "verdicts: 'text' is missing"),
        (lambda c: c["cameras"][1]["depth_correction"].pop("scale"), GeometryError, "kinect_000/depth.*'scale'"),
        (lambda c: c["cameras"][1]["depth_correction"].update(slow_m=[1]), CalibrationError, "slow_z_m must ascend"),
        (lambda c: c["cameras"][2]["color_correction"].update(matrix=[1, 2]), GeometryError, "'matrix' must be 3x3"),
    ],
)
def test_a_damaged_value_is_refused_by_place(tmp_path, damage, error, message):
    path = tmp_path / "cameras.json"
    write_calibration(path, solved_rig())
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(error, match=message):
        read_calibration(path)


def test_a_value_that_is_not_finite_is_not_written(tmp_path):
    path = tmp_path / "cameras.json"
    write_calibration(path, solved_rig())
    before = path.read_bytes()
    broken = replace(solved_rig(), depth_corrections={"kinect_000/depth": DepthCorrection(bias_m=float("nan"))})
    with pytest.raises(GeometryError, match="not written"):
        write_calibration(path, broken)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["cameras.json"]


def test_verdicts_that_are_no_list_are_refused(tmp_path):
    path = tmp_path / "cameras.json"
    write_calibration(path, solved_rig())
    for wrong in (None, -1, "good"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "verdicts": wrong}))
        with pytest.raises(CalibrationError, match="'verdicts' must be a list"):
            rig_of(read_camera_file(path), str(path))
