"""Files of the maker's libk4arecord and of our own writer hold the same and import alike."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import simplejpeg
from k4a_stand_in.stand_in import COLOR_CAMERA, DEPTH_CAMERA, depth_pattern

from capture.azure_kinect.finding import LibraryUnavailable, find_library
from capture.azure_kinect.record_writer import K4aRecordWriter
from capture.azure_kinect.settings import KinectSettings
from capture.errors import CaptureError
from capture.importers.azure_kinect_file import KinectFile
from capture.importers.detect import import_recording
from capture.matroska_writer import MatroskaWriter, Track
from capture.mcap_recording import McapReader
from geometry.camera_files.azure_kinect_writing import calibration_json
from geometry.camera_files.cameras_json import read_camera_file

FRAMES, FIRST_US, PERIOD_US = 12, 1_000_160, 33_333
SETTINGS = KinectSettings(
    color_resolution="720P",
    depth_mode="NFOV_2X2BINNED",
    sync="subordinate",
    subordinate_delay_us=160,
    depth_delay_us=320,
    infrared=True,
)
CALIBRATION = calibration_json(DEPTH_CAMERA, COLOR_CAMERA, "000321").encode()


def picture(k):
    return simplejpeg.encode_jpeg(np.full((720, 1280, 3), 20 * (k % 12), np.uint8))


def write_by_library(path, frames=FRAMES, kill=False, **changes):
    calibration = (path.parent / "calibration.json").read_bytes()
    settings = replace(SETTINGS, **changes)
    with K4aRecordWriter(path, settings, serial="000321", calibration=calibration) as writer:
        for k in range(frames):
            t = FIRST_US + k * PERIOD_US
            writer.write(
                color=(t, picture(k)),
                depth=(t + 320, depth_pattern(0, k)),
                ir=(t + 320, depth_pattern(0, k, "ir")),
            )
            if settings.imu:
                writer.write_imu(t + 5, (0.5, 1.0, -9.75), t + 7, (0.0, 0.25, 0.0))
            if k == 6 and not kill:
                writer.flush()
        if kill:
            time.sleep(0.5)  # its writing thread is under way, about 2 s behind
            os.kill(os.getpid(), signal.SIGKILL)


def write_by_ourselves(path):
    tracks = [
        Track(name="COLOR", width=1280, height=720, fourcc=b"MJPG", bits=24, tags={"K4A_COLOR_MODE": "MJPG_720P"}),
        Track(name="DEPTH", width=320, height=288, fourcc=b"b16g", tags={"K4A_DEPTH_MODE": "NFOV_2X2BINNED"}),
        Track(name="IR", width=320, height=288, fourcc=b"b16g", tags={"K4A_IR_MODE": "ACTIVE"}),
        Track(name="IMU", codec="S_K4A/IMU", tags={"K4A_IMU_MODE": "ON"}),
    ]
    tags = {
        "K4A_WIRED_SYNC_MODE": "SUBORDINATE",
        "K4A_SUBORDINATE_DELAY_NS": "160000",
        "K4A_DEPTH_DELAY_NS": "320000",
        "K4A_DEVICE_SERIAL_NUMBER": "000321",
        "K4A_START_OFFSET_NS": str(FIRST_US * 1000),
    }
    named = {"calibration.json": {"K4A_CALIBRATION_FILE": "calibration.json"}}
    with MatroskaWriter(path, tracks, tags, {"calibration.json": CALIBRATION}, named) as writer:
        for k in range(FRAMES):
            t = k * PERIOD_US
            writer.write("COLOR", t, picture(k))
            at = (t + FIRST_US) * 1000
            sample = struct.pack("<Q3fQ3f", at + 5000, 0.5, 1, -9.75, at + 7000, 0, 0.25, 0)
            writer.write("IMU", t + 5, sample)
            writer.write("DEPTH", t + 320, depth_pattern(0, k).astype(">u2").tobytes())
            writer.write("IR", t + 320, depth_pattern(0, k, "ir").astype(">u2").tobytes())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Both files. The library works in a process of its own: it has crashed on damaged files."""
    try:
        find_library()
    except LibraryUnavailable as error:
        pytest.skip(f"needs libk4arecord: {error}")
    folder = tmp_path_factory.mktemp("mkv")
    (folder / "calibration.json").write_bytes(CALIBRATION)
    assert in_another_process(folder / "library.mkv") == (0, b"", b"")
    write_by_ourselves(folder / "ours.mkv")
    return folder


