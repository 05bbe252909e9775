"""Each fast kernel of the clouds against a readable twin, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.camera import Camera
from geometry.rays import ray_table
from geometry.rigid import look_at
from registration.clouds.agreement import GATE_BESIDE_M, GATE_M, agree, stack_views
from registration.clouds.anchors import NEAR_M, anchored
from registration.clouds.config import CloudConfig
from registration.clouds.consistency import camera_excess, warnings_of
from registration.clouds.cross_view import votes
from registration.clouds.depth_noise import depth_sigma
from registration.clouds.edges import on_edge
from registration.clouds.multipath import PHASE_PER_M, SPREAD, multipath_error
from registration.clouds.patches import BEND_M, NOISE_M, fit_patches
from registration.clouds.patches import GATE_M as PATCH_GATE_M
from registration.clouds.smoothing import smooth
from registration.clouds.thinning import most_certain
from registration.clouds.view_points import view_points
from registration.clouds.views import DepthView, box_of

K = np.array([[250.0, 0, 79.5], [0, 250, 59.5], [0, 0, 1]])
PLAIN = CloudConfig(multipath=0)


def _camera(eye=(0.0, -2.0, 0.0), at=(0.0, 0.0, 0.0), name="c") -> Camera:
    pose = look_at(np.array(eye), np.array(at))
    return Camera(name=name, K=K, width=160, height=120, T_world_camera=pose)


def _sphere(camera: Camera, radius: float = 0.25) -> np.ndarray:
    """Exact depth of a ball at the origin, NaN beside it."""
    xy = ray_table(camera)
    v = np.concatenate([xy, np.ones((*xy.shape[:2], 1))], -1) @ camera.T_world_camera[:3, :3].T
    a, b, c = (v * v).sum(-1), v @ camera.center, camera.center @ camera.center - radius**2
    with np.errstate(invalid="ignore"):
        return ((-b - np.sqrt(b * b - a * c)) / a).astype(np.float32)


def _views(count: int = 3, noise: float = 0.0, rng: np.random.Generator | None = None) -> list[DepthView]:
    rng = rng or np.random.default_rng(0)
    views = []
    for n in range(count):
        angle = 0.6 * n
        camera = _camera((2 * np.sin(angle), -2 * np.cos(angle), 0.3), name=f"k{n}/depth")
        z = _sphere(camera) + (noise * rng.standard_normal((120, 160))).astype(np.float32)
        views.append(DepthView(depth_m=z, mask=np.isfinite(z), camera=camera, time_us=n))
    return views


def test_a_patch_is_the_weighted_quadratic_of_the_pixels_that_go_on():
    rng = np.random.default_rng(1)
    depth = (2 + 0.002 * rng.standard_normal((9, 9)) + 0.004 * np.arange(9)).astype(np.float32)
    depth[:, 7:] += 0.3
    usable = np.ones((9, 9), bool)
    usable[2, 3] = False
    sigma, radius = 1.0, 2
    found = fit_patches(depth, usable, usable, sigma)
    for i, j in ((4, 3), (4, 6), (0, 0)):
        rows, b, w = [], [], []
        for a in range(max(i - radius, 0), min(i + radius + 1, 9)):
            for c in range(max(j - radius, 0), min(j + radius + 1, 9)):
                if usable[a, c] and (c < 7) == (j < 7):
                    x, y = c - j, a - i
                    rows.append([1, x, y, x * x, x * y, y * y])
                    b.append(float(depth[a, c]) - float(depth[i, j]))
                    w.append(np.exp(-0.5 * (x * x + y * y) / sigma**2))
        X, W = np.array(rows), np.diag(w)
        pull = np.diag([0, 1e-3, 1e-3, *[(NOISE_M / BEND_M) ** 2] * 3])
        inverse = np.linalg.inv(X.T @ W @ X + pull)
        x = inverse @ X.T @ W @ np.array(b)
        assert found.z_m[i, j] == pytest.approx(depth[i, j] + x[0], abs=1e-6)  # float32 at 2 m
        assert np.allclose(found.slope[i, j], x[1:3], atol=1e-6)
        assert found.leverage[i, j] == pytest.approx(inverse[0, 0], rel=1e-5)
    assert np.isnan(found.z_m[2, 3])
    assert PATCH_GATE_M < 0.3


def test_a_patch_takes_noise_off_without_shrinking_a_limb():
    """A cylinder of 40 mm at 2 m, seen by a Kinect's pixels of 4 mm: a mean of the same weights lies under its skin."""
    x = np.arange(-8, 9) * 0.004
    depth = np.tile(2 - np.sqrt(0.04**2 - x**2), (60, 1)).astype(np.float32)
    everywhere = np.ones(depth.shape, bool)
    exact = fit_patches(depth, everywhere, everywhere, 1.0).z_m
    shrunk = np.abs(exact - depth)[5:-5, 4:-4]
    weight = np.exp(-0.5 * np.arange(-2, 3) ** 2)
    mean = np.apply_along_axis(lambda r: np.convolve(r, weight / weight.sum(), "same"), 1, depth)
    assert shrunk.mean() < 0.65 * np.abs(mean - depth)[5:-5, 4:-4].mean()
    noise = 0.002 * np.random.default_rng(0).standard_normal(depth.shape).astype(np.float32)
    noisy = fit_patches(depth + noise, everywhere, everywhere, 1.0).z_m - exact
    assert noisy[5:-5, 4:-4].std() < 0.5 * 0.002  # weights of 12 pixels: 0.3 of their noise, a quadratic 0.4


