from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_scene import open_body, ring, scene, standing

from geometry.camera import Camera
from geometry.rays import RayScene
from geometry.rigid import look_at
from registration.clouds.colors import ColorView
from registration.clouds.config import CloudConfig
from registration.clouds.consistency import warnings_of
from registration.clouds.files import read_cloud, read_cloud_cameras, write_cloud, write_cloud_cameras
from registration.clouds.fusion import fuse
from registration.clouds.views import DepthView, box_of
from registration.errors import RegistrationError

PLAIN = CloudConfig(multipath=0)
"""These scenes have no light between surfaces."""


@pytest.fixture(scope="module")
def room():
    model = open_body()
    vertices = model.pose(standing(model, 1, np.random.default_rng(3))).vertices[0]
    return scene(vertices, model.faces, ring(6, 320, 288))


def _views(room):
    return [
        DepthView(depth_m=room.depth_m[name], mask=room.person[name], camera=camera, time_us=1000 + n)
        for n, (name, camera) in enumerate(room.cameras.items())
    ]


def _walled(room):
    """Views in a room whose walls are near enough to be measured: missing depth is no evidence of free space."""
    return [replace(v, depth_m=np.nan_to_num(v.depth_m, nan=3.8)) for v in _views(room)]


def test_a_cloud_lies_on_the_body(room):
    cloud, figures = fuse(_views(room), config=PLAIN)
    closest = RayScene(room.vertices, room.faces).closest(cloud.points)
    assert closest.distance.mean() < 0.0015  # one pixel's noise is 2.3 mm: patches of 12 pixels, two cameras
    assert (closest.distance > 0.01).mean() < 2e-3
    corners = room.vertices[room.faces[closest.face]]
    true = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    angle = np.degrees(np.arccos(np.clip(np.einsum("ni,ni->n", true, cloud.normals), -1, 1)))
    assert np.median(angle) < 8  # fingers and toes are a few pixels wide
    assert np.allclose(np.linalg.norm(cloud.normals, axis=1), 1)
    assert set(np.unique(cloud.camera)) == set(range(6))
    assert (cloud.time_us == 1000 + cloud.camera.astype(int)).all()
    assert (cloud.person == 0).all()
    assert sum(figures.kept.values()) - figures.thinned == len(cloud)
    lost = figures.edge + figures.unconfirmed + figures.carved
    assert sum(figures.seen.values()) == sum(figures.kept.values()) + lost


def test_sigma_is_the_error_of_a_point(room):
    """Noise alone, independent between pixels; sigma holds what devices share on top, so that it may be larger."""
    cloud, _ = fuse(_views(room), config=PLAIN)
    error = RayScene(room.vertices, room.faces).closest(cloud.points).distance
    inner = error < 0.01
    assert 0.15 < ((error / cloud.sigma) ** 2)[inner].mean() < 1.5
    certain = cloud.sigma < np.median(cloud.sigma)
    assert error[certain & inner].mean() < error[~certain & inner].mean()


def test_averaging_and_smoothing_each_bring_points_closer(room):
    body = RayScene(room.vertices, room.faces)

    def error(**options):
        cloud, _ = fuse(_views(room), config=replace(PLAIN, **options))
        return np.sqrt((body.closest(cloud.points).distance ** 2).mean())

    raw = error(denoise_px=0, average=False, smooth_m=0)
    patched = error(average=False, smooth_m=0)
    assert patched < 0.8 * raw
    assert error(smooth_m=0) < 0.97 * patched
    assert error() < 1.02 * error(smooth_m=0)  # pixels of 9 mm without shared noise leave it little to do


def test_confirmation_removes_flying_points_and_keeps_the_body(room):
    rng = np.random.default_rng(5)
    views, flown = [], 0
    for view in _views(room):
        patches = np.kron(rng.random((36, 40)) < 0.05, np.ones((8, 8), bool))  # large enough to have normals
        flying = view.mask & patches
        shift = np.kron(rng.uniform(0.1, 0.5, (36, 40)), np.ones((8, 8)))
        views.append(replace(view, depth_m=np.where(flying, view.depth_m + shift, view.depth_m).astype(np.float32)))
        flown += flying.sum()
    body = RayScene(room.vertices, room.faces)
    keep_all = replace(PLAIN, min_support=0, carve_m=10, flying_m=10, voxel_m=0, smooth_m=0, average=False)
    raw = body.closest(fuse(views, config=keep_all)[0].points).distance
    clean = body.closest(fuse(views, config=replace(PLAIN, voxel_m=0))[0].points).distance
    assert (raw > 0.05).sum() > 0.1 * flown
    assert (clean > 0.05).sum() < 0.03 * (raw > 0.05).sum()  # 98.8 % in the published rig simulation of ten cameras
    assert (clean < 0.02).sum() > 0.8 * (raw < 0.02).sum()  # rims of the patches are edges now


def test_few_cameras_keep_what_one_alone_sees_and_carve_what_others_look_through(room):
    views = _views(room)[:2]
    cloud, figures = fuse(views, config=PLAIN)
    assert len(cloud) > 0.5 * len(fuse(_views(room), config=PLAIN)[0]) / 3
    assert figures.unconfirmed < 0.02 * sum(figures.kept.values())
    flying = np.zeros_like(views[0].mask)
    rows, columns = box_of(views[0].mask, 0)
    middle = (rows.start + rows.stop) // 2, columns.stop + 12
    flying[middle[0] - 6 : middle[0] + 6, middle[1] - 6 : middle[1] + 6] = True
    depth = np.where(flying, 2.0, views[0].depth_m).astype(np.float32)  # in the air, before the room's wall
    haunted = [replace(views[0], depth_m=depth, mask=views[0].mask | flying), *_walled(room)[1:4]]
    ghosts, figures = fuse(haunted, config=replace(PLAIN, flying_m=10))
    assert figures.carved > 0.8 * flying.sum()
    assert RayScene(room.vertices, room.faces).closest(ghosts.points).distance.max() < 0.1


