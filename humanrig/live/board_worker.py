"""What a waved board costs processor time for, done in processes of their own: finding it, and a quick solve."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

import cv2

from calibration.board_view import BoardTake, BoardView
from calibration.boards.detection import BoardDetector
from calibration.boards.sweep import camera_of
from calibration.bundle.problem import DevicePair, IntrinsicsPrior
from calibration.errors import CalibrationError
from calibration.rig_solve.options import RigSolveOptions
from calibration.rig_solve.solve import solve_rig
from capture.board import Board
from capture.device import DeviceStream
from capture.errors import CaptureError
from capture.session import decode
from capture.worker_process import end_with_parent
from geometry.camera import Camera
from humanrig.live.board_progress import LiveSolve, as_json, camera_progress, pair_counts

NICE = 15
"""Recording and the page go first."""
QUICK = RigSolveOptions(max_instants=60, hold_out_every=0, find_moved=False)
"""Ten cameras and sixty boards are solved in a second or two."""


def quiet() -> None:
    """What a worker process begins with: it gives way to everything else, and ctrl-C is not for it."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    os.nice(NICE)


def search(
    board: Board, stream: DeviceStream, data: bytes, instant: int
) -> tuple[BoardView | None, tuple[str, tuple[int, int]] | None]:
    """The view of the board in an encoded frame, and its camera with the picture's size; a damaged frame has none."""
    try:
        image = decode(stream.recorded("", 1), data, stream.name)
    except CaptureError:
        return None, None
    camera = camera_of(stream.name)
    view = BoardDetector(board).detect(image, camera=camera, instant=instant)
    return view, (camera, (image.shape[1], image.shape[0]))


def draw(take: BoardTake, lenses: Mapping[str, Camera], solve: LiveSolve) -> dict[str, Any]:
    """What the page shows of it."""
    return as_json(camera_progress(take, lenses), pair_counts(take), solve, boards=len(take.instants))


def solve_quickly(
    take: BoardTake,
    known: Mapping[str, Camera],
    pairs: Sequence[DevicePair],
    priors: Mapping[str, IntrinsicsPrior],
    placements: int,
) -> LiveSolve:
    """How sure each camera is by now, after so many placements; what cannot be solved yet is said in words."""
    begun_s = time.monotonic()
    try:
        solve = solve_rig(take, known, pairs=pairs, priors=priors, options=QUICK)
    except CalibrationError as error:
        return LiveSolve(placements=placements, problem=str(error), seconds=time.monotonic() - begun_s)
    return LiveSolve(
        placements=placements,
        sigma_mm={name: float(one.body_sigma_mm) for name, one in solve.quality.items()},
        unsolved=dict(solve.unsolved),
        seconds=time.monotonic() - begun_s,
    )
