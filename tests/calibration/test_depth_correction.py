"""The depth error of a device is found from boards: a simulated time-of-flight sensor draws it, nobody tells it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.depth.board_depths import BoardDepths, board_depths
from calibration.depth.estimate import corrections_from, estimate_depth_corrections
from calibration.depth.fitting import fit_depth
from calibration.depth.ink import ink_share
from calibration.errors import CalibrationError
from calibration.pose_covariance import PoseCovariance
from calibration.rig import RigCalibration
from capture import depth_codec
from capture.board import APRILTAGS, Board
from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from capture.virtual.depth_effects import DepthEffects
from capture.virtual.tof.sensor import TofSensor
from capture.virtual.unit import DEPTH_UNIT
from geometry.camera import Camera
from geometry.depth import decode_depth_mm, encode_depth_mm
from geometry.rays import ray_table
from geometry.rigid import from_rotvec, look_at, rigid, transform

MODE = "NFOV_2X2BINNED"
BOARD = Board()
WALL_M = 3.4


def depth_camera() -> Camera:
    fx, fy = DEPTH_UNIT.intrinsics[2:] * [320, 320]
    return Camera(
        name="kinect_000/depth",
        K=np.array([[fx, 0, 160.0], [0, fy, 150.0], [0, 0, 1]]),
        width=320,
        height=288,
        distortion=DEPTH_UNIT.distortion,
        metric_radius=DEPTH_UNIT.metric_radius,
        T_world_camera=look_at(np.array([2.0, 0.3, 1.4]), np.array([0, 0, 0.9])),
    )


def placements(camera: Camera, nearest: float, farthest: float, count: int, rng: np.random.Generator) -> list:
    """T_world_board of boards that face the camera more or less."""
    placed = []
    for distance in np.linspace(nearest, farthest, count):
        turn = from_rotvec(rng.uniform(-0.5, 0.5, 3), np.zeros(3))
        middle = np.array([*rng.uniform(-0.25, 0.25, 2) * distance, distance])
        T_camera_board = turn @ rigid(np.eye(3), -BOARD.middle)
        T_camera_board[:3, 3] += middle
        placed.append(camera.T_world_camera @ T_camera_board)
    return placed


def sensed(
    sensor: TofSensor, T_world_board: np.ndarray, rng: np.random.Generator, *, ink: float = 0.4, hand: bool = False
) -> np.ndarray:
    """The depth image of a board before a wall."""
    camera = sensor.camera
    fine = camera.resized(2 * camera.width, 2 * camera.height)
    rays = np.concatenate([ray_table(fine), np.ones((fine.height, fine.width, 1))], -1)
    T = camera.T_camera_world @ T_world_board
    z = (T[:3, 2] @ T[:3, 3]) / (rays @ T[:3, 2])
    foot = (rays * z[..., None] - T[:3, 3]) @ T[:3, :2]
    on = ((foot > -0.02) & (foot < np.array([BOARD.columns, BOARD.rows]) * BOARD.square_m + 0.02)).all(-1) & (z > 0)
    cosine = np.abs(rays @ T[:3, 2]) / np.linalg.norm(rays, axis=-1)
    share = ink_share(BOARD, np.where(on[..., None], foot, 0).reshape(-1, 2), 0.001)
    albedo = 0.8 - (0.8 - ink) * share.reshape(on.shape)
    depth = np.where(on, z, WALL_M)
    if hand:
        p_board = np.array([0.3, 0.25, -0.06])
        near = np.linalg.norm(foot - p_board[:2], axis=-1) < 0.05
        depth = np.where(on & near, z - 0.06, depth)
    amplitude = np.where(on, albedo * cosine, 0.5) / depth**2
    return decode_depth_mm(sensor.sense(depth.astype(np.float32), amplitude.astype(np.float32), rng))


def sensor_of(seed: int, bias_spread_m: float = 2e-3) -> TofSensor:
    chosen = DepthEffects(multipath=False, bias_spread_m=bias_spread_m)
    return TofSensor(depth_camera(), MODE, chosen, np.random.default_rng(seed))


def boards_seen(
    sensor: TofSensor, nearest: float, farthest: float, count: int, seed: int = 0, **how
) -> list[BoardDepths]:
    rng = np.random.default_rng(seed)
    seen = []
    for number, T in enumerate(placements(sensor.camera, nearest, farthest, count, rng)):
        found = board_depths(sensed(sensor, T, rng, **how), sensor.camera, BOARD, T, number)
        assert found is not None
        seen.append(found)
    return seen


@pytest.mark.parametrize("seed", [2])
def test_bias_and_scale_of_a_sensor_are_taken_off_to_half_a_millimetre(seed):
    sensor = sensor_of(seed, bias_spread_m=5e-3)
    assert abs(sensor.bias_m) > 0.8e-3
    estimate = fit_depth(boards_seen(sensor, 1.0, 2.6, 12, seed))
    z = np.linspace(1.0, 2.6, 9)
    left = estimate.correction.corrected(z * (1 + sensor.scale) + sensor.bias_m) - z
    assert np.abs(left).max() < 0.5e-3  # the demand; waves of up to 0.5 mm are not modelled
    assert estimate.notes == ()
    assert abs(estimate.ink_m) < 0.5e-3  # this sensor reads ink and paper alike


def test_a_hand_on_the_board_does_not_count():
    sensor = sensor_of(3)
    clean = boards_seen(sensor, 1.2, 1.6, 3)
    with_hand = boards_seen(sensor, 1.2, 1.6, 3, hand=True)
    for a, b in zip(clean, with_hand, strict=True):
        assert b.pixels < a.pixels
        assert b.error_m == pytest.approx(a.error_m, abs=0.3e-3)  # 1000 pixels of 2 mm that share noise


def test_boards_at_one_distance_tell_no_scale_but_the_error_there():
    sensor = sensor_of(4, bias_spread_m=4e-3)
    estimate = fit_depth(boards_seen(sensor, 1.5, 1.6, 8))
    assert estimate.correction.scale == 0
    assert any("scale not told" in note and "nearer and farther" in note for note in estimate.notes)
    truth = 1.55 * sensor.scale + sensor.bias_m
    assert 1.55 + truth - estimate.correction.corrected(np.array([1.55 + truth]))[0] == pytest.approx(truth, abs=5e-4)


def synthetic(error, count: int = 60, scatter: float = 4e-4, seed: int = 0) -> list[BoardDepths]:
    rng = np.random.default_rng(seed)
    z = rng.uniform(0.8, 3.0, count)
    e = error(z) + rng.normal(0, scatter, count)
    return [
        BoardDepths(camera="a/depth", instant=i, z_m=a, error_m=b, spread_m=2e-3, pixels=900, ink_m=0.0, radius=0.1)
        for i, (a, b) in enumerate(zip(z.tolist(), e.tolist()))
    ]


def test_a_slow_error_is_told_where_there_is_one_and_only_there():
    z = np.linspace(0.9, 2.9, 30)

    def bent(z):
        return 2e-3 + 2e-3 * (z - 2) ** 2

    curved = fit_depth(synthetic(bent))
    assert len(curved.correction.slow_z_m) >= 3
    assert np.abs(curved.correction.corrected(z + bent(z)) - z).max() < 0.7e-3  # straight pieces of 0.5 m: 0.25 mm
    straight = fit_depth(synthetic(lambda z: 2e-3 + 0.5e-3 * z))
    assert straight.correction.slow_z_m == ()


def test_misplaced_boards_are_left_out():
    boards = synthetic(lambda z: 0.003 + 0 * z, 30)
    for i in (3, 11, 20, 21):
        boards[i] = replace(boards[i], error_m=boards[i].error_m + 0.02)
    estimate = fit_depth(boards)
    assert estimate.left_out == 4
    assert 2 + 0.003 - estimate.correction.corrected(np.array([2.003]))[0] == pytest.approx(0.003, abs=0.3e-3)


def test_the_stated_deviation_covers_what_the_estimates_scatter():
    def error_at_2_m(seed: int) -> tuple[float, float]:
        estimate = fit_depth(synthetic(lambda z: 0.002 + 0 * z, 12, scatter=1e-3, seed=seed))
        return float(2.002 - estimate.correction.corrected(np.array([2.002]))[0] - 0.002), estimate.sigma_bias_m

    off, said = np.array([error_at_2_m(seed) for seed in range(40)]).T
    assert 0.5 < np.sum(off**2) / np.sum(said**2) < 1.7  # 99 % of chi-square with 40 degrees


def test_devices_that_cannot_be_told_are_named_and_the_place_of_the_camera_counts():
    camera = depth_camera()
    axis = camera.T_world_camera[:3, 2]
    matrix = np.zeros((6, 6))
    matrix[3:, 3:] = 1.5e-3**2 * np.outer(axis, axis)
    rig = RigCalibration(
        cameras={"a/depth": replace(camera, name="a/depth"), "b/depth": replace(camera, name="b/depth")},
        source="test",
        covariance=PoseCovariance(cameras=("a/depth",), matrix=matrix, gauge="aligned"),
    )
    result = corrections_from({"a/depth": synthetic(lambda z: 0.004 + 0 * z), "b/depth": []}, rig)
    assert result.corrections["a/depth"].sigma_m == pytest.approx(1.5e-3, rel=0.1)
    assert "at least 6" in result.unsolved["b/depth"]
    good, bad = result.verdicts
    assert good.good
    assert "+4.0 mm" in good.text
    assert (bad.subject, bad.good) == ("b/depth", False)
    with pytest.raises(CalibrationError, match="0 usable boards"):
        fit_depth([])


def test_boards_that_show_their_back_or_lie_outside_the_image_are_no_boards():
    camera = depth_camera()
    depth = np.full((camera.height, camera.width), 1.5)
    facing = camera.T_world_camera @ rigid(np.eye(3), np.array([0, 0, 1.5]) - BOARD.middle)
    found = board_depths(depth, camera, BOARD, facing)
    assert found is not None
    assert found.error_m == pytest.approx(0, abs=1e-9)
    back = facing @ rigid(np.diag([-1.0, 1, -1]), np.array([2 * BOARD.middle[0], 0, 0]))
    assert np.allclose(transform(back, BOARD.middle), transform(facing, BOARD.middle))
    assert board_depths(depth, camera, BOARD, back) is None
    beside = facing.copy()
    beside[:3, 3] += camera.T_world_camera[:3, 0] * 5
    assert board_depths(depth, camera, BOARD, beside) is None


def test_a_session_is_read_and_its_damaged_frames_are_named(tmp_path):
    sensor, rng, name = sensor_of(7, bias_spread_m=4e-3), np.random.default_rng(0), "kinect_000/depth"
    placed = placements(sensor.camera, 1.2, 2.4, 7, rng)
    with McapWriter(tmp_path / "rig.mcap") as writer:
        writer.add_stream(f"/{name}", "dzp")
        for number, T in enumerate(placed):
            image = depth_codec.encode(encode_depth_mm(sensed(sensor, T, rng)))
            payload = image[: len(image) // 2] if number == 3 else image
            writer.write(f"/{name}", payload, device_us=number, host_us=number)
    stream = StreamInfo(
        name=name, kind="depth", file="rig.mcap", encoding="dzp", frames=7, topic=f"/{name}", width=320, height=288
    )
    session = Session.create(tmp_path, streams=[stream], origin="virtual")
    (tmp_path / "sync").mkdir()
    sets = [Instant(instant=i, time_us=i, index={name: i}, offset_us={name: 0}) for i in range(7)]
    write_instants(session.path("sync", "frames.parquet"), sets)
    rig = RigCalibration(cameras={name: sensor.camera}, source="test")
    found = estimate_depth_corrections(session, BOARD, dict(enumerate(placed)), rig)
    assert found.estimates[name].boards + found.estimates[name].left_out == 6
    assert len(found.damaged) == 1
    assert "frame 3" in found.damaged[0]
    assert "damaged depth frame" in found.verdicts[-1].text
    truth = 1.8 * sensor.scale + sensor.bias_m
    assert found.corrections[name].corrected(np.array([1.8 + truth]))[0] == pytest.approx(1.8, abs=6e-4)
    few = estimate_depth_corrections(session, BOARD, {0: placed[0]}, rig)
    assert "at least 6" in few.unsolved[name]


@pytest.mark.parametrize("inverted", [False, True])
def test_the_ink_of_an_aprilgrid_is_known(inverted):
    board = Board(
        kind="aprilgrid", columns=3, rows=2, square_m=0.12, marker_m=0.09, dictionary=APRILTAGS, inverted=inverted
    )
    border, gap, small_square = (0.005, 0.045), (0.105, 0.045), (0.105, 0.105)
    share = ink_share(board, np.array([border, gap, small_square]), 0.002)
    np.testing.assert_allclose(share, [0, 1, 0] if inverted else [1, 0, 1], atol=1e-3)
