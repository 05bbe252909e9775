"""Azure Kinect .mkv: bytes kept, cameras placed, several devices paired; a real file gives its reference values."""

import json
import struct

import av
import numpy as np
import pytest
import simplejpeg

from capture.errors import CaptureError
from capture.importers.azure_kinect_file import KinectFile
from capture.importers.azure_kinect_mkv import import_kinect
from capture.importers.detect import import_recording
from capture.matroska_writer import MatroskaWriter, Track
from capture.mcap_recording import McapReader
from capture.session import Session
from capture.synchronisation import session_frame_sets
from geometry.camera import Camera
from geometry.camera_files.azure_kinect_writing import calibration_json
from geometry.camera_files.cameras_json import read_camera_file, write_cameras
from geometry.errors import GeometryError
from geometry.rigid import from_rotvec, look_at, rotation_angle

FRAMES = 6
T_DEPTH_COLOR = from_rotvec(np.array([0.08, 0.01, 0.0]), np.array([0.032, 0.002, -0.004]))
DEPTH_CAMERA = Camera(name="d", K=np.array([[252.0, 0, 159], [0, 252, 145], [0, 0, 1]]), width=320, height=288)
COLOR_CAMERA = Camera(
    name="c",
    K=np.array([[608.0, 0, 640], [0, 608, 366], [0, 0, 1]]),
    width=1280,
    height=720,
    T_world_camera=T_DEPTH_COLOR,
)


def depth_image(device, index):
    rng = np.random.default_rng([device, index])
    image = np.rint(1500 + 300 * np.sin(np.arange(320) / 30) + np.arange(288)[:, None]).astype(np.uint16)
    image[rng.random(image.shape) < 0.2] = 0
    image[0, 0] = 0xABCD  # unlike its byte-swapped self
    return image


def jpeg(device, index):
    return simplejpeg.encode_jpeg(np.full((720, 1280, 3), 40 * device + index, np.uint8))


