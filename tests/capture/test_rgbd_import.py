"""Folders of RGB-D images and DNA-Rendering's SMC: images exact, cameras of every camera file, checked in depth."""

import json
import re

import cv2
import h5py
import numpy as np
import pytest
from other_layouts import (
    depth_mm,
    placed_cameras,
    raw,
    write_colmap,
    write_dna,
    write_humman_cameras,
    write_open3d,
    write_rgbd,
)
from other_rigs import build_rig

from capture.errors import CaptureError
from capture.importers.detect import import_recording
from capture.session import Session
from capture.synchronisation import session_frame_sets
from geometry.camera_files.cameras_json import write_cameras
from geometry.camera_files.colmap import read_colmap_images
from geometry.camera_files.open3d_trajectory import read_open3d_cameras
from geometry.errors import GeometryError
from geometry.rigid import from_rotvec

T_SOURCE_WORLD = from_rotvec(np.array([1.6, 0.1, -0.3]), np.array([0.4, -1.0, 2.0]))
"""A world of somebody else's, on its side."""
FRAMES = 14


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    return build_rig(tmp_path_factory.mktemp("rgbd") / "s", frames=FRAMES, distorted=False)


@pytest.fixture(scope="module")
def distorted(tmp_path_factory) -> Session:
    return build_rig(tmp_path_factory.mktemp("rgbd") / "s", frames=3)


def elsewhere(session):
    """The cameras in the world of the source."""
    return {name: c.at(T_SOURCE_WORLD @ c.T_world_camera) for name, c in placed_cameras(session).items()}


def stand_upright(made, original, names):
    """Same places up to a turn about z and a shift along the floor."""
    a, b = made.recorded_cameras(), placed_cameras(original)
    T = a[names[0]].T_world_camera @ b[names[0]].T_camera_world
    assert abs(T[2, 3]) < 0.004  # depth in whole millimetres; measured below 0.5 mm
    assert T[2, 2] > 1 - 1e-5
    for name in names:
        np.testing.assert_allclose(a[name].T_world_camera, T @ b[name].T_world_camera, atol=1e-6)


@pytest.mark.parametrize("form", ["by camera", "by kind", "videos"])
def test_images_and_our_cameras(take, tmp_path, form):
    write_rgbd(take, tmp_path / "in", form)
    write_cameras(tmp_path / "in" / "cameras.json", placed_cameras(take), source="a good calibration")
    session = import_recording(tmp_path / "in", tmp_path / "s")
    assert session.info.origin == "rgbd-folder"
    assert {s.frames for s in session.streams.values()} == {FRAMES}
    for index in (0, FRAMES - 1):
        np.testing.assert_array_equal(
            depth_mm(session, "kinect_001/depth", index), depth_mm(take, "kinect_001/depth", index)
        )
    if form != "videos":
        assert raw(session, "kinect_002/color", 3) == raw(take, "kinect_002/color", 3)
        assert "30 Hz (assumed)" in session.devices["kinect_000"].note
    else:
        assert "confirmed by what moves" in session.devices["kinect_000"].note
    for name, camera in placed_cameras(take).items():
        np.testing.assert_array_equal(session.recorded_cameras()[name].T_world_camera, camera.T_world_camera)
    assert "a good calibration" in session.recorded_camera_file().source
    assert "its floor is where depth shows one" in session.recorded_camera_file().source
    assert len(session_frame_sets(session).instants) == FRAMES


def test_a_world_that_is_not_on_the_floor_is_told(take, tmp_path):
    write_rgbd(take, tmp_path / "in")
    high = {
        n: c.at(from_rotvec(np.zeros(3), np.array([0, 0, 0.3])) @ c.T_world_camera)
        for n, c in placed_cameras(take).items()
    }
    write_cameras(tmp_path / "in" / "cameras.json", high, source="test")
    session = import_recording(tmp_path / "in", tmp_path / "s")
    assert "DOUBTFUL world" in session.recorded_camera_file().source
    assert "lies at 0.30 m" in session.recorded_camera_file().source
    session = import_recording(tmp_path / "in", tmp_path / "t", layout_options={"up": "z"})
    stand_upright(session, take, list(placed_cameras(take)))


def test_humman_cameras_with_images_of_a_folder(take, tmp_path):
    write_rgbd(take, tmp_path / "in")
    write_humman_cameras(tmp_path / "in" / "cameras.json", placed_cameras(take), T_SOURCE_WORLD)
    session = import_recording(tmp_path / "in", tmp_path / "s")
    stand_upright(session, take, list(placed_cameras(take)))


