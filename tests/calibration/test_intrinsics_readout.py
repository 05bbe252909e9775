"""Lenses from boards that moved before a rolling shutter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.board_view import BoardTake, BoardView
from calibration.bundle.problem import intrinsics_of
from calibration.intrinsics.calibrate import calibrate_intrinsics
from capture.board import Board
from geometry.camera import Camera
from geometry.rigid import from_rotvec, transform

BOARD = Board(columns=9, rows=6, square_m=0.08, marker_m=0.06)
CAMERA = Camera(
    name="cam/color",
    K=np.array([[905.0, 0, 645.0], [0, 905.0, 352.0], [0, 0, 1]]),
    width=1280,
    height=720,
    distortion=np.array([0.08, -0.15, 0, 0, 0, 0, 0, 0]),
)
READOUT_S = 0.02


def moving_views(rng, readout_s, count=24):
    """The board carried at 0.15 m/s and turned at 10° a second: each row of the picture is later than the one above."""
    views = []
    while len(views) < count:
        turn = from_rotvec(np.array([*rng.uniform(-0.7, 0.7, 2), rng.uniform(-0.4, 0.4)]), np.zeros(3))
        turn[:3, 3] = [*rng.uniform(-0.3, 0.3, 2), rng.uniform(1.0, 1.8)] - turn[:3, :3] @ BOARD.middle
        spin, speed = rng.normal(0, np.radians(10), 3), rng.normal(0, 0.15, 3)

        def at(seconds, turn=turn, spin=spin, speed=speed):
            p = transform(turn, BOARD.corners)
            middle = p.mean(0)
            return transform(from_rotvec(spin * seconds, np.zeros(3)), p - middle) + middle + speed * seconds

        q = CAMERA.project_camera(at(0.0))
        for _ in range(3):  # the row says when, and when says the row
            late = readout_s * ((q[:, 1] + 0.5) / CAMERA.height - 0.5)
            q = np.stack([CAMERA.project_camera(at(t)[n : n + 1])[0] for n, t in enumerate(late)])
        inside = (q > 0).all(-1) & (q < [1279, 719]).all(-1)
        if inside.sum() < 25:
            continue
        velocity = (CAMERA.project_camera(at(0.1)) - CAMERA.project_camera(at(-0.1))) / 0.2
        noise = rng.normal(0, 0.05, (2, len(q), 2))
        views.append(
            BoardView(
                camera=CAMERA.name,
                instant=len(views),
                ids=np.flatnonzero(inside),
                q=(q + noise[0])[inside].clip(0, [1279, 719]),
                velocity=(velocity + noise[1] * np.sqrt(2) / 0.2)[inside],
            )
        )
    return BoardTake(board=BOARD, views=tuple(views), image_sizes={CAMERA.name: (1280, 720)})


@pytest.mark.slow
def test_a_rolling_shutter_is_found_and_taken_off():
    take = moving_views(np.random.default_rng(0), READOUT_S)
    known = calibrate_intrinsics(take, CAMERA.name, model="brown")
    assert known.readout_s == pytest.approx(READOUT_S, rel=0.1)
    off = np.abs(intrinsics_of(known.estimate) - intrinsics_of(CAMERA))[:4]
    assert (off < 4 * known.estimate_sigma[:4]).all()
    blind = take.with_views([replace(view, velocity=None) for view in take.views])
    unknown = calibrate_intrinsics(blind, CAMERA.name, model="brown")
    assert unknown.readout_s == 0
    blind_off = np.abs(intrinsics_of(unknown.estimate) - intrinsics_of(CAMERA))[:4]
    assert np.linalg.norm(blind_off) > 2 * np.linalg.norm(off)
    assert unknown.rms_px > 1.5 * known.rms_px


@pytest.mark.slow
def test_a_global_shutter_stays_one():
    take = moving_views(np.random.default_rng(1), 0.0)
    result = calibrate_intrinsics(take, CAMERA.name, model="brown")
    assert abs(result.readout_s) < 0.001
    assert (np.abs(intrinsics_of(result.estimate) - intrinsics_of(CAMERA))[:4] < 4 * result.estimate_sigma[:4]).all()
