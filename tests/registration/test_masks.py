from __future__ import annotations

import numpy as np
import pytest
from simulated_scene import open_body, ring, scene, standing

from calibration.workspace import workspace
from geometry.warp import warp_depth_to_color
from registration.errors import RegistrationError
from registration.keypoints.detector import PersonMask
from registration.masks.color_masks import color_mask_from_person, color_people_from_depth
from registration.masks.depth_masks import MaskConfig, person_in_depth


@pytest.fixture(scope="module")
def room():
    model = open_body()
    vertices = model.pose(standing(model, 1, np.random.default_rng(3))).vertices[0]
    return scene(vertices, model.faces, ring(6, 320, 288), box=True)


def _scores(masks, truth):
    found, true = np.stack(list(masks.values())), np.stack([truth[name] for name in masks])
    return (found & true).sum() / true.sum(), (found & true).sum() / found.sum()


def test_masks_hold_the_person_and_not_the_room(room):
    result = person_in_depth(room.depth_m, room.cameras, workspace(room.cameras))
    recall, precision = _scores(result.masks, room.person)
    # what is lost are the soles below feet_m
    assert recall > 0.99
    assert precision > 0.995
    assert np.linalg.norm(result.center - room.vertices.mean(0)) < 0.15  # vertices are dense in hands and face


def test_feet_survive(room):
    masks = person_in_depth(room.depth_m, room.cameras, workspace(room.cameras)).masks
    seen = kept = 0
    for name, camera in room.cameras.items():
        height = _world_height(room.depth_m[name], camera)
        foot = room.person[name] & (height > 0.012) & (height < 0.05)
        seen, kept = seen + foot.sum(), kept + (foot & masks[name]).sum()
    assert seen > 50
    assert kept > 0.95 * seen


def test_the_empty_room_removes_what_stands_in_it(room):
    """A box that touches the person is a part of it, unless the room was recorded without the person."""
    volume, config = workspace(room.cameras), MaskConfig(voxel_m=0.2)  # the box is within reach
    joined = person_in_depth(room.depth_m, room.cameras, volume, config)
    apart = person_in_depth(room.depth_m, room.cameras, volume, config, background_m=room.room_m)
    assert _scores(joined.masks, room.person)[1] < 0.97
    assert _scores(apart.masks, room.person)[1] > 0.99
    assert _scores(apart.masks, room.person)[0] > 0.97


def test_the_nearer_of_two_people_is_followed(room):
    model = open_body()
    other = room.vertices + [0.9, -0.9, 0]
    both = scene(
        np.concatenate([room.vertices, other]),
        np.concatenate([model.faces, model.faces + len(room.vertices)]),
        room.cameras,
    )
    centers = [
        person_in_depth(both.depth_m, both.cameras, workspace(both.cameras), previous=v.mean(0)).center
        for v in (room.vertices, other)
    ]
    assert np.linalg.norm(centers[0] - room.vertices.mean(0)) < 0.3
    assert np.linalg.norm(centers[1] - other.mean(0)) < 0.3


def test_an_empty_room_gives_empty_masks(room):
    far = scene(room.vertices + [50.0, 0, 0], room.faces, room.cameras)
    result = person_in_depth(far.depth_m, far.cameras, workspace(far.cameras))
    assert result.center is None
    assert not any(mask.any() for mask in result.masks.values())
    assert {m.shape for m in result.masks.values()} == {(288, 320)}


def test_a_stream_without_a_camera_is_named(room):
    with pytest.raises(RegistrationError, match="'x/depth' has no camera"):
        person_in_depth({"x/depth": room.depth_m["kinect_000/depth"]}, room.cameras, workspace(room.cameras))


def test_color_mask_covers_the_person_seen_from_beside(room):
    """The colour camera stands 3 cm beside the depth camera, as in an Azure Kinect."""
    depth_camera = room.cameras["kinect_000/depth"]
    beside = depth_camera.T_world_camera.copy()
    beside[:3, 3] += 0.03 * beside[:3, 0]
    color_camera = depth_camera.at(beside)
    person = np.where(room.person["kinect_000/depth"], np.int8(0), np.int8(-1))
    mask = color_people_from_depth(room.depth_m["kinect_000/depth"], person, depth_camera, color_camera) >= 0
    truth = scene(room.vertices, room.faces, {"c": color_camera}).person["c"]
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9  # a border of one pixel is 4 % of a person 60 pixels wide
    assert (
        np.isfinite(warp_depth_to_color(room.depth_m["kinect_000/depth"], depth_camera, color_camera))[mask].mean()
        > 0.9
    )


def test_segmentation_keeps_the_largest_part():
    crop = np.zeros((64, 64), np.uint8)
    crop[10:40, 10:40], crop[50:55, 50:55] = 255, 255
    mask = color_mask_from_person(PersonMask(crop=crop, A_image_crop=np.eye(2, 3) * 2.0), 128, 128)
    assert mask[50, 50]
    assert not mask[105, 105]
    assert not color_mask_from_person(None, 20, 10).any()
    assert color_mask_from_person(None, 20, 10).shape == (10, 20)


def _world_height(depth_m, camera):
    from geometry.depth import depth_to_points
    from geometry.rigid import transform

    return transform(camera.T_world_camera, depth_to_points(depth_m, camera))[..., 2]
