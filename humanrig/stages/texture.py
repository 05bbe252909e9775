"""The stage `texture`: a texture for each segment of surfaces and one for every instant, from all colour cameras."""

from __future__ import annotations

from typing import Any

from humanrig.results import Results, people
from humanrig.stage import Ahead, Stage, StageContext
from humanrig.stages.per_person import for_everybody
from humanrig.texturing.config import TextureConfig
from humanrig.texturing.person_textures import VERSION, paint_ahead, paint_person

AHEAD_INSTANTS = 60
"""A minute of one core with ten cameras; what every such task begins with costs a third of that (docs/plan.md)."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes the files of `texture.files.texture_files`; returns the share that was seen, and what is missing.

    A session without a calibrated colour camera in use is skipped, and says so: its surfaces stay without texture. The
    figures at the top are the first person's.
    """
    if not _has_colors(context):
        context.progress(1, 1)
        reason = "no calibrated colour camera is in use; the surfaces are exported without texture"
        return {"skipped": reason, "warnings": [reason]}
    return for_everybody(context, lambda results, progress: paint_person(context, results, progress))


def ahead(context: StageContext) -> None:
    """Paints some instants, which then wait in the cache for `run`."""
    if _has_colors(context):
        for person in people(context.session):
            paint_ahead(context, Results(context.session, person), context.progress)


def _has_colors(context: StageContext) -> bool:
    cameras = context.session.cameras()
    return any(stream in cameras and context.uses(stream) for stream in context.session.of_kind("color"))


STAGE = Stage(
    name="texture",
    folder="texture",
    needs=("sync", "calibrate", "masks", "mesh"),
    config=TextureConfig,
    run=run,
    ahead=Ahead(run=ahead, instants=AHEAD_INSTANTS, worth=lambda config: config.every_instant),
    version=VERSION,
)
