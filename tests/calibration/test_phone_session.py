"""A phone's path and placement from a session on disk."""

from typing import Literal

import cv2
import numpy as np
import pytest
import simplejpeg
from phone_scene import BOARD, lying, take_of

from calibration.board_view import BoardTake
from calibration.errors import CalibrationError
from calibration.phone.board_path import still_board
from calibration.phone.phone_path import phone_path
from calibration.phone.place_all import place_phones
from calibration.phone.placement_files import read_placement
from capture import depth_codec
from capture.errors import CaptureError
from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import INSTANTS, Session
from capture.session_info import DeviceInfo, StreamInfo, StreamKind
from geometry.rigid import transform

EPOCH_US = 500_000_000
SIZES = {"color": (1920, 1440), "depth": (256, 192), "imu": (None, None)}
CODINGS: tuple[tuple[StreamKind, Literal["jpeg", "dzp", "json"]], ...] = (
    ("color", "jpeg"),
    ("depth", "dzp"),
    ("imu", "json"),
)


def picture(camera):
    """The lying board as the camera sees it, without noise."""
    pixels = 60
    board = cv2.aruco.CharucoBoard(
        (BOARD.columns, BOARD.rows), BOARD.square_m, BOARD.marker_m,
        cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50),
    )  # fmt: skip
    drawn = board.generateImage((BOARD.columns * pixels, BOARD.rows * pixels))
    size = 2 * BOARD.middle[:2]
    edges = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]])
    q = camera.project(transform(lying(), np.concatenate([edges, np.zeros((4, 1))], 1)))
    drawn_at = edges / BOARD.square_m * pixels - 0.5
    H = cv2.getPerspectiveTransform(drawn_at.astype(np.float32), q.astype(np.float32))
    grey = cv2.warpPerspective(drawn, H, (camera.width, camera.height), borderValue=200, flags=cv2.INTER_AREA)
    return simplejpeg.encode_jpeg(np.repeat(cv2.GaussianBlur(grey, (3, 3), 0)[..., None], 3, -1), quality=92)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Six frames of a hand-held phone, on the session's clock 7 s later than on its own."""
    folder, take = tmp_path_factory.mktemp("phone") / "session", take_of(seed=4, seconds=2.0, rate_hz=3.0)
    with McapWriter(folder / "recording/phone.mcap") as writer:
        for kind, encoding in CODINGS:
            writer.add_stream(f"/iphone_000/{kind}", encoding)
        for n, time in enumerate(take.times_s):
            us = EPOCH_US + round(1e6 * time)
            camera = take.depth_camera(n)
            v, u = np.mgrid[:192, :256]
            rays = camera.unproject(np.stack([u, v], -1).astype(float), 1.0)
            T = camera.T_camera_world @ lying()
            z = np.clip((T[:3, 2] @ T[:3, 3]) / (rays @ T[:3, 2]) + 0.004, 0, 6)
            sure = np.full((192, 256), 2, np.uint8)
            payloads = {
                "color": picture(take.color_camera(n)),
                "depth": depth_codec.encode(np.round(1000 * z).astype(np.uint16)),
                "imu": take.message(n, us / 1e6, sure).encode(),
            }
            for kind, data in payloads.items():
                writer.write(f"/iphone_000/{kind}", data, device_us=us, host_us=us)
    streams = [
        StreamInfo(
            name=f"iphone_000/{kind}", kind=kind, file="recording/phone.mcap", topic=f"/iphone_000/{kind}",
            encoding=encoding, frames=len(take.times_s), width=SIZES[kind][0], height=SIZES[kind][1],
        )
        for kind, encoding in CODINGS
    ]  # fmt: skip
    session = Session.create(
        folder, streams=streams, devices=[DeviceInfo(name="iphone_000", clock="iphone_000")], origin="test"
    )
    instants = [
        Instant(
            instant=n,
            time_us=EPOCH_US + round(1e6 * time) + 7_000_000 - 3000,
            index={"iphone_000/color": n},
            offset_us={"iphone_000/color": 3000},
        )
        for n, time in enumerate(take.times_s)
        if n % 2 == 0
    ]
    session.path(*INSTANTS).parent.mkdir()
    write_instants(session.path(*INSTANTS), instants)
    return session, take


def test_the_path_is_on_the_sessions_clock(recorded):
    session, take = recorded
    path = phone_path(session, "iphone_000")
    np.testing.assert_allclose(path.time_us, EPOCH_US + 7_000_000 + 1e6 * take.times_s, atol=2)
    np.testing.assert_array_equal(path.color_index, np.arange(len(take.times_s)))
    own = take.odometry.Ts_odometry_camera[3, :3, 3]
    assert path.Ts_arkit_camera[3, :3, 3] == pytest.approx([own[0], own[2], -own[1]], abs=1e-6)
    with pytest.raises(CalibrationError, match="kinect_000 is no phone, it has no kinect_000/color"):
        phone_path(session, "kinect_000")


def test_a_session_is_placed_and_its_depth_checked(recorded, tmp_path):
    session, take = recorded
    searched = BoardTake(board=BOARD, views=(), image_sizes={})
    placed = place_phones(session, searched, {}, where=still_board(lying()))
    assert not placed.unplaced
    placement = placed.placements["iphone_000"]
    off = np.linalg.norm(placement.Ts_world_camera[:, :3, 3] - take.Ts_world_camera[:, :3, 3], axis=-1)
    assert off.max() < 0.004
    assert placed.lidar["iphone_000"].bias_m == pytest.approx(0.004, abs=0.001)
    assert not placed.still_cameras
    assert not placed.unchecked
    placed.write(tmp_path)
    assert read_placement(tmp_path / "iphone_000.npz").path.name == "iphone_000"


def test_a_phone_without_a_board_is_named_with_the_reason(recorded):
    session, _ = recorded
    searched = BoardTake(board=BOARD, views=(), image_sizes={"iphone_000/color": (1920, 1440)})
    placed = place_phones(session, searched, {}, where=still_board(lying()))
    assert "the board was seen in 0 of" in placed.unplaced["iphone_000"]
    assert any("not placed" in verdict.text and not verdict.good for verdict in placed.verdicts)


def test_a_phone_whose_depth_is_damaged_is_placed_all_the_same(recorded, monkeypatch):
    session, _ = recorded

    def damaged(*_):
        raise CaptureError("frame 3 of iphone_000/depth is damaged")

    monkeypatch.setattr("calibration.phone.place_all.check_lidar", damaged)
    done = []
    searched = BoardTake(board=BOARD, views=(), image_sizes={})
    placed = place_phones(
        session, searched, {}, where=still_board(lying()), on_progress=lambda *words: done.append(words)
    )
    assert set(placed.placements) == {"iphone_000"}
    assert not placed.unplaced
    assert not placed.lidar
    assert "frame 3" in placed.verdicts[-1].text
    assert done[-1] == ("iphone_000", 6, 6)
