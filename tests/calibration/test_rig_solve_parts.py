"""The steps of a rig solve, each alone: single views, selection, pushes, siblings, lenses, boards held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from waved_board import BOARD, Waved, aligned, ring, seen, wave

from calibration.board_view import BoardTake, BoardView
from calibration.rig_solve.board_motion import with_board_motion
from calibration.rig_solve.held_out import judge, triangulate
from calibration.rig_solve.options import RigSolveOptions
from calibration.rig_solve.selecting import select_instants
from calibration.rig_solve.single_view import place_view
from calibration.rig_solve.solve import solve_rig
from calibration.rig_solve.view_residuals import moved_by, refine_board, view_residuals
from calibration.timing.exposure_timing import ExposureTiming, at_the_instant
from geometry.rigid import from_rotvec, inverse, rotation_angle, transform


@pytest.fixture(scope="module")
def exact() -> Waved:
    """Without noise, lenses known."""
    return wave(ring(8, infrared=False), 30, seed=5, sigma_px=0.0, factory_error=0.0)


def at(waved: Waved, instant: int) -> list[BoardView]:
    return [view for view in waved.take.views if view.instant == instant]


def test_one_view_places_the_board_exactly(exact):
    for view in exact.take.views[::7]:
        camera = exact.truth[view.camera]
        placed = place_view(camera, BOARD.corners, view)
        assert placed is not None
        off = inverse(camera.T_camera_world @ exact.T_world_board[view.instant]) @ placed.Ts_camera_board[0]
        assert np.linalg.norm(off[:3, 3]) < 1e-5  # OpenCV's refinement stops at 1e-7 of its parameters
        assert rotation_angle(off) < 1e-5
        assert not placed.mirrored


def test_a_small_board_far_away_has_two_places_and_one_is_true():
    """Almost without perspective, a board tilted to one side looks as if tilted to the other."""
    camera = ring(3, infrared=False)["kinect_000/color"]
    corners = 0.25 * BOARD.corners
    rng, two = np.random.default_rng(1), 0
    for _ in range(20):
        T_camera_board = from_rotvec(np.array([*rng.normal(0, 0.4, 2), 0]), np.array([0, 0, 5.0]))
        q = camera.project_camera(transform(T_camera_board, corners)) + rng.normal(0, 0.2, (len(corners), 2))
        view = BoardView(camera=camera.name, instant=0, ids=np.arange(len(corners)), q=q, sigma_px=0.2)
        placed = place_view(camera, corners, view)
        assert placed is not None
        two += len(placed.Ts_camera_board) == 2
        off = [float(rotation_angle(inverse(T_camera_board) @ T)) for T in placed.Ts_camera_board]
        assert min(off) < np.deg2rad(12)
    assert two >= 5


def test_the_back_of_a_two_sided_board_is_not_taken_for_a_mirror(exact):
    """Its corners run the other way round, and lie at the thickness of the board."""
    camera = exact.truth["kinect_000/color"]
    back = BOARD.corners + [0, 0, 0.006]
    T_camera_board = from_rotvec(np.array([0.2, np.pi - 0.3, 0]), np.array([0.3, -0.3, 1.8]))
    q = camera.project_camera(transform(T_camera_board, back))
    both = np.concatenate([BOARD.corners, back])
    ids = len(BOARD.corners) + np.arange(len(back))
    placed = place_view(camera, both, BoardView(camera=camera.name, instant=0, ids=ids, q=q))
    assert placed is not None
    assert not placed.mirrored
    np.testing.assert_allclose(placed.Ts_camera_board[0], T_camera_board, atol=1e-5)


def test_derivatives_of_a_view_match_differences(exact):
    view = exact.take.views[3]
    camera, T = exact.truth[view.camera], exact.T_world_board[view.instant]
    about = np.array([0.1, -0.2, 0.9])
    at = view_residuals(camera, BOARD.corners, T, view, about)
    assert at is not None
    for k in range(6):
        step = 1e-6 * np.eye(6)[k]
        there = view_residuals(camera, BOARD.corners, moved_by(step, about, T), view, about)
        back = view_residuals(camera.at(moved_by(-step, about, camera.T_world_camera)), BOARD.corners, T, view, about)
        assert there is not None
        assert back is not None
        np.testing.assert_allclose((at.px - there.px) / 1e-6, at.by_motion[..., k], atol=2e-3)  # of up to 300
        np.testing.assert_allclose(there.px, back.px, atol=1e-6)  # the other one moves the other way


def test_a_board_is_placed_by_all_its_views(exact):
    together = at(exact, 4)
    T = refine_board(
        dict(exact.truth),
        BOARD.corners,
        together,
        from_rotvec(np.array([0.05, 0, 0]), np.zeros(3)) @ exact.T_world_board[4],
    )
    assert T is not None
    np.testing.assert_allclose(T, exact.T_world_board[4], atol=1e-9)


def test_triangulated_corners_are_exact_and_a_wrong_camera_shows(exact):
    together = at(exact, 4)
    ids, p_world = triangulate(exact.truth, together)
    np.testing.assert_allclose(p_world, transform(exact.T_world_board[4], BOARD.corners[ids]), atol=1e-9)
    good = judge(exact.truth, BOARD.corners, exact.take.views)
    assert good.points > 100
    assert max(good.square_mm, good.planarity_mm, good.fit_mm, *good.cross_mm.values()) < 1e-3
    name = "kinect_001/color"
    shifted = exact.truth[name].at(from_rotvec(np.zeros(3), np.array([0, 0, 0.005])) @ exact.truth[name].T_world_camera)
    wrong = judge({**exact.truth, name: shifted}, BOARD.corners, exact.take.views)
    assert 3 < wrong.cross_mm[name] < 6  # 5 mm up, seen across a line of sight that is almost level
    assert wrong.cross_mm[name] > 1.5 * max(mm for other, mm in wrong.cross_mm.items() if other != name)
    assert wrong.planarity_mm < 0.1  # all its corners are shifted alike: flatness does not notice


def test_still_placements_are_taken_and_held_out(exact):
    rng = np.random.default_rng(3)
    speeds = {instant: float(speed) for instant, speed in enumerate(rng.permutation(np.linspace(0, 300, 240)))}
    views = []
    for n, T in enumerate(np.concatenate([exact.T_world_board] * 8)):
        for camera in exact.truth.values():
            if (view := seen(camera, T)) is not None:
                views.append(replace(view, instant=n, velocity=np.tile([speeds[n], 0.0], (len(view.ids), 1))))
    take = BoardTake(board=BOARD, views=tuple(views), image_sizes=exact.take.image_sizes)
    selection = select_instants(take, 60, 6)
    assert len(selection.used) == 60
    assert not set(selection.used) & set(selection.held)
    # of every placement there are eight, at speeds drawn from 0 to 300: the stillest of eight is 33 in the mean
    assert np.mean([speeds[i] for i in selection.used]) < 60
    assert np.mean([speeds[i] for i in selection.held]) < 60
    # all but a few placements, although the stillest of all are repetitions
    assert len({i % 30 for i in selection.used}) >= 24


def test_a_view_that_tells_no_speed_is_not_taken_for_a_still_one(exact):
    """Of each placement there is one with the speed told and one, no stiller, without; few of all move slowly."""
    views, speeds = [], {}
    for n, T in enumerate(np.concatenate([exact.T_world_board] * 4)):
        speeds[n] = None if n % 2 else (10.0 if n % 8 == 0 else 300.0)
        for camera in exact.truth.values():
            if (view := seen(camera, T)) is not None:
                velocity = None if speeds[n] is None else np.tile([speeds[n], 0.0], (len(view.ids), 1))
                views.append(replace(view, instant=n, velocity=velocity))
    take = BoardTake(board=BOARD, views=tuple(views), image_sizes=exact.take.image_sizes)
    still = {n for n, speed in speeds.items() if speed == 10.0}
    assert still <= set(select_instants(take, 20, 0).used)
    unknown = take.with_views([replace(view, velocity=None) for view in views])
    assert len(select_instants(unknown, 20, 0).used) == 20


def test_rare_pairs_are_not_thinned_away(exact):
    """One placement ties kinect_000 to the others, of two hundred."""
    shared = next(v.instant for v in exact.take.of_camera("kinect_000/color") if len(at(exact, v.instant)) > 2)
    ties = at(exact, shared)
    rest = [v for v in exact.take.views if v.camera != "kinect_000/color"]
    many = [replace(v, instant=100 * k + v.instant) for k in range(1, 8) for v in rest]
    take = exact.take.with_views([*ties, *many])
    assert shared in select_instants(take, 40, 0).used


def test_a_view_is_moved_to_its_instants_time(exact):
    late = []
    for view in exact.take.views:
        speed = np.tile([100.0, -50.0], (len(view.ids), 1))
        is_late = view.camera == "kinect_001/color"
        q = view.q + speed * 1500e-6 if is_late else view.q
        late.append(replace(view, q=q, velocity=speed, offset_us=1500 if is_late else 0))
    solve = solve_rig(exact.take.with_views(late), exact.known, options=RigSolveOptions(hold_out_every=0))
    assert solve.solution.rms_px < 1e-3


@pytest.mark.slow
def test_a_pushed_device_is_named_with_the_moment_and_the_way():
    push = from_rotvec(np.array([0.0, 0.01, 0.0]), np.array([0.004, 0.0, 0.002]))
    waved = wave(ring(5), 110, seed=7, moved=("kinect_003", 50, push))
    solve = solve_rig(waved.take, waved.known, pairs=waved.pairs)
    moved = {one.camera: one for one in solve.moved}
    assert set(moved) == {"kinect_003/color", "kinect_003/depth"}
    color = moved["kinect_003/color"]
    first = min(v.instant for v in solve.take_used.views if v.camera == color.camera)
    assert color.kept == "after"
    assert color.instant >= 50
    assert first == color.instant
    assert abs(color.shift_mm - 1e3 * np.linalg.norm(push[:3, 3])) < 2.0  # each of two places is known to 1 mm
    assert abs(color.turn_deg - np.rad2deg(0.01)) < 0.1
    text = next(v.text for v in solve.verdicts if v.subject == "kinect_003/color" and "moved" in v.text)
    assert f"before instant {color.instant} ({2 * color.instant:.1f} s); solved for its place after" in text
    others = {name: c for name, c in solve.calibration.cameras.items() if not name.startswith("kinect_003")}
    assert max(mm for mm, _ in aligned(others, waved.truth).values()) < 3


@pytest.mark.slow
def test_nobody_is_accused_of_moving_who_stood_still():
    waved = wave(ring(5, infrared=False), 70, seed=20)
    assert not solve_rig(waved.take, waved.known).moved


def test_a_depth_camera_without_infrared_hangs_on_its_device():
    waved = wave(ring(4), 60, seed=8)
    colour = waved.take.with_views([v for v in waved.take.views if v.camera.endswith("/color")])
    solve = solve_rig(colour, waved.known, pairs=waved.pairs)
    for pair in waved.pairs:
        a, b = (solve.calibration.cameras[name].T_world_camera for name in (pair.a, pair.b))
        np.testing.assert_allclose(inverse(a) @ b, pair.T_a_b, atol=1e-9)
        depth, color = solve.quality[pair.b], solve.quality[pair.a]
        assert depth.views == 0
        assert depth.sigma_mm > color.sigma_mm  # the factory's millimetre on top
        assert depth.sigma_mm > 1e3 * pair.sigma_m
    assert solve.calibration.covariance is not None
    assert set(solve.calibration.covariance.cameras) == set(waved.truth)


@pytest.mark.slow
def test_a_lens_that_nobody_knows_is_found():
    waved = wave(ring(5, infrared=False), 120, seed=9)
    known = {name: camera for name, camera in waved.known.items() if name != "kinect_002/color"}
    solve = solve_rig(waved.take, known)
    found, true = solve.calibration.cameras["kinect_002/color"], waved.truth["kinect_002/color"]
    assert abs(found.K[0, 0] / true.K[0, 0] - 1) < 0.003  # its views alone: 0.1 to 0.2 %
    assert aligned(solve.calibration.cameras, waved.truth)["kinect_002/color"][0] < 5


def test_the_motion_of_a_board_is_told_by_rolling_rows(exact):
    """Speeds as pictures far apart tell them are wrong by 30 %; the rows of an instant's images halve that."""
    rng = np.random.default_rng(6)
    timings = {name: ExposureTiming(readout_s=0.02) for name in exact.truth}
    rolled, true = [], {}
    for instant in range(12):
        motion = np.array([*rng.normal(0, 0.4, 3), *rng.normal(0, 0.3, 3)])
        for view in at(exact, instant):
            camera, T = exact.truth[view.camera], exact.T_world_board[instant]
            about = transform(T, BOARD.corners.mean(0))
            p_world = transform(T, BOARD.corners[view.ids])
            q = view.q
            for _ in range(5):  # where each corner is when its own row is exposed
                delay = timings[view.camera].delay_s(q, camera.height)
                Ts = [moved_by(d * motion, about, np.eye(4)) for d in delay]
                q = camera.project(np.array([transform(T, p) for T, p in zip(Ts, p_world, strict=True)]))
            step = 1e-5
            velocity = (camera.project(transform(moved_by(step * motion, about, np.eye(4)), p_world)) - view.q) / step
            true[view.camera, instant] = velocity
            found = q + rng.normal(0, 0.03, q.shape)
            rolled.append(replace(view, q=found, velocity=0.7 * velocity, sigma_px=0.03))
    boards = {instant: exact.T_world_board[instant] for instant in range(12)}
    told = with_board_motion(rolled, exact.truth, boards, BOARD.corners, timings)
    before = np.concatenate([view.velocity - true[view.camera, view.instant] for view in rolled])
    after = np.concatenate([view.velocity - true[view.camera, view.instant] for view in told])
    assert np.sqrt((after**2).mean()) < 0.6 * np.sqrt((before**2).mean())
    straight, bent = (at_the_instant(views, timings, exact.truth) for views in (told, rolled))
    exact_q = {(view.camera, view.instant): view.q for view in exact.take.views}
    off, before = (
        np.concatenate([view.q - exact_q[view.camera, view.instant] for view in views]) for views in (straight, bent)
    )
    assert np.sqrt((off**2).mean()) < 0.75 * np.sqrt((before**2).mean())  # the noise of 0.03 px is in both


@pytest.mark.slow
def test_held_lenses_stay():
    waved = wave(ring(4, infrared=False), 60, seed=10)
    solve = solve_rig(waved.take, waved.known, options=RigSolveOptions(free_intrinsics=False))
    for name, camera in solve.calibration.cameras.items():
        np.testing.assert_array_equal(camera.K, waved.known[name].K)