def test_points_of_a_view_lie_on_the_ball_and_face_the_camera():
    view = _views(1)[0]
    found = view_points(view, PLAIN)
    radius = np.linalg.norm(found.points, axis=1)
    assert np.abs(radius - 0.25)[~found.edge].max() < 0.004
    assert np.abs(radius - 0.25).mean() < 4e-4  # pixels are 8 mm wide here
    cosine = np.einsum("ni,ni->n", found.normals, found.points / radius[:, None])
    assert np.median(cosine) > np.cos(np.deg2rad(3))
    rows, columns = np.nonzero(found.index >= 0)
    assert (found.index[rows, columns] == np.arange(len(found.points))).all()
    q = view.camera.project(found.points)
    assert np.allclose(q, np.stack([columns + found.corner[1], rows + found.corner[0]], 1), atol=1e-3)


def test_agreement_is_the_weighted_mean_over_the_cameras_that_see_a_point():
    stack = stack_views([view_points(v, PLAIN) for v in _views(3, 0.002)])
    which = np.arange(0, len(stack.points), 97)
    found = agree(stack, which)
    cameras = [v.camera for v in _views(3)]
    for m, i in enumerate(which):
        p, n, own = stack.points[i], stack.normals[i], stack.sigma[i]
        weight, pull, count = 1 / own**2, 0.0, 0
        for j, camera in enumerate(cameras):
            v = camera.center - p
            if j == stack.view[i] or v @ n < 0.15 * np.linalg.norm(v):
                continue
            column, row = np.floor(camera.project(p) + 0.5).astype(int)
            box = stack.boxes[j]
            row, column = row - box[1], column - box[2]
            if not (0 <= row < box[3] and 0 <= column < box[4]):
                continue
            k = stack.index[box[0] + row * box[4] + column]
            if k < 0 or (same := stack.normals[k] @ n) < 0.5:
                continue
            apart = stack.points[k] - p
            d = apart @ stack.normals[k] / same
            if abs(d) > GATE_M or apart @ apart > GATE_M**2 + GATE_BESIDE_M**2:
                continue
            weight, pull, count = weight + 1 / stack.sigma[k] ** 2, pull + d / stack.sigma[k] ** 2, count + 1
        assert found.views[m] == count
        assert np.allclose(found.points[m], p + pull / weight * n, atol=1e-6)  # float32 beside it
        assert found.sigma[m] == pytest.approx(weight**-0.5, rel=1e-5)
    assert found.views.max() == 2


def test_people_are_not_averaged_with_each_other():
    views = _views(2)
    other = DepthView(
        depth_m=views[1].depth_m, mask=views[1].mask, camera=views[1].camera, person=np.ones((120, 160), np.int8)
    )
    alone = agree(stack_views([view_points(v, PLAIN) for v in (views[0], other)]))
    both = agree(stack_views([view_points(v, PLAIN) for v in views]))
    assert alone.views.max() == 0 < both.views.max()


