"""HuMMan's folders and SMC become sessions: images exact, cameras placed on the floor, assumptions checked."""

import json
import shutil

import cv2
import h5py
import numpy as np
import pytest
from other_layouts import depth_mm, placed_cameras, raw, write_humman_cameras, write_point, write_recon, write_smc
from other_rigs import build_rig

from capture.errors import CaptureError
from capture.importers.color_agreement import mirrored
from capture.importers.detect import import_recording
from capture.iphone.message import PhoneMessage
from capture.session import Session
from capture.synchronisation import session_frame_sets
from geometry.errors import GeometryError
from geometry.rigid import inverse, rotation_angle

FLOOR_M = 0.004
"""Depth is whole millimetres, the floor a least-squares plane of thousands of them; measured: below 0.3 mm. Images
that are taken as undistorted although they are not would be centimetres off."""
FLOOR_RADIANS = 0.002


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Session:
    """Undistorted images, as HuMMan's folders are taken to be."""
    return build_rig(tmp_path_factory.mktemp("plain") / "s", frames=14, distorted=False, phone=True)


@pytest.fixture(scope="module")
def distorted(tmp_path_factory) -> Session:
    return build_rig(tmp_path_factory.mktemp("distorted") / "s", frames=4, phone=True)


def same_rig(made, original, floor_m=FLOOR_M):
    """Cameras stand as they did, up to a turn about z and a shift on the floor."""
    a, b = made.recorded_cameras(), original.recorded_camera_file().cameras
    first = "kinect_000/color"
    T = a[first].T_world_camera @ b[first].T_camera_world
    assert T[2, 3] == pytest.approx(0, abs=floor_m)
    assert np.arccos(np.clip(T[2, 2], -1, 1)) < FLOOR_RADIANS
    for name in (n for n in a if n.startswith("kinect") and not n.endswith("ir")):
        moved = T @ b[name].T_world_camera
        assert np.abs(moved - a[name].T_world_camera).max() < 1e-6
        assert rotation_angle(inverse(moved) @ a[name].T_world_camera) < 1e-6


def test_a_recon_folder(plain, tmp_path):
    write_recon(plain, tmp_path / "p000455_a000986")
    session = import_recording(tmp_path / "p000455_a000986", tmp_path / "s")
    assert (session.info.origin, session.info.subject, session.info.action) == ("humman-recon", "p000455", "a000986")
    assert {(s.frames, s.rate_hz) for s in session.streams.values()} == {(3, 5.0)}
    for row, index in enumerate((0, 6, 12)):
        np.testing.assert_array_equal(
            depth_mm(session, "kinect_001/depth", row), depth_mm(plain, "kinect_001/depth", index)
        )
        path = tmp_path / "p000455_a000986" / "kinect_color" / "kinect_001" / f"{index:06d}.png"
        assert raw(session, "kinect_001/color", row) == path.read_bytes()
        frame = session.frame("kinect_001/color", row)
        np.testing.assert_array_equal(frame.payload, plain.frame("kinect_001/color", index).payload)
        assert frame.device_us == round(index * 1e6 / 30)
    same_rig(session, plain)
    source = session.recorded_camera_file().source
    for words in ("world to camera", "checked by reprojecting depth", "floor found"):
        assert words in source
    assert session.path("recording/extras/smpl_params/000000.npz").exists()
    assert session.path("recording/extras/kinect_mask/kinect_002/000012.png").exists()
    world = json.loads(session.path("recording", "source_world.json").read_text())
    original = np.array(world["T_world_source"])  # the source's world is the first colour camera
    np.testing.assert_allclose(original, session.recorded_cameras()["kinect_000/color"].T_world_camera, atol=1e-9)
    assert len(session_frame_sets(session).instants) == 3


