"""Exposure and white balance from a board, against gains that the estimate never saw."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibration.board_view import BoardView
from calibration.color.board_patches import PatchLight, patch_light
from calibration.color.from_board import colors_from_board
from calibration.color.srgb import light_of, values_of
from capture.board import Board
from capture.board_pattern import pattern_image
from geometry.camera import Camera
from geometry.rigid import inverse, look_at, transform

BOARD = Board()
TEXELS = 40


def photograph(camera, gain, light_at, rng, stray=0.0):
    """A blurred, noisy picture of the board at the world's origin under light (x, y, 3) of each place of it."""
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    rays = camera.unproject(np.stack([u, v], -1), 1.0) @ camera.T_world_camera[:3, :3].T
    foot = camera.center - rays * (camera.center[2] / rays[..., 2:])
    pattern = 0.01 + 0.8 * pattern_image(BOARD, TEXELS)
    place = (foot[..., :2] * TEXELS / BOARD.square_m - 0.5).astype(np.float32)
    paper = cv2.remap(
        pattern, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0.3
    )
    light = cv2.GaussianBlur(paper[..., None] * light_at(foot[..., :2]), (0, 0), 0.8) * gain + stray
    return values_of(light + rng.normal(0, 0.004, light.shape))


def camera_at(eye, name):
    K = np.array([[610.0, 0, 319.5], [0, 610.0, 239.5], [0, 0, 1]])
    # the board's front is seen from -z
    T = look_at(np.array(eye, float), BOARD.middle, up=(0.0, -1.0, 0.0))
    return Camera(name=name, K=K, width=640, height=480, T_world_camera=T)


def view_from(camera, instant=0):
    q = camera.project(BOARD.corners)
    return BoardView(camera=camera.name, instant=instant, ids=np.arange(len(q)), q=q)


def sunny(xy):
    """Light that falls off over the board, warm on one side."""
    x = (xy[..., :1] / BOARD.size_m[0]).clip(0, 1)
    return np.concatenate([0.75 - 0.2 * x, 0.7 - 0.15 * x, 0.6 - 0.05 * x], -1)


def test_gains_of_three_cameras():
    rng = np.random.default_rng(0)
    gains = {"a/color": [1.0, 1.0, 1.0], "b/color": [1.06, 0.97, 0.93], "c/color": [0.9, 0.94, 1.03]}
    eyes = {"a/color": (0.4, 0.3, -1.6), "b/color": (1.5, 0.2, -1.9), "c/color": (-0.3, 0.7, -1.5)}
    lights = []
    for name, gain in gains.items():
        camera = camera_at(eyes[name], name)
        for instant in (0, 1, 2):
            picture = photograph(camera, np.array(gain), sunny, rng)
            lights.append(patch_light(picture, BOARD, view_from(camera, instant), camera))
            assert len(lights[-1].patch) >= 9
    solve = colors_from_board(lights)
    assert not solve.unsolved
    factors = np.array([np.diag(solve.corrections[name].matrix) for name in gains])
    assert np.exp(np.log(factors).mean(0)) == pytest.approx(1, abs=1e-9)  # the usual camera stays
    made_alike = factors * np.array(list(gains.values()))
    # gains were up to 10 % apart; 12 patches of hundreds of pixels leave a few thousandths, 8-bit rounding included
    assert np.ptp(np.log(made_alike), axis=0).max() < 0.006


def test_stray_light_does_not_look_like_exposure():
    camera, name = camera_at((0.4, 0.3, -1.6), "a/color"), "b/color"
    pictures = [photograph(camera, np.ones(3), sunny, np.random.default_rng(1), stray) for stray in (0.0, 0.05)]
    lights = [
        patch_light(p, BOARD, replace(view_from(camera, instant), camera=n), camera)
        for p, n in zip(pictures, (camera.name, name))
        for instant in (0, 1)
    ]
    factors = [np.diag(c.matrix) for c in colors_from_board(lights).corrections.values()]
    assert np.abs(np.log(factors[0] / factors[1])).max() < 0.01  # of paper of 0.5, the stray light is a tenth