def test_a_camera_that_is_off_is_named_and_loses_weight(room):
    views = _views(room)
    T = views[2].camera.T_world_camera.copy()
    T[:3, 3] += 0.01 * T[:3, 2]
    moved = [*views[:2], replace(views[2], camera=views[2].camera.at(T)), *views[3:]]
    _, before = fuse(views, config=PLAIN)
    cloud, after = fuse(moved, config=PLAIN)
    name = views[2].camera.name
    assert after.apart_m[name] == max(after.apart_m.values())
    assert after.apart_m[name] > 0.005 > 2 * before.apart_m[name]
    others = RayScene(room.vertices, room.faces).closest(cloud.points[cloud.camera != 2]).distance
    assert others.mean() < 0.002


def test_one_camera_has_nothing_to_disagree_with(room):
    _, alone = fuse(_views(room)[:1], config=PLAIN)
    apart, lonely = ({name: [value] for name, value in v.items()} for v in (alone.apart_m, alone.lonely))
    assert np.isnan([*alone.apart_m.values(), *alone.lonely.values()]).all()
    assert warnings_of(apart, lonely) == []


def test_thinning_keeps_the_most_certain_point_of_each_voxel(room):
    config = replace(PLAIN, smooth_m=0)
    whole, _ = fuse(_views(room), config=replace(config, voxel_m=0))
    thin, figures = fuse(_views(room), config=replace(config, voxel_m=0.02))
    assert len(thin) == len(np.unique(np.floor(whole.points / 0.02), axis=0))
    assert figures.thinned == len(whole) - len(thin)
    assert thin.sigma.mean() < whole.sigma.mean()


def test_points_know_whose_they_are(room):
    views = []
    for view in _views(room):
        above = np.arange(288)[:, None] < 140 + np.zeros(320)
        views.append(replace(view, person=np.where(above, 1, 0).astype(np.int8)))
    cloud, _ = fuse(views, config=PLAIN)
    assert cloud.points[cloud.person == 1, 2].min() > cloud.points[cloud.person == 0, 2].min() + 0.5
    assert set(np.unique(cloud.person)) == {0, 1}


def test_missing_depth_and_a_blind_camera_do_not_matter(room):
    views = _views(room)
    dead = replace(views[0], depth_m=np.full_like(views[0].depth_m, np.nan))
    zero = replace(views[1], depth_m=np.zeros_like(views[1].depth_m))
    cloud, figures = fuse([dead, zero, *views[2:]], config=PLAIN)
    assert figures.seen[dead.camera.name] == figures.seen[zero.camera.name] == 0
    assert np.isfinite(cloud.points).all()
    assert set(np.unique(cloud.camera)) == {2, 3, 4, 5}


def test_an_empty_cloud_names_the_instant_and_the_cameras(room):
    blind = [replace(view, mask=np.zeros_like(view.mask)) for view in _views(room)[:2]]
    with pytest.raises(RegistrationError, match=r"instant 7: .*no depth camera.*kinect_000/depth, kinect_001/depth"):
        fuse(blind, instant=7)
    with pytest.raises(RegistrationError, match="confirmed by a second camera"):
        fuse(_views(room)[:1], config=CloudConfig(min_support=1))


def test_points_are_colored_by_the_camera_that_sees_them_best(room):
    """Two colour cameras, each of one colour: points take that of the one they face, and none where neither looks."""
    K = np.array([[500.0, 0, 299.5], [0, 500, 299.5], [0, 0, 1]])
    views = []
    for n, eye in enumerate(([2.3, 0, 1], [-2.3, 0, 1])):
        pose = look_at(np.array(eye, float), np.array([0, 0, 0.9]))
        camera = Camera(name=f"c{n}/color", K=K, width=600, height=600, T_world_camera=pose)
        views.append(ColorView(image=np.full((600, 600, 3), (200, 80)[n], np.uint8), camera=camera))
    cloud, figures = fuse(_views(room), views, PLAIN)
    facing = cloud.normals[:, 0]
    assert (cloud.colors[facing > 0.7] == 200).all(1).mean() > 0.9  # arms hide some
    assert (cloud.colors[facing < -0.7] == 80).all(1).mean() > 0.9
    assert figures.uncolored == (cloud.colors == 0).all(1).sum() < 0.3 * len(cloud)


def test_clouds_survive_the_disk(room, tmp_path):
    cloud, _ = fuse(_views(room), config=CloudConfig(voxel_m=0.02))
    write_cloud(tmp_path / "000000.npz", cloud)
    again = read_cloud(tmp_path / "000000.npz")
    assert np.abs(again.points - cloud.points).max() < 1e-6  # float32
    assert (again.camera == cloud.camera).all()
    assert (again.time_us == cloud.time_us).all()
    write_cloud_cameras(tmp_path, list(room.cameras))
    assert read_cloud_cameras(tmp_path) == list(room.cameras)
    with pytest.raises(RegistrationError, match=r"000001\.npz is missing"):
        read_cloud(tmp_path / "000001.npz")
    (tmp_path / "000002.npz").write_bytes(b"PK junk")
    with pytest.raises(RegistrationError, match="is not a cloud"):
        read_cloud(tmp_path / "000002.npz")
    with pytest.raises(RegistrationError, match="without normals"):
        write_cloud(tmp_path / "000003.npz", replace(cloud, normals=None))
