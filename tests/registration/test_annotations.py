"""Keypoints and parts in pictures: against rays cast at the bodies, and scenes in which what hides is known."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_scene import open_body, ring, standing

from body.joints import JOINT_INDEX, JOINT_NAMES
from geometry.rays import RayScene
from registration.annotations.body_parts import box_of, draw_bodies, joint_of_face, part_areas, without_hidden
from registration.annotations.keypoints2d import (
    COCO17,
    HIDDEN,
    OUTSIDE,
    VISIBLE,
    coco_points,
    keypoints_in,
)
from registration.errors import RegistrationError

NO_SIGMA = np.full(24, np.nan)


@pytest.fixture(scope="module")
def model():
    return open_body()


@pytest.fixture(scope="module")
def posed(model):
    return model.pose(standing(model, 1, np.random.default_rng(5)))


@pytest.fixture(scope="module")
def cameras():
    return ring(4, 320, 288)


@pytest.fixture(scope="module")
def ahead(model, posed, cameras):
    """The camera that stands most before or behind the body: from the side, arms hide the trunk."""
    hips = posed.joints[0, 1] - posed.joints[0, 2]
    return min(cameras.values(), key=lambda camera: abs((camera.center - posed.joints[0, 0]) @ hips))


def test_pixels_show_the_part_that_a_ray_meets(model, posed, cameras) -> None:
    camera = next(iter(cameras.values()))
    other = posed.vertices[0] + [0.0, 0.5, 0.0]
    drawn = draw_bodies(model, [posed.vertices[0], other], camera)
    faces = np.concatenate([model.faces, model.faces + model.vertex_count])
    scene = RayScene(np.concatenate([posed.vertices[0], other]), faces)
    rng = np.random.default_rng(0)
    rows, columns = (rng.integers(0, n, 4000) for n in (camera.height, camera.width))
    xy = camera.normalize(np.stack([columns, rows], -1).astype(float))
    rays = np.concatenate([xy, np.ones((4000, 1))], 1) @ camera.T_world_camera[:3, :3].T
    hits = scene.cast(np.broadcast_to(camera.center, rays.shape), rays)
    person = np.where(hits.face >= 0, hits.face // len(model.faces), -1)
    part = np.where(hits.face >= 0, 1 + joint_of_face(model)[hits.face % len(model.faces)], 0)
    assert (person == 0).sum() > 200
    assert (person == 1).sum() > 200
    # edges are straight in the drawing and bent by the lens in truth: pixels on outlines may differ
    assert (drawn.person[rows, columns] == person).mean() > 0.998
    assert (drawn.part[rows, columns] == part).mean() > 0.995


def test_boxes_and_areas_hold_the_pixels(model, posed, cameras) -> None:
    drawn = draw_bodies(model, [posed.vertices[0]], next(iter(cameras.values())))
    (left, top, width, height), area = box_of(drawn, 0)
    inside = drawn.person[top : top + height, left : left + width] == 0
    assert inside.sum() == area == (drawn.person == 0).sum() == part_areas(drawn, 0).sum()
    assert inside.any(0)[[0, -1]].all()
    assert inside.any(1)[[0, -1]].all()
    assert box_of(drawn, 1) == ([0, 0, 0, 0], 0)


def test_nobody_gives_empty_pictures(model, cameras) -> None:
    drawn = draw_bodies(model, [], next(iter(cameras.values())))
    assert (drawn.person == -1).all()
    assert not drawn.part.any()


def test_sides_that_face_away_are_hidden(model, posed, cameras) -> None:
    """From the left, the right ear and eye are behind the head, and the other way round."""
    skin = np.array([model.keypoint_vertices[v] for v in ("lear", "rear")])
    names = ("left_ear", "right_ear")
    ears = posed.vertices[0][skin]
    left = ears[0] - ears[1]
    for camera in cameras.values():
        drawn = draw_bodies(model, [posed.vertices[0]], camera)
        found = keypoints_in(camera, names, ears, np.zeros(2), drawn, drawn, 0)
        side = (camera.center - ears.mean(0)) @ left / np.linalg.norm(left)
        if abs(side) > 1.0:  # m, of 2.3: clearly from one side
            near, far = (0, 1) if side > 0 else (1, 0)
            assert found.visible[near] == VISIBLE
            assert found.visible[far] == HIDDEN
            break
    else:
        pytest.fail("no camera stands beside the head")


def test_a_person_in_front_hides_the_one_behind(model, posed, ahead) -> None:
    camera = ahead
    away = camera.center - posed.vertices[0].mean(0)
    other = posed.vertices[0] + 0.6 * np.array([away[0], away[1], 0]) / np.linalg.norm(away[:2])
    alone, both = (draw_bodies(model, some, camera) for some in ([posed.vertices[0]], [posed.vertices[0], other]))
    free = keypoints_in(camera, JOINT_NAMES, posed.joints[0], NO_SIGMA, alone, alone, 0)
    behind = keypoints_in(camera, JOINT_NAMES, posed.joints[0], NO_SIGMA, both, both, 0)
    trunk = [JOINT_INDEX[name] for name in ("pelvis", "spine1", "spine2", "spine3")]
    assert (free.visible[trunk] == VISIBLE).all()
    assert (behind.visible[trunk] == HIDDEN).all()


def test_a_measured_thing_in_front_hides(model, posed, cameras) -> None:
    camera = next(iter(cameras.values()))
    drawn = draw_bodies(model, [posed.vertices[0]], camera)
    table = drawn.depth_m.copy()
    middle = int(camera.project(posed.joints[0, :1])[0, 1])
    table[middle:] -= 0.4  # everything below the pelvis stands behind a table
    free = without_hidden(drawn, table)
    found = keypoints_in(camera, JOINT_NAMES, posed.joints[0], NO_SIGMA, drawn, free, 0)
    assert found.visible[JOINT_INDEX["head"]] == VISIBLE
    assert (found.visible[[JOINT_INDEX["left_knee"], JOINT_INDEX["right_ankle"]]] == HIDDEN).all()
    assert not free.part[middle:].any()
    assert np.array_equal(free.part[: middle - 1], drawn.part[: middle - 1])
    noise = drawn.depth_m + np.random.default_rng(0).normal(0, 0.01, drawn.depth_m.shape).astype(np.float32)
    assert np.array_equal(without_hidden(drawn, noise).part, drawn.part)


def test_outside_and_sigma(model, posed, ahead) -> None:
    camera = ahead
    drawn = draw_bodies(model, [posed.vertices[0]], camera)
    points = np.stack([posed.joints[0, 0], camera.center - 2 * (posed.joints[0, 0] - camera.center)])
    found = keypoints_in(camera, ("pelvis", "pelvis"), points, np.full(2, 0.01), drawn, drawn, 0)
    assert found.visible.tolist() == [VISIBLE, OUTSIDE]
    aside = points[:1] + 1e-4 * camera.T_world_camera[:3, 0]
    moved = np.linalg.norm(camera.project(aside) - camera.project(points[:1]))
    assert found.sigma_px[0] == pytest.approx(100 * moved, rel=0.05)  # the lens bends by per cents


def test_coco_points_are_landmarks_then_joints() -> None:
    landmarks, joints = np.random.default_rng(0).normal(size=(2, 5, 3)), np.zeros((2, 24, 3))
    names = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    points = coco_points(names, landmarks, joints)
    assert np.array_equal(points[:, :5], landmarks)
    assert not points[:, 5:].any()
    assert points.shape == (2, len(COCO17), 3)
    with pytest.raises(RegistrationError, match="no landmark 'nose'"):
        coco_points((), np.zeros((2, 0, 3)), joints)
