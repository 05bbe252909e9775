"""A recorded session in which an arc of small colour cameras sees a drawn board, with the truth kept outside of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardTake, BoardView
from calibration.boards.take_files import write_take
from capture.board import Board
from capture.board_file import BOARD_FILE, write_board
from capture.board_pattern import pattern_image
from capture.device import DeviceStream
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import look_at, rigid, transform
from humanrig import pipeline
from humanrig.calibrating.found_boards import cache_file

BOARD = Board()
WIDTH, HEIGHT, FOCAL = 640, 360, 420.0
TEXELS, BORDER = 40, 16
OVERSAMPLED = 2
PERIOD_US = 500_000
"""Slower than 10 Hz: every picture is of a board held still."""
NOISE_PX = 0.08
"""What a search for corners leaves in drawn pictures of this size."""
FACTORY_FOCAL, FACTORY_CENTER_PX = 0.003, 1.0
"""How far the recorded lenses are off."""


@dataclass(frozen=True)
class Recorded:
    folder: Path
    truth: dict[str, Camera]
    T_world_board: np.ndarray


def arc(count: int) -> dict[str, Camera]:
    """Cameras at 1.9 m from the middle, 35 degrees apart."""
    K = np.array([[FOCAL, 0, WIDTH / 2 - 0.5], [0, FOCAL, HEIGHT / 2 - 0.5], [0, 0, 1]])
    cameras = {}
    for n in range(count):
        angle = np.deg2rad(35.0) * (n - (count - 1) / 2)
        eye = np.array([1.9 * np.cos(angle), 1.9 * np.sin(angle), 1.5 - 0.3 * (n % 2)])
        name = f"cam_{n:02d}/color"
        T = look_at(eye, np.array([0.0, 0.0, 0.6]))
        cameras[name] = Camera(name=name, K=K, width=WIDTH, height=HEIGHT, T_world_camera=T)
    return cameras


def placements(count: int, on_floor: int, board: Board, rng: np.random.Generator) -> np.ndarray:
    """Boards that face the arc, tilted, and at the end some that lie on the floor."""
    poses = []
    for _ in range(count):
        p = rng.uniform([-0.4, -0.5, 0.3], [0.7, 0.5, 1.0])
        R = look_at(p + [1.0, 0.0, rng.uniform(0.0, 0.8)], p)[:3, :3]
        R = R @ Rotation.from_rotvec(rng.normal(0, [0.4, 0.4, 0.2])).as_matrix()
        poses.append(rigid(R, p - R @ board.middle))
    for _ in range(on_floor):
        turn = rng.uniform(-0.4, 0.4)
        x = np.array([np.sin(turn), np.cos(turn), 0.0])
        R = np.stack([x, np.cross([0.0, 0.0, -1.0], x), [0.0, 0.0, -1.0]], 1)
        p = np.array([rng.uniform(0.1, 0.4), rng.uniform(-0.2, 0.2), 0.0])
        poses.append(rigid(R, p - R @ board.middle))
    return np.array(poses)


def picture(camera: Camera, T_world_board: np.ndarray, board: Board = BOARD, seed: int = 0) -> np.ndarray:
    """What the camera sees: the board before a grey room, slightly noisy."""
    pattern = (40 + 190 * pattern_image(board, TEXELS, border=BORDER)).astype(np.uint8)
    scale = board.square_m / TEXELS
    metres_of_texel = np.array([[scale, 0, (0.5 - BORDER) * scale], [0, scale, (0.5 - BORDER) * scale], [0, 0, 1]])
    T_camera_board = camera.T_camera_world @ T_world_board
    half = (OVERSAMPLED - 1) / 2
    finer = np.array([[OVERSAMPLED, 0, half], [0, OVERSAMPLED, half], [0, 0, 1.0]])
    H = finer @ camera.K @ T_camera_board[:3][:, [0, 1, 3]] @ metres_of_texel
    large = (OVERSAMPLED * camera.width, OVERSAMPLED * camera.height)
    drawn = cv2.warpPerspective(pattern, H, large, flags=cv2.INTER_LINEAR, borderValue=120)
    image = cv2.resize(drawn, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    noisy = image + np.random.default_rng(seed).normal(0, 2, image.shape)
    return np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[..., None], 3, 2)


def board_session(
    folder: Path,
    *,
    cameras: int = 3,
    boards: int = 22,
    on_floor: int = 4,
    board: Board = BOARD,
    described: bool = True,
    blind: tuple[str, ...] = (),
    drawn: bool = False,
    seed: int = 0,
) -> Recorded:
    """`described`: the session says which board it shows. `blind` devices never see it. Unless `drawn`, its pictures
    are empty and the corners that a search finds in drawn ones lie in the session's cache."""
    rng = np.random.default_rng(seed)
    truth = arc(cameras)
    poses = placements(boards, on_floor, board, rng)
    streams = [
        DeviceStream(name=name, kind="color", encoding="jpeg", rate_hz=1e6 / PERIOD_US, width=WIDTH, height=HEIGHT)
        for name in truth
    ]
    empty = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    with McapWriter(folder / "recording" / "rig.mcap") as writer:
        for stream in streams:
            writer.add_stream(f"/{stream.name}", stream.encoding)
        for k, T in enumerate(poses):
            for n, (name, camera) in enumerate(truth.items()):
                shown = drawn and sees(camera, T, blind)
                image = picture(camera, T, board, seed=100 * k + n) if shown else empty
                data = simplejpeg.encode_jpeg(image, quality=92, colorspace="RGB")
                writer.write(f"/{name}", data, device_us=k * PERIOD_US, host_us=k * PERIOD_US)
    lenses = {name: _factory(camera, rng) for name, camera in truth.items()}
    write_cameras(folder / "recording" / "cameras.json", lenses, source="factory", unplaced=list(lenses))
    if described:
        write_board(folder.joinpath(*BOARD_FILE), board)
    Session.create(
        folder,
        streams=[stream.recorded("recording/rig.mcap", len(poses)) for stream in streams],
        devices=[
            DeviceInfo(name=name.split("/")[0], clock="pulse", sync="subordinate" if n else "master")
            for n, name in enumerate(truth)
        ],
        origin="test",
        action="board",
    )
    recorded = Recorded(folder=folder, truth=truth, T_world_board=poses)
    if not drawn:
        _remember(recorded, board, blind, rng)
    return recorded


