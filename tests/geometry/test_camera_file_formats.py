"""Other tools' camera files: what we write comes back, theirs are read as they mean them, each known by its content."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from geometry.camera import Camera
from geometry.camera_files.any_format import FORMATS_BY_NAME, ReadOptions, format_of, read_any_camera_file
from geometry.camera_files.cameras_json import CameraFile
from geometry.camera_files.nearest_lens import nearest_radtan
from geometry.camera_files.yaml_reading import read_yaml
from geometry.errors import GeometryError
from geometry.rigid import inverse, look_at, rigid

KINECT_LENS = np.array([0.52, -2.72, 0.0006, -0.0002, 1.57, 0.40, -2.54, 1.49])  # of a real colour camera
RNG = np.random.default_rng(2)
POINTS = RNG.uniform([-0.5, -0.5, 0.0], [0.5, 0.5, 1.8], (60, 3))


def rig(lens: np.ndarray = KINECT_LENS) -> dict[str, Camera]:
    """Two Kinects and a video camera, not in the order of the alphabet."""
    sizes = {"kinect_001/color": (1280, 720), "kinect_001/depth": (640, 576), "kinect_000/color": (1280, 720)}
    sizes |= {"kinect_000/depth": (640, 576), "cam07/color": (1920, 1080)}
    cameras = {}
    for index, (name, (width, height)) in enumerate(sizes.items()):
        eye = np.array([2.3 * np.cos(index), 2.3 * np.sin(index), 1.1 + 0.1 * index])
        cameras[name] = Camera(
            name=name,
            K=np.array([[0.47 * width, 0, width / 2 - 3.3], [0, 0.473 * width, height / 2 + 1.7], [0, 0, 1]]),
            width=width,
            height=height,
            distortion=lens * (0.2 + 0.2 * index),
            T_world_camera=look_at(eye, np.array([0.0, 0.1, 0.9])),
        )
    return cameras


def a_file(cameras: dict[str, Camera], *, is_upright: bool = True) -> CameraFile:
    return CameraFile(cameras=cameras, unplaced=frozenset(), source="a test", is_upright=is_upright)


def write(name: str, path: Path, file: CameraFile) -> tuple[str, ...]:
    writer = FORMATS_BY_NAME[name].write
    assert writer is not None
    return writer(path, file)


def place_of(folder: Path, name: str) -> Path:
    return folder / f"rig{FORMATS_BY_NAME[name].ending}"


def largest_px(a: dict[str, Camera], b: dict[str, Camera]) -> float:
    """Between the two rigs' pictures of the same points; the world of `b` may be another one."""
    anchor = next(iter(a))
    T_b_a = b[anchor].T_world_camera @ a[anchor].T_camera_world
    p_b = POINTS @ T_b_a[:3, :3].T + T_b_a[:3, 3]
    return max(float(np.nanmax(np.abs(a[name].project(POINTS) - b[name].project(p_b)))) for name in a)


@pytest.mark.parametrize("name", ["humanrig", "aniposelib", "opencv", "colmap", "easymocap", "kalibr", "humman"])
def test_what_is_written_comes_back_with_the_same_pictures(tmp_path, name):
    """To the digit where the format holds the lens (rotation vectors and quaternions cost the last digits)."""
    lens = KINECT_LENS
    if name == "kalibr":
        lens = np.pad([0.08, -0.05, 0.001, -0.0005], (0, 4))
    cameras = rig(np.zeros(8) if name == "humman" else lens)
    if name == "humman":
        cameras.pop("cam07/color")
    path = place_of(tmp_path, name)
    lost = write(name, path, a_file(cameras))
    assert format_of(path) == name
    back = read_any_camera_file(path, ReadOptions(size=(1280, 720)) if name == "humman" else None)
    assert back.cameras.keys() == cameras.keys()
    assert largest_px(cameras, back.cameras) < 1e-8
    for stream, camera in cameras.items():
        assert (back.cameras[stream].width, back.cameras[stream].height) == (camera.width, camera.height)
    keeps_world = name not in ("kalibr", "humman")
    assert back.is_upright == keeps_world
    if keeps_world:
        np.testing.assert_allclose(
            back.cameras["kinect_001/depth"].center, cameras["kinect_001/depth"].center, atol=1e-12
        )
        assert lost == ()
    else:
        assert any("world" in text for text in lost)