def test_smoothing_takes_noise_off_and_keeps_the_radius():
    rng = np.random.default_rng(2)
    stack = stack_views([view_points(v, PLAIN) for v in _views(1)])
    radius = np.linalg.norm(stack.points, axis=1)
    noisy = stack.points * (1 + 0.0015 * rng.standard_normal(len(radius)) / radius)[:, None]
    inner = np.flatnonzero(-stack.points[:, 1] > 0.15)
    p, n = smooth(stack, noisy, inner, np.ones(len(noisy), bool), 0.03)
    error = np.linalg.norm(p, axis=1) - radius[inner]
    assert error.std() < 0.6 * 0.0015
    assert abs(error.mean()) < 2e-4
    assert np.einsum("ni,ni->n", n, p).min() > 0.25 * np.cos(np.deg2rad(15))


def test_the_most_certain_point_of_each_voxel_by_hand():
    rng = np.random.default_rng(3)
    points, sigma = rng.uniform(-0.2, 0.2, (3000, 3)), rng.integers(1, 9, 3000) * 1e-3
    best: dict[tuple, int] = {}
    for i, cell in enumerate(map(tuple, np.floor(points / 0.05).astype(int))):
        if cell not in best or sigma[i] < sigma[best[cell]]:
            best[cell] = i
    assert most_certain(points, sigma, 0.05).tolist() == sorted(best.values())
    assert most_certain(points[:0], sigma[:0], 0.05).tolist() == []


def test_votes_are_counted_in_every_other_camera():
    views = _views(3)
    rng = np.random.default_rng(4)
    p = rng.uniform(-0.4, 0.4, (400, 3))
    normals = p / np.linalg.norm(p, axis=1, keepdims=True)
    room = [np.where(np.isfinite(v.depth_m), v.depth_m, 3.0) for v in views]
    args = ([v.mask for v in views], [v.camera for v in views])
    found = votes(p, normals, np.zeros(400, np.int32), room, *args, 0.02, 0.03)
    support, through, open_ = np.zeros(400, int), np.zeros(400, int), np.zeros(400, int)
    for view, z_image in list(zip(views, room))[1:]:
        camera = view.camera
        z = (p @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3])[:, 2]
        column, row = np.floor(camera.project(p) + 0.5).astype(int).T
        inside = (row >= 1) & (row < 119) & (column >= 1) & (column < 159)
        row, column = np.clip(row, 1, 118), np.clip(column, 1, 158)
        d = np.where(inside, z_image[row, column], -9)
        near = view.mask[row, column] & (np.abs(d - z) <= 0.02)
        beside = [z_image[row + a, column + b] > z + 0.03 for a, b in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))]
        v = camera.center - p
        support += near
        through += inside & ~near & np.all(beside, 0)
        open_ += (np.einsum("ni,ni->n", v, normals) > 0.15 * np.linalg.norm(v, axis=1)) & (d >= z - 0.03)
    assert (found.support == support).all()
    assert (found.through == through).all()
    assert (found.open == open_).all()
    assert support.max() == 2


def test_a_point_in_the_air_has_no_anchor():
    stack = stack_views([view_points(v, PLAIN) for v in _views(1)])
    confirmed = stack.points[:, 0] < 0
    which = np.flatnonzero(~confirmed)
    beside = stack.points[which, 0]
    found = anchored(stack, confirmed, which)
    assert found[beside < 0.6 * NEAR_M].all()
    assert not found[beside > NEAR_M].any()


