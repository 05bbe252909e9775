"""The stage `sync`: which frame of each stream belongs to which instant."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from humanrig.stage import Stage, StageContext


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class SyncConfig:
    """Options of the stage."""

    tolerance_us: int = 4000
    """Frames further than this from their instant are a hole. A quarter of a frame at 60 Hz."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes frames.parquet; returns the number of instants, holes and the largest offset."""
    raise RuntimeError("filled below")


STAGE = Stage(name="sync", folder="sync", needs=(), config=SyncConfig, run=run)