def test_an_open3d_trajectory(take, tmp_path):
    """Depth alone, so that the one camera of a device is that of its depth."""
    names = write_rgbd(take, tmp_path / "in")
    cameras = elsewhere(take)
    write_open3d(tmp_path / "in" / "trajectory.json", [cameras[f"{name}/depth"] for name in names])
    for path in (tmp_path / "in").glob("*/color/*"):
        path.unlink()
    session = import_recording(tmp_path / "in", tmp_path / "s", layout_options={"rate_hz": 15.0})
    assert session.streams["kinect_000/depth"].rate_hz == 15
    stand_upright(session, take, [f"{name}/depth" for name in names])
    assert "kinect_000, kinect_001, kinect_002" in session.recorded_camera_file().source
    order = [cameras[f"{name}/depth"] for name in reversed(names)]
    write_open3d(tmp_path / "in" / "trajectory.json", order)
    wrong = import_recording(tmp_path / "in", tmp_path / "wrong")  # cameras in another order than the names
    assert "NOT confirmed" in wrong.recorded_camera_file().source


def test_open3d_intrinsics_alone_leave_the_cameras_unplaced(take, tmp_path):
    write_rgbd(take, tmp_path / "in")
    camera = placed_cameras(take)["kinect_000/color"]
    K = {"width": 160, "height": 120, "intrinsic_matrix": camera.K.T.ravel().tolist()}
    (tmp_path / "in" / "intrinsic.json").write_text(json.dumps(K))
    with pytest.raises(CaptureError, match=r"kinect_000/depth is 128x104, but its camera .* is 160x120, another shape"):
        import_recording(tmp_path / "in", tmp_path / "s")
    for path in (tmp_path / "in").glob("*/depth/*"):
        path.unlink()
    session = import_recording(tmp_path / "in", tmp_path / "s")
    assert session.recorded_camera_file().unplaced == {f"kinect_{n:03d}/color" for n in range(3)}
    np.testing.assert_allclose(session.recorded_camera_file().cameras["kinect_001/color"].K, camera.K)


@pytest.mark.parametrize("binary", [False, True])
def test_a_colmap_model(distorted, tmp_path, binary):
    names = write_rgbd(distorted, tmp_path / "in")
    cameras = elsewhere(distorted)
    images = {
        f"{name}/{kind}/frame_000001.jpg": cameras[f"{name}/{kind}"] for name in names for kind in ("color", "depth")
    }
    write_colmap(tmp_path / "in" / "sparse" / "0", images, binary)
    session = import_recording(tmp_path / "in", tmp_path / "s")
    stand_upright(session, distorted, list(cameras))
    np.testing.assert_allclose(
        session.recorded_cameras()["kinect_001/depth"].distortion, cameras["kinect_001/depth"].distortion
    )
    np.testing.assert_allclose(session.recorded_cameras()["kinect_001/depth"].K, cameras["kinect_001/depth"].K)
    end = "bin" if binary else "txt"
    given = tmp_path / "in" / "sparse" / "0" / f"cameras.{end}"
    assert len(import_recording(tmp_path / "in", tmp_path / "given", given).streams) == 6


def test_a_colmap_model_of_another_scale_or_of_a_moving_camera(distorted, tmp_path):
    names = write_rgbd(distorted, tmp_path / "in")
    cameras = elsewhere(distorted)
    scaled = {}
    for name in names:
        for kind in ("color", "depth"):
            T = cameras[f"{name}/{kind}"].T_world_camera.copy()
            T[:3, 3] *= 1000
            scaled[f"{name}/{kind}/0.jpg"] = cameras[f"{name}/{kind}"].at(T)
    write_colmap(tmp_path / "in" / "sparse", scaled)
    with pytest.raises(CaptureError, match=r"pass --unit-m 0\.001"):
        import_recording(tmp_path / "in", tmp_path / "s")
    session = import_recording(tmp_path / "in", tmp_path / "s", layout_options={"unit_m": 0.001})
    stand_upright(session, distorted, list(cameras))
    scaled[f"{names[0]}/color/1.jpg"] = cameras[f"{names[0]}/color"]
    write_colmap(tmp_path / "in" / "sparse", scaled)
    with pytest.raises(CaptureError, match=r"camera kinect_000 is at different places in .*0.jpg and .*1.jpg"):
        import_recording(tmp_path / "in", tmp_path / "t")