@pytest.mark.parametrize("base", [0, 1])
def test_a_point_folder(plain, tmp_path, base):
    write_point(plain, tmp_path / "take", base=base)
    session = import_recording(tmp_path / "take", tmp_path / "s")
    assert session.info.origin == "humman-point"
    assert {n: s.frames for n, s in session.streams.items()} == dict.fromkeys(session.streams, 14)
    assert (session.streams["iphone/depth"].rate_hz, session.devices["iphone"].clock) == (60, "iphone")
    np.testing.assert_array_equal(depth_mm(session, "kinect_002/depth", 5), depth_mm(plain, "kinect_002/depth", 5))
    np.testing.assert_array_equal(depth_mm(session, "iphone/depth", 3), depth_mm(plain, "iphone_000/depth", 3))
    video = tmp_path / "take" / "kinect_color" / "kinect_001.mp4"
    assert session.path(session.streams["kinect_001/color"].file).read_bytes() == video.read_bytes()
    note = session.devices["kinect_000"].note
    assert f"video frame n{'-1' if base else ''} (assumed), confirmed" in note
    made = session.recorded_cameras()["iphone/depth"]
    np.testing.assert_allclose(made.K[0, 0] * 480 / 256, session.recorded_cameras()["iphone/color"].K[0, 0])
    sets = session_frame_sets(session, without=["iphone"])
    assert all(set(i.index.values()) == {k} for k, i in enumerate(sets.instants))
    room = Session.open(session.path(session.info.links["background_from"]))
    assert len(room.streams) == 6
    np.testing.assert_array_equal(depth_mm(room, "kinect_001/depth", 0), depth_mm(plain, "kinect_001/depth", 0))
    assert raw(room, "kinect_000/color", 0) == (tmp_path / "take" / "background" / "kinect_color_000.jpg").read_bytes()
    assert session.path("recording/extras/smpl_params.npz").exists()


def test_frames_off_by_one_are_found_in_the_images(plain, tmp_path):
    write_point(plain, tmp_path / "take", shift=1)
    with pytest.raises(CaptureError, match=r"what moves fits frame n\+1 better .*pass --frame-shift 1, or 0 to insist"):
        import_recording(tmp_path / "take", tmp_path / "s")
    assert not (tmp_path / "s").exists()
    for path in (tmp_path / "take" / "kinect_depth").glob("kinect_*/000013.png"):
        path.unlink()  # the last depth images have no video frame any more
    session = import_recording(tmp_path / "take", tmp_path / "s", layout_options={"frame_shift": 1})
    assert session.timestamps_us("kinect_000/depth")[0][0] == session.timestamps_us("kinect_000/color")[0][1]
    assert "n+1 (as told)" in session.devices["kinect_000"].note


def test_a_lost_frame_is_a_hole(plain, tmp_path):
    write_recon(plain, tmp_path / "take", stride=2)
    (tmp_path / "take" / "kinect_depth" / "kinect_001" / "000004.png").unlink()
    session = import_recording(tmp_path / "take", tmp_path / "s")
    sets = session_frame_sets(session)
    assert [i.instant for i in sets.instants if not i.has("kinect_001/depth")] == [2]
    assert sets.figures()["holes"] == 1


def test_transforms_the_other_way_round_are_refused(plain, tmp_path):
    write_recon(plain, tmp_path / "take", direction="cam2world")
    with pytest.raises(CaptureError, match=r"contradicted by the depth images: .*pass --transforms inverted"):
        import_recording(tmp_path / "take", tmp_path / "s")
    session = import_recording(tmp_path / "take", tmp_path / "s", layout_options={"transforms": "inverted"})
    same_rig(session, plain)
    assert "the other way round, as told" in session.recorded_camera_file().source


def test_colour_cameras_that_are_placed_the_wrong_way_round_are_doubted(plain, tmp_path):
    write_recon(plain, tmp_path / "take")
    right = import_recording(tmp_path / "take", tmp_path / "right").recorded_camera_file().source
    assert "colour cameras: depth's edges on the picture's" in right
    cameras = dict(placed_cameras(plain))
    for name in [name for name in cameras if name.endswith("color")]:
        depth = cameras[name.replace("color", "depth")]
        cameras[name] = mirrored(depth, cameras[name])
    write_humman_cameras(tmp_path / "take" / "cameras.json", cameras)
    wrong = import_recording(tmp_path / "take", tmp_path / "wrong").recorded_camera_file().source
    assert "DOUBTFUL colour cameras" in wrong


def test_a_world_in_millimetres_is_refused(plain, tmp_path):
    write_recon(plain, tmp_path / "take")
    path = tmp_path / "take" / "cameras.json"
    content = json.loads(path.read_text())
    for camera in content.values():
        camera["T"] = [1000 * value for value in camera["T"]]
    path.write_text(json.dumps(content))
    with pytest.raises(CaptureError, match=r"read as millimetres .*pass --unit-m 0.001"):
        import_recording(tmp_path / "take", tmp_path / "s")
    same_rig(import_recording(tmp_path / "take", tmp_path / "s", layout_options={"unit_m": 0.001}), plain)


def test_images_with_lens_distortion_are_told_from_undistorted_ones(distorted, tmp_path):
    write_recon(distorted, tmp_path / "take", stride=2)
    session = import_recording(tmp_path / "take", tmp_path / "s")
    assert "NOT confirmed" in session.recorded_camera_file().source