def in_another_process(path, arguments=""):
    code = (
        f"import sys, pathlib, test_azure_kinect_record as t; t.write_by_library(pathlib.Path(sys.argv[1]){arguments})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        timeout=100,
    )
    return done.returncode, done.stdout, done.stderr


def test_both_import_alike(written, tmp_path):
    contents = {}
    for name in ("library", "ours"):
        session = import_recording(written / f"{name}.mkv", tmp_path / name)
        device = session.devices["kinect_000321"]
        with McapReader(session.path("recording", "kinect_000321.mcap")) as reader:
            frames = {
                stream.name: [
                    (frame.device_us, frame.data)
                    for frame in (reader.read(stream.topic, k) for k in range(stream.frames))
                ]
                for stream in session.streams.values()
            }
            calibration = json.loads(reader.attachments["kinect_000321/calibration.json"])
        cameras = read_camera_file(session.path("recording", "cameras.json")).cameras
        contents[name] = (device, session.streams, frames, calibration, {n: c.K.tolist() for n, c in cameras.items()})
    (device, streams, frames, calibration, K), ours = contents["library"], contents["ours"]
    assert (device.sync, device.start_offset_us, device.serial, device.note) == ("subordinate", FIRST_US, "000321", "")
    assert device == ours[0]
    assert streams == ours[1]
    assert calibration == ours[3] == json.loads(CALIBRATION)
    assert ours[4] == K
    assert {name: len(found) for name, found in frames.items()} == {
        f"kinect_000321/{kind}": FRAMES for kind in ("color", "depth", "ir", "imu")
    }
    for name, found in frames.items():
        assert found == ours[2][name], name
    assert frames["kinect_000321/depth"][3][0] == FIRST_US + 3 * PERIOD_US + 320
    assert frames["kinect_000321/color"][3][1] == picture(3)
    assert (streams["kinect_000321/color"].delay_us, streams["kinect_000321/depth"].delay_us) == (160, 480)


def test_a_recording_is_never_overwritten_nor_a_wrong_size_written(written, tmp_path):
    with pytest.raises(CaptureError, match="exists; choose another name"):
        K4aRecordWriter(written / "ours.mkv", SETTINGS, serial="1", calibration=CALIBRATION)
    with pytest.raises(CaptureError, match="could not be created"):
        K4aRecordWriter(tmp_path / "no" / "a.mkv", SETTINGS, serial="1", calibration=CALIBRATION)
    with (
        K4aRecordWriter(tmp_path / "a.mkv", SETTINGS, serial="1", calibration=CALIBRATION) as writer,
        pytest.raises(CaptureError, match="a depth image of"),
    ):
        writer.write(depth=(0, np.zeros((576, 640), np.uint16)))
    with KinectFile(written / "library.mkv") as file:
        assert file.closed_properly


@pytest.mark.slow
@pytest.mark.parametrize("imu", [True, False])
def test_a_killed_recorder_never_wrote_the_unit_of_time(written, tmp_path, imu):
    """Such a file has no Info and no start offset: read as Matroska says, its times are a thousand times too long."""
    path = written / f"killed{imu:d}.mkv"
    assert in_another_process(path, f", frames=90, kill=True, imu={imu}")[0] == -signal.SIGKILL
    session = import_recording(path, tmp_path / "s")
    device, depth = session.devices["kinect_000321"], session.streams["kinect_000321/depth"]
    assert 10 < depth.frames < 90
    assert "did not close this file; its last frames may be missing" in device.note
    assert ("its times begin at 0: they do not compare" in device.note) is not imu
    first_us = FIRST_US if imu else 0
    assert device.start_offset_us == first_us
    for k in (0, 1, depth.frames - 1):
        frame = session.frame(depth.name, k)
        assert frame.device_us == first_us + 320 + k * PERIOD_US
        np.testing.assert_array_equal(np.nan_to_num(1000 * frame.payload).round(), depth_pattern(0, k))
