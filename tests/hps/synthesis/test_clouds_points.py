"""Labelled clouds' parts: masks that are off, the nearest skin, groups of cameras, files"""

from __future__ import annotations

import io
import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from geometry.rigid import rigid, transform
from hps.errors import HpsError
from hps.synthesis.clouds.cloud import LabelledCloud
from hps.synthesis.clouds.clouds_pass import cloud_key, grouped
from hps.synthesis.clouds.people_masks import people_masks
from hps.synthesis.clouds.skin_offset import SkinTopology, bind, nearest_skin


def small_cloud(rng: np.random.Generator, count: int = 7) -> LabelledCloud:
    T = rigid(Rotation.random(rng=rng).as_matrix(), rng.normal(size=3))
    normal = rng.normal(size=(count, 3))
    return LabelledCloud(
        points=rng.normal(size=(count, 3)).astype(np.float32),
        mask=np.zeros(count, np.uint8),
        actor=np.zeros(count, np.int8),
        part=np.ones(count, np.uint8),
        skin_offset=rng.normal(0, 0.02, (count, 3)).astype(np.float16),
        normal=np.rint(127 * normal / np.linalg.norm(normal, axis=1, keepdims=True)).astype(np.int8),
        camera=np.zeros(count, np.uint8),
        pixel=rng.integers(0, 100, (count, 2)).astype(np.uint16),
        cameras=np.array([3], np.int32),
        K=np.eye(3)[None],
        distortion=np.zeros((1, 8)),
        size=np.array([[480, 640]], np.int32),
        T_world_camera=T[None],
    )


def test_masks_grow_and_shrink_by_whole_pixels():
    owner = np.zeros((40, 60), np.uint8)
    owner[10:30, 10:20], owner[10:30, 22:40], owner[0:5, 50:60] = 1, 2, 3  # two actors and a thing
    assert np.array_equal(people_masks(owner, np.array([0, 0])), np.where(owner < 3, owner, 0))
    grown = people_masks(owner, np.array([3, 0]))
    assert (grown == 1)[20].nonzero()[0].tolist() == list(range(7, 22))  # up to the other's own pixels
    assert np.array_equal(grown == 2, owner == 2)
    shrunk = people_masks(owner, np.array([-2, -1]))
    assert (shrunk == 1)[20].nonzero()[0].tolist() == list(range(12, 18))
    assert (shrunk == 2)[:, 30].nonzero()[0].tolist() == list(range(11, 29))
    assert not (shrunk == 3).any()


def test_a_mask_at_the_frame_is_not_eroded_there():
    owner = np.zeros((20, 20), np.uint8)
    owner[:, :8] = 1
    assert (people_masks(owner, np.array([-2])) == 1)[0].nonzero()[0].tolist() == list(range(6))


def test_the_skin_found_by_walking_is_the_nearest_of_all():
    """On a convex body a local minimum is the least; brute force: every face by dense barycentric weights."""
    rng = np.random.default_rng(0)
    turn, height = np.pi * (1 + 5**0.5) * np.arange(60), 1 - (2 * np.arange(60) + 1) / 60  # evenly over a sphere
    radius = np.sqrt(1 - height * height)
    vertices = np.stack([radius * np.cos(turn), radius * np.sin(turn), height], -1)
    faces = ConvexHull(vertices).simplices
    middle = vertices[faces].mean(1)
    turned = np.einsum("nc,nc->n", np.cross(*np.diff(vertices[faces], axis=1).transpose(1, 0, 2)), middle) < 0
    faces[turned] = faces[turned][:, ::-1]
    dressed = np.concatenate([vertices, 1.2 * vertices])
    bound = bind(dressed, vertices)
    assert np.array_equal(bound[60:], np.arange(60))
    corners = 60 + faces[rng.integers(0, len(faces), 20)]
    p = 1.15 * dressed[corners].mean(1) + rng.normal(0, 0.05, (20, 3))
    everyone = np.concatenate([np.full((5, 3), 9.0), vertices])  # the body is the second one
    first = np.full(20, 5, np.int32)
    first[0] = -1
    found = nearest_skin(
        p,
        corners.astype(np.int32) + 5,
        np.concatenate([np.zeros(5, np.int32), bound + 5]).astype(np.int32),
        first,
        everyone,
        SkinTopology.of(faces, 60),
    )
    u, v = np.meshgrid(np.linspace(0, 1, 41), np.linspace(0, 1, 41))
    inside = u + v <= 1
    weights = np.stack([1 - u - v, u, v], -1)[inside]
    samples = (weights @ vertices[faces]).reshape(-1, 3)
    brute = np.array([np.linalg.norm(samples - q, axis=1).min() for q in p])
    assert np.isnan(found[0]).all()
    ours = np.linalg.norm(found - p, axis=1)[1:]
    # the brute force is never nearer, but for rounding, and farther by no more than its steps of 1/40 of an edge
    assert (ours <= brute[1:] + 1e-12).all()
    np.testing.assert_allclose(ours, brute[1:], atol=2e-3)


def test_a_file_has_the_same_bytes_and_gives_the_cloud_back():
    cloud = small_cloud(np.random.default_rng(1))
    content = cloud.to_bytes()
    assert content == replace(cloud).to_bytes()
    again = LabelledCloud.from_bytes(content)
    for field in fields(cloud):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(cloud, field.name))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert [item.date_time for item in archive.infolist()] == [(1980, 1, 1, 0, 0, 0)] * len(fields(cloud))
    with pytest.raises(HpsError, match="cannot be read"):
        LabelledCloud.from_bytes(content[:200])


def test_several_cameras_clouds_are_joined_in_the_world():
    rng = np.random.default_rng(2)
    clouds = [small_cloud(rng, 5), small_cloud(rng, 0), small_cloud(rng, 9)]
    fused = LabelledCloud.fused(clouds)
    assert fused.camera.tolist() == [0] * 5 + [2] * 9
    for n in (0, 2):
        one, (T,) = clouds[n], clouds[n].T_world_camera
        here = fused.camera == n
        np.testing.assert_allclose(fused.points[here], transform(T, one.points), atol=1e-6)  # float32 at some metres
        skin = transform(T, one.points + one.skin_offset.astype(np.float64))
        # both offsets are half floats of up to 8 cm: steps of 0.06 mm
        np.testing.assert_allclose(fused.points[here] + fused.skin_offset[here].astype(float), skin, atol=2e-4)
        turned = one.normal @ T[:3, :3].T
        np.testing.assert_allclose(fused.normal[here], turned, atol=0.51)  # rounded once more


def test_groups_of_cameras_share_none_and_stand_all_round():
    assert grouped(8, 1) == [[n] for n in range(8)]
    assert grouped(8, 4) == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert grouped(7, 3) == [[0, 2, 4], [1, 3, 5]]
    assert grouped(3, 4) == []
    assert cloud_key("s000001", 2, 1, 5) == "s000001_002_c05"
    assert cloud_key("s000001", 2, 4, 1) == "s000001_002_v04_01"