def test_an_smc(distorted, tmp_path):
    session = import_recording(write_smc(distorted, tmp_path / "a.smc", phone=True), tmp_path / "s")
    assert (session.info.origin, session.info.subject, session.info.action) == ("humman-smc", "p000455", "a000986")
    for index in range(4):
        assert raw(session, "kinect_001/color", index) == raw(distorted, "kinect_001/color", index)
        expected = depth_mm(distorted, "kinect_001/depth", index)
        np.testing.assert_array_equal(depth_mm(session, "kinect_001/depth", index), expected)
        np.testing.assert_array_equal(session.frame("kinect_001/ir", index).payload, expected // 2)
        assert session.frame("kinect_001/depth", index).device_us == round(index * 1e6 / 30)
    same_rig(session, distorted)
    made, original = session.recorded_cameras(), distorted.recorded_camera_file().cameras
    for name in ("kinect_002/color", "kinect_002/depth"):
        np.testing.assert_allclose(made[name].distortion, original[name].distortion, atol=1e-7)  # float32 in the file
        np.testing.assert_allclose(made[name].K, original[name].K, atol=1e-4)
        assert made[name].metric_radius == pytest.approx(1.7)
    assert "agree; lens distortion as stored" in session.recorded_camera_file().source
    message = PhoneMessage.of(session.frame("iphone/imu", 1).payload)
    assert message.timestamp_s == pytest.approx(100 + 1 / 60)
    np.testing.assert_allclose(message.K, original["iphone_000/color"].K)
    assert set(np.unique(message.confidence)) == {1}
    assert np.load(session.path("recording/extras/smpl.npz"))["transl"].shape == (2, 3)
    mask = cv2.imread(str(session.path("recording/extras/kinect_mask/kinect_000/000001.png")), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask, depth_mm(distorted, "kinect_000/depth", 1) > 2000)
    room = Session.open(session.path("recording", "background"))
    np.testing.assert_array_equal(depth_mm(room, "kinect_000/depth", 0), depth_mm(distorted, "kinect_000/depth", 0))


def test_an_smc_of_pixels_keeps_every_pixel(distorted, tmp_path):
    session = import_recording(write_smc(distorted, tmp_path / "a.smc", raw_color=True), tmp_path / "s")
    assert session.streams["kinect_000/color"].encoding == "png"
    expected = distorted.frame("kinect_000/color", 2).payload
    np.testing.assert_array_equal(session.frame("kinect_000/color", 2).payload, expected)


def test_an_smc_with_inverted_poses_or_lost_frames(distorted, tmp_path):
    path = write_smc(distorted, tmp_path / "a.smc", invert=True)
    with pytest.raises(CaptureError, match="pass --transforms inverted"):
        import_recording(path, tmp_path / "s")
    path = write_smc(distorted, tmp_path / "b.smc")
    with h5py.File(path, "a") as file:
        del file["Kinect/1/Depth/2"]
    sets = session_frame_sets(import_recording(path, tmp_path / "s"))
    assert [i.instant for i in sets.instants if not i.has("kinect_001/depth")] == [2]
    note = Session.open(tmp_path / "s").devices["kinect_001"].note
    assert "Kinect/1/Depth holds 3 of the 4 frames that the file states" in note


def test_an_smc_of_another_image_encoding_loses_nothing(distorted, tmp_path):
    path = write_smc(distorted, tmp_path / "a.smc")
    rgb = distorted.frame("kinect_000/color", 0).payload
    with h5py.File(path, "a") as file:
        for index in range(4):
            replaced(file, f"Kinect/0/Color/{index}", cv2.imencode(".bmp", rgb[..., ::-1])[1])
    session = import_recording(path, tmp_path / "s")
    assert session.streams["kinect_000/color"].encoding == "png"
    np.testing.assert_array_equal(session.frame("kinect_000/color", 3).payload, rgb)


def test_a_kinect_without_colour_is_kept_and_noted(plain, tmp_path):
    write_recon(plain, tmp_path / "take")
    shutil.rmtree(tmp_path / "take" / "kinect_color" / "kinect_001")
    session = import_recording(tmp_path / "take", tmp_path / "s")
    assert "kinect_001/depth" in session.streams
    assert "no colour of it in the recording" in session.devices["kinect_001"].note
    write_point(plain, tmp_path / "point")
    (tmp_path / "point" / "kinect_color" / "kinect_002.mp4").unlink()
    with pytest.raises(CaptureError, match=r"kinect_002.mp4 is missing, its depth images are there"):
        import_recording(tmp_path / "point", tmp_path / "t")


def edit(path, change):
    """Edits a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def flip(path):
    """Changes one bit in the middle of a file: decoders make a picture of noise from it."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: edit(t / "cameras.json", lambda c: c.pop("kinect_depth_001")), "no camera for kinect_001/depth; it"),
        (lambda t: edit(t / "cameras.json", lambda c: c["kinect_color_000"].pop("R")), "color_000: 'R' is missing"),
        (lambda t: (t / "kinect_color/kinect_001/000006.png").write_bytes(b"\x89PNG\r\n\x1a\nxx"), "000006.png is dam"),
        (lambda t: flip(t / "kinect_depth/kinect_001/000006.png"), "kinect_001/000006.png is damaged"),
        (lambda t: flip(t / "kinect_color/kinect_001/000006.png"), "kinect_001/000006.png is damaged"),
        (lambda t: cv2.imwrite(str(t / "kinect_depth/kinect_000/000006.png"), np.zeros((104, 128), np.uint8)),
         "8 bits and 1 channel"),
        (lambda t: cv2.imwrite(str(t / "kinect_depth/kinect_000/000012.png"), np.zeros((10, 12), np.uint16)),
         "frame 12 of kinect_000/depth is 12x10, earlier ones are 128x104"),
        (lambda t: (t / "kinect_depth/kinect_000/other.png").write_bytes(b"x"), "other.png has no frame number"),
        (lambda t: [p.unlink() for p in (t / "kinect_depth/kinect_001").iterdir()], "kinect_001 has no image"),
    ],
)  # fmt: skip
def test_bad_recon_folders_are_refused_in_a_sentence(plain, tmp_path, change, message):
    write_recon(plain, tmp_path / "take")
    change(tmp_path / "take")
    with pytest.raises((CaptureError, GeometryError), match=message) as caught:
        import_recording(tmp_path / "take", tmp_path / "s")
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["take"]