def test_the_unit_of_a_model_without_scale_is_found_in_depth(distorted, tmp_path):
    """COLMAP's own unit: here 0.37 m. Tolerance: depth's millimetre and a search by steps of 0.1 %."""
    names = write_rgbd(distorted, tmp_path / "in")
    images = {}
    for name in (f"{name}/{kind}" for name in names for kind in ("color", "depth")):
        T = elsewhere(distorted)[name].T_world_camera.copy()
        T[:3, 3] /= 0.37
        images[f"{name}/0.jpg"] = placed_cameras(distorted)[name].at(T)
    write_colmap(tmp_path / "in" / "colmap", images)
    with pytest.raises(CaptureError, match="has no scale of its own") as caught:
        import_recording(tmp_path / "in", tmp_path / "s")
    told = float(re.search(r"pass --unit-m ([\d.]+)", str(caught.value))[1])
    assert told == pytest.approx(0.37, rel=0.002)
    session = import_recording(tmp_path / "in", tmp_path / "s", layout_options={"unit_m": 0.37})
    stand_upright(session, distorted, list(placed_cameras(distorted)))


def test_depth_scales(take, tmp_path):
    write_rgbd(take, tmp_path / "in", scale=5)
    write_cameras(tmp_path / "in" / "cameras.json", placed_cameras(take), source="test")
    session = import_recording(tmp_path / "in", tmp_path / "s", layout_options={"depth_scale": 5000.0})
    np.testing.assert_array_equal(depth_mm(session, "kinect_000/depth", 1), depth_mm(take, "kinect_000/depth", 1))
    assert "5000 units a metre" in session.devices["kinect_000"].note
    wrong = import_recording(tmp_path / "in", tmp_path / "wrong")  # five times as deep
    assert "NOT confirmed" in wrong.recorded_camera_file().source
    for scale, message in ((0.0, "must be a positive number"), (10.0, "is the scale right")):
        with pytest.raises(CaptureError, match=message):
            import_recording(tmp_path / "in", tmp_path / "t", layout_options={"depth_scale": scale})


def test_a_world_can_be_told_which_way_is_up(take, tmp_path):
    write_rgbd(take, tmp_path / "in")
    for path in (tmp_path / "in").glob("*/depth/*"):
        path.unlink()
    write_open3d(tmp_path / "in" / "cameras_o3d.json",
                 [placed_cameras(take)[f"kinect_{n:03d}/color"].at(np.eye(4)) for n in range(3)])  # fmt: skip
    session = import_recording(tmp_path / "in", tmp_path / "s")
    assert "whether z is up is not known" in session.recorded_camera_file().source
    session = import_recording(tmp_path / "in", tmp_path / "t", layout_options={"up": "-y"})
    T = session.recorded_cameras()["kinect_000/color"].T_world_camera
    np.testing.assert_allclose(T[:3, :3] @ [0, -1, 0], [0, 0, 1], atol=1e-12)
    with pytest.raises(CaptureError, match="--up left is not one of auto, x"):
        import_recording(tmp_path / "in", tmp_path / "u", layout_options={"up": "left"})


def test_a_lost_frame_is_a_hole(take, tmp_path):
    write_rgbd(take, tmp_path / "in")
    write_cameras(tmp_path / "in" / "cameras.json", placed_cameras(take), source="test")
    (tmp_path / "in" / "kinect_001" / "color" / "frame_000005.jpg").unlink()
    sets = session_frame_sets(import_recording(tmp_path / "in", tmp_path / "s"))
    assert [i.instant for i in sets.instants if not i.has("kinect_001/color")] == [5]
    assert sets.figures()["holes"] == 1


def remove(pattern):
    """Deletes files of the folder."""
    return lambda folder: [path.unlink() for path in folder.glob(pattern)]


