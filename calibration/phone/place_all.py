"""All phones of a session that saw the rig's board: placed, checked, and those that could not be, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from calibration.board_view import BoardTake
from calibration.errors import CalibrationError
from calibration.phone.board_path import BoardPath, board_path
from calibration.phone.estimate import PhoneOptions
from calibration.phone.lidar_check import LidarCheck
from calibration.phone.phone_path import phone_path
from calibration.phone.place import place_phone
from calibration.phone.placement import PhonePlacement
from calibration.phone.placement_files import write_placement
from calibration.phone.session_phone import check_lidar, phone_views, phones_of, views_of_take
from calibration.rig import Verdict
from capture.errors import CaptureError
from capture.session import Session
from geometry.camera import Camera


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PlacedPhones:
    """By device."""

    placements: dict[str, PhonePlacement] = field(default_factory=dict)
    lidar: dict[str, LidarCheck] = field(default_factory=dict)
    unplaced: dict[str, str] = field(default_factory=dict)
    """Why a phone could not be placed."""
    unchecked: dict[str, str] = field(default_factory=dict)
    """Why the depth of a phone that was placed could not be compared with the board."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Of every phone."""
        found = [verdict for placement in self.placements.values() for verdict in placement.verdicts]
        found += [check.verdict(name) for name, check in self.lidar.items()]
        found += [
            Verdict(subject=name, good=False, text=f"its depth was not compared with the board: {why}")
            for name, why in self.unchecked.items()
        ]
        found += [Verdict(subject=name, good=False, text=f"not placed: {why}") for name, why in self.unplaced.items()]
        return tuple(found)

    @property
    def still_cameras(self) -> dict[str, Camera]:
        """Cameras of phones that stood on something: they can be used like any other of the rig."""
        cameras = {}
        for placement in self.placements.values():
            if placement.still:
                frame = len(placement.path) // 2
                for camera in (placement.camera(frame), placement.depth_camera(frame)):
                    cameras[camera.name] = camera
        return cameras

    def write(self, folder: Path) -> None:
        """Writes NAME.npz of each phone into a folder."""
        for name, placement in self.placements.items():
            write_placement(folder / f"{name}.npz", placement)


def place_phones(
    session: Session,
    take: BoardTake,
    cameras: Mapping[str, Camera],
    *,
    where: BoardPath | None = None,
    every: int = 1,
    options: PhoneOptions | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> PlacedPhones:
    """Every phone of a synchronised session, in the world of the rig's calibrated `cameras`.

    Views of the phones are those of `take`, where it was searched in their streams, else every `every`-th of their
    colour frames is searched, and `on_progress` called with (device, done, total). `where` is the board's place by
    time, by default what the rig's cameras saw. A phone that cannot be placed is named with the reason; the others are
    placed.
    """
    placed = PlacedPhones()
    names = phones_of(session)
    for name in names:
        try:
            path = phone_path(session, name)
            if f"{name}/color" in take.image_sizes:
                views = views_of_take(session, path, take)
            else:
                report = None if on_progress is None else partial(on_progress, name)
                views = phone_views(session, path, take.board, every, report)
            where = where or board_path(take, cameras, tuple(names))
            placed.placements[name] = place_phone(path, views, take.board, where, options)
        except (CalibrationError, CaptureError) as error:
            placed.unplaced[name] = str(error)
            continue
        if f"{name}/depth" in session.streams:
            try:
                placed.lidar[name] = check_lidar(session, path, views, take.board)
            except CaptureError as error:
                placed.unchecked[name] = str(error)
    return placed
