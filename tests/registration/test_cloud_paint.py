"""Smoothing and colours of points, each against its readable twin."""

from __future__ import annotations

import cv2
import numpy as np

from geometry.camera import Camera
from geometry.rays import ray_table
from geometry.rigid import look_at
from registration.clouds import smoothing
from registration.clouds.agreement import stack_views
from registration.clouds.colors import BEHIND_M, LEAST, RIM, RIM_PX, ColorView, color_points
from registration.clouds.config import CloudConfig
from registration.clouds.patches import SLIGHT
from registration.clouds.smoothing import smooth
from registration.clouds.view_points import view_points
from registration.clouds.views import DepthView

RADIUS_M = 0.25


def _camera(eye: tuple[float, float, float], fx: float = 250.0) -> Camera:
    K = np.array([[fx, 0, 79.5], [0, fx, 59.5], [0, 0, 1]])
    return Camera(name="c", K=K, width=160, height=120, T_world_camera=look_at(np.array(eye), np.zeros(3)))


def _ball(camera: Camera) -> np.ndarray:
    """Exact depth of a ball at the origin, NaN beside it."""
    xy = ray_table(camera)
    v = np.concatenate([xy, np.ones((*xy.shape[:2], 1))], -1) @ camera.T_world_camera[:3, :3].T
    a, b, c = (v * v).sum(-1), v @ camera.center, camera.center @ camera.center - RADIUS_M**2
    with np.errstate(invalid="ignore"):
        return ((-b - np.sqrt(b * b - a * c)) / a).astype(np.float32)


def test_a_smoothed_point_lies_on_the_quadratic_of_its_neighbours():
    rng = np.random.default_rng(0)
    z = _ball(camera := _camera((0, -2, 0.3)))
    view = DepthView(depth_m=z, mask=np.isfinite(z), camera=camera, time_us=0)
    stack = stack_views([view_points(view, CloudConfig(multipath=0))])
    points = stack.points + 1e-3 * rng.standard_normal(stack.points.shape)
    keep, reach_m = rng.random(len(points)) < 0.9, 0.03
    grid = stack.index.reshape(stack.boxes[0, 3:])
    at = {int(i): (r, c) for (r, c), i in np.ndenumerate(grid) if i >= 0}
    row, column = grid.shape[0] // np.array([2, 3]), grid.shape[1] // 2
    chosen = grid[row, column].astype(np.int64)
    p, n = smooth(stack, points, chosen, keep, reach_m)
    offsets = smoothing.STRIDE * np.arange(-smoothing.REACH, smoothing.REACH + 1)
    for m, i in enumerate(chosen):
        normal = stack.normals[i]
        u = np.cross(normal, [0.0, 0, 1])
        u /= np.linalg.norm(u)
        v = np.cross(normal, u)
        rows, heights, weights = [], [], []
        for r, c in ((at[int(i)][0] + a, at[int(i)][1] + b) for a in offsets for b in offsets):
            k = grid[r, c] if 0 <= r < grid.shape[0] and 0 <= c < grid.shape[1] else -1
            if k < 0 or not keep[k]:
                continue
            step = points[k] - points[i]
            x, y, h = step @ u / reach_m, step @ v / reach_m, step @ normal
            square = x * x + y * y
            if square > smoothing.CUT or abs(h) > smoothing.GATE_M + smoothing.GATE_SLOPE * reach_m * np.sqrt(square):
                continue
            rows.append([1, x, y, x * x, x * y, y * y])
            heights.append(h)
            weights.append((1 - square / smoothing.CUT) ** 3)
        assert len(rows) > 12
        X, W = np.array(rows), np.diag(weights)
        ridge = (smoothing.NOISE_M / (smoothing.BEND * reach_m**2)) ** 2
        quadratic = np.linalg.solve(X.T @ W @ X + np.diag([0, SLIGHT, SLIGHT, *[ridge] * 3]), X.T @ W @ heights)
        np.testing.assert_allclose(p[m], points[i] + quadratic[0] * normal, atol=2e-6)
        tilted = normal - (quadratic[1] * u + quadratic[2] * v) / reach_m
        np.testing.assert_allclose(n[m], tilted / np.linalg.norm(tilted), atol=2e-3)


def test_colors_are_those_of_the_squarest_camera_that_sees_the_person():
    """Two cameras, two balls one behind the other: one point at a time, as it is written."""
    rng = np.random.default_rng(1)
    ball = rng.standard_normal((1500, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    p = np.concatenate([0.2 * ball, 0.2 * ball + [0, 0.8, 0]])
    normals, person = np.concatenate([ball, ball]), np.repeat([0, 1], len(ball))
    views = []
    for eye in ((0.3, -2, 0.2), (1.6, -1.4, 0.4)):
        camera = _camera(eye, 120.0)
        people = np.full((120, 160), -1, np.int8)
        for k in (1, 0):  # the nearer one is drawn last
            q = camera.project(p[person == k]).round().astype(int)
            cv2.fillConvexPoly(people, cv2.convexHull(q), k)
        views.append(ColorView(image=rng.integers(0, 256, (120, 160, 3), np.uint8), camera=camera, people=people))
    colors, seen = color_points(p, normals, person, views)

    scores = np.full((2, len(p)), LEAST)
    expected = np.zeros((2, len(p), 3))
    for v, view in enumerate(views):
        camera, image = view.camera, view.image.astype(float)
        q, z = camera.project(p), p @ camera.T_camera_world[2, :3] + camera.T_camera_world[2, 3]
        away = camera.center - p
        cosine = (normals * away).sum(1) / np.linalg.norm(away, axis=1)
        cell = max(2, round(0.015 * camera.K[0, 0] / np.median(z[cosine > 0])))
        nearest: dict[tuple, float] = {}
        square = [tuple(np.floor(one).astype(int) // cell) for one in q]
        for i in np.flatnonzero(cosine > 0):
            nearest[square[i]] = min(nearest.get(square[i], np.inf), z[i])
        inner = cv2.erode((view.people >= 0).astype(np.uint8), np.ones((2 * RIM_PX + 1,) * 2, np.uint8))
        for i in np.flatnonzero(cosine > LEAST):
            column, row = np.floor(q[i] + 0.5).astype(int)
            if z[i] > nearest[square[i]] + BEHIND_M or view.people[row, column] != person[i]:
                continue
            scores[v, i] = cosine[i] * (1 if inner[row, column] else RIM)
            (c, r), (fc, fr) = np.floor(q[i]).astype(int), q[i] % 1
            top, bottom = ((1 - fc) * image[r + k, c] + fc * image[r + k, c + 1] for k in (0, 1))
            expected[v, i] = np.floor((1 - fr) * top + fr * bottom + 0.5)
    best, found = scores.argmax(0), scores.max(0) > LEAST
    assert (seen == found).all()
    picked = expected[best, np.arange(len(p))]
    assert (np.abs(colors[found] - picked[found]) <= 1).all()  # a half may round either way
    assert not colors[~found].any()
    assert 0.2 < found[person == 1].mean() < found[person == 0].mean()
