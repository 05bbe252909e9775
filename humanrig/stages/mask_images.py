"""The work of the stage `masks` on the images of one instant, for several threads."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from jaxtyping import Int16, Int64

from calibration.rig import device_of
from capture.frame_sets import Instant
from capture.session import Session
from geometry.camera import Camera
from humanrig.stages.color_only_masks import ColorOnlyMasks
from registration.masks.color_masks import color_people_from_depth
from registration.masks.files import mask_path, write_people
from registration.masks.pixels import DepthMask, masks_from_voxels
from registration.masks.voxel_shadow import USUAL_M, people_by_voxels
from registration.masks.voxels import DepthRig, Occupied, occupied

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFigures:
    """What was found in the images of one instant."""

    empty: dict[str, bool] = field(default_factory=dict)
    """By stream that has an image: nobody is in it."""
    removed: dict[str, Int64[np.ndarray, "reasons"]] = field(default_factory=dict)
    """By depth stream: pixels of nobody, by `REASONS`."""
    blank: set[str] = field(default_factory=set)
    """Depth streams whose image holds no depth."""

    @property
    def seen(self) -> bool:
        """Whether anybody is in any image."""
        return not all(self.empty.values())


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskWork:
    """What is the same at every instant."""

    session: Session
    cameras: dict[str, Camera]
    rig: DepthRig
    colors: list[str]
    room_color: dict[str, np.ndarray]
    """Images of the empty room by colour stream."""
    refine: bool
    output: Path
    _local: threading.local = field(default_factory=threading.local)

    @cached_property
    def depth_of(self) -> dict[str, str]:
        """Colour stream → the depth stream of its device."""
        with_depth = {device_of(s): s for s in self.rig.cameras}
        return {s: with_depth[device_of(s)] for s in self.colors if device_of(s) in with_depth}

    @property
    def alone(self) -> list[str]:
        """Colour streams whose device has no depth."""
        return [s for s in self.colors if s not in self.depth_of]

    def occupied(self, instant: Instant) -> Occupied:
        """The voxels that hold surface."""
        return occupied(self._depth_images(instant), self.rig)

    def write(
        self,
        instant: Instant,
        people: Sequence[Int16[np.ndarray, "_ 3"] | None],
        others: Sequence[Int16[np.ndarray, "_ 3"]],
        segmented: ColorOnlyMasks,
    ) -> ImageFigures:
        """Writes the masks of the instant's images from the voxels of people (None: not there) and of others."""
        nobody = np.zeros((0, 3), np.int16)
        depth_m = self._depth_images(instant)
        present = [nobody if p is None else p for p in people]
        masks = masks_from_voxels(depth_m, self.rig, present, others)
        figures = ImageFigures()
        for stream, mask in masks.items():
            self._write(stream, instant.instant, mask.person, figures)
            figures.removed[stream] = mask.removed
            if not np.isfinite(depth_m[stream]).any():
                figures.blank.add(stream)
        for stream in self.colors:
            if instant.has(stream):
                whose = self._color(stream, instant, depth_m, masks, present, segmented)
                self._write(stream, instant.instant, whose, figures)
        return figures

    def _color(
        self,
        stream: str,
        instant: Instant,
        depth_m: dict[str, np.ndarray],
        masks: dict[str, DepthMask],
        people: Sequence[Int16[np.ndarray, "_ 3"]],
        segmented: ColorOnlyMasks,
    ) -> np.ndarray:
        """Whose each colour pixel is."""
        camera, room = self.cameras[stream], self.room_color.get(stream)
        if stream not in self.depth_of:
            return segmented.people_in(stream, instant, self._session, room, refine=self.refine)
        depth = self.depth_of[stream]
        missing = np.full((self.cameras[depth].height, self.cameras[depth].width), np.nan, np.float32)
        whose = masks[depth].person if depth in masks else np.full(missing.shape, -1, np.int8)
        voxel_m = self.rig.config.voxel_m
        shadow = people_by_voxels([self.rig.grid.middle(index) for index in people], voxel_m, camera)
        voxel_px = voxel_m * float(camera.K[0, 0]) / USUAL_M
        image = self._session.frame(stream, instant.index[stream]).payload if self.refine else None
        return color_people_from_depth(
            depth_m.get(depth, missing), whose, self.cameras[depth], camera, image, room, shadow, voxel_px
        )

    def _depth_images(self, instant: Instant) -> dict[str, np.ndarray]:
        session = self._session
        return {s: session.frame(s, instant.index[s]).payload for s in self.rig.cameras if instant.has(s)}

    def _write(self, stream: str, number: int, person: np.ndarray, figures: ImageFigures) -> None:
        write_people(mask_path(self.output, stream, number), person)
        figures.empty[stream] = not (person >= 0).any()

    @property
    def _session(self) -> Session:
        """The session, opened by each thread for itself."""
        if not hasattr(self._local, "session"):
            self._local.session = Session.open(self.session.folder)
        return self._local.session


def in_order(work: Callable[[_Job], _Result], jobs: Iterable[_Job], workers: int) -> Iterator[_Result]:
    """The results in order, `workers` jobs at a time (0: one for each core); few wait to be taken.

    The kernels and decoders let other threads run, so threads do.
    """
    workers = workers or len(os.sched_getaffinity(0))
    if workers == 1:
        yield from map(work, jobs)
        return
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    waiting: deque[Future[_Result]] = deque()
    try:
        with ThreadPoolExecutor(workers) as pool:
            for job in jobs:
                waiting.append(pool.submit(work, job))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        cv2.setNumThreads(threads)
