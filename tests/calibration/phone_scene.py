"""A virtual phone whose odometry drifts, before a board that lies or is carried: for the phone's tests."""

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardTake, BoardView
from calibration.phone.phone_path import PhonePath
from capture.board import Board
from capture.virtual.hand_held import HandHeld
from capture.virtual.iphone import PhoneConfig, phone_take
from capture.virtual.odometry import OdometryEffects
from geometry.camera import Camera
from geometry.rigid import look_at, rigid, transform

BOARD = Board()
NOISE_PX = 0.1


def take_of(seed=0, seconds=8.0, *, rate_hz=10.0, still=False, drift=1.0):
    """A phone that is held at 1.5 m from the middle; `drift` multiplies the odometry's errors."""
    base = OdometryEffects()
    effects = OdometryEffects(
        drift_m_per_root_m=drift * base.drift_m_per_root_m,
        drift_m_per_root_s=drift * base.drift_m_per_root_s,
        heading_deg_per_root_s=drift * base.heading_deg_per_root_s,
    )
    hand = HandHeld(sway_m=0, aim_deg=0, tremor_m=0, tremor_deg=0) if still else HandHeld(sway_m=0.15)
    config = PhoneConfig(
        seconds=seconds, rate_hz=rate_hz, seed=seed, stand_m=(1.2, -0.9, 1.35), hand=hand, odometry=effects
    )
    return phone_take(config)


def path_of(take, late_s=0.0):
    """What the phone says, its clock told late."""
    count = len(take.times_s)
    return PhonePath(
        name="iphone_000",
        time_us=np.round(1e6 * (take.times_s - late_s)).astype(np.int64),
        Ks=take.Ks,
        Ts_arkit_camera=np.stack([take.odometry.arkit(n) for n in range(count)]) @ np.diag([1.0, -1, -1, 1]),
        color_index=np.arange(count),
        depth_index=np.arange(count),
        width=1920,
        height=1440,
    )


def carried(times_s):
    """T_world_board of a board that is waved about the middle, its printed side towards phone and cameras at -y."""
    t = np.asarray(times_s, float)
    place = np.stack([0.3 * np.sin(1.1 * t), 0.2 * np.sin(1.7 * t + 1), 1.1 + 0.2 * np.sin(1.3 * t + 2)], -1)
    # board axes in the world: x right as seen from the phone at (1, -1), y down, z away from it
    toward = np.array([-0.8, 0.6, 0.0])
    R0 = np.stack([np.array([0.6, 0.8, 0.0]), np.array([0, 0, -1.0]), toward], -1)
    turn = np.stack([0.35 * np.sin(0.9 * t), 0.35 * np.sin(1.4 * t + 0.5), 0.5 * np.sin(0.7 * t)], -1)
    R = Rotation.from_rotvec(turn).as_matrix() @ R0
    return rigid(R, place - R @ BOARD.middle)


def views_of(take, T_world_board, rng, noise_px=NOISE_PX, shown=lambda time: True):
    """Views of the board by frame; T_world_board by frame."""
    views = {}
    for n, time in enumerate(take.times_s):
        q = take.color_camera(n).project(transform(T_world_board[n], BOARD.corners))
        inside = ((q > 5) & (q < [1914, 1434])).all(-1)
        if inside.sum() >= 8 and shown(time):
            found = q[inside] + noise_px * rng.standard_normal((int(inside.sum()), 2))
            views[n] = BoardView(
                camera="iphone_000/color", instant=n, ids=np.flatnonzero(inside), q=found, sigma_px=noise_px
            )
    return views


def rig_cameras():
    """Three cameras of the rig, on the phone's side."""
    cameras = {}
    for n, angle in enumerate((-2.4, -1.2, -0.1)):
        name = f"kinect_{n:03d}/color"
        eye = np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.6])
        cameras[name] = Camera(
            name=name,
            K=np.array([[610.0, 0, 640], [0, 610, 360], [0, 0, 1]]),
            width=1280,
            height=720,
            T_world_camera=look_at(eye, np.array([0, 0, 1.0])),
        )
    return cameras


def rig_take(times_s, rng):
    """Their views of the carried board, 30 a second."""
    cameras, views = rig_cameras(), []
    for instant, T in enumerate(carried(times_s)):
        for name, camera in cameras.items():
            q = camera.project(transform(T, BOARD.corners))
            facing = T[:3, 2] @ (transform(T, BOARD.middle) - camera.center) > 0.3
            inside = ((q > 5) & (q < [1274, 714])).all(-1)
            if facing and inside.sum() >= 8:
                found = q[inside] + NOISE_PX * rng.standard_normal((int(inside.sum()), 2))
                views.append(
                    BoardView(camera=name, instant=instant, ids=np.flatnonzero(inside), q=found, sigma_px=NOISE_PX)
                )
    return BoardTake(
        board=BOARD,
        views=tuple(views),
        image_sizes=dict.fromkeys(cameras, (1280, 720)),
        time_us={n: round(1e6 * t) for n, t in enumerate(times_s)},
    )


def lying():
    """A board on the floor, seen from the phone."""
    R = np.stack([np.array([0.6, 0.8, 0]), np.array([0.8, -0.6, 0]), np.array([0, 0, -1.0])], -1)
    return rigid(R, np.array([0.3, -0.4, 0.9]) - R @ BOARD.middle)
