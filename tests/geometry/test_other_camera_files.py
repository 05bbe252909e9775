"""Cameras of HuMMan, Open3D and COLMAP: the formula that each tool documents gives our camera's pixels."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from geometry.camera_files.colmap import colmap_folder, read_colmap_images
from geometry.camera_files.humman import is_humman_cameras, read_humman_cameras
from geometry.camera_files.open3d_trajectory import is_open3d_cameras, read_open3d_cameras
from geometry.errors import GeometryError

RNG = np.random.default_rng(0)
R = Rotation.from_rotvec([0.3, -0.2, 0.9]).as_matrix()
T = np.array([0.2, -0.1, 3.0])
POINTS = RNG.uniform(-0.7, 0.7, (40, 3))
CAMERA_POINTS = POINTS @ R.T + T
K = np.array([[900.0, 0, 955], [0, 905, 541], [0, 0, 1]])
PINHOLE = CAMERA_POINTS[:, :2] / CAMERA_POINTS[:, 2:] * [900, 905] + [955, 541]


def test_humman(tmp_path):
    entry = {"K": K.tolist(), "R": R.tolist(), "T": T.tolist()}
    (tmp_path / "c.json").write_text(json.dumps({"kinect_color_007": entry, "iphone": entry}))
    sizes = {"kinect_007/color": (1920, 1080), "iphone/color": (1920, 1440), "iphone/depth": (256, 192)}
    cameras = read_humman_cameras(tmp_path / "c.json", sizes)
    assert is_humman_cameras(tmp_path / "c.json")
    np.testing.assert_allclose(cameras["kinect_007/color"].project(POINTS), PINHOLE, atol=1e-9)
    edge = (cameras["iphone/color"].project(POINTS) + 0.5) / 7.5 - 0.5  # pixel edges are what is scaled
    np.testing.assert_allclose(cameras["iphone/depth"].project(POINTS), edge, atol=1e-9)
    with pytest.raises(GeometryError, match="no camera for kinect_001/depth; it has kinect_color_007, iphone"):
        read_humman_cameras(tmp_path / "c.json", {"kinect_001/depth": (640, 576)})
    assert not is_humman_cameras(tmp_path / "gone.json")


def test_open3d(tmp_path):
    o3d = pytest.importorskip("open3d")
    parameters = o3d.camera.PinholeCameraParameters()
    parameters.intrinsic = o3d.camera.PinholeCameraIntrinsic(1920, 1080, 900, 905, 955, 541)
    parameters.extrinsic = np.vstack([np.column_stack([R, T]), [0, 0, 0, 1]])
    path = tmp_path / "p.json"
    assert o3d.io.write_pinhole_camera_parameters(str(path), parameters)
    assert is_open3d_cameras(path)
    cameras, placed = read_open3d_cameras(path, ["a"])
    assert placed
    np.testing.assert_allclose(cameras["a"].project(POINTS), PINHOLE, atol=1e-6)
    assert o3d.io.write_pinhole_camera_intrinsic(str(path), parameters.intrinsic)
    cameras, placed = read_open3d_cameras(path, ["a", "b"])
    assert not placed
    np.testing.assert_array_equal(cameras["b"].K, K)


def colmap(folder, model, parameters):
    """A text model of one image."""
    folder.mkdir(parents=True)
    (folder / "cameras.txt").write_text(f"# c\n3 {model} 1920 1080 {' '.join(map(str, parameters))}\n")
    x, y, z, w = Rotation.from_matrix(R).as_quat()
    pose = " ".join(map(repr, map(float, (w, x, y, z, *T))))
    (folder / "images.txt").write_text(f"# i\n8 {pose} 3 rig/a b.jpg\n\n9 {pose} 3 other.jpg\n1.0 2.0 -1 3.0 4.0 5\n")


@pytest.mark.parametrize(
    ("model", "parameters", "lens"),
    [
        ("SIMPLE_PINHOLE", (900, 955, 541), (0, 0, 0, 0)),
        ("PINHOLE", (900, 905, 955, 541), (0, 0, 0, 0)),
        ("SIMPLE_RADIAL", (900, 955, 541, 0.1), (0.1, 0, 0, 0)),
        ("RADIAL", (900, 955, 541, 0.1, -0.02), (0.1, -0.02, 0, 0)),
        ("OPENCV", (900, 905, 955, 541, 0.1, -0.02, 0.003, -0.004), (0.1, -0.02, 0.003, -0.004)),
    ],
)
def test_colmap_lenses(tmp_path, model, parameters, lens):
    """COLMAP's `models.h`; its first pixel's centre is (0.5, 0.5)."""
    colmap(tmp_path / "sparse" / "0", model, parameters)
    assert colmap_folder(tmp_path) == tmp_path / "sparse" / "0"
    cameras = read_colmap_images(tmp_path / "sparse" / "0")
    assert set(cameras) == {"rig/a b.jpg", "other.jpg"}
    u, v = (CAMERA_POINTS[:, :2] / CAMERA_POINTS[:, 2:]).T
    k1, k2, p1, p2 = lens
    r2 = u * u + v * v
    radial = k1 * r2 + k2 * r2 * r2
    x = u + u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
    y = v + v * radial + 2 * p2 * u * v + p1 * (r2 + 2 * v * v)
    fy = 905 if model in ("PINHOLE", "OPENCV") else 900
    expected = np.column_stack([900 * x + 955, fy * y + 541]) - 0.5
    np.testing.assert_allclose(cameras["rig/a b.jpg"].project(POINTS), expected, atol=1e-9)