def sees(camera: Camera, T_world_board: np.ndarray, blind: tuple[str, ...] = ()) -> bool:
    """Whether it is not blind and the board's face is turned to it."""
    return camera.name.split("/")[0] not in blind and T_world_board[:3, 2] @ camera.T_world_camera[:3, 2] > 0.3


def _remember(recorded: Recorded, board: Board, blind: tuple[str, ...], rng: np.random.Generator) -> None:
    """Leaves the corners where a search would have: with noise, as far as they are in the picture."""
    session = Session.open(recorded.folder)
    pipeline.reconstruct(session, pipeline.Request(until="sync"))
    views = []
    for k, T in enumerate(recorded.T_world_board):
        for name, camera in recorded.truth.items():
            q = camera.project(transform(T, board.corners))
            ids = np.flatnonzero(((q > 4) & (q < [WIDTH - 5, HEIGHT - 5])).all(1))
            if sees(camera, T, blind) and len(ids) >= 6:
                noisy = q[ids] + rng.normal(0, NOISE_PX, (len(ids), 2))
                views.append(BoardView(camera=name, instant=k, ids=ids, q=noisy, sigma_px=NOISE_PX))
    times = {instant.instant: instant.time_us for instant in session.instants()}
    sizes = dict.fromkeys(recorded.truth, (WIDTH, HEIGHT))
    take = BoardTake(board=board, views=tuple(views), image_sizes=sizes, time_us=times)
    path = cache_file(session, board, list(recorded.truth), 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_take(path, take)


def people_session(folder: Path, recorded: Recorded) -> Session:
    """A later take of the same rig, without a picture and without places."""
    lenses = {name: camera.at(np.eye(4)) for name, camera in recorded.truth.items()}
    write_cameras(folder / "recording" / "cameras.json", lenses, source="factory", unplaced=list(lenses))
    streams = [
        DeviceStream(name=name, kind="color", encoding="jpeg", rate_hz=30.0, width=WIDTH, height=HEIGHT)
        for name in lenses
    ]
    return Session.create(
        folder, streams=[s.recorded("recording/rig.mcap", 0) for s in streams], origin="test", action="walk"
    )


def _factory(camera: Camera, rng: np.random.Generator) -> Camera:
    K = camera.K.copy()
    K[[0, 1], [0, 1]] *= 1 + rng.normal(0, FACTORY_FOCAL)
    K[:2, 2] += rng.normal(0, FACTORY_CENTER_PX, 2)
    return replace(camera, K=K, T_world_camera=np.eye(4))
