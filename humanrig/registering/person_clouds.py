"""One person's points at every instant, read from clouds/ when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import overload

import numpy as np

from geometry.cloud import PointCloud
from registration.clouds.files import cloud_path, read_cloud

LEAST_POINTS = 200
"""Fewer say nothing of a body: a child at 4 m has 3,000 in one camera."""
KEPT = 40
"""Instants in memory, 8 MB each: a fit reads its clouds several times, a clip of minutes does not fit."""


class PersonClouds(Sequence[PointCloud | None]):
    """The clouds of some instants; None where the person has none, or too few points to say anything.

    Points that are no numbers are left out. `counts` and `broken` tell how many there were, once an instant was read.
    """

    def __init__(self, folder: Path, instants: Sequence[int], person: int = 0) -> None:
        self.folder, self.instants, self.person = folder, list(instants), person
        self.counts: dict[int, int] = {}
        """Points of the person by instant; 0 where there is no file."""
        self.broken: dict[int, int] = {}
        """Points left out by instant, where there were any."""
        self._read = lru_cache(KEPT)(self._load)

    def __len__(self) -> int:
        return len(self.instants)

    @overload
    def __getitem__(self, index: int) -> PointCloud | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PointCloud | None]: ...
    def __getitem__(self, index: int | slice) -> PointCloud | Sequence[PointCloud | None] | None:
        """The cloud of a row, or a view of some rows. Raises RegistrationError for a damaged file."""
        if isinstance(index, slice):
            return _Part(self, range(len(self))[index])
        return self._read(self.instants[index])

    def _load(self, instant: int) -> PointCloud | None:
        path = cloud_path(self.folder, instant)
        if not path.is_file():
            self.counts[instant] = 0
            return None
        cloud = read_cloud(path)
        mine = np.ones(len(cloud), bool) if cloud.person is None else cloud.person == self.person
        finite = np.isfinite(cloud.points).all(1)
        for values in (cloud.normals, cloud.sigma):
            if values is not None:
                finite &= np.isfinite(values).reshape(len(cloud), -1).all(1)
        if (mine & ~finite).any():
            self.broken[instant] = int((mine & ~finite).sum())
        mine &= finite
        self.counts[instant] = int(mine.sum())
        if self.counts[instant] < LEAST_POINTS:
            return None
        return PointCloud(
            points=cloud.points[mine],
            normals=None if cloud.normals is None else cloud.normals[mine],
            camera=None if cloud.camera is None else cloud.camera[mine],
            sigma=None if cloud.sigma is None else cloud.sigma[mine],
            time_us=None if cloud.time_us is None else cloud.time_us[mine],
        )


class _Part(Sequence[PointCloud | None]):
    """Some rows of clouds, which still are read only when they are asked for."""

    def __init__(self, clouds: PersonClouds, rows: range) -> None:
        self.clouds, self.rows = clouds, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> PointCloud | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PointCloud | None]: ...
    def __getitem__(self, index: int | slice) -> PointCloud | Sequence[PointCloud | None] | None:
        if isinstance(index, slice):
            return _Part(self.clouds, self.rows[index])
        return self.clouds[self.rows[index]]
