"""One sample of a shard, as a pass gives it: files for the tar and rows for the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import pyarrow as pa

from hps.synthesis.staging.staged import StagedScene


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What one picture, or one cloud, leaves behind."""

    key: str
    """SCENE_FFF_cCC: scene, instant, camera; of fused clouds SCENE_FFF_vNN_GG: number of views, group."""
    files: dict[str, bytes] = field(default_factory=dict)
    """By ending, such as `color.jpg`: KEY.color.jpg in the tar."""
    rows: tuple[dict[str, Any], ...] = ()
    """Of the pass's table."""


@runtime_checkable
class Pass(Protocol):
    """Makes samples of scenes; one for each process. The order of a scene's samples is fixed."""

    name: ClassVar[str]
    """images, labels or clouds: SHARD.NAME.tar and SHARD.NAME.parquet."""
    version: ClassVar[int]
    """Raised when a change of code changes the bytes."""
    schema: ClassVar[pa.Schema]
    """Of the table."""

    def samples(self, staged: StagedScene) -> Iterator[Sample]:
        """All samples of one scene."""
        ...


def picture_key(scene: str, frame: int, camera: int) -> str:
    """Key of a picture or of a cloud of one camera."""
    return f"{scene}_{frame:03d}_c{camera:02d}"