def test_a_file_states_direction_unit_and_world(tmp_path):
    for name, form in FORMATS_BY_NAME.items():
        if form.write is None:
            continue
        path = place_of(tmp_path / name, name)
        kinects = {stream: camera for stream, camera in rig().items() if stream.startswith("kinect")}
        write(name, path, a_file(kinects, is_upright=False))
        for file in sorted(path.rglob("*.*")) if path.is_dir() else [path]:
            text = file.read_text()
            if file.name in ("cameras.txt", "points3D.txt", "intri.yml"):
                continue  # lenses alone, or nothing
            assert "metre" in text, file
            assert "T_cn_cnm1" in text or "p_camera" in text or "x_camera" in text or "world to camera" in text, file
            assert "z up, floor" not in text, file


def test_opencv_itself_reads_what_we_write(tmp_path):
    """And in its hands the numbers make our pixels."""
    cameras = rig()
    write("opencv", tmp_path / "rig.yml", a_file(cameras))
    storage = cv2.FileStorage(str(tmp_path / "rig.yml"), cv2.FILE_STORAGE_READ)  # its nodes die with it
    node = storage.getNode("cameras").at(1)
    assert node.getNode("name").string() == "kinect_001/depth"
    K, lens, R, t = (
        node.getNode(key).mat() for key in ("camera_matrix", "distortion_coefficients", "rotation", "translation")
    )
    q, _ = cv2.projectPoints(POINTS, cv2.Rodrigues(R)[0], t, K, lens)
    np.testing.assert_allclose(q[:, 0], cameras["kinect_001/depth"].project(POINTS), atol=1e-8)


def test_easymocap_reads_what_we_write_as_it_reads_its_own(tmp_path):
    """Its reader (`mytools/camera_utils.py`) takes names, K_, dist_, H_, W_ and the vector R_ through FileStorage."""
    cameras = rig()
    write("easymocap", tmp_path, a_file(cameras))
    intri, extri = (cv2.FileStorage(str(tmp_path / f"{n}.yml"), cv2.FILE_STORAGE_READ) for n in ("intri", "extri"))
    names = intri.getNode("names")
    assert [names.at(i).string() for i in range(names.size())] == [name.replace("/", "-") for name in cameras]
    camera, key = cameras["cam07/color"], "cam07-color"
    assert (intri.getNode(f"W_{key}").real(), intri.getNode(f"H_{key}").real()) == (1920, 1080)
    R, t = extri.getNode(f"R_{key}").mat(), extri.getNode(f"T_{key}").mat()
    q, _ = cv2.projectPoints(POINTS, R, t, intri.getNode(f"K_{key}").mat(), intri.getNode(f"dist_{key}").mat())
    np.testing.assert_allclose(q[:, 0], camera.project(POINTS), atol=1e-8)
    np.testing.assert_allclose(cv2.Rodrigues(R)[0], extri.getNode(f"Rot_{key}").mat(), atol=1e-12)


def test_easymocap_as_it_writes_itself(tmp_path):
    """Windows line ends, six decimals, no sizes, names that are numbers."""
    intri = ["%YAML:1.0", "---", "names:", '  - "01"', "K_01: !!opencv-matrix", "  rows: 3", "  cols: 3", "  dt: d"]
    intri += ["  data: [900.000000, 0.0, 639.5, 0.0, 900.000000, 359.5, 0.0, 0.0, 1.0]", "dist_01: !!opencv-matrix"]
    intri += ["  rows: 1", "  cols: 5", "  dt: d", "  data: [0.100000, 0.0, 0.0, 0.0, 0.0]"]
    extri = ["%YAML:1.0", "---", "names:", '  - "01"', "R_01: !!opencv-matrix", "  rows: 3", "  cols: 1", "  dt: d"]
    extri += [f"  data: [{np.pi / 2:.9f}, 0.0, 0.0]", "T_01: !!opencv-matrix", "  rows: 3", "  cols: 1", "  dt: d"]
    extri += ["  data: [0.0, 1.0, 3.0]"]
    (tmp_path / "intri.yml").write_bytes("\r\n".join(intri).encode())
    (tmp_path / "extri.yml").write_bytes("\r\n".join(extri).encode())
    with pytest.raises(GeometryError, match=r"image's size \(W_01, H_01\); pass it: --size"):
        read_any_camera_file(tmp_path)
    camera = read_any_camera_file(tmp_path / "extri.yml", ReadOptions(size=(1280, 720))).cameras["01/color"]
    np.testing.assert_allclose(camera.center, [0, -3, 1.0], atol=1e-8)
    np.testing.assert_allclose(camera.T_world_camera[:3, 2], [0, 1, 0], atol=1e-8)  # a level view along +y, z up
    assert camera.distortion[0] == 0.1
    rounded = ["Rot_01: !!opencv-matrix", "  rows: 3", "  cols: 3", "  dt: d"]
    rounded += [
        "  data: [0.766188, -0.642611, -0.002572, -0.229805, -0.270256, -0.934960, 0.600121, 0.716946, -0.354743]"
    ]
    written = [line for line in extri if not line.startswith("R_01")]
    place = written.index(f"  data: [{np.pi / 2:.9f}, 0.0, 0.0]")
    written[place - 3 : place + 1] = rounded  # the matrix alone, with six decimals
    (tmp_path / "extri.yml").write_text("\n".join(written))
    camera = read_any_camera_file(tmp_path, ReadOptions(size=(1280, 720))).cameras["01/color"]
    np.testing.assert_allclose(camera.T_camera_world[0, :3], [0.766188, -0.642611, -0.002572], atol=1e-6)
    (tmp_path / "extri.yml").write_text("\n".join(written).replace("0.766188", "0.866188"))
    with pytest.raises(GeometryError, match="'Rot_01' is not a rotation matrix"):
        read_any_camera_file(tmp_path, ReadOptions(size=(1280, 720)))
    (tmp_path / "extri.yml").write_text("\n".join(extri).replace("_01", "_02"))
    assert read_any_camera_file(tmp_path, ReadOptions(size=(1280, 720))).unplaced == {"01/color"}