def write_mkv(path, device=0, sync="MASTER", serial=None, depth_delay_us=0, sub_delay_us=0, start_us=100_000, skip=(),
              color="MJPG_720P", calibration=None, finish=True):  # fmt: skip
    """Six frames of one device in the SDK's layout; `skip` are pulses at which its depth was dropped."""
    serial = serial if serial is not None else f"00000{device}"
    calibration = (
        calibration if calibration is not None else calibration_json(DEPTH_CAMERA, COLOR_CAMERA, serial).encode()
    )
    tracks = [
        Track(name="COLOR", width=1280, height=720, fourcc=b"MJPG", bits=24, tags={"K4A_COLOR_MODE": color}),
        Track(name="DEPTH", width=320, height=288, fourcc=b"b16g", tags={"K4A_DEPTH_MODE": "NFOV_2X2BINNED"}),
        Track(name="IR", width=320, height=288, fourcc=b"b16g", tags={"K4A_IR_MODE": "ACTIVE"}),
        Track(name="IMU", codec="S_K4A/IMU", tags={"K4A_IMU_MODE": "ON"}),
    ]
    tags = {
        "K4A_WIRED_SYNC_MODE": sync,
        "K4A_SUBORDINATE_DELAY_NS": str(sub_delay_us * 1000),
        "K4A_DEPTH_DELAY_NS": str(depth_delay_us * 1000),
        "K4A_DEVICE_SERIAL_NUMBER": serial,
        "K4A_START_OFFSET_NS": str(start_us * 1000),
    }
    attached = {"calibration.json": calibration} if calibration else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = MatroskaWriter(
        path, tracks, tags, attached, {"calibration.json": {"K4A_CALIBRATION_FILE": "calibration.json"}}
    )
    for index in range(FRAMES):
        t = round(index * 33_333.3) + 200_000 - start_us + sub_delay_us
        writer.write(
            "IMU", t, struct.pack("<Q3fQ3f", (t + start_us) * 1000, 0.5, 1, -9.75, (t + start_us) * 1000, 0, 0.25, 0)
        )
        writer.write("COLOR", t, jpeg(device, index))
        if index not in skip:
            writer.write("DEPTH", t + depth_delay_us, depth_image(device, index).astype(">u2").tobytes())
            writer.write("IR", t + depth_delay_us, (depth_image(device, index) // 4).astype(">u2").tobytes())
    if finish:
        writer.finish()
    else:
        writer._close_cluster()
        writer._file.close()
    return path


def test_frames_of_one_device_are_kept(tmp_path):
    session = import_recording(write_mkv(tmp_path / "a.mkv", sync="STANDALONE", depth_delay_us=40), tmp_path / "s")
    assert list(session.streams) == [f"kinect_000000/{kind}" for kind in ("color", "depth", "ir", "imu")]
    assert {s.frames for s in session.streams.values()} == {FRAMES}
    assert session.streams["kinect_000000/depth"].rate_hz == pytest.approx(30, abs=0.01)
    assert session.info.origin == "azure-kinect-mkv"
    reader = session.recording("recording/kinect_000000.mcap")
    for index in range(FRAMES):
        assert reader.read("/kinect_000000/color", index).data == jpeg(0, index)
        depth = session.frame("kinect_000000/depth", index)
        np.testing.assert_array_equal(np.nan_to_num(depth.payload * 1000).round(), depth_image(0, index))
        np.testing.assert_array_equal(session.frame("kinect_000000/ir", index).payload, depth_image(0, index) // 4)
        assert depth.device_us == 200_000 + round(index * 33_333.3) + 40  # a block's time plus the start offset
    imu = session.frame("kinect_000000/imu", 2).payload
    assert imu == {"acc_us": 266_667, "acc_mss": [0.5, 1.0, -9.75], "gyro_us": 266_667, "gyro_rads": [0.0, 0.25, 0.0]}
    assert json.loads(reader.attachments["kinect_000000/calibration.json"])


def test_cameras_without_a_rig_calibration_have_no_pose(tmp_path):
    session = import_recording(write_mkv(tmp_path / "a.mkv"), tmp_path / "s")
    file = read_camera_file(session.path("recording", "cameras.json"))
    assert file.unplaced == {"kinect_000000/color", "kinect_000000/depth", "kinect_000000/ir"}
    assert "world is unknown" in file.source
    with pytest.raises(GeometryError, match="no pose in the world"):
        session.recorded_cameras()
    color, depth = file.cameras["kinect_000000/color"], file.cameras["kinect_000000/depth"]
    np.testing.assert_allclose(depth.T_world_camera, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(color.T_world_camera, T_DEPTH_COLOR, atol=1e-9)
    np.testing.assert_allclose(color.K, COLOR_CAMERA.K, atol=1e-9)


@pytest.fixture
def rig(tmp_path):
    """A master and two subordinates 160 us apart, one with dropped frames; poses of the colour cameras."""
    for d, name in enumerate(("main", "left", "right")):
        write_mkv(tmp_path / "rig" / f"{name}.mkv", d, sync="SUBORDINATE" if d else "MASTER", sub_delay_us=160 * d,
                  start_us=100_000 + 777 * d, skip=(2, 3) if d == 2 else ())  # fmt: skip
    poses = {
        f"{name}/color": look_at(np.array([2.0, d - 1.0, 1.2]), np.zeros(3)) for d, name in enumerate(("main", "left"))
    }
    cameras = {
        name: Camera(name=name, K=COLOR_CAMERA.K, width=1280, height=720, T_world_camera=T) for name, T in poses.items()
    }
    by_serial = look_at(np.array([-2.0, 0.5, 1.0]), np.zeros(3))
    cameras["000002/depth"] = Camera(
        name="000002/depth", K=DEPTH_CAMERA.K, width=320, height=288, T_world_camera=by_serial
    )
    write_cameras(tmp_path / "cameras.json", cameras, source="test")
    return tmp_path


def test_a_rig_is_placed_and_paired(rig):
    session = import_recording(rig / "rig", rig / "s", rig / "cameras.json")
    assert set(session.devices) == {"main", "left", "right"}
    assert session.devices["right"].serial == "000002"
    given, cameras = read_camera_file(rig / "cameras.json").cameras, session.recorded_cameras()
    np.testing.assert_allclose(cameras["left/color"].T_world_camera, given["left/color"].T_world_camera, atol=1e-9)
    np.testing.assert_allclose(cameras["right/depth"].T_world_camera, given["000002/depth"].T_world_camera, atol=1e-9)
    for device in session.devices:  # factory calibration inside every device, whichever camera was placed
        T = cameras[f"{device}/depth"].T_camera_world @ cameras[f"{device}/color"].T_world_camera
        np.testing.assert_allclose(T, T_DEPTH_COLOR, atol=1e-6)
        np.testing.assert_array_equal(cameras[f"{device}/ir"].T_world_camera, cameras[f"{device}/depth"].T_world_camera)
    sets = session_frame_sets(session)
    assert sets.master.startswith("main/")
    assert [i.index["right/depth"] for i in sets.instants] == [0, 1, -1, -1, 2, 3]
    assert [i.index["left/color"] for i in sets.instants] == list(range(FRAMES))
    assert {i.offset_us["left/color"] for i in sets.instants} == {160}


def test_unsynchronised_devices_import_but_do_not_pair(tmp_path):
    for d in range(2):
        write_mkv(tmp_path / "rig" / f"k{d}.mkv", d, sync="STANDALONE")
    session = import_recording(tmp_path / "rig", tmp_path / "s")
    with pytest.raises(CaptureError, match="were not synchronised"):
        session_frame_sets(session)


def truncated(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    return path


def no_kinect(path):
    with MatroskaWriter(path, [Track(name="VIDEO", width=8, height=8, fourcc=b"b16g")], {"MARK": "b16g"}) as writer:
        writer.write("VIDEO", 0, bytes(128))
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: truncated(write_mkv(p)), "is truncated: .* copy it again"),
        (lambda p: write_mkv(p, color="NV12_720P"), "colour is NV12; record it as MJPG"),
        (lambda p: write_mkv(p, color="MJPG_1080P"), "is 1280x720, but its mode 1080P is 1920x1080"),
        (lambda p: write_mkv(p, calibration=b""), "no factory calibration attached"),
        (lambda p: write_mkv(p, calibration=b'{"half":'), "not a complete JSON calibration"),
        (lambda p: write_mkv(p, sync="BOTH"), "K4A_WIRED_SYNC_MODE is 'BOTH'"),
        (no_kinect, "is not an Azure Kinect recording"),
    ],
)
def test_bad_files_are_refused_and_leave_nothing(tmp_path, make, message):
    path = make(tmp_path / "a.mkv")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((CaptureError, GeometryError), match=message):
        import_recording(path, tmp_path / "s")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_its_recorder_did_not_close_is_read_and_noted(tmp_path):
    session = import_recording(write_mkv(tmp_path / "a.mkv", finish=False), tmp_path / "s")
    assert session.streams["kinect_000000/depth"].frames == FRAMES
    assert "did not close" in session.devices["kinect_000000"].note


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rig: write_mkv(rig / "rig" / "again.mkv", 1, sync="SUBORDINATE"), "both of device 000001"),
        (lambda rig: write_mkv(rig / "rig" / "other.mkv", 5, sync="MASTER"), "both recorded as master"),
        (
            lambda rig: write_mkv(rig / "rig" / "extra.mkv", 4, sync="SUBORDINATE"),
            "no camera 'extra' .* it has 000002, left",
        ),
        (lambda rig: (rig / "rig" / "video.avi").write_bytes(b"RIFF"), "import them separately"),
    ],
)
def test_rigs_that_do_not_fit(rig, change, message):
    change(rig)
    with pytest.raises(CaptureError, match=message):
        import_recording(rig / "rig", rig / "s", rig / "cameras.json")
    assert not (rig / "s").exists()


