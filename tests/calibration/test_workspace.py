"""The capture volume follows the cameras."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.workspace import RADIUS_PART, SINGLE_VIEW_M, workspace
from geometry.camera import Camera
from geometry.rigid import from_rotvec, look_at

K = np.array([[600.0, 0, 640], [0, 600, 360], [0, 0, 1]])


def looking_at(target: np.ndarray, radius: float, count: int, kind: str = "color") -> dict[str, Camera]:
    cameras = {}
    for i in range(count):
        angle = 2 * np.pi * i / count
        eye = target + [radius * np.cos(angle), radius * np.sin(angle), 0.3 * (-1) ** i]
        name = f"cam{i}/{kind}"
        cameras[name] = Camera(name=name, K=K, width=1280, height=720, T_world_camera=look_at(eye, target))
    return cameras


@settings(max_examples=30)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.5, 1.5), st.floats(1, 4), st.integers(3, 10))
def test_cameras_that_look_at_one_point_find_it(x, y, z, radius, count):
    target = np.array([x, y, z])
    space = workspace(looking_at(target, radius, count))
    np.testing.assert_allclose(space.center, target, atol=1e-9)
    assert space.from_axes
    assert space.spread_m == pytest.approx(0, abs=1e-9)
    assert space.radius_m == pytest.approx(RADIUS_PART * radius)


def test_the_center_minimises_the_distance_to_the_axes():
    rng = np.random.default_rng(0)
    cameras = {
        name: camera.at(camera.T_world_camera @ from_rotvec(rng.normal(0, 0.03, 3), np.zeros(3)))
        for name, camera in looking_at(np.array([0.3, -0.2, 1.0]), 2.0, 6).items()
    }

    def cost(p):
        offsets = np.array([p - c.center for c in cameras.values()])
        axes = np.array([c.T_world_camera[:3, 2] for c in cameras.values()])
        return (np.cross(offsets, axes) ** 2).sum()

    space = workspace(cameras)
    assert 0.01 < space.spread_m < 0.2
    assert space.spread_m == pytest.approx(np.sqrt(cost(space.center) / 6))
    assert all(cost(space.center) < cost(space.center + step) for step in rng.normal(0, 0.02, (50, 3)))


def test_colour_cameras_decide_where_there_are_any():
    color, depth = looking_at(np.array([0.0, 0, 1]), 2, 4), looking_at(np.array([1.0, 1, 1]), 2, 4, "depth")
    np.testing.assert_allclose(workspace(color | depth).center, [0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(workspace(depth).center, [1, 1, 1], atol=1e-9)


def test_axes_that_do_not_meet_give_a_stated_guess():
    one = dict(list(looking_at(np.array([0.0, 0, 1]), 2.5, 4).items())[:1])
    space = workspace(one)
    camera = next(iter(one.values()))
    assert not space.from_axes
    assert np.linalg.norm(space.center - camera.center) == pytest.approx(SINGLE_VIEW_M)
    face_to_face = workspace(looking_at(np.array([0.5, 0, 1]), 1.7, 2))
    assert not face_to_face.from_axes
    np.testing.assert_allclose(face_to_face.center, [0.5, 0, 1], atol=1e-9)
    with pytest.raises(ValueError, match="no camera"):
        workspace({})


def test_the_volume_is_an_upright_cylinder_on_the_floor():
    space = workspace(looking_at(np.array([1.0, 2, 1]), 2.0, 6))
    inside, outside = [1.0, 2, 0.01], [1.0, 2, -0.01]
    p = np.array([inside, outside, [1 + 1.49, 2, 1], [1 + 1.51, 2, 1], [1, 2, 2.7], [np.nan, 2, 1]])
    assert space.contains(p).tolist() == [True, False, True, False, False, False]
    assert not space.contains(np.array(inside), above_floor_m=0.02)
    assert space.contains(p.reshape(2, 3, 3)).shape == (2, 3)
