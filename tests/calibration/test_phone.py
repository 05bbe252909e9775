"""A phone placed in the rig's world, against the truth of its virtual take."""

import numpy as np
import pytest
from phone_scene import BOARD, carried, lying, path_of, rig_cameras, rig_take, take_of, views_of

from calibration.errors import CalibrationError
from calibration.phone.board_path import BoardPath, board_path, still_board
from calibration.phone.lidar_check import depth_less_board
from calibration.phone.place import PhoneOptions, place_phone
from calibration.phone.placement_files import read_placement, write_placement
from geometry.rigid import inverse, rotation_angle, transform

LATE_S = 0.012


def errors(placement, take):
    """Metres and radians of every frame."""
    off = inverse(take.Ts_world_camera) @ placement.Ts_world_camera
    return np.linalg.norm(off[:, :3, 3], axis=-1), rotation_angle(off)


@pytest.fixture(scope="module")
def moving():
    """A hand-held phone, a carried board that the rig sees too, a clock that is told 12 ms early."""
    take, rng = take_of(seed=3, seconds=4.0), np.random.default_rng(5)
    where = board_path(rig_take(np.arange(0, 4.2, 1 / 20), rng), rig_cameras())
    views = views_of(take, carried(take.times_s), rng)
    return take, place_phone(path_of(take, LATE_S), views, BOARD, where)


def test_every_frame_is_placed_and_the_clock_put_right(moving):
    take, placement = moving
    metres, radians = errors(placement, take)
    assert np.sqrt((metres**2).mean()) < 0.004
    assert np.rad2deg(np.sqrt((radians**2).mean())) < 0.12
    assert placement.time_offset_s == pytest.approx(LATE_S, abs=max(0.002, 3 * placement.time_offset_sigma_s))
    assert placement.time_offset_sigma_s < 0.002
    assert placement.used.mean() > 0.9
    assert any("+12" in v.text or "+11" in v.text or "+13" in v.text for v in placement.verdicts if not v.good)


def test_the_way_that_the_board_takes_is_the_true_one():
    times = np.arange(0, 0.6, 1 / 30)
    found = board_path(rig_take(times, np.random.default_rng(1)), rig_cameras())
    between = times[3:-3] + 1 / 60
    for time, T in zip(between, carried(between), strict=True):
        at = found.at(1e6 * time)
        assert at is not None
        off = transform(at.T_world_board, BOARD.middle) - transform(T, BOARD.middle)
        assert np.linalg.norm(off) < 0.004  # 0.1 px at 610 px and 2.2 m is 0.4 mm across, several times that in depth
        step = carried([time - 1e-3, time + 1e-3])
        assert at.velocity[3:] == pytest.approx((step[1] - step[0])[:3, 3] / 2e-3, abs=0.15)
    assert found.at(5e6) is None


def test_drift_is_taken_off_where_the_board_is_seen():
    take = take_of(seed=2, seconds=15, rate_hz=5.0, drift=6.0)
    T = np.tile(lying(), (len(take.times_s), 1, 1))
    views = views_of(take, T, np.random.default_rng(0))
    placement = place_phone(path_of(take), views, BOARD, still_board(lying()))
    metres, _ = errors(placement, take)
    one = placement.T_world_arkit @ placement.path.Ts_arkit_camera
    rigid_only = np.linalg.norm(one[:, :3, 3] - take.Ts_world_camera[:, :3, 3], axis=-1)
    assert np.sqrt((metres**2).mean()) < 0.5 * np.sqrt((rigid_only**2).mean())
    assert placement.drift_m.max() == pytest.approx(rigid_only.max(), rel=0.5)


def test_certainty_matches_the_errors_and_falls_away_from_the_board():
    squared = []
    for seed in range(6):
        take = take_of(seed=seed, seconds=12, rate_hz=4.0)
        T = np.tile(lying(), (len(take.times_s), 1, 1))
        views = views_of(take, T, np.random.default_rng(seed), shown=lambda time: time < 4)
        placement = place_phone(path_of(take), views, BOARD, still_board(lying()))
        metres, _ = errors(placement, take)
        squared.append([(metres[12] / placement.sigma_m[12]) ** 2 / 3, (metres[-1] / placement.sigma_m[-1]) ** 2 / 3])
        assert placement.sigma_m[-1] > 1.3 * placement.sigma_m[8]
    # the drift told is twice the virtual phone's, and jitter it has none of
    near, far = np.mean(squared, axis=0)
    assert 0.02 < near < 2
    assert 0.05 < far < 2