def test_paper_that_is_cut_off_is_left_out():
    camera = camera_at((0.4, 0.3, -1.6), "a/color")
    picture = photograph(camera, np.full(3, 2.5), sunny, np.random.default_rng(2))
    light = patch_light(picture, BOARD, view_from(camera), camera)
    assert light is None or len(light.patch) < 6


def test_a_back_is_another_thing_than_the_front():
    board = replace(BOARD, thickness_m=0.006)
    camera = camera_at((0.4, 0.3, -1.6), "a/color")
    T_world_back = inverse(board.T_board_back)  # the world then has the back's frame
    camera = camera.at(camera.T_world_camera)
    picture = photograph(camera, np.ones(3), sunny, np.random.default_rng(3))
    front = patch_light(picture, board, view_from(camera), camera)
    ids = np.arange(board.corners_per_side) + board.corners_per_side
    q = camera.project(transform(T_world_back, board.corners[ids]))
    back = patch_light(picture, board, replace(view_from(camera), ids=ids, q=q), camera)
    assert not set(front.patch) & set(back.patch)


def lights_of(gains, shares, rng, spots=0.0, noise=0.01):
    """Patches as cameras with gains would see them; `shares`: which cameras see each instant."""
    lights = []
    for instant, seen in enumerate(shares):
        paper = rng.uniform(0.3, 0.7, (12, 3))
        for n in seen:
            light = paper * gains[n] * np.exp(rng.normal(0, noise, (12, 3)))
            light *= np.where(rng.uniform(size=(12, 1)) < spots, 1.5, 1.0)
            lights.append(
                PatchLight(
                    camera=f"{n}/color", instant=instant, patch=np.arange(12), light=light, sigma=np.full(12, 0.01)
                )
            )
    return lights


def test_sigmas_hold_and_highlights_are_weighted_down():
    gains = np.exp(np.random.default_rng(5).normal(0, 0.05, (5, 3)))
    shares = [(n % 5, (n + 1) % 5) for n in range(30)]
    pulls, spotted = [], []
    for seed in range(20):
        solve = colors_from_board(lights_of(gains, shares, np.random.default_rng(seed)), shared_sigma=0.0)
        wanted = np.exp(np.log(gains).mean(0)) / gains
        found = np.array([np.diag(solve.corrections[f"{n}/color"].matrix) for n in range(5)])
        pulls.append(np.log(found / wanted) / np.array([solve.sigma[f"{n}/color"] for n in range(5)]))
        solve = colors_from_board(lights_of(gains, shares, np.random.default_rng(seed), spots=0.05))
        found = np.array([np.diag(solve.corrections[f"{n}/color"].matrix) for n in range(5)])
        spotted.append(np.log(found / wanted))
    # 240 pulls of 12 free numbers each seed: ± 10 %
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1, abs=0.25)
    assert np.sqrt(np.mean(np.square(spotted))) < 0.005  # one highlight of 50 % in twenty, left alone, makes 0.01


def test_cameras_that_share_nothing_are_named():
    gains = np.ones((6, 3))
    shares = [(0, 1), (1, 2), (3, 4), (5,)] * 4
    solve = colors_from_board(lights_of(gains, shares, np.random.default_rng(0)))
    assert set(solve.corrections) == {"0/color", "1/color", "2/color"}
    assert set(solve.unsolved) == {"3/color", "4/color", "5/color"}
    assert "wave the board between them" in solve.unsolved["3/color"]
    assert "at least 20" in solve.unsolved["5/color"]
    assert colors_from_board([]).corrections == {}


def test_light_and_values():
    values = np.arange(256, dtype=np.uint8)
    assert np.array_equal(values_of(light_of(values)), values)
    assert light_of(np.array([188], np.uint8)) == pytest.approx(0.5, abs=0.005)
