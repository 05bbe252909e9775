"""Makes and writes the clouds of instants, in this process or in several; what is done survives an interruption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from calibration.depth.applying import corrected_depth
from calibration.given import read_calibration
from calibration.rig import device_of
from capture.frame_sets import Instant
from capture.session import CALIBRATED_CAMERAS, Session
from capture.worker_pool import processes_for, worker_pool
from humanrig.kept_work import partial_path, read_note, write_note
from registration.clouds.colors import ColorView
from registration.clouds.files import cloud_path, write_cloud
from registration.clouds.fusion import CloudConfig, CloudFigures, DepthView, fuse
from registration.errors import RegistrationError
from registration.masks.files import mask_path, read_people

FEW = 8
"""So few instants are done sooner in one process than others are started: some 3 s."""


@dataclass(frozen=True, kw_only=True)
class MadeCloud:
    """What became of one instant."""

    instant: int
    points: int
    """Points of the cloud; 0: there is none."""
    figures: CloudFigures | None = None
    empty: str = ""
    """Why there is no cloud."""


@dataclass(frozen=True)
class CloudMaker:
    """Makes the cloud of any instant of a session, once."""

    session: Session
    streams: tuple[str, ...]
    config: CloudConfig
    folder: Path
    """Where clouds are written, and found again after an interruption."""

    def make(self, number: int) -> MadeCloud:
        """Writes NNNNNN.npz, and NNNNNN.json beside it as the sign that it is whole."""
        path = cloud_path(self.folder, number)
        if made := _kept(path, number):
            return made
        views, colors = self.views(number)
        try:
            cloud, figures = fuse(views, colors, self.config, number)
        except RegistrationError as error:
            return MadeCloud(instant=number, points=0, empty=str(error))
        order = np.array([self.streams.index(view.camera.name) for view in views], np.uint8)
        write_cloud(partial_path(path), replace(cloud, camera=order[cloud.camera]))
        partial_path(path).replace(path)
        write_note(path, {"points": len(cloud), "figures": asdict(figures)})
        return MadeCloud(instant=number, points=len(cloud), figures=figures)

    @cached_property
    def _instants(self) -> dict[int, Instant]:
        return {instant.instant: instant for instant in self.session.instants()}

    @cached_property
    def _cameras(self) -> Mapping:
        return self.session.cameras()

    @cached_property
    def _corrections(self) -> Mapping:
        return read_calibration(self.session.path(*CALIBRATED_CAMERAS)).depth_corrections

    def views(self, number: int) -> tuple[list[DepthView], list[ColorView]]:
        """What the depth cameras saw at an instant, corrected, and their devices' colour images."""
        instant = self._instants[number]
        views, colors = [], []
        for stream in (s for s in self.streams if instant.has(s)):
            measured = self.session.frame(stream, instant.index[stream]).payload
            people = read_people(mask_path(self.session.path("masks"), stream, instant.instant))
            time_us = instant.time_us + instant.offset_us.get(stream, 0)
            views.append(
                DepthView(
                    depth_m=corrected_depth(measured, self._corrections.get(stream)),
                    mask=people >= 0,
                    camera=self._cameras[stream],
                    time_us=time_us,
                    person=people,
                )
            )
            color = f"{device_of(stream)}/color"
            if color in self.session.streams and color in self._cameras and instant.has(color):
                image = self.session.frame(color, instant.index[color]).payload
                path = mask_path(self.session.path("masks"), color, instant.instant)
                seen = read_people(path) if path.is_file() else None
                colors.append(ColorView(image=image, camera=self._cameras[color], people=seen))
        return views, colors


def _kept(path: Path, number: int) -> MadeCloud | None:
    """What became of a cloud that waits in the cache; None where there is none."""
    values = read_note(path)
    if values is None:
        return None
    try:
        return MadeCloud(instant=number, points=values["points"], figures=CloudFigures(**values["figures"]))
    except (KeyError, TypeError):
        return None


def make_clouds(maker: CloudMaker, numbers: Sequence[int], workers: int | None) -> Iterator[MadeCloud]:
    """Every cloud as it is done, in any order; over `workers` processes (None: one for each processor).

    Raises RegistrationError for fewer than one, and when a process ends by itself.
    """
    if workers is not None and workers < 1:
        raise RegistrationError(f"clouds.workers={workers}: at least one is needed; leave it out for one per processor")
    again = partial(CloudMaker, maker.session, maker.streams, maker.config, maker.folder)
    with worker_pool(again, processes_for(len(numbers), workers, FEW), here=maker, trouble=_trouble) as pool:
        yield from pool.each("make", numbers)


def _trouble(count: int) -> RegistrationError:
    return RegistrationError(
        f"one of {count} processes that make clouds ended by itself; is there enough memory? Run the same command "
        "again, it goes on where it stopped, or with fewer processes: --option clouds.workers=1"
    )