def test_wrong_views_are_left_out():
    take = take_of(seed=1, seconds=4.0)
    T = np.tile(lying(), (len(take.times_s), 1, 1))
    T[::4, :3, 3] += [0.1, 0.0, 0.0]  # somebody kicked it
    placement = place_phone(path_of(take), views_of(take, T, np.random.default_rng(0)), BOARD, still_board(lying()))
    assert not placement.used[placement.frames % 4 == 0].any()
    assert errors(placement, take)[0].max() < 0.008


def test_a_phone_on_a_stand_is_said_to_stand_still():
    take = take_of(seed=1, seconds=2.0, still=True)
    T = np.tile(lying(), (len(take.times_s), 1, 1))
    placement = place_phone(path_of(take), views_of(take, T, np.random.default_rng(0)), BOARD, still_board(lying()))
    assert placement.still
    assert errors(placement, take)[0].max() < 0.003
    assert placement.time_offset_s == 0  # a board that lies says nothing of time
    camera = placement.camera(3)
    assert camera.K[0, 0] == take.Ks[3, 0, 0]
    point = np.array([0.1, -0.2, 0.8])
    expected = (take.color_camera(3).project(point) + 0.5) / 7.5 - 0.5
    np.testing.assert_allclose(placement.depth_camera(3).project(point), expected, atol=0.5)


def test_a_placement_survives_the_disk(tmp_path, moving):
    write_placement(tmp_path / "phones" / "iphone_000.npz", moving[1])
    again = read_placement(tmp_path / "phones" / "iphone_000.npz")
    np.testing.assert_array_equal(again.Ts_world_camera, moving[1].Ts_world_camera)
    np.testing.assert_array_equal(again.path.Ks, moving[1].path.Ks)
    assert again.verdicts == moving[1].verdicts
    assert again.time_offset_s == moving[1].time_offset_s
    (tmp_path / "other.npz").write_bytes(b"no")
    with pytest.raises(CalibrationError, match=r"other\.npz is not the placement of a phone"):
        read_placement(tmp_path / "other.npz")


def test_a_board_that_is_never_seen_together_is_refused():
    take = take_of(seconds=1.0)
    views = views_of(take, carried(take.times_s), np.random.default_rng(0))
    where = BoardPath(
        time_us=np.array([90_000_000, 90_033_000]),
        Ts_world_board=carried([90.0, 90.033]),
        covariances=np.tile(1e-8 * np.eye(6), (2, 1, 1)),
    )
    with pytest.raises(CalibrationError, match="in 0 of them while its place was known; at least 3"):
        place_phone(path_of(take), views, BOARD, where)
    with pytest.raises(CalibrationError, match="at least 99 needed"):
        place_phone(path_of(take), views, BOARD, still_board(lying()), PhoneOptions(fewest_views=99))


def test_depth_is_compared_with_the_board():
    take = take_of(seconds=0.2)
    camera = take.depth_camera(0)
    T_camera_board = camera.T_camera_world @ lying()
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = camera.unproject(np.stack([u, v], -1).astype(float), 1.0)
    normal = T_camera_board[:3, 2]
    z = (normal @ T_camera_board[:3, 3]) / (rays @ normal)
    depth = (z + 0.007).astype(np.float32)
    sure = np.full(depth.shape, 2, np.uint8)
    depth[:, :120], sure[:, :120] = 3.0, 0  # half is wrong, and the phone says so
    median, spread = depth_less_board(depth, camera, T_camera_board, BOARD, sure)
    assert median == pytest.approx(0.007, abs=1e-4)
    assert spread < 1e-4
    nothing = np.full(depth.shape, np.nan, np.float32)
    assert np.isnan(depth_less_board(nothing, camera, T_camera_board, BOARD)).all()
