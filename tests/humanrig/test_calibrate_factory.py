"""What is known of a rig before its calibration."""

from __future__ import annotations

import numpy as np

from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.virtual.unit import draw_unit, place_unit
from geometry.camera_files.cameras_json import write_cameras
from humanrig.calibrating.factory import factory_rig


def test_a_depth_camera_that_recorded_passive_infrared_alone_has_its_lens(tmp_path):
    depth, color = place_unit(draw_unit(0, np.random.default_rng(0)), "kinect_000", None, "PASSIVE_IR", "720P")
    infrared = type(depth)(
        name="kinect_000/ir", K=depth.K, width=depth.width, height=depth.height, distortion=depth.distortion
    )
    write_cameras(tmp_path.joinpath(*RECORDED_CAMERAS), [color, infrared], source="factory", unplaced=[color.name])
    streams = [
        StreamInfo(name="kinect_000/color", kind="color", file="x.mcap", encoding="jpeg", frames=1),
        StreamInfo(name="kinect_000/ir", kind="ir", file="x.mcap", encoding="dzp", frames=1),
    ]
    device = DeviceInfo(name="kinect_000", model="Azure Kinect DK")
    session = Session.create(tmp_path, streams=streams, devices=[device], origin="test")
    rig = factory_rig(session, frozenset({"kinect_000/color", "kinect_000/depth"}))
    assert set(rig.cameras) == {"kinect_000/color", "kinect_000/depth"}
    np.testing.assert_array_equal(rig.cameras["kinect_000/depth"].K, depth.K)
    (pair,) = rig.pairs
    np.testing.assert_allclose(pair.T_a_b, color.T_camera_world, atol=1e-12)
