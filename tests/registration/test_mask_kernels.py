"""The kernels that draw people into colour images, each against its readable twin."""

from __future__ import annotations

import numpy as np

from geometry.camera import Camera
from geometry.depth import depth_to_points
from geometry.rigid import look_at, transform
from geometry.warp import JUMP
from registration.masks.label_warp import UNSEEN, warp_labels
from registration.masks.voxel_shadow import people_by_voxels


def _camera(eye: tuple[float, float, float], width: int, height: int, fx: float) -> Camera:
    K = np.array([[fx, 0, width / 2 - 0.5], [0, fx, height / 2 - 0.5], [0, 0, 1]])
    pose = look_at(np.array(eye), np.array([0.0, 0, 0.5]))
    return Camera(name="c", K=K, width=width, height=height, T_world_camera=pose)


def test_labels_are_those_of_the_nearest_triangle_and_its_nearest_corner():
    """A person before another, and nothing behind them; every triangle is drawn over the whole image."""
    depth_camera, color_camera = _camera((0, -2, 0.5), 30, 24, 24.0), _camera((0.15, -2, 0.6), 44, 36, 36.0)
    rng = np.random.default_rng(0)
    depth, person = np.full((24, 30), np.nan), np.full((24, 30), -1, np.int8)
    depth[4:20, 5:18], person[4:20, 5:18] = 2.2, 1
    depth[8:22, 12:24], person[8:22, 12:24] = 1.7, 0
    depth += 0.01 * rng.standard_normal(depth.shape)
    found = warp_labels(depth, person, depth_camera, color_camera, margin_px=3)
    assert found is not None

    p = transform(depth_camera.T_world_camera, depth_to_points(depth, depth_camera))
    q = color_camera.project(p.reshape(-1, 3)).reshape(*depth.shape, 2)
    z = p @ color_camera.T_camera_world[2, :3] + color_camera.T_camera_world[2, 3]
    nearest, label = np.full((36, 44), np.inf), np.full((36, 44), UNSEEN)
    x, y = np.meshgrid(np.arange(44.0), np.arange(36.0))
    for i, j in np.ndindex(23, 29):
        for corners in ([(i, j), (i, j + 1), (i + 1, j + 1)], [(i, j), (i + 1, j + 1), (i + 1, j)]):
            depths = np.array([z[c] for c in corners])
            if not np.isfinite(depths).all() or np.ptp(depths) > JUMP * depths.min():
                continue
            M = np.array([[q[c][0] for c in corners], [q[c][1] for c in corners], [1, 1, 1]])
            w = np.linalg.solve(M, np.stack([x, y, np.ones_like(x)]).reshape(3, -1)).reshape(3, 36, 44)
            drawn = np.tensordot(depths, w, 1)
            nearer = (w >= 0).all(0) & (drawn < nearest)
            nearest[nearer] = drawn[nearer]
            label[nearer] = np.array([person[c] for c in corners])[w.argmax(0)][nearer]
    part = slice(found.top, found.top + found.person.shape[0]), slice(found.left, found.left + found.person.shape[1])
    assert (found.person == label[part]).mean() > 0.998  # a pixel on an edge may round either way
    both = np.isfinite(found.depth_m) & np.isfinite(nearest[part])
    assert np.median(np.abs(found.depth_m[both] - nearest[part][both])) < 1e-6  # float32
    outside = label.copy()
    outside[part] = UNSEEN
    assert (outside == UNSEEN).all()
    assert {UNSEEN, 0, 1} == set(np.unique(found.person))


def test_a_nearer_voxel_covers_one_behind():
    camera, size = _camera((0, -2, 0.5), 80, 60, 70.0), 0.1
    rng = np.random.default_rng(1)
    voxels = [rng.uniform([-0.6, -0.6, 0], [0.6, 0.6, 1], (40, 3)) for _ in range(2)]
    whose = people_by_voxels(voxels, size, camera)
    expected, nearest = np.full((60, 80), -1), np.full((60, 80), np.inf)
    x, y = np.meshgrid(np.arange(80), np.arange(60))
    for person, points in enumerate(voxels):
        for point in points:
            z = float(point @ camera.T_camera_world[2, :3] + camera.T_camera_world[2, 3])
            q, half = camera.project(point[None])[0], 0.5 * size * camera.K[0, 0] / z
            low, high = np.round(q - half), np.round(q + half)
            inside = (x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]) & (z < nearest)
            expected[inside], nearest[inside] = person, z
    assert (whose == expected).all()
    assert {-1, 0, 1} == set(np.unique(whose))