KALIBR = """cam0:
  cam_overlaps: [1]
  camera_model: pinhole
  distortion_coeffs: [-0.28, 0.078, 0.0002, -0.0001]
  distortion_model: radtan
  intrinsics: [458.9, 457.5, 367.0, 249.3]
  resolution: [752, 480]
  rostopic: /cam0/image_raw
cam1:
  T_cn_cnm1:
  - [1.0, 0.0, 0.0, -0.11]
  - [0.0, 1.0, 0.0, 0.0]
  - [0.0, 0.0, 1.0, 0.0]
  - [0.0, 0.0, 0.0, 1.0]
  cam_overlaps: [0, 2]
  camera_model: pinhole
  distortion_coeffs: [-0.28, 0.078, 0.0002, -0.0001]
  distortion_model: radtan
  intrinsics: [458.9, 457.5, 367.0, 249.3]
  resolution: [752, 480]
  rostopic: /rig/cam1/image_raw
cam2:
  T_cn_cnm1:
  - [1.0, 0.0, 0.0, -0.20]
  - [0.0, 1.0, 0.0, 0.0]
  - [0.0, 0.0, 1.0, 0.0]
  - [0.0, 0.0, 0.0, 1.0]
  camera_model: pinhole
  distortion_coeffs: []
  distortion_model: none
  intrinsics: [458.9, 457.5, 367.0, 249.3]
  resolution: [752, 480]
"""


def test_a_kalibr_chain_is_followed_link_by_link(tmp_path):
    """Each next camera stands to the right of the one before: p_this = p_previous - 0.11 m along x."""
    path = tmp_path / "camchain.yaml"
    path.write_text(KALIBR)
    file = read_any_camera_file(path)
    assert list(file.cameras) == ["cam0/color", "rig_cam1/color", "cam2/color"]
    np.testing.assert_allclose([c.center[0] for c in file.cameras.values()], [0, 0.11, 0.31])
    np.testing.assert_array_equal(file.cameras["cam0/color"].distortion[:4], [-0.28, 0.078, 0.0002, -0.0001])
    assert not file.is_upright
    for old, new, message in (
        ("cam1:", "cam5:", "the chain breaks at 'cam1'"),
        ("camera_model: pinhole", "camera_model: omni", "'omni' is not supported; calibrate with pinhole-radtan"),
        ("  T_cn_cnm1:\n  - [1.0, 0.0, 0.0, -0.11]", "  T_cn_cnm1:\n  - [1.0, 0.0, 0.0]", "'T_cn_cnm1' must be 4x4"),
        ("[752, 480]\n  rostopic", "[752, 480\n  rostopic", "line .* the file is cut off|is not YAML"),
        ("-0.11]", "-110.0]", "cameras are 110 m apart, so the file is not in metres; pass the unit: --unit-m 0.001"),
    ):
        path.write_text(KALIBR.replace(old, new))
        with pytest.raises(GeometryError, match=message):
            read_any_camera_file(path)
    camera = read_any_camera_file(path, ReadOptions(unit_m=1e-3)).cameras["rig_cam1/color"]
    np.testing.assert_allclose(camera.center, [0.11, 0, 0])