def test_a_calibration_of_another_mode_is_refused(rig):
    cameras = read_camera_file(rig / "cameras.json").cameras
    write_cameras(rig / "hd.json", {n: c.resized(1920, 1080) for n, c in cameras.items()}, source="test")
    with pytest.raises(CaptureError, match="is 1920x1080, the recording's left/color is 1280x720"):
        import_recording(rig / "rig", rig / "s", rig / "hd.json")


def test_the_written_file_is_one_that_av_reads(tmp_path):
    """The same values through FFmpeg's demuxer, not through our reader."""
    with av.open(str(write_mkv(tmp_path / "a.mkv", sync="SUBORDINATE", sub_delay_us=160))) as container:
        assert container.metadata["K4A_SUBORDINATE_DELAY_NS"] == "160000"
        assert [s.type for s in container.streams] == ["video", "video", "video", "subtitle", "attachment"]
        assert container.streams.video[1].codec_context.pix_fmt == "gray16be"
        assert container.streams.video[0].average_rate == pytest.approx(30, abs=0.001)
        frame = next(container.decode(container.streams.video[1]))
        np.testing.assert_array_equal(frame.to_ndarray(), depth_image(0, 0))


@pytest.mark.real_data
def test_reference_values_of_a_real_file(real_data, tmp_path):
    """Values from pyk4a's functional tests of the same file, and percentiles measured on it."""
    path = real_data / "azure_kinect_mkv" / "recording.mkv"
    if not path.exists():
        pytest.skip(f"needs {path}")
    with KinectFile(path) as file:
        assert (file.length_us, file.start_offset_us, file.sync) == (463_945, 336_277, "standalone")
        assert (file.color_mode, file.depth_mode) == (("MJPG", "720P"), "NFOV_UNBINNED")
        assert (file.color_delay_us, file.depth_delay_us, file.closed_properly) == (0, 0, True)
        assert file.kinds == ["color", "depth", "ir", "imu"]
        assert [file.rate_hz(kind) for kind in ("color", "depth", "ir")] == [5.0, 5.0, 5.0]
        packets = {kind: data for kind, _, data, _ in file.packets()}
    session = import_recording(path, tmp_path / "s")
    name = "kinect_001514394512"
    assert session.devices[name].serial == "001514394512"
    assert session.devices[name].firmware == "color 1.6.110, depth 1.6.79"
    assert {s.name: s.frames for s in session.streams.values()} == {
        f"{name}/{k}": 1 for k in ("color", "depth", "ir", "imu")
    }
    depth = session.frame(f"{name}/depth", 0)
    assert depth.device_us == 463_945 + 336_277
    assert np.isfinite(depth.payload).mean() == pytest.approx(0.765, abs=5e-4)  # three digits were published
    np.testing.assert_allclose(np.nanpercentile(depth.payload, [1, 50, 99]), [0.182, 1.491, 2.188], atol=5e-4)
    stored = np.nan_to_num(depth.payload * 1000).round().astype(">u2").tobytes()
    assert stored == packets["depth"]
    assert session.frame(f"{name}/ir", 0).payload.astype(">u2").tobytes() == packets["ir"]
    with McapReader(session.path("recording", f"{name}.mcap")) as reader:
        assert reader.read(f"/{name}/color", 0).data == packets["color"]
        factory = json.loads(reader.attachments[f"{name}/calibration.json"])
    embedded = (real_data / "azure_kinect_mkv" / "recording_embedded_calibration.json").read_bytes()
    assert factory == json.loads(embedded.rstrip(b"\0"))
    assert session.frame(f"{name}/color", 0).payload.shape == (720, 1280, 3)
    cameras = read_camera_file(session.path("recording", "cameras.json")).cameras
    T = cameras[f"{name}/color"].T_world_camera
    assert np.linalg.norm(T[:3, 3]) == pytest.approx(0.0324, abs=5e-4)  # 32 mm between the two cameras, 5 degrees
    assert np.degrees(rotation_angle(T)) == pytest.approx(5.0, abs=1.5)
    assert len(session_frame_sets(Session.open(tmp_path / "s")).instants) == 1


def test_importers_can_be_called_alone(tmp_path):
    session = import_kinect([write_mkv(tmp_path / "a.mkv")], tmp_path / "s", session_id="take1")
    assert session.info.id == "take1"
