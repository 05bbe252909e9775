"""Our own sessions: fused clouds and single views of two people, with the true and with the fitted bodies."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from posed_person import joints, model, off_skin_mm, person, ring, seen, skin

from body.parameters import BodyParameters
from capture import depth_codec
from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo
from geometry.camera_files.cameras_json import write_cameras
from geometry.cloud import PointCloud, concatenate
from geometry.depth import depth_to_points, encode_depth_mm
from geometry.rigid import transform
from hps.datasets.opening import open_dataset
from hps.errors import HpsError
from registration.clouds.files import cloud_path, write_cloud, write_cloud_cameras
from registration.masks.files import mask_path, write_people

CAMERAS = ring(3, size=(96, 84))
BODIES = (person(6, frames=2), person(7, frames=2, x_m=0.8))
INSTANTS = (4, 5)
STORED_MM = 0.7
"""Half a millimetre along the axis, on rays up to 35 degrees from it, and float32 depth."""


def write_body(path: Path, body: BodyParameters, subject: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    extra = {"subject": subject} if subject else {}
    np.savez(
        path, betas=body.betas, child=body.child, global_orient=body.global_orient, body_pose=body.body_pose,
        transl=body.transl, joints=joints(body), instants=np.array(INSTANTS), time_us=np.array([1000, 34333]),
        model=model().name, model_sha256=model().sha256, **extra,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sessions") / "take"
    streams = [
        StreamInfo(
            name=camera.name, kind="depth", file="recording/rig.mcap", topic=f"/{camera.name}", encoding="dzp",
            frames=2, rate_hz=30.0, width=camera.width, height=camera.height,
        )
        for camera in CAMERAS
    ]  # fmt: skip
    models = ("azure-kinect", "virtual Azure Kinect", "")  # of an importer, of a simulation, of nobody
    devices = [DeviceInfo(name=f"kinect_{n:03d}", model=name) for n, name in enumerate(models)]
    session = Session.create(
        folder, streams=streams, origin="virtual", id="take", subject="p000001", action="turn", devices=devices
    )
    with McapWriter(session.path("recording", "rig.mcap")) as writer:
        for stream in streams:
            writer.add_stream(stream.topic, "dzp")
        for n, instant in enumerate(INSTANTS):
            views = []
            for place, camera in enumerate(CAMERAS):
                depth, owner = seen(camera, *(skin(body, n) for body in BODIES), floor=True)
                data = depth_codec.encode(encode_depth_mm(depth))
                writer.write(f"/{camera.name}", data, device_us=n * 33333, host_us=n * 33333)
                write_people(mask_path(session.path("masks"), camera.name, instant), owner)
                p = transform(camera.T_world_camera, depth_to_points(depth.astype(np.float64), camera))[owner >= 0]
                nothing = np.zeros((len(p), 3))
                views.append(
                    PointCloud(
                        points=p, normals=nothing, colors=nothing.astype(np.uint8), camera=np.full(len(p), place),
                        sigma=np.zeros(len(p)), time_us=np.zeros(len(p), np.int64), person=owner[owner >= 0],
                    )
                )  # fmt: skip
            session.path("clouds").mkdir(exist_ok=True)
            write_cloud(cloud_path(session.path("clouds"), instant), concatenate(views))
    write_cloud_cameras(session.path("clouds"), [camera.name for camera in CAMERAS])
    write_cameras(session.path("calibration", "cameras.json"), {c.name: c for c in CAMERAS}, source="the test")
    names = [camera.name for camera in CAMERAS]
    times = [
        Instant(instant=i, time_us=7000 + n * 33333, index=dict.fromkeys(names, n), offset_us={})
        for n, i in enumerate(INSTANTS)
    ]
    write_instants(session.path("sync", "frames.parquet"), times)
    for n, body in enumerate(BODIES):
        write_body(folder / f"truth/body/person{n:02d}.npz", body, subject=f"s{n}")
        lower = replace(body, transl=body.transl - [0, 0, 0.1])
        write_body(folder / f"body/person{n:02d}.npz", lower)
    return folder


def test_fused_clouds_of_everybody_lie_on_their_own_true_bodies(folder):
    reader = open_dataset(folder)
    assert reader.keys == tuple(f"take_person{p:02d}_{i:06d}" for p in (0, 1) for i in INSTANTS)
    assert [entry.subject for entry in reader.entries] == ["s0", "s0", "s1", "s1"]
    for sample in reader:
        assert len(sample.cloud) > 300
        assert off_skin_mm(sample).max() < 0.01  # stored as float32
        assert set(np.unique(sample.cloud.camera)) == {0, 1, 2}
        np.testing.assert_allclose(sample.cloud.origins, [camera.center for camera in CAMERAS])
        np.testing.assert_array_equal(sample.cloud.up, [0, 0, 1])
        assert (sample.action, sample.sensors, sample.model) == ("turn", ("kinect",) * 3, model().name)
        assert sample.attributes["truth"] == "true"
    assert reader[1].time_s == pytest.approx(0.033333)


def test_single_views_come_from_depth_within_each_persons_mask(folder):
    reader = open_dataset(folder, protocol="humanrig_session_v1")
    assert len(reader) == 3 * 2 * 2
    sample = reader["take_person01_kinect_002_000005"]
    assert off_skin_mm(sample).max() < STORED_MM
    np.testing.assert_allclose(sample.cloud.origins, [CAMERAS[2].center])
    assert sample.attributes["views"] == 1
    for other in (reader[0], reader[7]):
        assert len(other.cloud) == 0 or off_skin_mm(other).max() < STORED_MM


def test_whose_body_counts_is_said(folder):
    fitted = open_dataset(folder, truth="body")[0]
    assert fitted.attributes["truth"] == "fitted"
    assert fitted.subject == "p000001"
    assert open_dataset(folder, truth="body")[2].subject == "p000001_person01"
    np.testing.assert_allclose(open_dataset(folder)[0].joints - fitted.joints, np.tile([0, 0, 0.1], (24, 1)), atol=1e-9)
    none = open_dataset(folder, truth="none")
    assert len(none) == 2
    assert none[0].truth is None
    assert len(none[0].cloud) == len(fitted.cloud)
    with pytest.raises(HpsError, match="truth='guess' is not one of best, truth, body, none"):
        open_dataset(folder, truth="guess")


def test_several_sessions_make_one_data_set(folder, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(folder, tmp_path / name)
    reader = open_dataset(tmp_path)
    assert len(reader) == 8
    assert reader["b_person00_000004"].cloud.points.shape == reader["a_person00_000004"].cloud.points.shape


def test_what_is_missing_or_damaged_is_told(folder, tmp_path):
    copy = tmp_path / "take"
    shutil.copytree(folder, copy)
    (copy / "masks/kinect_000/depth/000004.png").unlink()
    reader = open_dataset(copy, protocol="humanrig_session_v1")
    assert reader.left_out["take_person00_kinect_000_000004"] == "kinect_000/depth has no mask"
    (copy / "clouds/000004.npz").write_bytes(b"no cloud")
    with pytest.raises(HpsError, match=r"000004\.npz is not a cloud"):
        open_dataset(copy)[0]
    (copy / "clouds/000004.npz").unlink()
    assert open_dataset(copy).left_out["take_person00_000004"] == "it has no cloud"
    shutil.rmtree(copy / "clouds")
    with pytest.raises(HpsError, match=r"has no clouds; run: humanrig clouds .* protocol humanrig_session_v1"):
        open_dataset(copy)
    shutil.rmtree(copy / "masks")
    with pytest.raises(HpsError, match="has no masks"):
        open_dataset(copy, protocol="humanrig_session_v1")
    for name, message in (("truth/body/person00.npz", "not a fitted body"), ("calibration/cameras.json", "calibrate")):
        other = tmp_path / name.split("/")[0]
        shutil.copytree(folder, other)
        (other / name).write_bytes(b"") if name.endswith("npz") else (other / name).unlink()
        with pytest.raises(HpsError, match=message):
            open_dataset(other)


def test_a_session_that_was_fitted_again_is_read_again(folder, tmp_path):
    copy = tmp_path / "take"
    shutil.copytree(folder, copy)
    before = open_dataset(copy, truth="body")[0].joints
    write_body(copy / "body/person00.npz", replace(BODIES[0], transl=BODIES[0].transl + [0, 0, 0.4]))
    after = open_dataset(copy, truth="body")[0].joints
    np.testing.assert_allclose(after - before, np.tile([0, 0, 0.5], (24, 1)), atol=1e-9)