def test_a_lens_that_kalibr_cannot_hold_is_fitted_and_the_error_told(tmp_path):
    cameras = rig()
    lost = write("kalibr", tmp_path / "c.yaml", a_file(cameras))
    assert sum("px rms" in text for text in lost) == len(cameras)
    camera = cameras["kinect_000/color"]
    nearest = nearest_radtan(camera)
    back = read_any_camera_file(tmp_path / "c.yaml").cameras["kinect_000/color"]
    np.testing.assert_array_equal(back.distortion, nearest.camera.distortion)
    u, v = np.meshgrid(np.arange(0, 1280, 31.0), np.arange(0, 720, 29.0))  # pixels that the fit did not see
    rays = camera.unproject(np.stack([u, v], -1), 1.0)
    apart = np.linalg.norm(back.project_camera(rays) - np.stack([u, v], -1), axis=-1)
    assert np.sqrt(np.nanmean(apart**2)) == pytest.approx(nearest.rms_px, rel=0.2)
    assert np.nanmax(apart) < 1.2 * nearest.max_px
    plain = replace(camera, distortion=np.pad([0.1, -0.02, 1e-3, 0], (0, 4)))
    assert nearest_radtan(plain).camera is plain


def test_factory_calibrations_go_to_a_folder_and_come_back_unplaced(tmp_path):
    cameras = rig()
    lost = write("azure-kinect", tmp_path / "k4a", a_file(cameras))
    assert any("kinect_001, kinect_000 stand" in text for text in lost)
    assert any("cam07/color" in text for text in lost)
    back = read_any_camera_file(tmp_path / "k4a")
    assert back.unplaced == back.cameras.keys() == cameras.keys() - {"cam07/color"}
    for device in ("kinect_000", "kinect_001"):
        T_depth_color = inverse(cameras[f"{device}/depth"].T_world_camera) @ cameras[f"{device}/color"].T_world_camera
        np.testing.assert_allclose(back.cameras[f"{device}/color"].T_world_camera, T_depth_color, atol=1e-12)
        np.testing.assert_allclose(back.cameras[f"{device}/color"].K, cameras[f"{device}/color"].K, atol=1e-9)
    with pytest.raises(GeometryError, match="no pose in the world for kinect_000/color"):
        write("aniposelib", tmp_path / "a.toml", back)
    other = read_any_camera_file(tmp_path / "k4a" / "kinect_000.json", ReadOptions(modes=("1080P", "NFOV_UNBINNED")))
    assert other.cameras["kinect_000/color"].width == 1920
    with pytest.raises(GeometryError, match="'999P' is not one of 720P"):
        read_any_camera_file(tmp_path / "k4a", ReadOptions(modes=("999P", "NFOV_UNBINNED")))