def test_light_by_way_of_the_floor_is_the_sum_over_its_patches():
    """A wall on a floor, seen from the front: near the corner the wall looks deeper, by the phasors of the patches."""
    camera = Camera(
        name="c", K=np.array([[500.0, 0, 319.5], [0, 500, 239.5], [0, 0, 1]]), width=640, height=480,
        T_world_camera=look_at(np.array([0.0, -2.0, 1.0]), np.array([0.0, 0.0, 0.6])),
    )  # fmt: skip
    rays = np.concatenate([ray_table(camera), np.ones((480, 640, 1))], -1) @ camera.T_world_camera[:3, :3].T
    with np.errstate(divide="ignore"):
        to_floor = np.where(rays[..., 2] < 0, -1.0 / rays[..., 2], np.inf)
    depth = np.minimum(2.0 / rays[..., 1], to_floor).astype(np.float32)
    wall = 2.0 / rays[..., 1] < to_floor
    error = multipath_error(depth, ray_table(camera), wall, (slice(0, 480), slice(0, 640)), 0.4)
    height = camera.center[2] + depth * rays[..., 2]
    low, high = wall & (height > 0.1) & (height < 0.2), wall & (height > 0.9)
    assert 0.002 < error[low].mean() < 0.05
    assert error[high].mean() < 0.25 * error[low].mean()
    assert (error[~wall] == 0).all()
    assert multipath_error(depth, ray_table(camera), wall, (slice(0, 480), slice(0, 640)), 0.0).max() == 0
    row, column = 300, 320
    assert wall[row, column]
    p, c = camera.center + depth[row, column] * rays[row, column], camera.center
    phasor = 1 + 0j
    side = 0.02
    for x in np.arange(-2, 2, side):  # the floor itself, finely, instead of the image's patches
        s = np.stack([np.full(100, x), np.arange(100) * -side, np.zeros(100)], 1)
        to, out = s - p, c - s
        d, r = np.linalg.norm(to, axis=1), np.linalg.norm(out, axis=1)
        seen = camera.project(s)
        inside = np.isfinite(seen).all(1) & (seen > 0).all(1) & (seen < [639, 479]).all(1)
        form = (-to[:, 1] / d) * (p[2] / d) / d**2 * side**2 * inside
        r_p = np.linalg.norm(p - c)
        part = 0.4 / np.pi * form * (out[:, 2] / r / r**2) * r_p**2 / (-(p - c) @ [0, -1, 0] / r_p)
        longer = 0.5 * (r + d - r_p)
        part *= np.exp(-0.5 * (SPREAD * PHASE_PER_M * longer) ** 2)
        phasor += (part * np.exp(1j * PHASE_PER_M * longer)).sum()
    expected = np.angle(phasor) / PHASE_PER_M * depth[row, column] / np.linalg.norm(p - c)
    assert error[row, column] == pytest.approx(expected, rel=0.25)  # patches of 32 pixels, 13 cm of floor


def test_the_camera_that_is_off_is_found_from_the_pairs():
    true = np.array([0.0, 0.009, 0.0, 0.002])
    pairs = np.zeros((4, 4, 3))
    for i, j in ((0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (1, 3)):
        pairs[i, j] = 500, 500 * (2 * 0.0015**2 + true[i] ** 2 + true[j] ** 2), 500 * 2 * 0.0015**2
    assert np.allclose(camera_excess(pairs), true, atol=2e-4)
    assert (camera_excess(np.zeros((3, 3, 3))) == 0).all()
    said = warnings_of(
        {"a/depth": [0.001], "b/depth": [0.012], "c/depth": []}, {"a/depth": [0.9], "b/depth": [0.1], "c/depth": []}
    )
    assert [text.split(":")[0] for text in said] == ["a/depth", "b/depth"]
    assert "90 % of its points" in said[0]
    assert "12.0 mm" in said[1]


def test_edges_are_found_in_the_whole_image():
    depth = np.full((5, 9), 2.0)
    depth[:, 5:] = 3.0
    depth[0, 0] = np.nan
    assert (on_edge(depth, 0.05) == (np.arange(9) >= 4) & (np.arange(9) <= 5)).all()


def test_depth_is_less_certain_far_away_and_at_grazing_angles():
    assert depth_sigma(np.array([2.5])) == pytest.approx(2.5e-3)
    assert np.diff(depth_sigma(np.array([2.5, 3.5])))[0] > 0
    assert np.diff(depth_sigma(np.array([2.5, 2.5]), np.array([0.9, 0.2])))[0] > 0
    assert depth_sigma(np.array([60.0])) == 0.017


def test_the_box_of_a_person_has_a_margin_inside_the_image():
    mask = np.zeros((20, 30), bool)
    mask[1:5, 10:20] = True
    assert box_of(mask, 3) == (slice(0, 8), slice(7, 23))
    assert box_of(np.zeros((20, 30), bool), 3) == (slice(0, 0), slice(0, 0))
