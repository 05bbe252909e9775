"""Views of the board in a session's phone, its placement, and the check of its depth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calibration.board_view import BoardTake, BoardView
from calibration.boards.detection import BoardDetector
from calibration.phone.lidar_check import LidarCheck, depth_less_board
from calibration.phone.phone_path import PhonePath
from calibration.phone.view_pose import view_pose
from capture.board import Board
from capture.iphone.message import PhoneMessage
from capture.session import Session
from geometry.rigid import inverse


def phones_of(session: Session) -> list[str]:
    """Devices that send poses of their own beside colour."""
    names = [
        name.partition("/")[0]
        for name in session.of_kind("imu")
        if f"{name.partition('/')[0]}/color" in session.streams
    ]
    return [name for name in names if _is_phone(session, name)]


def phone_views(
    session: Session,
    path: PhonePath,
    board: Board,
    every: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[int, BoardView]:
    """The board in the phone's own colour frames, by frame of the path; every `every`-th is searched."""
    detector, views = BoardDetector(board, one_camera=True), {}
    wanted = np.flatnonzero(path.color_index >= 0)[::every]
    for done, frame in enumerate(wanted):
        image = session.frame(f"{path.name}/color", int(path.color_index[frame])).payload
        view = detector.detect(image, camera=f"{path.name}/color", instant=int(frame))
        if view is not None:
            views[int(frame)] = view
        if on_progress is not None:
            on_progress(done + 1, len(wanted))
    return views


def views_of_take(session: Session, path: PhonePath, take: BoardTake) -> dict[int, BoardView]:
    """The phone's views of a take, by frame of the path."""
    color = f"{path.name}/color"
    frame_of = {int(index): frame for frame, index in enumerate(path.color_index) if index >= 0}
    index_at = {i.instant: i.index.get(color, -1) for i in session.instants()}
    found = {frame_of.get(index_at.get(view.instant, -1), -1): view for view in take.of_camera(color)}
    found.pop(-1, None)
    return found


def check_lidar(session: Session, path: PhonePath, views: dict[int, BoardView], board: Board) -> LidarCheck:
    """Depth against the board in every frame that has both."""
    depth, medians, spreads = f"{path.name}/depth", [], []
    for frame, view in sorted(views.items()):
        index = int(path.depth_index[frame])
        pose = view_pose(path.camera(frame), board.corners, view)
        if index < 0 or pose is None:
            continue
        image = session.frame(depth, index).payload
        message = PhoneMessage.of(session.frame(f"{path.name}/imu", frame).payload)
        camera = path.camera(frame).resized(image.shape[1], image.shape[0])
        median, spread = depth_less_board(image, camera, inverse(pose.Ts_board_camera[0]), board, message.confidence)
        medians.append(median)
        spreads.append(spread)
    return LidarCheck(medians_m=np.array(medians, float), spreads_m=np.array(spreads, float))


def _is_phone(session: Session, name: str) -> bool:
    stream = session.streams[f"{name}/imu"]
    return stream.frames > 0 and "T_arkit_camera" in session.frame(stream.name, 0).payload