def test_humman_is_in_the_frame_of_its_first_colour_camera(tmp_path):
    cameras = {name: c for name, c in rig().items() if name != "cam07/color"}
    lost = write("humman", tmp_path / "cameras.json", a_file(cameras))
    assert any(text.startswith("the lens of") for text in lost)
    content = json.loads((tmp_path / "cameras.json").read_text())
    assert "x_camera = R x_world + T" in content.pop("_about")
    np.testing.assert_allclose(content["kinect_color_001"]["R"], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(content["kinect_color_001"]["T"], np.zeros(3), atol=1e-12)
    named = {name.replace("kinect_", "unit"): replace(c, name=name) for name, c in cameras.items()}
    lost = write("humman", tmp_path / "b.json", a_file(named))
    assert any("kinect_000 is unit001, kinect_001 is unit000" in text for text in lost)


STEREO = """%YAML:1.0
M1: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 534., 0., 335., 0., 534.,
       240., 0., 0., 1. ]
D1: !!opencv-matrix
   rows: 1
   cols: 5
   dt: d
   data: [ -0.29, 0.1, 0., 0., 0. ]
M2: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 534., 0., 335., 0., 534., 240., 0., 0., 1. ]
"""


def test_the_stereo_pair_of_opencv(tmp_path):
    (tmp_path / "intrinsics.yml").write_text(STEREO)
    with pytest.raises(GeometryError, match=r"image's size; pass it: --size"):
        read_any_camera_file(tmp_path / "intrinsics.yml")
    options = ReadOptions(size=(640, 480), unit_m=1e-3)
    with pytest.raises(GeometryError, match=r"R and T of the pair are missing; put extrinsics.yml beside it"):
        read_any_camera_file(tmp_path / "intrinsics.yml", options)
    writer = cv2.FileStorage(str(tmp_path / "extrinsics.yml"), cv2.FILE_STORAGE_WRITE)
    writer.write("R", np.eye(3))
    writer.write("T", np.array([[-83.0], [0.0], [0.0]]))  # the right camera stands at +x of the left one
    writer.release()
    cameras = read_any_camera_file(tmp_path / "intrinsics.yml", options).cameras
    np.testing.assert_allclose(cameras["right/color"].center, [0.083, 0, 0])
    assert cameras["left/color"].distortion[0] == -0.29
    assert not cameras["right/color"].distortion.any()


@pytest.mark.parametrize("name", ["aniposelib", "opencv", "colmap", "easymocap", "kalibr", "humman"])
def test_millimetres_are_never_taken_for_metres(tmp_path, name):
    cameras = {n: c.at(rigid(c.T_world_camera[:3, :3], 1000 * c.center)) for n, c in rig(np.zeros(8)).items()}
    if name == "humman":
        cameras.pop("cam07/color")
    path = place_of(tmp_path, name)
    write(name, path, a_file(cameras))
    with pytest.raises(GeometryError, match=r"m apart, so the file is not in metres; .*--unit-m 0\.001"):
        read_any_camera_file(path)
    back = read_any_camera_file(path, ReadOptions(unit_m=1e-3)).cameras
    apart = np.linalg.norm(back["kinect_000/color"].center - back["kinect_001/color"].center)
    truth = rig()
    assert apart == pytest.approx(np.linalg.norm(truth["kinect_000/color"].center - truth["kinect_001/color"].center))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", "line 1 is not YAML of a calibration tool .expected"),
        ("a: 1\na: 2", "line 2 is not YAML .* .'a' a second time"),
        ("a:\n\t- 1", "line 2 is not YAML .*t' that cannot start"),
        ("K:\n  rows: 2\n  cols: 2\n  data: [1, 2, 3]", "a matrix of 2x2 holds 3 numbers"),
        ("- 1\n- 2", "is no map of keys"),
        ("K:\n  rows: .inf\n  cols: 2\n  data: [1, 2]", "a matrix of infx2 holds 2 numbers"),
        ("a: {b: 1]}", "line 1 is not YAML"),
        ("a: 1\nnonsense", "line 2 is not YAML of a calibration tool"),
        ("# only\n---\n", "holds nothing"),
        ("a: &anchor [5]\nb: *anchor", "line 2 is not YAML of a calibration tool .it has anchors"),
    ],
)
def test_broken_yaml_is_refused_by_line(tmp_path, text, message):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(GeometryError, match=message):
        read_yaml(path)


def test_files_of_nobody_are_refused_with_the_list(tmp_path):
    for name, text in {"a.yaml": "speed: 5", "a.txt": "hello"}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(GeometryError, match=r"not a camera file we read; bring one of: .*Kalibr"):
            read_any_camera_file(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(GeometryError, match="not a camera file we read"):
        read_any_camera_file(tmp_path / "empty")
    (tmp_path / "o.json").write_text('{"class_name": "PinholeCameraTrajectory", "parameters": []}')
    with pytest.raises(GeometryError, match="Open3D's cameras have no names"):
        read_any_camera_file(tmp_path / "o.json")


@pytest.mark.real_data
def test_published_calibrations_of_opencv_and_kinect(real_data):
    folder = real_data / "azure_kinect_charuco" / "registration"
    file = read_any_camera_file(folder / "calib_ir.yml")
    assert file.unplaced == {"calib_ir/color"}
    camera = file.cameras["calib_ir/color"]
    assert (camera.width, camera.height, camera.K[0, 2]) == (1024, 1024, pytest.approx(515.2177))
    assert camera.distortion[7] == pytest.approx(0.0632487)
    left = read_any_camera_file(real_data / "stereo_opencv" / "left_intrinsics.yml").cameras["left_intrinsics/color"]
    assert (left.width, left.height, left.K[0, 0]) == (640, 480, pytest.approx(535.9157))
    kinect = read_any_camera_file(real_data / "azure_kinect_mkv" / "calibration.json")
    t_mm = 1000 * inverse(kinect.cameras["calibration/color"].T_world_camera)[:3, 3]
    np.testing.assert_allclose(t_mm, [-32.08, -2.21, 3.88], atol=0.2)  # as the SDK gives it for this unit


@pytest.mark.parametrize("cameras", [5, [5], {"a": 1}])
def test_a_raw_calibration_whose_cameras_are_none_is_refused(tmp_path, cameras):
    path = tmp_path / "unit.json"
    path.write_text(json.dumps({"CalibrationInformation": {"Cameras": cameras}}))
    with pytest.raises(GeometryError, match="'Cameras' must be a list of cameras"):
        read_any_camera_file(path, format="azure-kinect")
