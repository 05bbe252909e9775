"""The stage `sync`: which frame of each stream belongs to which instant."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from capture.errors import CaptureError
from capture.frame_sets import write_instants
from capture.synchronisation import DEFAULT_TOLERANCE_US, session_frame_sets
from humanrig.stage import Stage, StageContext


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class SyncConfig:
    """Options of the stage."""

    tolerance_us: int = DEFAULT_TOLERANCE_US
    """A frame further than this from its instant is left out, and leaves a hole."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes frames.parquet; returns instants, holes and residuals.

    Cameras that are left out keep their frames, so that the result can be measured in them, unless they are what
    cannot be paired.
    """
    tolerance_us = context.config.tolerance_us
    try:
        sets = session_frame_sets(context.session, tolerance_us)
    except CaptureError:
        if not context.without:
            raise
        sets = session_frame_sets(context.session, tolerance_us, context.without)
    write_instants(context.output / "frames.parquet", sets.instants)
    context.progress(1, 1)
    return sets.figures()


STAGE = Stage(name="sync", folder="sync", needs=(), config=SyncConfig, run=run)
