"""What goes wrong in real board takes is named, and the cameras that can be solved are solved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from waved_board import BOARD, Waved, aligned, ring, wave

from calibration.board_view import BoardTake
from calibration.errors import CalibrationError
from calibration.rig import device_of
from calibration.rig_solve.options import RigSolveOptions
from calibration.rig_solve.solve import solve_rig
from geometry.rigid import from_rotvec


@pytest.fixture(scope="module")
def waved() -> Waved:
    return wave(ring(5, infrared=False), 60, seed=2)


def only(take: BoardTake, keep) -> BoardTake:
    return take.with_views([view for view in take.views if keep(view)])


def said(solve, subject: str) -> str:
    return "\n".join(verdict.text for verdict in solve.verdicts if verdict.subject == subject and not verdict.good)


def test_no_board_anywhere(waved):
    with pytest.raises(CalibrationError, match=r"found in no image of the 5 cameras.*description"):
        solve_rig(waved.take.with_views([]), waved.known)


def test_a_board_that_one_camera_saw(waved):
    alone = only(waved.take, lambda view: view.camera == "kinect_002/color")
    with pytest.raises(CalibrationError, match=r"seen by 'kinect_002/color' alone \(\d+ views\).*kinect_000/color"):
        solve_rig(alone, waved.known)


def test_cameras_that_saw_it_never_at_once(waved):
    turn = sorted(waved.known)
    apart = only(waved.take, lambda view: view.camera == turn[view.instant % 5])
    with pytest.raises(CalibrationError, match=r"no board was seen by two cameras at once: wave it where"):
        solve_rig(apart, waved.known)


def test_a_camera_that_nothing_ties_is_named_with_the_pair_that_would(waved):
    """kinect_002 saw boards, but never together with another; the boards on both sides of it are its neighbours'."""
    own = {view.instant for view in waved.take.views if view.camera == "kinect_002/color"}
    own = set(sorted(own)[::2])
    untied = only(waved.take, lambda view: (view.camera == "kinect_002/color") == (view.instant in own))
    solve = solve_rig(untied, waved.known)
    assert set(solve.unsolved) == {"kinect_002/color"}
    assert "wave the board between kinect_002 and kinect_" in solve.unsolved["kinect_002/color"]
    assert said(solve, "kinect_002/color").startswith("not solved: no board was seen by it and the others at once")
    errors = aligned(solve.calibration.cameras, waved.truth)
    assert max(millimetres for millimetres, _ in errors.values()) < 4  # 60 boards less those of one camera


@pytest.mark.slow
def test_of_two_groups_the_one_with_more_devices_is_solved(waved):
    left = ("kinect_000", "kinect_001", "kinect_002")
    parted = only(waved.take, lambda view: (device_of(view.camera) in left) == (view.instant % 2 == 0))
    solve = solve_rig(parted, waved.known)
    assert {device_of(name) for name in solve.cameras} == set(left)
    assert set(solve.unsolved) == {"kinect_003/color", "kinect_004/color"}
    assert "by kinect_003, kinect_004 and the others at once" in solve.unsolved["kinect_003/color"]


def test_a_camera_with_few_views_is_left_out(waved):
    seen = [view.instant for view in waved.take.of_camera("kinect_001/color")][:3]
    few = only(waved.take, lambda view: view.camera != "kinect_001/color" or view.instant in seen)
    solve = solve_rig(few, waved.known, options=RigSolveOptions(hold_out_every=0))
    assert solve.unsolved["kinect_001/color"].startswith("board seen in 3 views, at least 4 needed")
    assert len(solve.cameras) == 4


@pytest.mark.slow
def test_a_weakly_tied_camera_is_told_which_pair_to_wave_between(waved):
    shared = [v.instant for v in waved.take.of_camera("kinect_003/color")]
    alone = {i for i in shared if sum(v.instant == i for v in waved.take.views) == 1}
    few = set(shared[:6]) | alone
    weak = only(waved.take, lambda view: view.camera != "kinect_003/color" or view.instant in few)
    solve = solve_rig(weak, waved.known)
    assert "weakly tied to kinect_" in said(solve, "kinect_003/color")
    assert "wave the board between them" in said(solve, "kinect_003/color")