def hdf5(path, change):
    """Edits an HDF5 file."""
    with h5py.File(path, "a") as file:
        change(file)


def replaced(file, place, value):
    """Another value of a data set."""
    del file[place]
    file[place] = value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), "cut off"),
        (lambda p: p.write_bytes(b"not hdf5"), "not HDF5"),
        (lambda p: hdf5(p, lambda f: f.pop("Extrinsics")), "is HDF5 but no SMC"),
        (lambda p: hdf5(p, lambda f: replaced(f, "Extrinsics", '{"0": {}')), "Extrinsics is not complete JSON"),
        (lambda p: hdf5(p, lambda f: replaced(f, "Extrinsics", "{}")), "has no camera '0'"),
        (lambda p: hdf5(p, lambda f: f.pop("Kinect/1/Calibration/Depth/Intrinsics")), "Depth/Intrinsics is missing"),
        (lambda p: hdf5(p, lambda f: replaced(f, "Kinect/0/Calibration/Color/Resolution", [1, 2])), "is 160x120, but"),
        (lambda p: hdf5(p, lambda f: replaced(f, "Kinect/0/Depth/1", np.zeros((4, 4)))), "16-bit depth was expected"),
        (lambda p: hdf5(p, lambda f: replaced(f, "Kinect/0/Color/1", np.zeros(9, np.uint8))), "neither JPEG nor PNG"),
        (lambda p: hdf5(p, lambda f: f.create_group("Kinect/0/Depth/first")), "'first', which is no frame number"),
    ],
)
def test_bad_smc_files_are_refused_in_a_sentence(distorted, tmp_path, change, message):
    change(write_smc(distorted, tmp_path / "a.smc"))
    with pytest.raises((CaptureError, GeometryError), match=message) as caught:
        import_recording(tmp_path / "a.smc", tmp_path / "s")
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a.smc"]


def test_options_that_a_layout_cannot_be_told(plain, tmp_path):
    write_recon(plain, tmp_path / "take")
    with pytest.raises(CaptureError, match=r"layout humman-recon, which takes .*--unit-m, .*; leave out --rate-hz"):
        import_recording(tmp_path / "take", tmp_path / "s", layout_options={"rate_hz": 5.0})


def test_cameras_of_another_file_of_the_same_form(plain, tmp_path):
    write_recon(plain, tmp_path / "take")
    cameras = plain.recorded_camera_file().cameras
    write_humman_cameras(tmp_path / "better.json", {n: c for n, c in cameras.items() if n.startswith("kinect")})
    session = import_recording(tmp_path / "take", tmp_path / "s", tmp_path / "better.json")
    same_rig(session, plain)
