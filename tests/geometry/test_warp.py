"""The depth-to-colour warp: against a readable twin, and against depth cast straight from the colour camera."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.camera import Camera
from geometry.camera_files.azure_kinect import read_kinect_calibration
from geometry.depth import decode_depth_mm, depth_to_points
from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from geometry.rigid import from_rotvec, look_at, transform
from geometry.warp import JUMP, warp_depth_to_color


def warp_readable(depth_m, depth_camera, color_camera):
    """Each triangle over the whole colour image at once."""
    p_color = transform(
        color_camera.T_camera_world @ depth_camera.T_world_camera, depth_to_points(depth_m, depth_camera)
    )
    q, z = color_camera.project_camera(p_color), p_color[..., 2]
    x, y = np.meshgrid(np.arange(color_camera.width), np.arange(color_camera.height))
    warped = np.full(x.shape, np.inf)
    rows, columns = depth_m.shape
    for i in range(rows - 1):
        for j in range(columns - 1):
            for corners in ([(i, j), (i, j + 1), (i + 1, j + 1)], [(i, j), (i + 1, j + 1), (i + 1, j)]):
                a, b, c = (q[corner] for corner in corners)
                depths = np.array([z[corner] for corner in corners])
                if not np.isfinite([*a, *b, *c]).all() or depths.max() - depths.min() > JUMP * depths.min():
                    continue
                area = np.linalg.det([b - a, c - a])
                wb = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
                wc = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
                w = np.stack([1 - wb - wc, wb, wc], -1)
                warped = np.where((w >= 0).all(-1), np.minimum(warped, w @ depths), warped)
    return np.where(np.isfinite(warped), warped, np.nan).astype(np.float32)


def small_pair() -> tuple[Camera, Camera]:
    k = np.array([0.3, -0.1, 1e-3, -1e-3, 0.01, 0.1, 0.02, 0.0])
    depth = Camera(
        name="depth", K=np.array([[26.0, 0, 15.6], [0, 26, 13.7], [0, 0, 1]]), width=32, height=28, distortion=k
    )
    color = Camera(
        name="color",
        K=np.array([[40.0, 0, 31.7], [0, 40, 20.1], [0, 0, 1]]),
        width=64,
        height=42,
        distortion=-0.3 * k,
        metric_radius=1.7,
        T_world_camera=from_rotvec(np.array([-0.1, 0.02, 0.0]), np.array([0.032, 0.002, -0.004])),
    )
    return depth, color


def test_agrees_with_the_readable_twin():
    depth_camera, color_camera = small_pair()
    rng = np.random.default_rng(0)
    depth = (1.2 + 0.2 * np.sin(np.arange(32) / 5) + rng.normal(0, 0.002, (28, 32))).astype(np.float32)
    depth[8:16, 10:18] -= 0.4  # an occluder
    depth[20:23, 4:9] = np.nan
    fast, readable = (
        warp_depth_to_color(depth, depth_camera, color_camera),
        warp_readable(depth, depth_camera, color_camera),
    )
    # a pixel's centre exactly on the border of the surface may fall either way; none does here
    np.testing.assert_array_equal(np.isnan(fast), np.isnan(readable))
    np.testing.assert_allclose(fast, readable, rtol=2e-7)  # one rounding to float32
    assert 0.3 < np.isfinite(fast).mean() < 1


def test_a_room_seen_by_one_real_camera_is_the_room_seen_by_the_other(kinect, body_mesh):
    T = look_at(np.array([0.2, -2.0, 1.3]), np.array([0.0, 0, 0.9]))
    depth_camera = kinect.depth_camera("NFOV_UNBINNED").at(T)
    color_camera = kinect.color_camera("720P")
    color_camera = color_camera.at(T @ color_camera.T_world_camera)
    scene = RayScene.of(body_mesh)
    warped = warp_depth_to_color(scene.cast_camera(depth_camera).t, depth_camera, color_camera)
    truth = scene.cast_camera(color_camera).t
    both = np.isfinite(warped) & np.isfinite(truth)
    assert both.sum() > 30_000
    error = np.abs(warped - truth)[both]
    assert np.median(error) < 20e-6  # linear depth between pixels 4 mm apart on limbs of 5 cm radius
    assert np.percentile(error, 99) < 3e-3  # near silhouettes one depth pixel spans centimetres of depth
    # only the outermost pixels, half seen, are lost or filled
    assert (np.isfinite(warped) & np.isnan(truth)).sum() < 0.002 * both.sum()
    assert (np.isnan(warped) & np.isfinite(truth)).sum() < 0.05 * both.sum()


@pytest.mark.real_data
def test_a_real_frame_fills_the_pixels_that_the_sdk_fills(real_data):
    """The SDK's closed engine filled 527,952 colour pixels of this frame; 0.3 % of them, at the border, are its alone:
    there it draws squares with one missing corner."""
    av = pytest.importorskip("av")
    folder = real_data / "azure_kinect_mkv"
    with av.open(str(folder / "recording.mkv")) as container:
        packet = next(p for p in container.demux(video=1) if p.size)
    depth = decode_depth_mm(np.frombuffer(bytes(packet), ">u2").reshape(576, 640).astype(np.uint16))
    kinect = read_kinect_calibration(folder / "recording_embedded_calibration.json")
    warped = warp_depth_to_color(depth, kinect.depth_camera("NFOV_UNBINNED"), kinect.color_camera("720P"))
    assert 0.996 < np.isfinite(warped).sum() / 527_952 < 1


def test_edges_are_not_bridged():
    depth_camera, color_camera = small_pair()
    step = np.full((28, 32), 1.0, np.float32)
    step[:, 16:] = 1.0 * (1 + 1.5 * JUMP)
    gentle = np.full((28, 32), 1.0, np.float32)
    gentle[:, 16:] = 1.0 * (1 + 0.5 * JUMP)
    holes = [np.isnan(warp_depth_to_color(d, depth_camera, color_camera))[12:30, 20:45].sum() for d in (step, gentle)]
    assert holes[0] > 10
    assert holes[1] == 0


def test_the_nearer_surface_hides_the_farther():
    depth_camera, color_camera = small_pair()
    color_camera = color_camera.at(from_rotvec(np.zeros(3), np.array([0.4, 0, 0])))
    depth = np.full((28, 32), 2.0, np.float32)
    depth[:, 16:24] = 1.0
    warped = warp_depth_to_color(depth, depth_camera, color_camera)
    alone = warp_depth_to_color(np.where(depth == 1, depth, np.nan), depth_camera, color_camera)
    seen = np.isfinite(alone)
    assert seen.sum() > 100
    np.testing.assert_array_equal(warped[seen], alone[seen])


def test_nothing_in_nothing_out_and_wrong_size_refused():
    depth_camera, color_camera = small_pair()
    assert np.isnan(warp_depth_to_color(np.full((28, 32), np.nan, np.float32), depth_camera, color_camera)).all()
    with pytest.raises(GeometryError, match="32x28 pixels"):
        warp_depth_to_color(np.ones((32, 28), np.float32), depth_camera, color_camera)


def test_warping_commutes_with_moving_the_world():
    depth_camera, color_camera = small_pair()
    depth = np.full((28, 32), 1.5, np.float32)
    motion = from_rotvec(np.array([0.3, -1.0, 0.4]), np.array([5.0, -3, 2]))
    moved = [camera.at(motion @ camera.T_world_camera) for camera in (depth_camera, color_camera)]
    a, b = warp_depth_to_color(depth, depth_camera, color_camera), warp_depth_to_color(depth, *moved)
    same = np.isfinite(a) & np.isfinite(b)
    assert (np.isfinite(a) ^ np.isfinite(b)).sum() <= 2  # a centre on the very border may fall either way
    np.testing.assert_allclose(a[same], b[same], rtol=2e-7)


def test_mesh_of_a_quad_warps_like_a_plane():
    """A slanted plane's depth is exact at every pixel up to the linear interpolation the SDK uses."""
    depth_camera, color_camera = small_pair()
    plane = TriangleMesh(
        vertices=np.array([[-3.0, -3, 1.2], [3, -3, 1.6], [3, 3, 1.8], [-3, 3, 1.4]]),
        faces=np.array([[0, 1, 2], [0, 2, 3]]),
    )
    scene = RayScene.of(plane)
    warped = warp_depth_to_color(scene.cast_camera(depth_camera).t, depth_camera, color_camera)
    truth = scene.cast_camera(color_camera).t
    seen = np.isfinite(warped)
    # between neighbours whose depths differ by 1 %, linear depth is off by 1.6 z (0.01)^2 / 8
    assert np.abs(warped - truth)[seen].max() < 5e-5
