"""A known depth error is taken off where depth becomes points."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calibration.depth.applying import corrected_depth
from calibration.depth_correction import DepthCorrection
from calibration.given import write_calibration
from calibration.rig import RigCalibration
from capture import depth_codec
from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from humanrig.stage import StageContext
from humanrig.stages.clouds import STAGE
from registration.clouds.files import cloud_path, read_cloud
from registration.masks.files import mask_path, write_people

CORRECTION = DepthCorrection(bias_m=0.004, scale=0.002, slow_z_m=(1.0, 2.0, 3.0), slow_m=(0.0, 0.001, 0.0))


def test_the_correction_undoes_the_error_and_keeps_what_is_missing():
    z = np.linspace(0.8, 3.5, 12).reshape(3, 4)
    measured = z + 0.004 + 0.002 * z + np.interp(z, [1, 2, 3], [0, 0.001, 0])
    measured[0, 1] = np.nan
    depth_m = measured.astype(np.float32)
    corrected = corrected_depth(depth_m, CORRECTION)
    assert corrected.dtype == np.float32
    assert np.isnan(corrected[0, 1])
    # the slow term is asked at the measured distance: 12 mm of 1 mm a metre
    assert np.nanmax(np.abs(corrected - z)[~np.isnan(measured)]) < 2e-5
    assert corrected_depth(depth_m, None) is depth_m


def test_the_stage_clouds_takes_it_off(tmp_path: Path):
    """A flat wall at 1.5 m that one device reads 10 mm too far: the points of the cloud lie where the wall is."""
    name = "kinect_000/depth"
    K = np.array([[40.0, 0, 31.5], [0, 40, 23.5], [0, 0, 1]])
    camera = Camera(name=name, K=K, width=64, height=48)
    with McapWriter(tmp_path / "rig.mcap") as writer:
        writer.add_stream(f"/{name}", "dzp")
        payload = depth_codec.encode(np.full((48, 64), 1510, np.uint16))
        writer.write(f"/{name}", payload, device_us=0, host_us=0)
    stream = StreamInfo(
        name=name, kind="depth", file="rig.mcap", encoding="dzp", frames=1, topic=f"/{name}", width=64, height=48
    )
    session = Session.create(tmp_path, streams=[stream], origin="virtual")
    instants = [Instant(instant=0, time_us=0, index={name: 0}, offset_us={name: 0})]
    (tmp_path / "sync").mkdir()
    write_instants(session.path("sync", "frames.parquet"), instants)
    write_people(mask_path(tmp_path / "masks", name, 0), np.zeros((48, 64), int))
    (tmp_path / "calibration").mkdir()
    rig = RigCalibration(
        cameras={name: camera}, source="test", depth_corrections={name: DepthCorrection(bias_m=0.01, sigma_m=1e-4)}
    )
    write_calibration(session.path("calibration", "cameras.json"), rig)
    output = tmp_path / "clouds"
    output.mkdir()
    context = StageContext(
        session=session,
        output=output,
        config=STAGE.config(),
        instants=[0],
        without=frozenset(),
        progress=lambda done, total: None,
    )
    STAGE.run(context)
    cloud = read_cloud(cloud_path(output, 0))
    assert len(cloud) > 100
    np.testing.assert_allclose(cloud.points[:, 2], 1.5, atol=1e-6)
