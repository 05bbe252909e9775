"""What a ring of virtual Kinects sees of a board that is carried through it: corners with noise, without images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.board_view import BoardTake, BoardView
from calibration.bundle.problem import DevicePair
from capture.board import Board
from capture.virtual import unit
from capture.virtual.board import BOARD_SEED, board_plate
from capture.virtual.carrying import carry, points_of_view
from capture.virtual.config import SimulationConfig
from capture.virtual.rig import build_rig, delivered_rig
from geometry.camera import Camera
from geometry.rigid import inverse, transform

APART_S = 1.3
"""Between instants: about one for each place where the board is shown."""
GRAZING = np.cos(np.deg2rad(70))
"""A board seen flatter than this is not found."""
EDGE_PX = 4
LEAST_CORNERS = 8
NOISE_SEED = 77


@dataclass(frozen=True, kw_only=True, eq=False)
class CornerTake:
    """A take with everything that is known of it, and the truth."""

    take: BoardTake
    truth: dict[str, Camera]
    factory: dict[str, Camera]
    """What the devices say of their lenses; places unknown."""
    pairs: tuple[DevicePair, ...]

    @property
    def color(self) -> tuple[str, ...]:
        """Names of the colour cameras."""
        return tuple(name for name in self.truth if name.endswith("/color"))


def corner_take(
    seed: int, *, cameras: int = 10, instants: int = 180, sigma_px: float = 0.15, shift_px: float = 0.0,
    factory_error: float = 1.0,
) -> CornerTake:  # fmt: skip
    """A rig and its board take. Each corner has noise of `sigma_px` along each axis, each view a shift of its own.

    The devices' lenses and pairs are off as factory calibrations are, `factory_error` times.
    """
    board = Board()
    config = SimulationConfig(cameras=cameras, seed=seed, placed=False, factory_error=factory_error)
    devices, delivered = build_rig(config), delivered_rig(config)
    truth = {camera.name: camera for device in devices for camera in (device.color, device.depth)}
    factory = {camera.name: camera for device in delivered for camera in (device.color, device.depth)}
    _, plate = board_plate(board)
    times = APART_S * np.arange(instants)
    views = points_of_view([device.color for device in devices])
    places = carry(views, board.corners, board.middle, plate, times, np.random.default_rng([seed, BOARD_SEED]))
    rng = np.random.default_rng([seed, NOISE_SEED])
    seen = [
        _see(camera, n, T, board, sigma_px, shift_px, rng) for n, T in enumerate(places) for camera in truth.values()
    ]
    take = BoardTake(
        board=board,
        views=tuple(view for view in seen if view is not None),
        image_sizes={name: (camera.width, camera.height) for name, camera in truth.items()},
        time_us={n: round(1e6 * second) for n, second in enumerate(times)},
    )
    pairs = tuple(
        DevicePair(
            a=device.color.name,
            b=device.depth.name,
            T_a_b=device.color.T_camera_world @ device.depth.T_world_camera,
            sigma_rad=unit.FACTORY_ROTATION * max(factory_error, 0.1),
            sigma_m=unit.FACTORY_TRANSLATION_M * max(factory_error, 0.1),
        )
        for device in delivered
    )
    return CornerTake(take=take, truth=truth, factory=factory, pairs=pairs)


def _see(
    camera: Camera, instant: int, T_world_board: np.ndarray, board: Board, sigma_px: float, shift_px: float,
    rng: np.random.Generator,
) -> BoardView | None:  # fmt: skip
    eye = transform(inverse(T_world_board), camera.center) - board.middle
    if -eye[2] < GRAZING * np.linalg.norm(eye):
        return None
    q = camera.project(transform(T_world_board, board.corners))
    inside = ((q > EDGE_PX) & (q < np.array([camera.width, camera.height]) - 1 - EDGE_PX)).all(1)
    ids = np.flatnonzero(inside)
    if len(ids) < LEAST_CORNERS:
        return None
    noise = rng.normal(0, sigma_px, (len(ids), 2)) + rng.normal(0, shift_px, 2)
    return BoardView(camera=camera.name, instant=instant, ids=ids, q=q[ids] + noise, sigma_px=sigma_px)