def test_a_mirrored_camera_is_named_and_the_others_solved(waved):
    width = waved.take.image_sizes["kinect_004/color"][0]

    def mirror(view):
        if view.camera != "kinect_004/color":
            return view
        return replace(view, q=np.array([width - 1, 0]) + view.q * [-1, 1])

    solve = solve_rig(waved.take.with_views([mirror(view) for view in waved.take.views]), waved.known)
    assert "mirrored" in solve.unsolved["kinect_004/color"]
    assert len(solve.cameras) == 4
    everywhere = [replace(view, q=view.q * [-1, 1] + [width - 1, 0]) for view in waved.take.views]
    with pytest.raises(CalibrationError, match=r"mirrored in \d+ of \d+ views, in every camera"):
        solve_rig(waved.take.with_views(everywhere), waved.known)


def test_images_of_another_size_than_the_lens(waved):
    """The same shape is scaled and told; another shape cannot be."""
    known = {**waved.known, "kinect_000/color": waved.known["kinect_000/color"].resized(1920, 1080)}
    solve = solve_rig(waved.take, known)
    assert "calibrated for 1920x1080, but its images have 1280x720: its numbers were scaled" in said(
        solve, "kinect_000/color"
    )
    assert len(solve.cameras) == 5
    known["kinect_000/color"] = replace(waved.known["kinect_000/color"], height=960)
    solve = solve_rig(waved.take, known)
    assert "another shape" in solve.unsolved["kinect_000/color"]
    assert len(solve.cameras) == 4


@pytest.mark.slow
def test_views_from_larger_images_are_left_out(waved):
    def larger(view):
        one = view.camera == "kinect_000/color" and view.instant % 3 == 0
        return replace(view, q=2 * view.q + 900) if one else view

    solve = solve_rig(waved.take.with_views([larger(view) for view in waved.take.views]), waved.known)
    assert "corners outside of 1280x720: images of another size" in said(solve, "kinect_000/color")
    assert max(mm for mm, _ in aligned(solve.calibration.cameras, waved.truth).values()) < 4


def test_corners_of_another_board_are_refused(waved):
    other = replace(waved.take, board=replace(BOARD, columns=5, rows=4))
    with pytest.raises(CalibrationError, match=r"corner \d+ of a board with 12"):
        solve_rig(other, waved.known)


def test_wrong_finds_are_left_out():
    waved = wave(ring(5, infrared=False), 60, seed=4)
    rng = np.random.default_rng(0)
    wrong = []
    for n, view in enumerate(waved.take.views):
        if n % 25 == 7:  # a whole view, as of a reflected board
            view = replace(view, q=view.q + rng.normal(0, 40, 2) + rng.normal(0, 5, view.q.shape))
        elif n % 5 == 2:  # one corner, as behind a finger
            q = view.q.copy()
            q[0] += rng.normal(0, 8, 2)
            view = replace(view, q=q)
        wrong.append(view)
    solve = solve_rig(waved.take.with_views(wrong), waved.known)
    assert sum(solve.views_left_out.values()) >= 3
    assert solve.corners_left_out > 5
    assert max(mm for mm, _ in aligned(solve.calibration.cameras, waved.truth).values()) < 3
    assert solve.solution.sigma_scale < 1.2  # nothing wrong is left in it


@pytest.mark.slow
def test_a_factory_pair_of_another_unit_is_not_used():
    waved = wave(ring(4), 80, seed=6)
    wrong = replace(waved.pairs[1], T_a_b=from_rotvec(np.zeros(3), np.array([0.06, 0, 0])) @ waved.pairs[1].T_a_b)
    solve = solve_rig(waved.take, waved.known, pairs=[waved.pairs[0], wrong, *waved.pairs[2:]])
    assert "is it another unit's?" in said(solve, device_of(wrong.a))
    assert len(solve.cameras) == 8
    assert max(mm for mm, _ in aligned(solve.calibration.cameras, waved.truth).values()) < 4
