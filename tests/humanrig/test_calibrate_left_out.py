"""The stage `calibrate` of a rig with a hand-held phone: left out, it needs no place in the world."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.errors import CalibrationError
from capture.session import CALIBRATED_CAMERAS, RECORDED_CAMERAS, Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import read_cameras, write_cameras
from humanrig.stage import StageContext
from humanrig.stages.calibrate import STAGE

CAMERA = Camera(name="", K=np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]]), width=100, height=80)


def _context(folder, without):
    names = ["kinect_000/color", "iphone_000/color", "iphone_000/depth"]
    cameras = [replace(CAMERA, name=name) for name in names]
    write_cameras(folder.joinpath(*RECORDED_CAMERAS), cameras, source="test", unplaced=names[1:])
    streams = [
        StreamInfo(name=n, kind="color", file="x.mcap", encoding="jpeg", frames=0, width=100, height=80) for n in names
    ]
    return StageContext(
        session=Session.create(folder, streams=streams, origin="test"),
        config=STAGE.config(),
        output=folder / CALIBRATED_CAMERAS[0],
        instants=[],
        without=frozenset(without),
        progress=lambda done, total: None,
    )


def test_a_phone_that_is_left_out_gets_no_camera(tmp_path):
    figures = STAGE.run(_context(tmp_path, ("iphone_000",)))
    assert figures["warnings"] == []
    assert list(read_cameras(tmp_path.joinpath(*CALIBRATED_CAMERAS))) == ["kinect_000/color"]


def test_one_that_is_not_left_out_needs_a_place(tmp_path):
    with pytest.raises(CalibrationError, match="no pose in the world for the camera"):
        STAGE.run(_context(tmp_path, ()))