def black(path):
    """A colour PNG."""
    cv2.imwrite(str(path), np.zeros((120, 160, 3), np.uint8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove("cameras.json"), "has no camera file; bring one with --calibration FILE"),
        (lambda t: write_cameras(t / "cameras.json", {}, source=""), "no camera for kinect_000/color; it has none"),
        (lambda t: (t / "cameras.json").write_text("{"), "not a complete JSON file"),
        (lambda t: (t / "kinect_000/depth/000003.png").write_bytes(b""), "000003.png is damaged"),
        (lambda t: (t / "kinect_000/color/frame_000003.jpg").write_bytes(b"\xff\xd8\xff"), "000003.jpg is damaged"),
        (lambda t: black(t / "kinect_000/color/frame_000000.png"), "of frame 0; keep one"),
        (lambda t: black(t / "kinect_000/color/frame_000099.png"), "is png, earlier"),
        (lambda t: (t / "kinect_000/depth/1305.22.png").write_bytes(b"x"), "1305.22.png has no frame number"),
        (lambda t: [p.rename(p.with_stem(f"{int(p.stem) + 100}")) for p in (t / "kinect_000/depth").iterdir()],
         "frames 0 to 2, kinect_000/depth 100 to 102, none in common"),
    ],
)  # fmt: skip
def test_bad_folders_are_refused_in_a_sentence(distorted, tmp_path, change, message):
    write_rgbd(distorted, tmp_path / "in")
    write_cameras(tmp_path / "in" / "cameras.json", placed_cameras(distorted), source="test")
    change(tmp_path / "in")
    with pytest.raises((CaptureError, GeometryError), match=message) as caught:
        import_recording(tmp_path / "in", tmp_path / "s")
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_damaged_colmap_and_open3d_files(distorted, tmp_path):
    write_colmap(tmp_path / "m", {"a.jpg": placed_cameras(distorted)["kinect_000/color"]}, binary=True)
    whole = (tmp_path / "m" / "images.bin").read_bytes()
    (tmp_path / "m" / "images.bin").write_bytes(whole[:40])
    with pytest.raises(GeometryError, match="the COLMAP model is damaged"):
        read_colmap_images(tmp_path / "m")
    (tmp_path / "m" / "images.bin").unlink()
    with pytest.raises(GeometryError, match="cannot read the COLMAP model"):
        read_colmap_images(tmp_path / "m")
    write_colmap(tmp_path / "t", {"a.jpg": placed_cameras(distorted)["kinect_000/color"]})
    text = (tmp_path / "t" / "cameras.txt").read_text()
    (tmp_path / "t" / "cameras.txt").write_text(text.replace("FULL_OPENCV", "FOV"))
    with pytest.raises(GeometryError, match="lens model FOV is not supported"):
        read_colmap_images(tmp_path / "t")
    write_open3d(tmp_path / "t.json", [placed_cameras(distorted)["kinect_000/color"]])
    with pytest.raises(GeometryError, match="holds 1 cameras, the recording has 2"):
        read_open3d_cameras(tmp_path / "t.json", ["a", "b"])


def test_dna_rendering(take, tmp_path):
    main = write_dna(take, tmp_path / "in")
    for source in (main, main.with_name("0007_01_annots.smc")):
        session = import_recording(source, tmp_path / source.stem)
        assert (session.info.origin, session.info.subject) == ("dna-rendering-smc", "0007")
        assert {(s.frames, s.rate_hz) for s in session.streams.values()} == {(FRAMES, 15.0)}
        assert raw(session, "camera_01/color", 2) == raw(take, "kinect_001/color", 2)
        np.testing.assert_array_equal(depth_mm(session, "kinect_002/depth", 2), depth_mm(take, "kinect_002/depth", 2))
        made, original = session.recorded_cameras(), placed_cameras(take)
        T = made["kinect_000/depth"].T_world_camera @ original["kinect_000/depth"].T_camera_world
        assert abs(T[2, 3]) < 0.004
        moved = T @ original["kinect_002/color"].T_world_camera
        np.testing.assert_allclose(made["camera_02/color"].T_world_camera, moved, atol=1e-6)
        assert "checked by reprojecting depth" in session.recorded_camera_file().source
        assert np.load(session.path("recording/extras/smplx.npz"))["transl"].shape == (2, 3)
        assert session.path("recording/extras/mask/camera_01/000003.png").exists()


def test_dna_rendering_bad_files(take, tmp_path):
    main = write_dna(take, tmp_path / "in", invert=True)
    with pytest.raises(CaptureError, match="pass --transforms inverted"):
        import_recording(main, tmp_path / "s")
    assert len(import_recording(main, tmp_path / "s", layout_options={"transforms": "inverted"}).streams) == 6
    with h5py.File(main.with_name("0007_01_kinect.smc"), "a") as file:
        del file["Calibration/Kinect/01"]
    with pytest.raises(CaptureError, match="no Calibration/Kinect/01 for kinect_001/depth in"):
        import_recording(main, tmp_path / "t")
    main.with_name("0007_01_annots.smc").unlink()
    with pytest.raises(CaptureError, match=r"no Camera_Parameter/00 .* put the take's _annots.smc beside"):
        import_recording(main, tmp_path / "t")
