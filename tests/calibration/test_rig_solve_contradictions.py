"""Views that contradict each other: who moved is told from who stood still, and what nothing ties is left out."""

from __future__ import annotations

import numpy as np
import pytest
from waved_board import aligned, ring, wave

from calibration.board_view import BoardView
from calibration.bundle.problem import DevicePair
from calibration.rig_solve.solve import CUT_OFF, solve_rig
from calibration.rig_solve.tied_views import tied_views
from geometry.rigid import from_rotvec

PUSH = from_rotvec(np.array([0, 0.02, 0.01]), np.array([0.03, 0, 0.01]))


def row(count: int = 3):
    """Neighbours in a ring of eight."""
    return {name: camera for name, camera in list(ring(8, infrared=False).items())[:count]}


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1])
def test_of_three_cameras_the_one_that_moved_is_named(which):
    """When the middle one is pushed, both others move to it: one of three moved, and not two by the same motion."""
    name = f"kinect_{which:03d}"
    waved = wave(row(), 160, seed=1, moved=(name, 80, PUSH))
    solve = solve_rig(waved.take, waved.known)
    assert [one.camera for one in solve.moved] == [f"{name}/color"]
    assert abs(solve.moved[0].shift_mm - 31.6) < 2  # each of two places is known to 1 mm
    assert abs(solve.moved[0].turn_deg - np.rad2deg(np.sqrt(5) / 100)) < 0.1


def test_a_camera_that_only_contradicting_views_tie_is_left_out():
    """Too few boards to tell a push, and too far a push to hold them together."""
    waved = wave(row(), 50, seed=2, moved=("kinect_000", 25, PUSH))
    solve = solve_rig(waved.take, waved.known)
    assert solve.unsolved == {"kinect_000/color": CUT_OFF}
    assert any(v.subject == "kinect_000/color" and CUT_OFF in v.text and not v.good for v in solve.verdicts)
    assert max(mm for mm, _ in aligned(solve.calibration.cameras, waved.truth).values()) < 10


def view(camera: str, instant: int) -> BoardView:
    return BoardView(camera=camera, instant=instant, ids=np.arange(1), q=np.zeros((1, 2)))


def test_views_hang_together_by_boards_and_devices():
    together = [view("a/color", 0), view("b/color", 0), view("b/color", 1)]
    apart = [view("c/color", 2), view("c/depth", 3), view("c/depth", 4), view("c/depth", 5)]
    assert tied_views([*apart, *together], ()) == together  # of two devices, although another has more views
    pair = DevicePair(a="b/color", b="c/color", T_a_b=np.eye(4), sigma_rad=0.0, sigma_m=0.0)
    assert tied_views([apart[0], *together], [pair]) == [apart[0], *together]
    assert tied_views([], ()) == []
